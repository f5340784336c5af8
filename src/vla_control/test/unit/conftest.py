"""Robots to execute on, a rig that runs the executor, and an oracle that watches its commands."""

import os
from importlib.util import find_spec
from pathlib import Path

import numpy as np
import pytest

from vla_control.core.executor import ChunkExecutor
from vla_control.core.kinematics import Kinematics
from vla_control.core.rows import RowLayout
from vla_control.core.settings import ExecutorSettings
from vla_control.core.track import Track
from vla_control.core.waypoints import Waypoints
from vla_core.chunk import ActionChunk
from vla_core.contract import RobotContract, load
from vla_core.se3 import SE3
from vla_core.timing import SECOND, Timing

if find_spec('rclpy') is None and 'VLA_FULL_TEST' not in os.environ:
    collect_ignore_glob = ['test_*_msg.py']

HERE = Path(__file__).parent
ROBOTS = {
    'tabletop': HERE.parents[3] / 'config' / 'robots' / 'tabletop.yaml',
    'jointed': HERE / 'robots' / 'jointed.yaml',
    'tipped': HERE / 'robots' / 'tipped.yaml',
}
ENDLESS = HERE / 'robots' / 'endless.yaml'  # `jointed.yaml` with two joints that turn without end
# A bent arm with an open gripper, by robot, in output order.
STANCE = {
    'tabletop': np.array([0.1, 0.3, -0.1, 1.3, 0.1, 1.5, 0.2, 0.04]),
    'jointed': np.array([0.2, 0.4, 1.0, 0.1, 0.6, -0.2, 0.0]),
    'tipped': np.array([0.2, 0.4, 1.0, 0.1, 0.6, -0.2, 0.0]),
    'endless': np.array([3.0, 0.4, 1.0, 0.1, 0.6, -3.0, 0.0]),
}


class Watch:
    """Limits of a contract, kept against a stream of commands by their finite differences.

    It knows nothing of the gate: positions of consecutive commands, one control tick apart, give
    velocity, acceleration and jerk. Positions must be inside exactly, the rest to 1e-6 of a limit.

    Attributes:
        worst: Largest share of a limit seen: of velocity, acceleration, jerk.
    """

    def __init__(self, contract: RobotContract):
        joints = [contract.limits.joints[n] for n in contract.output.joints]
        dt = contract.rates.control_ns / 1e9
        unlimited = np.array([j.continuous for j in joints])
        self.lower = np.where(unlimited, -np.inf, [j.lower for j in joints])
        self.upper = np.where(unlimited, np.inf, [j.upper for j in joints])
        rates = ([j.velocity for j in joints], [j.acceleration for j in joints],
                 [j.jerk for j in joints])  # fmt: skip
        self.limits = [np.array(r) * dt**order for order, r in enumerate(rates, 1)]
        self.worst = [0.0, 0.0, 0.0]
        self.seen = []

    def restart(self):
        """What comes next starts from where the robot is measured."""
        self.seen = []

    def rest(self, positions):
        """What comes next starts from rest at these joints."""
        self.seen = [np.array(positions, float)] * 3

    def see(self, positions):
        """Hold the next command against the limits."""
        q = np.array(positions, float)
        assert np.isfinite(q).all()
        assert (q >= self.lower).all(), q - self.lower
        assert (q <= self.upper).all(), self.upper - q
        self.seen = [*self.seen[-3:], q]
        for order, limit in enumerate(self.limits, 1):
            if len(self.seen) > order:
                share = (np.abs(np.diff(self.seen, order, axis=0)[-1]) / limit).max()
                self.worst[order - 1] = max(self.worst[order - 1], float(share))
                words = ('velocity', 'acceleration', 'jerk')[order - 1]
                assert share <= 1.0 + 1e-6, f'{words} at {share} of its limit'

    def see_all(self, rows):
        """Hold consecutive commands against the limits."""
        for row in rows:
            self.see(row)


class Rig:
    """An executor, a plant that is where it is commanded, and chunks that fit both.

    Attributes:
        contract: Of the robot.
        core: The executor.
        now_ns: ROS time.
        joints: (J,) measured joints, in output order.
        sent: Commands so far.
    """

    def __init__(self, contract: RobotContract, **settings):
        self.contract = contract
        self.core = ChunkExecutor(contract, ExecutorSettings(**settings))
        self.layout = RowLayout(contract)
        self.kinematics = Kinematics(contract, self.layout.arm_outputs)
        self.now_ns = 100 * SECOND
        self.joints = STANCE[contract.robot].copy()
        self.sent = []
        self.epoch = 1
        self.observations = 0
        self.measuring = True

    @property
    def tick_ns(self) -> int:
        return self.contract.rates.control_ns

    @property
    def step_ns(self) -> int:
        return self.contract.rates.step_ns

    def measure(self, joints=None, stamp_ns=None):
        joints = self.joints if joints is None else joints
        order = [self.contract.output.joints.index(n) for n in self.contract.state.names]
        self.core.measure(stamp_ns or self.now_ns, joints[order], np.zeros(len(order)))

    def instruct(self, text='go'):
        self.epoch = self.core.instruct(text, self.now_ns)
        return self.epoch

    def tick(self, count=1):
        """Run ticks; return the last command."""
        command = None
        for _ in range(count):
            self.now_ns += self.tick_ns
            if self.measuring:
                self.measure()
            command = self.core.tick(self.now_ns)
            if command is not None:
                self.sent.append(command)
                self.joints = command.positions.copy()
        return command

    def tool(self, joints=None) -> SE3:
        return self.kinematics.forward(self.joints if joints is None else joints)

    def row(self, joints=None, shift=(0.0, 0.0, 0.0), gripper=1.0) -> np.ndarray:
        """Return a row for a pose: of joints, with the tool shifted (joint a or 1, if none)."""
        joints = (self.joints if joints is None else joints).copy()
        T = self.tool(joints)
        T = SE3(T.R, T.t + shift)
        point = self.layout.waypoint(T, joints, np.full(len(self.layout.grippers), gripper))
        if self.layout.tool is None:
            point.linear[:3] += shift
        return self.layout.actions(Waypoints.single(0, point))[0]

    def chunk(self, rows, **changes) -> ActionChunk:
        """Return a chunk from an observation of now: row 0 is meant for one step from now."""
        self.observations += 1
        values = {
            't0_ns': self.now_ns + self.step_ns,
            'step_ns': self.step_ns,
            'observation_stamp_ns': self.now_ns,
            'sequence': self.observations,
            'epoch': self.epoch,
            'contract_digest': self.contract.digest,
            'columns': self.contract.action.columns,
            'actions': np.asarray(rows),
            'instruction': 'go',
            'timing': Timing(captured_ns=self.now_ns),
        }
        return ActionChunk(**(values | changes))

    def send(self, rows, **changes) -> ActionChunk:
        chunk = self.chunk(rows, **changes)
        self.core.accept(chunk, self.now_ns)
        return chunk

    def glide(self, speed=(0.0, 0.0, -0.05), horizon=16, gripper=1.0) -> np.ndarray:
        """Return rows that move the tool (or joints) at constant speed from here, per second."""
        step_s = self.step_ns / SECOND
        start = self.joints.copy()
        return np.stack(
            [self.row(start, np.array(speed) * step_s * (k + 1), gripper) for k in range(horizon)]
        )

    def status(self):
        return self.core.status(self.now_ns)


@pytest.fixture
def endless(contracts):
    """Return a function that builds a rig of a robot two of whose joints turn without end."""
    return lambda **settings: Rig(contracts['endless'], **settings)


TRACK_STEP = 100  # ns
IDENTITY = np.array([1.0, 0.0, 0.0, 0.0])


def make_track(observed, linear, quaternion=None, gripper=None, t0=None):
    """Return a track observed at a time, whose row 0 is meant for one step later."""
    linear = np.array(linear, float).reshape(len(linear), -1)
    n, t0 = len(linear), observed + TRACK_STEP if t0 is None else t0
    quaternion = np.tile(IDENTITY, (n, 1)) if quaternion is None else np.array(quaternion)
    gripper = np.zeros((n, 1)) if gripper is None else np.array(gripper, float).reshape(n, 1)
    chunk = ActionChunk(t0, TRACK_STEP, observed + 1, observed, 1, 'd', ('x',), linear[:, :1])

    def ended(rows):
        return np.concatenate([rows, rows[-1:]])

    times = t0 + TRACK_STEP * np.arange(n + 1)
    return Track(chunk, Waypoints(times, ended(linear), ended(quaternion), ended(gripper)))


@pytest.fixture(scope='session')
def track():
    """Return a function that builds a track of rows 100 ns apart."""
    return make_track


@pytest.fixture(scope='session')
def watch():
    """Return a function that builds an oracle of the limits of a contract."""
    return Watch


@pytest.fixture(scope='session')
def stances():
    """Return a bent arm with an open gripper, by robot, in output order."""
    return STANCE


@pytest.fixture(scope='session')
def contracts():
    return {name: load(path) for name, path in (ROBOTS | {'endless': ENDLESS}).items()}


@pytest.fixture(params=list(ROBOTS))
def any_rig(request, contracts):
    """Return a function that builds a rig, for each robot in turn."""
    return lambda **settings: Rig(contracts[request.param], **settings)


@pytest.fixture
def rig(contracts):
    """Return a function that builds a rig of the tabletop arm."""
    return lambda **settings: Rig(contracts['tabletop'], **settings)


@pytest.fixture
def jointed(contracts):
    """Return a function that builds a rig of a robot that is told joints."""
    return lambda **settings: Rig(contracts['jointed'], **settings)
