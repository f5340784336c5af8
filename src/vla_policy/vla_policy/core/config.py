"""What a checkpoint's config.yaml says, read strictly."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, fields
from typing import Any

from vla_core.errors import FieldError
from vla_policy.core.solvers import METHODS

FORMAT = 1


class ConfigError(FieldError):
    """A config.yaml is malformed."""


@dataclass(frozen=True)
class ModelSizes:
    """Widths and depths of the network; all 1 or more."""

    text_length: int = 16
    text_width: int = 96
    text_blocks: int = 2
    text_heads: int = 4
    vision_stem: int = 48
    vision_width: int = 64
    queries: int = 8
    look_features: int = 12
    condition: int = 256
    hidden: int = 512
    blocks: int = 3


@dataclass(frozen=True)
class Sampler:
    """How a chunk is integrated.

    Attributes:
        method: One of `solvers.METHODS`.
        steps: Steps from noise to action.
    """

    method: str = 'euler'
    steps: int = 5


@dataclass(frozen=True)
class PolicyConfig:
    """Everything needed to build the network and to compare it with a robot contract.

    Attributes:
        head: Action head, one of `heads.NAMES`.
        robot: Name of the robot contract it was trained on.
        contract_digest: Digest of that contract's policy-visible part.
        cameras: Camera key -> (height, width), pixels.
        state_names: Joints of the contract's state, in order.
        columns: Columns of the contract's action, in order.
        horizon: Rows H of a chunk.
        step_ns: Spacing of the rows.
        vocabulary: Words by token number.
        sizes: Widths and depths.
        sampler: How a chunk is integrated.
        rtc_max_delay: Longest prefix, rows, that the head continues; 0 where it learned none.
        rotation: `constant`: the tool keeps the rotation that statistics.json holds.
        training: How it was made: seed, steps, demonstrations; not read by the policy.
    """

    head: str
    robot: str
    contract_digest: str
    cameras: Mapping[str, tuple[int, int]]
    state_names: tuple[str, ...]
    columns: tuple[str, ...]
    horizon: int
    step_ns: int
    vocabulary: tuple[str, ...]
    sizes: ModelSizes = field(default_factory=ModelSizes)
    sampler: Sampler = field(default_factory=Sampler)
    rtc_max_delay: int = 0
    rotation: str = 'constant'
    training: Mapping[str, Any] = field(default_factory=dict)

    def to_mapping(self) -> dict[str, Any]:
        """Return plain values for YAML."""
        plain = asdict(self)
        plain['cameras'] = {
            key: {'height': height, 'width': width}
            for key, (height, width) in self.cameras.items()
        }
        for name in ('state_names', 'columns', 'vocabulary'):
            plain[name] = list(plain[name])
        plain['training'] = dict(self.training)
        if not self.rtc_max_delay:
            del plain['rtc_max_delay']  # a folder without it is what every version reads
        return {'format': FORMAT, **plain}

    @classmethod
    def from_mapping(cls, values: Any) -> 'PolicyConfig':
        """Read plain values.

        Raises:
            ConfigError: a key is missing, unknown, or of the wrong type.
        """
        values = _mapping('config', values)
        known = {'format', *(f.name for f in fields(cls))}
        for key in values:
            if key not in known:
                raise ConfigError(str(key), f'unknown; one of {", ".join(sorted(known))} expected')
        if values.get('format') != FORMAT:
            raise ConfigError('format', f'{FORMAT} expected, got {values.get("format")!r}')
        cameras = {}
        for key, size in _mapping('cameras', values.get('cameras')).items():
            size = _mapping(f'cameras.{key}', size)
            sides = tuple(_count(f'cameras.{key}.{s}', size.get(s)) for s in ('height', 'width'))
            cameras[str(key)] = (sides[0], sides[1])
        config = cls(
            head=_text('head', values.get('head')),
            robot=_text('robot', values.get('robot')),
            contract_digest=_text('contract_digest', values.get('contract_digest')),
            cameras=cameras,
            state_names=_texts('state_names', values.get('state_names')),
            columns=_texts('columns', values.get('columns')),
            horizon=_count('horizon', values.get('horizon')),
            step_ns=_count('step_ns', values.get('step_ns')),
            vocabulary=_texts('vocabulary', values.get('vocabulary')),
            sizes=_sizes(values.get('sizes')),
            sampler=_sampler(values.get('sampler')),
            rtc_max_delay=_delay(values.get('rtc_max_delay', 0), values.get('horizon')),
            rotation=_text('rotation', values.get('rotation')),
            training=_mapping('training', values.get('training', {})),
        )
        if config.rotation != 'constant':
            raise ConfigError('rotation', f'constant expected, got {config.rotation!r}')
        return config


def _sizes(values: Any) -> ModelSizes:
    values = _mapping('sizes', values)
    names = {f.name for f in fields(ModelSizes)}
    if values.keys() != names:
        raise ConfigError('sizes', f'missing or unknown: {sorted(values.keys() ^ names)}')
    sizes = ModelSizes(**{name: _count(f'sizes.{name}', v) for name, v in values.items()})
    if sizes.text_width % sizes.text_heads:
        raise ConfigError(
            'sizes.text_heads', f'a divisor of text_width {sizes.text_width} expected'
        )
    if sizes.vision_stem % 8 or sizes.vision_width % 8:
        raise ConfigError('sizes.vision_width', 'multiples of 8 expected, vision_stem too')
    return sizes


def _sampler(values: Any) -> Sampler:
    values = _mapping('sampler', values)
    method = _text('sampler.method', values.get('method'))
    if method not in METHODS:
        raise ConfigError('sampler.method', f'one of {", ".join(METHODS)} expected')
    return Sampler(method, _count('sampler.steps', values.get('steps')))


def _mapping(key: str, value: Any) -> dict[str, Any]:
    if not isinstance(value, dict):
        raise ConfigError(key, f'a mapping expected, got {type(value).__name__}')
    return value


def _count(key: str, value: Any) -> int:
    if not isinstance(value, int) or isinstance(value, bool) or value < 1:
        raise ConfigError(key, f'a whole number >= 1 expected, got {value!r}')
    return value


def _delay(value: Any, horizon: Any) -> int:
    horizon = _count('horizon', horizon)
    if not isinstance(value, int) or isinstance(value, bool) or not 0 <= value < horizon:
        raise ConfigError(
            'rtc_max_delay', f'a whole number in 0..{horizon - 1} expected, got {value!r}'
        )
    return value


def _text(key: str, value: Any) -> str:
    if not isinstance(value, str) or not value:
        raise ConfigError(key, f'a non-empty string expected, got {value!r}')
    return value


def _texts(key: str, value: Any) -> tuple[str, ...]:
    if not isinstance(value, list) or not all(isinstance(v, str) and v for v in value):
        raise ConfigError(key, 'a list of strings expected')
    return tuple(value)
