"""How old the parts of an observation are."""

from vla_core.observation import Observation
from vla_core.timing import MS


def ages_ms(observation: Observation, now_ns: int) -> dict[str, float]:
    """Return ages by camera key, `joint_states`, and the time `between_cameras`, ms."""
    stamps = {key: view.stamp_ns for key, view in observation.views.items()}
    ages = {key: now_ns - stamp_ns for key, stamp_ns in stamps.items()}
    ages['joint_states'] = now_ns - observation.state_stamp_ns
    ages['between_cameras'] = max(stamps.values()) - min(stamps.values())
    return {name: age_ns / MS for name, age_ns in ages.items()}
