"""Episodes in virtual time: the same again for the same seed, latencies exact, ablations real."""

from collections.abc import Iterator
from dataclasses import fields, replace
from pathlib import Path

import numpy as np
import pytest

from vla_core.chunk import ActionChunk
from vla_core.contract import load
from vla_core.latency import Latency
from vla_core.timing import MS
from vla_eval.core import pool, report_json, worker
from vla_eval.core.episodes import Conditions, Trial, trials
from vla_eval.core.loop import VirtualLoop
from vla_eval.core.results import EpisodeResult
from vla_eval.core.robot import VirtualRobot
from vla_sim.core.scripted import Scripted
from vla_sim.core.simulator import Simulator

CONTRACT = Path(__file__).parents[4] / 'config' / 'robots' / 'tabletop.yaml'
SCRIPTED = Conditions(CONTRACT, Path('checkpoints'), 'scripted', seed=3)


@pytest.fixture(scope='module')
def robot() -> Iterator[VirtualRobot]:
    contract = load(CONTRACT)
    simulator = Simulator(contract)
    yield VirtualRobot(contract, simulator)
    simulator.close()


@pytest.fixture(scope='module')
def expert(robot) -> Scripted:
    return Scripted(robot.contract, lambda stamp_ns: robot.simulator.snapshot())


def trial(task: str, index: int = 1) -> Trial:
    return next(t for t in trials((task,), index + 1, 3) if t.index == index)


def same(a: EpisodeResult, b: EpisodeResult) -> bool:
    """Whether everything that does not come from the wall clock is equal."""
    apart = {'wall_ms', 'film', 'pictures', 'path'}
    names = [f.name for f in fields(a) if f.name not in apart]
    if any(getattr(a, name) != getattr(b, name) for name in names):
        return False
    if a.path is None or b.path is None:
        return a.path is b.path
    return np.array_equal(a.path.measured, b.path.measured)


def test_a_trial_gives_the_same_whatever_ran_before(robot, expert):
    loop = VirtualLoop(robot, expert, SCRIPTED)
    first = loop.run(trial('reach', 0))
    loop.run(trial('push'))
    assert first.success
    assert first.path is not None
    assert same(loop.run(trial('reach', 0)), first)


@pytest.mark.parametrize('ms', [200, 35])
def test_injected_latency_shows_to_the_tick(robot, expert, ms):
    medians = []
    for latency in ('0', str(ms)):
        conditions = replace(SCRIPTED, latency=Latency.parse(latency))
        result = VirtualLoop(robot, expert, conditions).run(trial('reach'))
        medians.append(np.median(result.stages_ms['capture_to_command']))
        assert set(result.stages_ms['inference']) == {float(latency)}
    tick_ms = robot.contract.rates.control_ns / 1e6
    assert ms <= medians[1] - medians[0] <= ms + tick_ms


def test_random_latency_comes_from_the_episode(robot, expert):
    conditions = replace(SCRIPTED, latency=Latency.parse('uniform:0:300'))
    loop = VirtualLoop(robot, expert, conditions)
    first = loop.run(trial('reach'))
    assert len(set(first.stages_ms['inference'])) > 1
    assert same(loop.run(trial('reach')), first)


class Listener:
    """A policy that notes what it is asked from, and what it is told of its chunks."""

    def __init__(self, policy):
        self._policy = policy
        self.asked: list[tuple[int, ActionChunk | None]] = []
        self.delays: list[int] = []
        self._stamps: dict[int, int] = {}

    def reset(self, epoch):
        self._policy.reset(epoch)

    def infer(self, observation, committed):
        self.asked.append((observation.stamp_ns, committed))
        self._stamps[observation.sequence] = observation.stamp_ns
        return self._policy.infer(observation, committed)

    def heed(self, status):
        for sequence, timing in status.executed:
            self.delays.append(timing.first_row_ns - self._stamps[sequence])


@pytest.mark.parametrize(('ms', 'apart_ms'), [(0, 100), (60, 100), (200, 200), (250, 300)])
def test_while_a_chunk_is_on_the_way_none_is_planned(robot, expert, ms, apart_ms):
    listener = Listener(expert)
    VirtualLoop(robot, listener, replace(SCRIPTED, latency=Latency.parse(str(ms)))).run(
        trial('reach')
    )
    stamps = [stamp for stamp, _ in listener.asked]
    assert len(stamps) > 2
    assert set(np.diff(stamps)) == {apart_ms * MS}


def test_the_policy_is_told_the_delay_of_its_chunks_to_the_tick(robot, expert):
    listener = Listener(expert)
    VirtualLoop(robot, listener, replace(SCRIPTED, latency=Latency.parse('205'))).run(
        trial('reach')
    )
    assert set(listener.delays) == {210 * MS}


def test_the_plan_given_is_that_of_the_chunk_that_has_just_arrived(robot, expert):
    chunks = {}

    class Noting(Listener):
        def infer(self, observation, committed):
            chunk = super().infer(observation, committed)
            chunks[chunk.sequence] = chunk
            return chunk

    listener = Noting(expert)
    conditions = replace(SCRIPTED, latency=Latency.parse('400'))
    VirtualLoop(robot, listener, conditions).run(trial('reach'))
    told = [(stamp, plan) for stamp, plan in listener.asked if plan is not None]
    assert told
    for stamp, plan in told:
        assert plan.t0_ns == stamp
        assert chunks[plan.sequence].observation_stamp_ns == stamp - 400 * MS


def test_wrong_words_are_heard_and_the_original_task_is_judged(robot, expert):
    conditions = replace(SCRIPTED, ablate='wrong-words')
    plain = VirtualLoop(robot, expert, SCRIPTED).run(trial('pick'))
    wrong = VirtualLoop(robot, expert, conditions).run(trial('pick'))
    assert plain.success
    assert plain.heard == plain.instruction == wrong.instruction
    assert wrong.heard != wrong.instruction
    assert not wrong.success  # the expert does what it hears
    assert wrong.film is not None


def test_without_vision_the_policy_sees_black_and_the_film_does_not(robot, expert):
    class Spy:
        brightest = 0

        def reset(self, epoch):
            expert.reset(epoch)

        def infer(self, observation, committed):
            views = observation.views.values()
            self.brightest = max(self.brightest, *(int(v.image.max()) for v in views))
            return expert.infer(observation, committed)

    spy = Spy()
    VirtualLoop(robot, spy, replace(SCRIPTED, ablate='no-vision')).run(trial('reach'))
    assert spy.brightest == 0
    VirtualLoop(robot, spy, SCRIPTED).run(trial('reach'))
    assert spy.brightest > 100


def test_a_silent_camera_means_no_chunks_and_a_timed_out_episode(robot, expert):
    robot.simulator.inject(replace(robot.simulator.faults, drop_rate=1.0))
    try:
        result = VirtualLoop(robot, expert, SCRIPTED).run(trial('reach'))
    finally:
        robot.simulator.inject(type(robot.simulator.faults)())
    assert not result.success
    assert result.chunks.received == 0
    assert result.film is None


def test_the_report_does_not_depend_on_the_number_of_workers():
    chosen = trials(('reach', 'push'), 2, 3)
    texts = []
    for workers in (1, 2):
        jobs = [worker.Job(SCRIPTED, trial) for trial in chosen]
        done = dict(pool.run(worker.build, CONTRACT, jobs, workers))
        results = [done[i] for i in range(len(chosen))]
        report = report_json.build(results, SCRIPTED, 'virtual', {}, {})
        texts.append(report_json.text({**report, 'wall': 0}))
    assert texts[0] == texts[1]
    assert '"successes": 2' in texts[0]
