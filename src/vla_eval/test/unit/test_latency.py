import numpy as np
import pytest

from vla_core.timing import MS
from vla_eval.core.errors import RequestError
from vla_eval.core.latency import Latency


@pytest.mark.parametrize('text', ['0', '200', '12.5', 'normal:100:30', 'uniform:50:250'])
def test_text_is_kept(text):
    assert str(Latency.parse(text)) == text


@pytest.mark.parametrize(
    'text',
    ['', 'fast', '-5', 'nan', 'inf', '1:2', 'normal:1', 'normal:1:2:3', 'normal:5:-1',
     'uniform:9:3', 'uniform:-1:3', 'gamma:1:2', 'fixed:3'],
)  # fmt: skip
def test_anything_else_is_refused_in_one_line(text):
    with pytest.raises(RequestError, match='normal:MEAN:STD') as caught:
        Latency.parse(text)
    assert repr(text) in str(caught.value)
    assert '\n' not in str(caught.value)


def test_fixed_draws_are_exact():
    rng = np.random.default_rng(0)
    assert {Latency.parse('200').draw_ns(rng) for _ in range(10)} == {200 * MS}


def test_uniform_draws_fill_the_range():
    rng = np.random.default_rng(1)
    drawn = np.array([Latency.parse('uniform:50:250').draw_ns(rng) for _ in range(4000)]) / MS
    assert drawn.min() >= 50
    assert drawn.max() <= 250
    assert drawn.mean() == pytest.approx(150, abs=3)


def test_normal_draws_are_never_negative():
    rng = np.random.default_rng(2)
    drawn = np.array([Latency.parse('normal:20:40').draw_ns(rng) for _ in range(4000)]) / MS
    assert drawn.min() == 0
    assert (drawn == 0).mean() == pytest.approx(0.309, abs=0.03)  # Phi(-0.5)
