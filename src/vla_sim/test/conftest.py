"""Without ROS the files that import it are not collected; `./vla test` runs them with it."""

import os
from importlib.util import find_spec
from pathlib import Path

import numpy as np
import pytest

from vla_core.contract import load
from vla_core.se3 import SE3
from vla_sim.core import rollout
from vla_sim.core.expert import Situation
from vla_sim.core.kinematics import R_BASE_TOOL_DOWN, ArmKinematics
from vla_sim.core.simulator import Simulator

os.environ['ROS_PYTHON_CHECK_FIELDS'] = '1'  # read by the setters of messages, on import

collect_ignore_glob = [] if find_spec('rclpy') else ['node/*', 'unit/*_msg.py']

TABLETOP = Path(__file__).parents[3] / 'config' / 'robots' / 'tabletop.yaml'
TICK_NS = 20_000_000
STEP_TICKS = 5  # of a chunk
ROWS = 4  # followed before the expert is asked again


@pytest.fixture(scope='session')
def contract():
    """The simulated robot's contract."""
    return load(TABLETOP)


@pytest.fixture(scope='session')
def contract_path():
    """Where it is."""
    return TABLETOP


@pytest.fixture(scope='session')
def shared_simulator(contract):
    """One simulator for the whole run; contexts are slow to make."""
    simulator = Simulator(contract)
    yield simulator
    simulator.close()


@pytest.fixture
def simulator(shared_simulator):
    """A simulator with nothing wrong."""
    shared_simulator.inject(type(shared_simulator.faults)())
    return shared_simulator


@pytest.fixture(scope='session')
def drive(contract):
    """Return a function that plays the expert: chunks, straight lines between rows, IK, 50 Hz."""
    arm = ArmKinematics(contract.model, contract.state.names)

    def play(simulator, goal, limit=None):
        names = contract.state.names
        q = simulator.joint_state()[0].copy()
        tool = np.array(simulator.snapshot().tool)
        while not simulator.outcome().done and (
            limit is None or simulator.outcome().steps < limit
        ):
            plan = rollout.rows(Situation.of(simulator.snapshot()), goal)
            path = np.vstack([tool, plan[:, :3]])
            for tick in range(ROWS * STEP_TICKS):
                row, part = divmod(tick + 1, STEP_TICKS)
                share = part / STEP_TICKS
                tool = (1 - share) * path[row] + share * path[row + 1]
                q = arm.solve(SE3(R_BASE_TOOL_DOWN, tool), q, iterations=2)
                want = 0.04 * plan[tick // STEP_TICKS, 3]
                q[-1] = np.clip(want, q[-1] - 0.0018, q[-1] + 0.0018)
                simulator.command(names, q)
                simulator.advance(simulator.now_ns + TICK_NS)
        return simulator.outcome()

    return play
