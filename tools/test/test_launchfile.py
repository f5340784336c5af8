"""Launch files: arguments, substitutions, conditions, and the commands that come out."""

import pytest

from vla_cli.errors import RunError
from vla_cli.graph.launchfile import Argument, LaunchFile
from vla_cli.graph.substitution import SubstitutionError, Substitutions


@pytest.fixture
def prefix(tmp_path, program):
    """An install prefix with package `p` that has the program `x`."""
    root = tmp_path / 'prefix'
    index = root / 'share/ament_index/resource_index/packages'
    index.mkdir(parents=True)
    (index / 'p').touch()
    program('x', '', root / 'lib/p')
    return root


@pytest.fixture
def launch(tmp_path, prefix):
    """Write a launch file; return its processes for some arguments."""

    def read(text, environ=None, **given):
        path = tmp_path / 'a.launch.yaml'
        path.write_text(text)
        env = {'AMENT_PREFIX_PATH': f'/nowhere:{prefix}', **(environ or {})}
        return LaunchFile(path).processes(given, env)

    return read


NODE = 'launch:\n- arg: {name: a, default: b}\n- node:\n    pkg: p\n    exec: x\n'


def test_arguments_are_declared_with_default_description_and_choices(tmp_path):
    path = tmp_path / 'a.launch.yaml'
    path.write_text(
        'launch:\n- arg:\n    name: a\n    default: b\n    description: what it is for\n'
        '    choice: [{value: b}, {value: c}]\n- arg: {name: d}\n'
    )
    assert LaunchFile(path).arguments == (
        Argument('a', 'b', 'what it is for', ('b', 'c')),
        Argument('d', None, ''),
    )


def test_a_plain_node_is_its_program_under_its_name(launch, prefix):
    (only,) = launch(NODE)
    assert only.name == 'x'
    assert only.command == (str(prefix / 'lib/p/x'), '--ros-args', '-r', '__node:=x')
    assert only.respawn_delay_s is None


def test_names_parameters_and_remappings_become_ros_arguments(launch, prefix):
    (only,) = launch(
        NODE + '    name: n\n    namespace: $(var a)\n    args: --one $(var a)\n'
        '    respawn: true\n    respawn_delay: 1.5\n    remap: [{from: f, to: t}]\n'
        '    param:\n    - from: $(find-pkg-share p)/q.yaml\n'
        '    - {name: number, value: $(var a)}\n'
        '    - {name: text, value: $(var a), type: str}\n'
        '    - {name: real, value: $(var a), type: float}\n',
        a='7',
    )
    assert only.command[1:] == (
        *('--one', '7', '--ros-args', '-r', '__node:=n', '-r', '__ns:=/7', '-r', 'f:=t'),
        *('--params-file', f'{prefix}/share/p/q.yaml'),
        *('-p', 'number:=7', '-p', "text:='7'", '-p', 'real:=7.0'),
    )
    assert only.respawn_delay_s == 1.5


def test_an_argument_that_is_not_declared_is_refused(launch):
    with pytest.raises(RunError, match='declares no argument c'):
        launch(NODE, c='d')


def test_no_namespace_is_no_argument(launch):
    (only,) = launch(NODE + '    namespace: $(var a)\n', a='')
    assert '__ns' not in ' '.join(only.command)


def test_set_env_reaches_the_nodes_after_it_and_env_only_its_own(launch):
    node = '- node:\n    pkg: p\n    exec: x\n'
    before, own, after = launch(
        'launch:\n'
        + node
        + '- set_env: {name: SHARED, value: $(env HOME)}\n'
        + node
        + '    env: [{name: OWN, value: mine}]\n'
        + node,
        environ={'HOME': '/h'},
    )
    assert 'SHARED' not in before.env
    assert (own.env['SHARED'], own.env['OWN']) == ('/h', 'mine')
    assert after.env['SHARED'] == '/h'
    assert 'OWN' not in after.env


@pytest.mark.parametrize(
    ('condition', 'value', 'runs'),
    [
        ('if: $(var a)', 'true', True),
        ('if: $(var a)', 'False', False),
        ('unless: $(var a)', '1', False),
        ('if: $(equals $(var a) b)', 'b', True),
        ('if: $(not-equals $(var a) b)', 'b', False),
        ('if: $(and $(equals $(var a) b) $(not false))', 'b', True),
        ('if: $(or $(equals $(var a) b) false)', 'c', False),
    ],
)
def test_conditions_choose(launch, condition, value, runs):
    assert bool(launch(NODE + f'    {condition}\n', a=value)) is runs


@pytest.mark.parametrize(
    ('text', 'told'),
    [
        ('launch:\n- node: {pkg: nosuch, exec: x}\n', 'package nosuch'),
        ('launch:\n- node: {pkg: p, exec: y}\n', 'no program y'),
        ('launch:\n- node: {pkg: p, exec: x, cwd: z}\n', 'cwd is not read'),
        ('launch:\n- group: {pkg: p}\n', 'group: only'),
        ('launch:\n- node: {pkg: p, exec: x, if: maybe}\n', "got 'maybe'"),
        ('launch:\n- node: {pkg: p, exec: x, args: $(var q)}\n', 'no argument is called q'),
        ('launch:\n- node: {exec: x}\n', 'pkg'),
    ],
)
def test_what_cannot_run_is_told_with_the_file(launch, text, told):
    with pytest.raises(RunError, match='a.launch.yaml') as refused:
        launch(text)
    assert told in str(refused.value)


@pytest.mark.parametrize('text', ['', 'launch\n', 'other: []\n', 'launch:\n- a: b\n  c: d\n'])
def test_what_is_no_launch_file_is_told(tmp_path, text):
    path = tmp_path / 'a.launch.yaml'
    path.write_text(text)
    with pytest.raises(RunError, match='a.launch.yaml'):
        LaunchFile(path)


@pytest.mark.parametrize(
    ('text', 'value'),
    [
        ('plain', 'plain'),
        ('a$(var x)b$(var x)', 'aXbX'),
        ('$(env E)/$(env NONE other)', 'e/other'),
        ('(a) $b', '(a) $b'),
        ('$(equals $(var x)  X)', 'true'),
        ('$(equals $(var empty) a)', 'false'),
    ],
)
def test_substitutions(text, value):
    words = Substitutions({'x': 'X', 'empty': ''}, {'E': 'e'})
    assert words.evaluate(text) == value


@pytest.mark.parametrize('text', ['$(var', '$(var y)', '$(eval 1)', '$(env NONE)', '$(not a b)'])
def test_impossible_substitutions(text):
    with pytest.raises(SubstitutionError):
        Substitutions({}, {}).evaluate(text)
