"""Phases of a task, told from proprioception alone: what the fingers do.

`closing`, `opening`: a finger travels by more than a quarter of its stroke a second.
`holding`: at rest, less than three quarters open: around something, or shut.
`free`: at rest and open.
A robot without a gripper is always `free`.
"""

import numpy as np

from vla_eval.core.openloop.paths import HELD_OPENING, Geometry, JointPath

PHASES = ('free', 'closing', 'holding', 'opening')
TRAVEL = 0.25  # of the stroke, a second
SPAN_NS = 100_000_000  # over which travel is measured


def phases(times_ns: np.ndarray, measured: JointPath, geometry: Geometry) -> np.ndarray:
    """Return the phase (M,) at each time, as indices into `PHASES`."""
    if not len(measured) or not len(geometry.layout.gripper_outputs):
        return np.zeros(len(times_ns), int)
    half = SPAN_NS // 2
    now = geometry.openings(measured.at(times_ns))
    before = geometry.openings(measured.at(times_ns - half))
    after = geometry.openings(measured.at(times_ns + half))
    rate = (after - before) / (SPAN_NS / 1e9)
    hand = np.argmax(np.abs(rate), axis=1)  # of several, the one that travels most
    every = np.arange(len(times_ns))
    travel, opening = rate[every, hand], now.min(axis=1)
    found = np.where(opening < HELD_OPENING, PHASES.index('holding'), PHASES.index('free'))
    found = np.where(travel < -TRAVEL, PHASES.index('closing'), found)
    return np.asarray(np.where(travel > TRAVEL, PHASES.index('opening'), found))
