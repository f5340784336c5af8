"""Orders of the integrators, against an equation with a known solution."""

import math

import pytest
import torch

from vla_policy.core.solvers import METHODS, integrate


def error(method: str, steps: int) -> float:
    # dx/dt = -2 t x + cos(t) exp(-t^2)  has the solution  (x0 + sin t) exp(-t^2)
    def v(x, t):
        return -2.0 * t * x + math.cos(t) * math.exp(-t * t)

    start = torch.tensor([0.7], dtype=torch.float64)
    exact = (0.7 + math.sin(1.0)) * math.exp(-1.0)
    return abs(float(integrate(v, start, method, steps)) - exact)


@pytest.mark.parametrize(
    ('method', 'order'), [('euler', 1), ('midpoint', 2), ('heun', 2), ('rk4', 4)]
)
def test_halving_the_step_divides_the_error_by_two_to_the_order(method, order):
    observed = math.log2(error(method, 20) / error(method, 40))
    assert observed == pytest.approx(order, abs=0.25)


def test_every_method_follows_a_constant_velocity_exactly():
    start = torch.zeros(2, 3)
    for method in METHODS:
        end = integrate(lambda x, t: torch.ones_like(x), start, method, 4)
        torch.testing.assert_close(end, torch.ones(2, 3))
