"""Quality of service as bags keep it, so that a player offers what the publisher offered."""

from dataclasses import dataclass
from typing import Any

ENDLESS = {'sec': 9223372036, 'nsec': 854775807}


@dataclass(frozen=True)
class Offered:
    """What a publisher offers.

    Attributes:
        reliable: Whether messages are sent again until they arrive.
        latched: Whether late joiners get the last ones.
        depth: How many are kept.
    """

    reliable: bool = True
    latched: bool = False
    depth: int = 10

    def document(self) -> list[dict[str, Any]]:
        """Return it as in metadata.yaml of version 9."""
        return [
            {
                'history': 'keep_last',
                'depth': self.depth,
                'reliability': 'reliable' if self.reliable else 'best_effort',
                'durability': 'transient_local' if self.latched else 'volatile',
                'deadline': dict(ENDLESS),
                'lifespan': dict(ENDLESS),
                'liveliness': 'automatic',
                'liveliness_lease_duration': dict(ENDLESS),
                'avoid_ros_namespace_conventions': False,
            }
        ]
