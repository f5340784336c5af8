"""Explicit Runge-Kutta steps for dx/dt = v(x, t) from t = 0 to t = 1, with fixed step."""

from collections.abc import Callable

from torch import Tensor

Velocity = Callable[[Tensor, float], Tensor]


def euler(v: Velocity, x: Tensor, t: float, dt: float) -> Tensor:
    """First order, one evaluation."""
    return x + dt * v(x, t)


def midpoint(v: Velocity, x: Tensor, t: float, dt: float) -> Tensor:
    """Second order, two evaluations."""
    return x + dt * v(x + 0.5 * dt * v(x, t), t + 0.5 * dt)


def heun(v: Velocity, x: Tensor, t: float, dt: float) -> Tensor:
    """Second order, two evaluations (the explicit trapezoidal rule)."""
    first = v(x, t)
    return x + 0.5 * dt * (first + v(x + dt * first, t + dt))


def rk4(v: Velocity, x: Tensor, t: float, dt: float) -> Tensor:
    """Fourth order, four evaluations (the classical method)."""
    k1 = v(x, t)
    k2 = v(x + 0.5 * dt * k1, t + 0.5 * dt)
    k3 = v(x + 0.5 * dt * k2, t + 0.5 * dt)
    k4 = v(x + dt * k3, t + dt)
    return x + dt / 6.0 * (k1 + 2.0 * k2 + 2.0 * k3 + k4)


METHODS = {'euler': euler, 'midpoint': midpoint, 'heun': heun, 'rk4': rk4}


def integrate(v: Velocity, x: Tensor, method: str, steps: int) -> Tensor:
    """Return x at t = 1 for x at t = 0."""
    step = METHODS[method]
    for k in range(steps):
        x = step(v, x, k / steps, 1.0 / steps)
    return x
