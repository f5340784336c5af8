"""What the gate holds the robot to."""

import math
from dataclasses import dataclass

from vla_core.contract.section import Section


@dataclass(frozen=True)
class JointLimits:
    """Limits of one joint, in rad or m and s.

    Attributes:
        lower: Lowest position.
        upper: Highest position.
        velocity: Largest speed.
        acceleration: Largest acceleration, also that of a bounded stop.
        jerk: Largest jerk.
        first_step: Largest distance between measured and commanded position when motion begins.
        disagreement: Largest distance between measured and commanded position in motion.
        continuous: Whether it turns without end: its angles are averaged on the circle, and
            `lower` and `upper` (-pi, pi) do not limit it.
    """

    lower: float
    upper: float
    velocity: float
    acceleration: float
    jerk: float
    first_step: float
    disagreement: float
    continuous: bool = False

    @classmethod
    def read(cls, section: Section) -> 'JointLimits':
        """Read a contract's `limits.joints.<name>`."""
        continuous = section.flag('continuous', default=False)
        lower, upper = (-math.pi, math.pi) if continuous else section.numbers('position', 2)
        if not lower < upper:
            raise section.fail('position', f'[lower, upper] expected, got [{lower}, {upper}]')
        first_step = section.number('first_step', above=0.0)
        limits = cls(
            lower=lower,
            upper=upper,
            continuous=continuous,
            velocity=section.number('velocity', above=0.0),
            acceleration=section.number('acceleration', above=0.0),
            jerk=section.number('jerk', above=0.0),
            first_step=first_step,
            disagreement=section.number('disagreement', above=0.0, default=2.0 * first_step),
        )
        section.done()
        return limits


@dataclass(frozen=True)
class Limits:
    """All limits.

    Attributes:
        joints: By joint name.
        tool_speed: Largest speed of the tool point, m/s.
        workspace: ((x, y, z) low, (x, y, z) high) of the tool point in the base frame, m.
    """

    joints: dict[str, JointLimits]
    tool_speed: float
    workspace: tuple[tuple[float, ...], tuple[float, ...]]

    @classmethod
    def read(cls, section: Section) -> 'Limits':
        """Read a contract's `limits`."""
        joints = {n: JointLimits.read(s) for n, s in section.section('joints').sections().items()}
        tool_speed = section.number('tool_speed', above=0.0, default=math.inf)
        low: tuple[float, ...] = (-math.inf,) * 3
        high: tuple[float, ...] = (math.inf,) * 3
        if section.has('workspace'):
            box = section.section('workspace')
            low, high = box.numbers('low', 3), box.numbers('high', 3)
            if not all(a < b for a, b in zip(low, high, strict=True)):
                raise box.fail('high', 'each number above the one of low expected')
            box.done()
        section.done()
        return cls(joints, tool_speed, (low, high))
