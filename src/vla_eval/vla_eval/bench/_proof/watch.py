"""The oracle: limits as the contract says them, against finite differences of the commands.

It shares nothing with the gate: it reads the contract's numbers and the positions of consecutive
commands, one control tick apart. Their first, second and third differences are velocity,
acceleration and jerk. The tool point comes from MuJoCo itself.
"""

from dataclasses import dataclass, field

import mujoco
import numpy as np

from vla_core.contract import RobotContract

TOLERANCE = 1e-6  # of a limit, for what is a difference; positions must be inside exactly
_TOOL_M = 1e-6  # of the tool's place, m


@dataclass
class Worst:
    """What was seen at worst.

    Attributes:
        position_m: Largest excess over a position limit, rad or m.
        rates: Largest excess over the limits of velocity, acceleration, jerk, as a share of them;
            negative where none was touched.
        tool_speed: The same of the tool's speed.
        workspace_m: Largest distance of the tool outside its box, m.
        stop_s: Longest time from the first command that followed nothing to rest.
    """

    position_m: float = 0.0
    rates: list[float] = field(default_factory=lambda: [-1.0, -1.0, -1.0])
    tool_speed: float = -1.0
    workspace_m: float = 0.0
    stop_s: float = 0.0

    def join(self, other: 'Worst') -> None:
        """Take in what another oracle has seen."""
        self.position_m = max(self.position_m, other.position_m)
        self.rates = [max(a, b) for a, b in zip(self.rates, other.rates, strict=True)]
        self.tool_speed = max(self.tool_speed, other.tool_speed)
        self.workspace_m = max(self.workspace_m, other.workspace_m)
        self.stop_s = max(self.stop_s, other.stop_s)


class Watch:
    """Watches the commands of one robot.

    Attributes:
        worst: What was seen.
        findings: What was wrong, in words.
    """

    def __init__(self, contract: RobotContract, speed: bool, box: bool):
        """Read the limits.

        Args:
            contract: Of the robot.
            speed: Whether the tool's speed is limited.
            box: Whether the tool must stay in the workspace.
        """
        joints = [contract.limits.joints[n] for n in contract.output.joints]
        self._dt_s = contract.rates.control_ns / 1e9
        endless = np.array([j.continuous for j in joints])
        self._lower = np.where(endless, -np.inf, [j.lower for j in joints])
        self._upper = np.where(endless, np.inf, [j.upper for j in joints])
        limits = [[j.velocity, j.acceleration, j.jerk] for j in joints]
        self._limits = np.array(limits).T * (self._dt_s ** np.arange(1, 4))[:, None]
        self._step = contract.limits.tool_speed * self._dt_s if speed else np.inf
        self._box = np.array(contract.limits.workspace) if box else np.array([[-np.inf], [np.inf]])
        self._tool = _Tool(contract) if np.isfinite(self._step) or box else None
        self.worst, self.findings = Worst(), list[str]()
        self.restart()

    def restart(self) -> None:
        """What comes next starts from where the robot is measured."""
        self._seen: list[np.ndarray] = []
        self._point: np.ndarray | None = None
        self._fastest = np.inf  # a tool that was faster may stay as fast while it brakes
        self._outside = np.inf
        self._stopping = 0

    @property
    def still(self) -> bool:
        """Whether the last command was the one before."""
        return len(self._seen) < 2 or bool((self._seen[-1] == self._seen[-2]).all())

    def see(self, positions: np.ndarray, follows: bool) -> None:
        """Hold the next command against the limits.

        Args:
            positions: (J,) rad or m.
            follows: Whether it follows a chunk or a person; if not, the robot must come to rest.
        """
        q, worst = np.array(positions), self.worst
        excess = float(max((self._lower - q).max(), (q - self._upper).max()))
        worst.position_m = max(worst.position_m, excess)
        if not excess <= 0.0:  # NaN too
            self._found('position', excess)
        self._seen = [*self._seen[-3:], q]
        for order, name in enumerate(('velocity', 'acceleration', 'jerk')):
            if len(self._seen) > order + 1:
                change = np.abs(np.diff(self._seen, order + 1, axis=0)[-1])
                share = float((change / self._limits[order]).max()) - 1.0
                worst.rates[order] = max(worst.rates[order], share)
                if not share <= TOLERANCE:
                    self._found(name, share)
        self._stopping = 0 if follows or self.still else self._stopping + 1
        worst.stop_s = max(worst.stop_s, self._stopping * self._dt_s)
        if self._tool is not None:
            self._see_tool(self._tool.point(q))

    def _see_tool(self, point: np.ndarray) -> None:
        low, high = self._box
        outside = float(max((low - point).max(), (point - high).max(), 0.0))
        if outside > self._outside + _TOOL_M:
            self.worst.workspace_m = max(self.worst.workspace_m, outside)
            self._found('workspace', outside)
        self._outside = outside
        if self._point is not None:
            step = float(np.linalg.norm(point - self._point))
            allowed = max(self._step, self._fastest)
            if np.isfinite(allowed):
                share = step / allowed - 1.0
                self.worst.tool_speed = max(self.worst.tool_speed, share)
                if share > TOLERANCE and step - allowed > 1e-9:
                    self._found('tool_speed', share)
            self._fastest = step
        self._point = point

    def _found(self, what: str, excess: float) -> None:
        self.findings.append(f'{what}: {excess:.3g} beyond its limit')


class _Tool:
    """The tool point, by MuJoCo."""

    def __init__(self, contract: RobotContract):
        self._model = mujoco.MjModel.from_xml_path(str(contract.model.mjcf))
        self._data = mujoco.MjData(self._model)
        self._address = [self._model.joint(n).qposadr[0] for n in contract.output.joints]
        mujoco.mj_kinematics(self._model, self._data)
        base = self._data.body(contract.model.base_link)
        self._R, self._t = base.xmat.reshape(3, 3).copy(), base.xpos.copy()
        self._site = self._model.site(contract.model.tool).id

    def point(self, q: np.ndarray) -> np.ndarray:
        """Return the tool point (3,) in the base frame, m."""
        self._data.qpos[self._address] = q
        mujoco.mj_kinematics(self._model, self._data)
        return self._R.T @ (self._data.site_xpos[self._site] - self._t)
