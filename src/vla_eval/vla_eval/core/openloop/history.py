"""Gathers what a bag's own run did, while the bag is read."""

import numpy as np

from vla_core.chunk import ActionChunk
from vla_core.contract import RobotContract
from vla_eval.core.bags.feed import Feed
from vla_eval.core.bags.sensors import JointReading
from vla_eval.core.bags.tape import CONTROLLER, Tape, Timed
from vla_eval.core.openloop import recorded
from vla_eval.core.openloop.paths import JointPath
from vla_eval.core.openloop.plans import Plans

OWN = ('vla/plan', 'vla/action_chunk', 'vla/command', 'vla/status')


class History:
    """The recorded run so far.

    Attributes:
        plan: What was going to be executed anyway, as it was told last; None before, and where
            that was for other words.
    """

    def __init__(self, tape: Tape, contract: RobotContract):
        self._tape, self._contract = tape, contract
        self._epochs = recorded.Epochs()
        self._plans = Plans(tape, contract)
        self._order: dict[tuple[str, ...], list[int]] = {}
        names = contract.state.names
        self._outputs = [names.index(joint) for joint in contract.output.joints]
        self._still = np.zeros(len(names))
        self._setpoints = tape.setpoints()
        self._measured: list[tuple[int, np.ndarray]] = []
        self._commanded: list[tuple[int, np.ndarray]] = []
        self._chunks: list[ActionChunk] = []
        self._ms: dict[str, list[float]] = {}
        self.plan: ActionChunk | None = None

    def words(self) -> None:
        """Other words are in force from now on."""
        self._epochs.words()
        self.plan = None

    def plan_for(self, observation_stamp_ns: int) -> ActionChunk | None:
        """Return what a policy is told that will be executed anyway, beside an observation.

        Where the bag's own chunk of that observation is there, the plan that it was made from;
        else the one that was told last.
        """
        return self._plans.of(observation_stamp_ns, self.plan)

    def take(self, timed: Timed, joints: JointReading | None = None) -> bool:
        """Take a message of the recorded run in; return whether that began anew.

        Args:
            timed: Of one of the roles `tape.RUN`.
            joints: As they were measured last, None before any.

        Raises:
            BagError: it is not what the bag says, or of another robot.
        """
        message = self._tape.decoder.decode(timed.message)
        if self._setpoints is not None and timed.role == CONTROLLER:
            self._commanded += self._setpoints.take(message, timed.now_ns, joints)
        elif timed.role == 'vla/status':
            for one in message.executed:
                for stage, ms in recorded.timing(one.timing).stages_ms().items():
                    self._ms.setdefault(stage, []).append(ms)
            if self._epochs.begins(int(message.epoch)):
                self.plan = None
                return True
        elif timed.role == 'vla/command':
            self._commanded.append(recorded.command(self._tape.path, message, self._contract))
        else:
            chunk = recorded.chunk(message, self._contract)
            if chunk is not None and timed.role == 'vla/action_chunk':
                self._chunks.append(chunk)
            elif chunk is not None and self._epochs.in_force(chunk):
                self.plan = chunk
        return False

    def measure(self, feed: Feed) -> tuple[np.ndarray, np.ndarray] | None:
        """Keep the newest joint states; return positions and velocities (S,) by the contract.

        None where they are not of this robot, or not finite.
        """
        reading = feed.joints
        order = self._ordered(reading) if reading else None
        if reading is None or order is None:
            return None
        positions = reading.positions[order]
        velocities = self._still if reading.velocities is None else reading.velocities[order]
        if not np.isfinite(positions.sum() + velocities.sum()):
            return None
        self._measured.append((reading.stamp_ns, positions[self._outputs]))
        return positions, velocities

    def _ordered(self, reading: JointReading) -> list[int] | None:
        if reading.names not in self._order:
            wanted = self._contract.state.names
            if not set(wanted) <= set(reading.names):
                return None
            self._order[reading.names] = [reading.names.index(name) for name in wanted]
        return self._order[reading.names]

    @property
    def measured(self) -> JointPath:
        """The robot's joints."""
        return JointPath.of(self._measured, len(self._contract.output.joints))

    @property
    def commanded(self) -> JointPath:
        """What the robot was told, once the bag is over."""
        if self._setpoints is not None:
            self._commanded += self._setpoints.until(self._tape.end_ns)
        return JointPath.of(self._commanded, len(self._contract.output.joints))

    @property
    def chunks(self) -> tuple[ActionChunk, ...]:
        """What was planned."""
        return tuple(self._chunks)

    @property
    def stages_ms(self) -> dict[str, tuple[float, ...]]:
        """Stage -> ms, one number per chunk that was executed."""
        return {stage: tuple(values) for stage, values in self._ms.items()}
