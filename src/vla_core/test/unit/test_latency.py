"""Injected delays: their forms, their refusals, their draws."""

import numpy as np
import pytest

from vla_core.errors import FieldError
from vla_core.latency import Latency


@pytest.mark.parametrize('text', ['0', '200', '12.5', 'normal:200:30', 'uniform:100:300'])
def test_what_was_read_is_written_back(text):
    assert str(Latency.parse(text)) == text


@pytest.mark.parametrize(
    'text',
    ['', 'fast', '-5', 'nan', 'inf', 'normal:200', 'normal:-1:2', 'normal:1:-2', 'uniform:3:2',
     'uniform:1:2:3', 'gamma:1:2', 'fixed:5', ':5'],
)  # fmt: skip
def test_other_words_are_refused_by_name(text):
    with pytest.raises(FieldError, match='latency_ms: a number of ms') as caught:
        Latency.parse(text)
    assert repr(text) in str(caught.value)


def test_draws_have_the_asked_distribution_and_are_never_negative():
    rng = np.random.default_rng(0)
    normal = np.array([Latency.parse('normal:200:30').draw_ns(rng) for _ in range(4000)]) / 1e6
    assert abs(normal.mean() - 200) < 2
    assert abs(normal.std() - 30) < 2
    uniform = np.array([Latency.parse('uniform:100:300').draw_ns(rng) for _ in range(2000)]) / 1e6
    assert 100 <= uniform.min() < 105
    assert 295 < uniform.max() <= 300
    assert min(Latency.parse('normal:1:50').draw_ns(rng) for _ in range(100)) == 0
    assert Latency.parse('200').draw_ns(rng) == 200_000_000


def test_no_delay_says_so():
    assert Latency.parse('0').none
    assert not Latency.parse('uniform:0:1').none
