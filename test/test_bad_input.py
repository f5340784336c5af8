"""Bad checkpoints, bad contracts, missing neighbours: one line that names the cause."""

import os
import re
import shutil
import signal
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest
import yaml
from vla_stage import FIRST_DOMAIN, eventually, running

from vla_cli import domain
from vla_ros.testing import NodeProcess

pytestmark = [pytest.mark.ros, pytest.mark.timeout(180)]

ROOT = Path(__file__).parents[1]
SHIPPED = ROOT / 'checkpoints' / 'flow'
TABLETOP = ROOT / 'config' / 'robots' / 'tabletop.yaml'
POLICY = 'vla_policy.ros.node:PolicyNode'
ALONE = {
    'observer': ('vla_perception.ros.node:ObserverNode', {'/joint_states', '/tf', '/vla/status'}),
    'policy': (POLICY, {'/vla/observation'}),
    'executor': ('vla_control.ros.node:ExecutorNode', {'/joint_states', '/vla/action_chunk'}),
}
SLOW_S = 90.0  # for what loads torch on a busy machine


def of_another_robot(folder: Path) -> str:
    """Have a checkpoint say that it was trained for another robot; return what is to be said."""
    config = yaml.safe_load((folder / 'config.yaml').read_text())
    config['contract_digest'] = 'f00d' * 16
    (folder / 'config.yaml').write_text(yaml.safe_dump(config))
    return 'contract digest: the checkpoint was trained for f00df00df00d'


def cut_off(folder: Path) -> str:
    """Take the last byte of the weights away; return what is to be said."""
    weights = folder / 'model.safetensors'
    weights.write_bytes(weights.read_bytes()[:-1])
    return f'{weights}: cut short'


DAMAGE = {'of another robot': of_another_robot, 'cut off': cut_off}


def with_typo(path: Path) -> str:
    """Write a contract with a typo; return what names it in `robot:=`."""
    text = TABLETOP.read_text().replace('max_age_s: 0.2', 'max_agee_s: 0.2')
    path.write_text(text.replace('../models/', f'{ROOT}/config/models/'))
    prefix = next(p for p in os.environ['AMENT_PREFIX_PATH'].split(':') if 'vla_bringup' in p)
    robots = Path(prefix, 'share/vla_bringup/config/robots').resolve()
    return os.path.relpath(path.with_suffix(''), robots)


@pytest.fixture(scope='module')
def bad(workspace: None, tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, Any]]:
    """Everything of this module, started at once: it is waiting that takes the time."""
    folder = tmp_path_factory.mktemp('bad')
    with ExitStack() as stack:
        robot = with_typo(folder / 'typo.yaml')
        found: dict[str, Any] = {
            'typo': stack.enter_context(
                running(folder, policy='hold', robot=robot, use_sim='false')
            )
        }
        patch = stack.enter_context(pytest.MonkeyPatch.context())

        def start(name: str, where: str, **params: Any) -> NodeProcess:
            held = domain.claim({}, ROOT, 'host', first=FIRST_DOMAIN, hidden=True)
            stack.callback(held.release)
            patch.setenv('ROS_DOMAIN_ID', str(held.number))
            found[name] = NodeProcess(where, {'contract': TABLETOP, **params})
            stack.callback(found[name].close)
            return found[name]

        for name, (where, _) in ALONE.items():
            start(name, where, **({'policy': 'hold'} if name == 'policy' else {}))
        for name, damage in DAMAGE.items():
            copy = shutil.copytree(SHIPPED, folder / name)
            found[f'cause {name}'] = damage(copy)
            start(name, POLICY, policy=copy)
        yield found


def test_a_contract_with_a_typo_ends_the_graph_with_the_reason(bad):
    live = bad['typo']
    assert live.graph.wait(SLOW_S)
    assert 'Traceback' not in live.said()
    line = live.graph.failure
    assert line is not None
    assert '\n' not in line
    assert 'typo.yaml' in line
    assert 'max_agee_s' in line


@pytest.mark.parametrize('name', DAMAGE)
def test_a_bad_checkpoint_is_refused_in_one_line(bad, name):
    process = bad[name]
    assert process.wait(SLOW_S) == 1
    said = [line for line in process.output.splitlines() if line.strip()]
    assert len(said) == 1
    assert bad[f'cause {name}'] in said[0]


@pytest.mark.parametrize('node', ALONE)
def test_a_node_without_its_neighbours_says_so_once_and_waits(bad, node):
    process, topics = bad[node], ALONE[node][1]

    def lines() -> list[str]:
        return [line for line in process.output.splitlines() if 'no publisher on' in line]

    eventually(lines, f'{node} to miss its neighbours', SLOW_S)
    assert len(lines()) == 1
    assert 'for 10 s (transport profile host, ROS_DOMAIN_ID' in lines()[0]
    named = re.split(r', | for ', lines()[0].partition('no publisher on ')[2])
    assert topics <= set(named)
    assert process.status is None
    process.signal(signal.SIGINT)
    assert process.wait() == 0
    assert 'Traceback' not in process.output
