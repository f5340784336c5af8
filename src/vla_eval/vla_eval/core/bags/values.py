"""What is read out of a bag."""

from dataclasses import dataclass, field

from vla_eval.core.bags.definitions import Definition


@dataclass(frozen=True, slots=True)
class Message:
    """One message as it lies in a bag.

    Attributes:
        topic: Its topic.
        kind: Its type, `package/msg/Type`.
        data: Serialised (CDR).
        log_ns: When it was recorded.
        publish_ns: When it was sent: its stamp where it has one.
        sequence: Count of the publisher, 0 where there is none.
    """

    topic: str
    kind: str
    data: bytes
    log_ns: int
    publish_ns: int
    sequence: int = 0


@dataclass
class Reading:
    """What came along while messages were read.

    Attributes:
        about: What the recorder noted.
        definitions: By type; those that the bag holds.
        digests: By type; the type hashes that the bag tells, with a definition or without.
        qos: Topic -> what its publisher offered, as YAML.
        damage: Why reading ended early, '' where it did not.
        lost_bytes: How much lies behind the damage.
    """

    about: dict[str, str] = field(default_factory=dict)
    definitions: dict[str, Definition] = field(default_factory=dict)
    digests: dict[str, str] = field(default_factory=dict)
    qos: dict[str, str] = field(default_factory=dict)
    damage: str = ''
    lost_bytes: int = 0
