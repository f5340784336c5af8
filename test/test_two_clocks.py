"""The live graph and virtual time agree: the same episodes, told apart by their clock only."""

from pathlib import Path

import pytest

from vla_eval.core.episodes import Conditions, trials
from vla_eval.core.loop import VirtualLoop
from vla_eval.core.robot import VirtualRobot
from vla_eval.core.statistics import wilson
from vla_eval.ros.client import GraphClient
from vla_eval.ros.episodes import LiveEpisodes
from vla_sim.core.scripted import Scripted
from vla_sim.core.simulator import Simulator

pytestmark = [pytest.mark.ros, pytest.mark.timeout(180)]

TASKS = ('reach', 'pick')
EPISODES = 4  # with fewer, the intervals of all and of none overlap


@pytest.fixture
def live_episodes(shared_graph, contract, monkeypatch):
    """Return what makes a runner of episodes through the shared graph."""
    for name, value in shared_graph.graph.variables.items():
        monkeypatch.setenv(name, value)
    client = GraphClient(contract)
    yield lambda conditions: LiveEpisodes(client, conditions, shared_graph.graph.alive)
    client.close()


def test_the_same_episodes_end_alike_on_both_clocks(live_episodes, contract, request):
    conditions = Conditions(
        contract=Path(request.config.rootpath) / 'config/robots/tabletop.yaml',
        checkpoints=Path(request.config.rootpath) / 'checkpoints',
        policy='scripted',
    )
    asked = trials(TASKS, EPISODES, run_seed=3)

    live = live_episodes(conditions)
    in_graph = [live.run(trial) for trial in asked]

    simulator = Simulator(contract)
    policy = Scripted(contract, lambda stamp_ns: simulator.snapshot())
    virtual = VirtualLoop(VirtualRobot(contract, simulator), policy, conditions)
    in_process = [virtual.run(trial) for trial in asked]
    simulator.close()

    for a, b in zip(in_graph, in_process, strict=True):
        assert (a.trial, a.instruction, a.limit) == (b.trial, b.instruction, b.limit)
    for tasks in (*((task,) for task in TASKS), TASKS):
        a, b = (
            wilson(sum(r.success for r in chosen), len(chosen))
            for results in (in_graph, in_process)
            for chosen in [[r for r in results if r.trial.task in tasks]]
        )
        assert a[0] <= b[1], (tasks, a, b)
        assert b[0] <= a[1], (tasks, a, b)
