"""Parameters as one dataclass: what is taken over, what is refused and how."""

from dataclasses import dataclass

import pytest

from vla_ros.errors import ParameterError
from vla_ros.params import NodeParams, build, knob, table


@dataclass(frozen=True)
class Params(NodeParams):
    rate_hz: float = knob(100.0, 'Control rate.', low=1.0, high=1000.0, unit='Hz')
    rows: int = knob(4, 'Rows to execute.', low=1)
    strategy: str = knob('hold', 'How | what.', choices=('hold', 'blend'), read_only=True)
    names: tuple[str, ...] = knob((), 'Joint names.')
    gains: tuple[float, ...] = knob((1.0, 2.0), 'Gains.', low=0.0)
    watchdog_s: float = knob(0.2, 'Silence.', low=0.01)

    def __post_init__(self):
        super().__post_init__()
        if self.watchdog_s * self.rate_hz < 2:
            raise ValueError('watchdog_s must cover at least two ticks')


def test_defaults_stand_where_nothing_is_said():
    params = build(Params, {})
    assert (params.autostart, params.rate_hz, params.names) == (True, 100.0, ())


def test_values_get_the_type_of_their_field():
    params = build(Params, {'rate_hz': 50, 'names': ['a', 'b'], 'gains': [1, 2.5]})
    assert isinstance(params.rate_hz, float)
    assert params.names == ('a', 'b')
    assert params.gains == (1.0, 2.5)


@pytest.mark.parametrize(
    ('values', 'field', 'words'),
    [
        ({'rat_hz': 1.0}, 'rat_hz', 'did you mean rate_hz?'),
        ({'zzz': 1.0}, 'zzz', 'rate_hz'),
        ({'rate_hz': 0.5}, 'rate_hz', '1 .. 1000 Hz expected, got 0.5'),
        ({'rate_hz': '50'}, 'rate_hz', "a number, 1 .. 1000 Hz expected, got '50'"),
        ({'rate_hz': float('nan')}, 'rate_hz', 'got nan'),
        ({'rate_hz': True}, 'rate_hz', 'got True'),
        ({'rate_hz': None}, 'rate_hz', 'got None'),
        ({'rows': 0}, 'rows', 'an integer, >= 1 expected, got 0'),
        ({'rows': 2.0}, 'rows', 'an integer'),
        ({'rows': True}, 'rows', 'an integer'),
        ({'strategy': 'fly'}, 'strategy', "one of hold, blend expected, got 'fly'"),
        ({'autostart': 1}, 'autostart', 'true or false expected, got 1'),
        ({'names': 'a'}, 'names', "a list of str expected, got 'a'"),
        ({'names': ['a', 3]}, 'names[1]', 'a text expected, got 3'),
        ({'gains': [1.0, -1.0]}, 'gains[1]', '>= 0 expected, got -1.0'),
        ({'watchdog_s': 0.015}, 'parameters', 'at least two ticks'),
    ],
)
def test_a_wrong_value_is_refused_in_one_line(values, field, words):
    with pytest.raises(ParameterError) as caught:
        build(Params, values)
    assert caught.value.field == field
    assert words in str(caught.value)
    assert '\n' not in str(caught.value)


def test_an_instance_built_directly_is_checked_too():
    with pytest.raises(ParameterError):
        Params(rows=0)


def test_a_field_without_description_is_a_mistake_of_ours():
    @dataclass(frozen=True)
    class Bare(NodeParams):
        x: float = 1.0

    with pytest.raises(TypeError, match='Bare.x'):
        build(Bare, {})


def test_table_has_a_row_per_parameter():
    lines = table(Params).splitlines()
    assert len(lines) == 2 + 7
    rows = {line.split('`')[1]: line for line in lines[2:]}
    assert '| float | `100.0` | 1 .. 1000 Hz | any time | Control rate. |' in rows['rate_hz']
    assert '`true`' in rows['autostart']
    assert 'at configure' in rows['strategy']
    assert 'How \\| what.' in rows['strategy']
    assert '| float list | `[1.0, 2.0]` |' in rows['gains']
