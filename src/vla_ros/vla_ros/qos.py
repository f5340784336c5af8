"""QoS profiles by name, so that both ends of a topic say the same word."""

from rclpy.qos import DurabilityPolicy, HistoryPolicy, QoSProfile, ReliabilityPolicy

_BEST, _RELIABLE = ReliabilityPolicy.BEST_EFFORT, ReliabilityPolicy.RELIABLE
_VOLATILE, _LATCHED = DurabilityPolicy.VOLATILE, DurabilityPolicy.TRANSIENT_LOCAL

# name: (reliability, durability, depth)
PROFILES = {
    'sensor': (_BEST, _VOLATILE, 5),  # camera images and joint states; depth 1 loses frames
    'clock': (_BEST, _VOLATILE, 1),
    'tf': (_RELIABLE, _VOLATILE, 100),
    'tf_static': (_RELIABLE, _LATCHED, 1),  # to publish: one message holds all transforms
    'tf_static_all': (_RELIABLE, _LATCHED, 100),  # to subscribe: one message of each publisher
    'observation': (_RELIABLE, _VOLATILE, 5),
    'chunk': (_RELIABLE, _VOLATILE, 5),
    'plan': (_RELIABLE, _VOLATILE, 1),
    'command': (_RELIABLE, _VOLATILE, 10),
    'status': (_RELIABLE, _VOLATILE, 20),  # each one counts: `executed` is told once
    'reliable': (_RELIABLE, _VOLATILE, 10),
    'latched': (_RELIABLE, _LATCHED, 1),  # late joiners get the last message
}


def qos(name: str) -> QoSProfile:
    """Return a fresh profile.

    Raises:
        KeyError: no such name.
    """
    if name not in PROFILES:
        raise KeyError(f'QoS {name!r}: one of {", ".join(sorted(PROFILES))} expected')
    reliability, durability, depth = PROFILES[name]
    return QoSProfile(
        history=HistoryPolicy.KEEP_LAST,
        depth=depth,
        reliability=reliability,
        durability=durability,
    )
