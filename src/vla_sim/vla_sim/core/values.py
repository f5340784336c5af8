"""What the simulator says of itself. Positions are m in base_link, whose z = 0 is the table."""

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType

from vla_core.timing import SECOND

Point = tuple[float, float, float]
Quaternion = tuple[float, float, float, float]

CHECK_NS = SECOND // 10  # success is checked on this grid, and limits count its steps


@dataclass(frozen=True)
class Goal:
    """What an instruction asks for.

    Attributes:
        task: One of the tasks.
        target: Name of the object.
        direction: `left`, `right` or `away` for `push`, '' otherwise.
    """

    task: str
    target: str
    direction: str = ''


@dataclass(frozen=True)
class Episode:
    """One run from one seed.

    Attributes:
        goal: What success is judged by.
        instruction: The words.
        seed: Everything random was drawn from it.
        limit: Steps of 0.1 s, counted from the first command.
        phrasing: `known`, `held-out`, or `given` where the words came from outside.
    """

    goal: Goal
    instruction: str
    seed: int
    limit: int
    phrasing: str

    @property
    def task(self) -> str:
        """Name of the task."""
        return self.goal.task

    @property
    def target(self) -> str:
        """Name of the object to handle."""
        return self.goal.target

    @property
    def limit_ns(self) -> int:
        """Time limit in ns, from the first command."""
        return self.limit * CHECK_NS


@dataclass(frozen=True)
class ObjectPose:
    """Where an object is: position in m, quaternion w, x, y, z; speed in m/s."""

    position: Point
    quaternion: Quaternion = (1.0, 0.0, 0.0, 0.0)
    speed: float = 0.0


@dataclass(frozen=True)
class WorldState:
    """The true state of robot and objects; what the expert sees and `sim/state` carries.

    Attributes:
        time_ns: When it was so.
        tool: Tool point.
        finger: Opening of one finger, m: 0 closed .. 0.04 open.
        finger_velocity: m/s, negative while closing.
        objects: By name.
        plate: Centre of the plate's lower face.
    """

    time_ns: int
    tool: Point
    finger: float
    finger_velocity: float
    objects: Mapping[str, ObjectPose]
    plate: Point

    def __post_init__(self) -> None:
        object.__setattr__(self, 'objects', MappingProxyType(dict(self.objects)))


@dataclass(frozen=True)
class Outcome:
    """How an episode stands; judged from the simulator's state alone.

    Attributes:
        success: The goal was reached within the limit.
        done: Success, or the limit has passed.
        reason: `waiting` (no command yet), `running`, `success` or `time_limit`.
        steps: Steps of 0.1 s since the first command.
    """

    success: bool = False
    done: bool = False
    reason: str = 'waiting'
    steps: int = 0
