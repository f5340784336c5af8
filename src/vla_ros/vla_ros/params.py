"""A node's parameters, described once: as fields of one frozen dataclass.

    @dataclass(frozen=True)
    class ExecutorParams(NodeParams):
        rate_hz: float = knob(100.0, 'Control rate.', low=1.0, high=1000.0, unit='Hz')

Nothing here needs ROS; node_params.py binds the two.
"""

import dataclasses
import difflib
import json
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, TypeVar, get_args, get_origin, get_type_hints

from vla_core.errors import VlaError
from vla_ros.errors import ParameterError

KIND_NAMES = {bool: 'true or false', int: 'an integer', float: 'a number', str: 'a text'}


@dataclass(frozen=True)
class Knob:
    """What is known of one parameter beside its name, type and default."""

    description: str
    low: float | None = None
    high: float | None = None
    choices: tuple[Any, ...] = ()
    read_only: bool = False
    unit: str = ''

    @property
    def expected(self) -> str:
        """What would be right, in words; '' where anything of the right type is."""
        if self.choices:
            return 'one of ' + ', '.join(map(str, self.choices))
        unit = f' {self.unit}' if self.unit else ''
        if self.low is not None and self.high is not None:
            return f'{self.low:g} .. {self.high:g}{unit}'
        if self.low is not None:
            return f'>= {self.low:g}{unit}'
        return f'<= {self.high:g}{unit}' if self.high is not None else ''


def knob(
    default: Any,
    description: str,
    *,
    low: float | None = None,
    high: float | None = None,
    choices: Sequence[Any] = (),
    read_only: bool = False,
    unit: str = '',
) -> Any:
    """Describe a field of a parameter dataclass.

    Args:
        default: Value where none is given; tuples for lists.
        description: What it does, for the reference table and `ros2 param describe`.
        low: Smallest value allowed (of each element, for a tuple of numbers).
        high: Largest value allowed.
        choices: The values allowed.
        read_only: Fixed while the node is configured; else it may change at any time.
        unit: Unit, for people.
    """
    about = Knob(description, low, high, tuple(choices), read_only, unit)
    return dataclasses.field(default=default, metadata={'knob': about})


def contract_knob() -> Any:
    """Describe the parameter `contract`, the same in each node."""
    return knob('', 'File of the robot contract (config/robots/*.yaml).', read_only=True)


def frame_prefix_knob() -> Any:
    """Describe the parameter `frame_prefix`, the same in each node."""
    return knob('', 'Put before every frame name, with a slash between.', read_only=True)


@dataclass(frozen=True)
class NodeParams:
    """Parameters of every node; derive from it. Built means checked."""

    autostart: bool = knob(True, 'Configure and activate by itself.', read_only=True)

    def __post_init__(self) -> None:
        """Check types and ranges; extend it with what concerns several parameters."""
        for name, kind in kinds(type(self)).items():
            value = _checked(name, kind, about(type(self), name), getattr(self, name))
            object.__setattr__(self, name, value)


P = TypeVar('P', bound=NodeParams)


def kinds(cls: type[NodeParams]) -> dict[str, Any]:
    """Return the type of each parameter by name, in order of declaration."""
    hints = get_type_hints(cls)
    return {field.name: hints[field.name] for field in dataclasses.fields(cls)}


def about(cls: type[NodeParams], name: str) -> Knob:
    """Return the description of a parameter."""
    field = next(f for f in dataclasses.fields(cls) if f.name == name)
    if 'knob' not in field.metadata:
        raise TypeError(f'{cls.__name__}.{name} is not described with knob()')
    return field.metadata['knob']


def build(cls: type[P], values: Mapping[str, Any]) -> P:
    """Return a checked instance from plain values, defaults where they say nothing.

    Raises:
        ParameterError: a name or a value is wrong.
    """
    names = kinds(cls)
    for name in values:
        if name not in names:
            near = difflib.get_close_matches(name, names, 1)
            hint = f'did you mean {near[0]}?' if near else f'{", ".join(names)} exist'
            raise ParameterError(name, f'no such parameter; {hint}')
    try:
        return cls(**values)
    except (VlaError, ValueError) as error:
        if isinstance(error, ParameterError):
            raise
        raise ParameterError('parameters', str(error)) from None


def defaults(cls: type[NodeParams]) -> dict[str, Any]:
    """Return the default of each parameter by name."""
    return {field.name: field.default for field in dataclasses.fields(cls)}


def table(cls: type[NodeParams]) -> str:
    """Return the reference table of a node's parameters, in Markdown."""
    rows = [
        '| parameter | type | default | allowed | changes | meaning |',
        '|---|---|---|---|---|---|',
    ]
    for name, kind in kinds(cls).items():
        k = about(cls, name)
        cells = (
            f'`{name}`',
            _kind_name(kind, short=True),
            f'`{_yaml(defaults(cls)[name])}`',
            k.expected,
            'at configure' if k.read_only else 'any time',
            k.description,
        )
        rows.append('| ' + ' | '.join(cell.replace('|', '\\|') for cell in cells) + ' |')
    return '\n'.join(rows) + '\n'


def _yaml(value: Any) -> str:
    """Return a value as it stands in a parameter file."""
    return json.dumps(list(value) if isinstance(value, tuple) else value, ensure_ascii=False)


def _kind_name(kind: Any, short: bool = False) -> str:
    if get_origin(kind) is tuple:
        inner = get_args(kind)[0]
        return f'{inner.__name__} list' if short else f'a list of {inner.__name__}'
    return kind.__name__ if short else KIND_NAMES[kind]


def _checked(name: str, kind: Any, k: Knob, value: Any) -> Any:
    """Return the value in its own type, or raise ParameterError."""
    if get_origin(kind) is tuple:
        if isinstance(value, str) or not isinstance(value, Sequence):
            raise _refused(name, kind, k, value)
        inner = get_args(kind)[0]
        return tuple(_checked(f'{name}[{i}]', inner, k, item) for i, item in enumerate(value))
    if kind not in KIND_NAMES:
        raise TypeError(f'{name}: parameters are bool, int, float, str or tuples of them')
    if kind is float and isinstance(value, int) and not isinstance(value, bool):
        value = float(value)
    if type(value) is not kind or (kind is float and not math.isfinite(value)):
        raise _refused(name, kind, k, value)
    low = -math.inf if k.low is None else k.low
    high = math.inf if k.high is None else k.high
    outside = kind in (int, float) and not low <= value <= high
    if outside or (k.choices and value not in k.choices):
        raise _refused(name, kind, k, value)
    return value


def _refused(name: str, kind: Any, k: Knob, value: Any) -> ParameterError:
    right = k.expected if k.choices else ', '.join(filter(None, (_kind_name(kind), k.expected)))
    return ParameterError(name, f'{right} expected, got {value!r} ({k.description})')
