"""A policy goes wrong in motion: what is told, what the robot does, that it goes on afterwards."""

from collections.abc import Iterator
from typing import Any

import pytest
from diagnostic_msgs.msg import DiagnosticStatus
from vla_stage import Mark, Scene, Stage, ns, running, watched

from vla_ros import convert

pytestmark = [pytest.mark.ros, pytest.mark.timeout(180)]

SEED = 31


@pytest.fixture(scope='module')
def graph(workspace: None, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Any]:
    """A graph with the shipped checkpoint: only a policy that learnt can be told to go wrong."""
    with running(tmp_path_factory.mktemp('faulty'), policy='flow') as live:
        yield live


@pytest.fixture(scope='module')
def module_stage(graph: Any, contract: Any) -> Iterator[Stage]:
    """A probe beside it."""
    with watched(graph, contract) as stage:
        yield stage


@pytest.fixture
def stage(module_stage: Stage) -> Iterator[Stage]:
    """The graph, well and calm again after the test."""
    yield module_stage
    assert module_stage.set_parameter('policy', 'fault', 'none').successful
    module_stage.calm()


def goes_wrong(stage: Stage, kind: str) -> tuple[Scene, Mark]:
    """Begin an episode and let the policy go wrong on the way; return what is judged from."""
    scene = stage.begin_and_move('place', SEED)
    mark = stage.mark()
    assert stage.set_parameter('policy', 'fault', kind).successful
    stage.until(
        lambda: stage.told('policy: fault', f'{kind}, on purpose', mark, DiagnosticStatus.WARN),
        'a policy that says what it does',
    )
    return scene, mark


def gets_well(stage: Stage, scene: Scene, mark: Mark) -> None:
    """Lift the fault: the robot goes on by itself, and was within its limits all the time."""
    assert stage.set_parameter('policy', 'fault', 'none').successful
    stage.goes_on(scene.epoch)
    stage.keeps_limits(mark)
    assert 'Traceback' not in stage.live.said()


def test_chunks_with_nan_are_refused_and_the_robot_holds(stage):
    scene, mark = goes_wrong(stage, 'nan')
    stage.rests(mark)
    stage.until(  # a busy machine may have refused one for late joint states first
        lambda: any(
            s.last_refusal.startswith('not_finite') for s in stage.statuses[mark.statuses :]
        ),
        'a chunk refused for its NaN',
    )
    assert stage.status.chunks_refused > stage.statuses[mark.statuses - 1].chunks_refused
    assert stage.told('executor: chunk', 'not_finite', mark, DiagnosticStatus.WARN)
    gets_well(stage, scene, mark)


def test_a_policy_that_blocks_leaves_the_robot_at_rest_and_its_chunk_has_expired(stage):
    scene, mark = goes_wrong(stage, 'block')
    stage.rests(mark)
    before = stage.status.chunks_expired
    stage.until(lambda: stage.status.chunks_expired > before, 'the chunk that comes after all')
    assert stage.status.last_refusal.startswith('expired')
    gets_well(stage, scene, mark)


def test_late_chunks_are_followed_where_they_apply_now(stage):
    scene, mark = goes_wrong(stage, 'late')
    seen = len(stage.chunks)
    stage.until(lambda: len(stage.chunks) > seen + 3, 'late chunks')
    late = stage.chunks[seen + 1 :]
    ages_s = [(convert.ns(c.timing.published) - convert.ns(c.timing.captured)) / 1e9 for c in late]
    assert min(ages_s) >= 0.8
    stage.until(
        lambda: {c.sequence for c in late} & set(stage.commands[-1].sources),
        'a command that follows one of them',
    )
    gets_well(stage, scene, mark)


def test_the_same_chunk_again_is_refused_and_moves_nothing_twice(stage):
    scene, mark = goes_wrong(stage, 'again')
    stage.rests(mark)
    repeated = stage.chunks[-1]
    assert sum(c.sequence == repeated.sequence for c in stage.chunks) > 5
    for reason in ('duplicate', 'expired'):
        stage.until(
            lambda r=reason: any(
                s.last_refusal.startswith(r) for s in stage.statuses[mark.statuses :]
            ),
            f'a refusal: {reason}',
        )
    over_ns = convert.ns(repeated.t0) + repeated.horizon * convert.ns(repeated.step)
    assert not [c for c in stage.commands if repeated.sequence in c.sources and ns(c) > over_ns]
    gets_well(stage, scene, mark)


def test_chunks_that_jump_are_followed_within_the_limits_or_not_at_all(stage):
    scene, mark = goes_wrong(stage, 'jump')
    before = stage.statuses[mark.statuses - 1]
    stage.until(
        lambda: (
            stage.status.gate_clipped > before.gate_clipped
            or stage.status.gate_refused > before.gate_refused
        ),
        'a gate that has to act',
    )
    seen = len(stage.chunks)
    stage.until(lambda: len(stage.chunks) > seen + 15, 'jumps')
    allowed = {'silence', 'unreachable', 'workspace', 'first_step', 'position'}
    assert stage.holds_since(mark) <= allowed
    gets_well(stage, scene, mark)
