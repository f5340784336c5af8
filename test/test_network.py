"""The policy behind a network, as if on another machine: cut off for a second in motion."""

import multiprocessing
from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path

import pytest

from vla_eval.bench import BenchOptions, Row, network
from vla_eval.bench._network.namespaces import why_not

pytestmark = [pytest.mark.ros, pytest.mark.root, pytest.mark.timeout(180)]

CUT_S = 1.0
SEED = 17


@pytest.fixture(scope='module')
def rows(
    workspace: None, request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[dict[str, Row]]:
    """What `./vla bench network` tells of one cut over a clean link, and one over a lossy one.

    In a process of its own: the middleware of this one has read another transport profile.
    """
    if problem := why_not():
        pytest.skip(problem)
    folder = tmp_path_factory.mktemp('network')
    options = BenchOptions(Path(request.config.rootpath), folder, seed=SEED)
    spawn = multiprocessing.get_context('spawn')
    with ProcessPoolExecutor(1, mp_context=spawn) as pool:
        asked = pool.submit(network.measure, options, 'scripted', (CUT_S,), 1)
        yield {row.id: row for row in asked.result()}


@pytest.mark.parametrize('name', ['cut_1s', 'cut_1s_lossy'])
def test_the_robot_outlives_a_cut_and_moves_on_by_itself(rows, name):
    rejoined = rows[f'{name}_rejoined']
    assert rejoined.value == 1, rejoined.more
    assert set(rejoined.more['reasons']) <= {'silence'}
    for what in ('limits', 'rest_s'):
        row = rows[f'{name}_{what}']
        assert row.ok, row
    assert rows[f'{name}_limits'].more['measured_velocity'] < 1.1
