"""A trained policy in use: repeatable, listening, looking, on time."""

import time
from dataclasses import replace

import numpy as np
import pytest
import torch

from vla_core.chunk import ActionChunk
from vla_core.errors import ObservationError
from vla_policy.core.checkpoint import Checkpoint
from vla_policy.core.committed import commanded_at
from vla_policy.core.config import PolicyConfig
from vla_policy.core.registry import load_policy

RED, GREEN = 'go to the red block', 'go to the green block'
STEP = 100_000_000


@pytest.fixture
def policy(tiny, contract):
    return load_policy(str(tiny), contract, tiny.parent, threads=1)


def test_the_same_observation_gives_the_same_chunk(policy, tiny, contract, world):
    observation = world.observation(RED)
    first = policy.infer(observation, None)
    policy.infer(world.observation(GREEN), None)
    policy.reset(4)
    again = policy.infer(observation, None)
    other = load_policy(str(tiny), contract, tiny.parent, threads=1).infer(observation, None)
    np.testing.assert_array_equal(first.actions, again.actions)
    np.testing.assert_array_equal(first.actions, other.actions)


def test_a_chunk_says_what_it_was_made_from(policy, contract, world):
    chunk = policy.infer(world.observation(RED, stamp_ns=5 * STEP), None)
    assert chunk.t0_ns == 6 * STEP
    assert (chunk.step_ns, chunk.horizon) == (STEP, 6)
    assert (chunk.sequence, chunk.epoch, chunk.instruction) == (7, 3, RED)
    assert chunk.observation_stamp_ns == chunk.timing.captured_ns == 5 * STEP
    assert chunk.columns == contract.action.columns
    assert chunk.contract_digest == contract.digest
    np.testing.assert_allclose(
        chunk.actions[:, 3:9], np.tile([-1, 0, 0, 0, 1, 0], (6, 1)), atol=1e-6
    )
    assert set(np.unique(chunk.actions[:, 9])) <= {0.0, 1.0}


def test_other_words_lead_to_the_other_square(policy, contract, world):
    rng = np.random.default_rng(99)
    right = 0
    for _ in range(20):
        world.places = rng.uniform((0.2, -0.15, 0.02), (0.45, 0.15, 0.021), (3, 3))
        for target, words in enumerate((RED, GREEN)):
            end = policy.infer(world.observation(words), None).actions[-1, :2] - world.tool[:2]
            ways = world.places[:2, :2] - world.tool[:2]
            towards = ways @ end / np.linalg.norm(ways, axis=1)
            right += int(np.argmax(towards)) == target
    assert right >= 32  # of 40; 20 is deaf


def test_words_change_the_chunk_and_unknown_ones_are_named(policy, world):
    red = policy.infer(world.observation(RED), None).actions
    green = policy.infer(world.observation(GREEN), None).actions
    assert np.abs(red - green)[:, :3].max() > 0.005
    assert policy.unknown_words('go to the purple block') == ['purple']


def test_black_pictures_change_the_chunk(policy, world):
    observation = world.observation(RED)
    views = {k: replace(v, image=np.zeros_like(v.image)) for k, v in observation.views.items()}
    black = policy.infer(observation.with_changes(views=views), None).actions
    assert np.abs(black - policy.infer(observation, None).actions).max() > 0.002


def test_a_missing_or_misshapen_picture_is_refused(policy, world):
    observation = world.observation(RED)
    with pytest.raises(ObservationError, match=r'views\.wrist: 24x24 expected, got none'):
        policy.infer(observation.with_changes(views={'scene': observation.views['scene']}), None)
    swapped = {'scene': observation.views['wrist'], 'wrist': observation.views['scene']}
    with pytest.raises(ObservationError, match=r'views\.scene: 32x32 expected, got 24x24'):
        policy.infer(observation.with_changes(views=swapped), None)


def committed(contract, t0_ns) -> ActionChunk:
    actions = np.zeros((3, 10))
    actions[:, 0] = [0.30, 0.32, 0.36]
    actions[:, 3] = actions[:, 7] = 1.0
    actions[:, 9] = [1, 0, 0]
    columns = contract.action.columns
    return ActionChunk(t0_ns, STEP, t0_ns, 1, 3, contract.digest, columns, actions)


@pytest.mark.parametrize(
    ('t0', 'x', 'gripper'),
    [
        (10 * STEP, 0.30, 1.0),  # now
        (12 * STEP, 0.30, 1.0),  # planned for later: row 0 counts
        (10 * STEP - STEP // 2, 0.31, 1.0),  # half way to row 1, whose gripper is not yet in force
        (9 * STEP, 0.32, 0.0),
        (9 * STEP - STEP // 2, 0.34, 0.0),
        (2 * STEP, 0.36, 0.0),  # over: the last row counts
    ],
)
def test_what_was_commanded_is_read_at_the_stamp(contract, world, t0, x, gripper):
    told = commanded_at(world.observation(RED, 10 * STEP), committed(contract, t0), contract)
    assert told.position[0] == pytest.approx(x)
    assert told.gripper == gripper


def test_before_any_command_the_arm_is_taken_to_be_where_it_is(contract, world):
    told = commanded_at(world.observation(RED), None, contract)
    np.testing.assert_allclose(told.position, world.tool)
    assert told.gripper == 1.0
    world.finger = 0.022  # around a block
    assert commanded_at(world.observation(RED), None, contract).gripper == 0.0


def test_an_answer_takes_milliseconds_on_one_thread(tiny, contract, world, tmp_path, capsys):
    """The full-sized network (96 and 64 pixels, 16 rows), in CPU time of the one thread."""
    from vla_policy.core.model.vla import VlaModel

    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    words = Checkpoint.read(tiny).config.vocabulary
    names = contract.state.names
    config = PolicyConfig(
        'flow', 'r', 'd', {'scene': (96, 96), 'wrist': (64, 64)}, names, ('a',), 16, STEP, words
    )
    model = VlaModel(config).eval()
    images = {key: torch.rand(1, 3, *size) for key, size in config.cameras.items()}
    state, tokens = torch.randn(1, 9), torch.ones(1, 16, dtype=torch.int64)
    took = []
    with torch.inference_mode():
        encoded = model.trunk.read(tokens)[None]
        for _ in range(30):
            start = time.thread_time()
            condition = model.trunk(images, state, encoded)
            model.head.plan(condition.vector[0], torch.zeros(1, 16, 3), config.sampler)
            took.append(1000 * (time.thread_time() - start))
    torch.set_num_threads(threads)
    p50, p95 = np.percentile(took, [50, 95])
    with capsys.disabled():
        print(f'\ninference, one thread: p50 {p50:.1f} ms, p95 {p95:.1f} ms')  # noqa: T201
    assert p50 < 40.0
