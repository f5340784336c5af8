"""Speeds from which a joint can still come to rest in time, at discrete ticks."""

import math

import numpy as np


def braking_speed(distance: np.ndarray, deceleration: np.ndarray, dt_s: float) -> np.ndarray:
    """Return the largest speed for the coming tick that still allows a rest within `distance`.

    Solves v^2 / (2 a) + v dt = distance: one tick at v, then braking at a. A joint that keeps to
    it needs no more than `deceleration` at any later tick to stay within the distance.

    Args:
        distance: (J,) distance to the limit, rad or m; below 0 counts as 0.
        deceleration: (J,) rad/s^2 or m/s^2, > 0.
        dt_s: Length of the tick, s, > 0.
    """
    room = np.maximum(distance, 0.0)
    return deceleration * (np.sqrt(dt_s * dt_s + 2.0 * room / deceleration) - dt_s)


def ramp(
    position: float, velocity: float, target: float, speed: float, acceleration: float, dt_s: float
) -> float:
    """Return where a joint is one tick later on its way to rest at `target`.

    A trapezoid in speed: accelerates and brakes at `acceleration`, cruises at `speed`, and
    arrives exactly, without passing the target unless it moves too fast to begin with.

    Args:
        position: Commanded position, rad or m.
        velocity: Commanded velocity, rad/s or m/s.
        target: Position to come to rest at.
        speed: Cruising speed, > 0.
        acceleration: Largest acceleration, > 0.
        dt_s: Length of the tick, s.
    """
    gap = target - position
    sign = 1.0 if gap >= 0.0 else -1.0
    room = abs(gap)
    brake = acceleration * (math.sqrt(dt_s * dt_s + 2.0 * room / acceleration) - dt_s)
    along = sign * velocity
    change = acceleration * dt_s
    wanted = min(max(min(speed, brake), along - change), along + change)
    step = wanted * dt_s
    if abs(step - room) < 1e-9 and abs(wanted) <= change:
        return target
    return position + sign * step
