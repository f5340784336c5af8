"""The small parts of a robot contract: state, model, output, rates."""

from dataclasses import dataclass
from pathlib import Path

from vla_core.contract.section import Section
from vla_core.timing import SECOND

UNITS = ('rad', 'm')
INTERFACES = (
    'JointTrajectory',
    'Float64MultiArray',
    'JointState',
    'TwistStamped',
    'PoseStamped',
)


@dataclass(frozen=True)
class State:
    """Proprioception.

    Attributes:
        topic: Joint-state topic, relative.
        names: Joints in the order of state vectors.
        units: `rad` or `m`, by joint.
        max_age_s: Oldest joint state that may be acted on.
        frozen_motion: Motion, rad or m, over which a camera's picture must change.
        frozen_s: Time after which a repeated picture counts as frozen while joints move.
        sync_tolerance_s: Largest time between the streams of one observation.
    """

    topic: str
    names: tuple[str, ...]
    units: tuple[str, ...]
    max_age_s: float
    frozen_motion: float
    frozen_s: float
    sync_tolerance_s: float

    @classmethod
    def read(cls, section: Section) -> 'State':
        """Read a contract's `state`."""
        names = section.names('names')
        units = section.get('units')
        if not isinstance(units, list) or len(units) != len(names) or set(units) - set(UNITS):
            raise section.fail('units', f'{len(names)} of rad, m expected, got {units!r}')
        state = cls(
            topic=section.text('topic'),
            names=names,
            units=tuple(units),
            max_age_s=section.number('max_age_s', above=0.0),
            frozen_motion=section.number('frozen_motion', above=0.0, default=0.02),
            frozen_s=section.number('frozen_s', above=0.0, default=0.5),
            sync_tolerance_s=section.number('sync_tolerance_s', above=0.0),
        )
        section.done()
        return state


@dataclass(frozen=True)
class Model:
    """Kinematic model of the arm.

    Attributes:
        mjcf: Path of the MJCF file, absolute after loading.
        base_link: Body and tf frame of the base.
        tool: Site and tf frame of the tool point.
        posture: Joint positions, rad or m by joint, that the null space is drawn to.
        render: How simulated cameras are drawn: `shadows` (bool), `samples` (MSAA).
    """

    mjcf: Path
    base_link: str
    tool: str
    posture: dict[str, float]
    render: dict[str, int]

    @classmethod
    def read(cls, section: Section, folder: Path) -> 'Model':
        """Read a contract's `model`; paths are relative to the contract's folder."""
        mjcf = (folder / section.text('mjcf')).resolve()
        if not mjcf.is_file():
            raise section.fail('mjcf', f'no file {mjcf}; a path relative to the contract expected')
        posture_section = section.section('posture')
        posture = {name: posture_section.number(name) for name in section.get('posture')}
        render = {'shadows': 0, 'samples': 0}
        if section.has('render'):
            drawn = section.section('render')
            render = {
                'shadows': int(drawn.flag('shadows', False)),
                'samples': drawn.integer('samples', 0, 16, default=0),
            }
            drawn.done()
        model = cls(mjcf, section.text('base_link'), section.text('tool'), posture, render)
        section.done()
        return model


@dataclass(frozen=True)
class Output:
    """The controller interface.

    Attributes:
        interface: Message type, one of `INTERFACES`.
        topic: Relative topic.
        joints: Joints commanded, in order.
    """

    interface: str
    topic: str
    joints: tuple[str, ...]

    @classmethod
    def read(cls, section: Section) -> 'Output':
        """Read a contract's `output`."""
        output = cls(
            section.text('interface', INTERFACES), section.text('topic'), section.names('joints')
        )
        section.done()
        return output


@dataclass(frozen=True)
class Rates:
    """Rates of the loop.

    Attributes:
        control_hz: Ticks of the executor.
        observation_hz: Observations.
        chunk_step_s: Spacing of a chunk's rows.
    """

    control_hz: float
    observation_hz: float
    chunk_step_s: float

    @property
    def control_ns(self) -> int:
        """Period of the executor, ns."""
        return round(SECOND / self.control_hz)

    @property
    def observation_ns(self) -> int:
        """Period of the observer, ns."""
        return round(SECOND / self.observation_hz)

    @property
    def step_ns(self) -> int:
        """Spacing of a chunk's rows, ns."""
        return round(self.chunk_step_s * SECOND)

    @classmethod
    def read(cls, section: Section) -> 'Rates':
        """Read a contract's `rates`."""
        rates = cls(
            section.number('control_hz', low=1.0, high=1000.0),
            section.number('observation_hz', low=0.1, high=1000.0),
            section.number('chunk_step_s', low=0.001, high=10.0),
        )
        section.done()
        return rates
