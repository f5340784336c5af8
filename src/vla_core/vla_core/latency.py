"""A delay to inject: fixed, or drawn from a distribution."""

import math
from dataclasses import dataclass

import numpy as np

from vla_core.errors import FieldError
from vla_core.timing import MS

FORMS = 'a number of ms >= 0, normal:MEAN:STD or uniform:LOW:HIGH expected'


@dataclass(frozen=True)
class Latency:
    """A fixed delay or a distribution of delays; draws below 0 count as 0.

    Attributes:
        kind: `fixed`, `normal` or `uniform`.
        a: The delay, the mean or the low end, ms.
        b: Standard deviation or high end, ms; 0 for `fixed`.
    """

    kind: str = 'fixed'
    a: float = 0.0
    b: float = 0.0

    @classmethod
    def parse(cls, text: str) -> 'Latency':
        """Read `200`, `normal:200:30` or `uniform:100:300`.

        Raises:
            FieldError: none of these forms, or numbers that make no delay.
        """
        kind, *numbers = text.split(':') if ':' in text else ('fixed', text)
        try:
            a, b = (float(numbers[0]), 0.0) if len(numbers) == 1 else map(float, numbers)
        except ValueError:
            raise FieldError('latency_ms', f'{FORMS}, got {text!r}') from None
        fits = {
            'fixed': len(numbers) == 1 and ':' not in text and a >= 0,
            'normal': len(numbers) == 2 and a >= 0 and b >= 0,
            'uniform': len(numbers) == 2 and 0 <= a <= b,
        }
        if not (math.isfinite(a) and math.isfinite(b) and fits.get(kind, False)):
            raise FieldError('latency_ms', f'{FORMS}, got {text!r}')
        return cls(kind, a, b)

    def __str__(self) -> str:
        return f'{self.a:g}' if self.kind == 'fixed' else f'{self.kind}:{self.a:g}:{self.b:g}'

    @property
    def none(self) -> bool:
        """Whether nothing is ever delayed."""
        return self.a == self.b == 0.0

    def draw_ns(self, rng: np.random.Generator) -> int:
        """Draw one delay in ns."""
        if self.kind == 'fixed':
            return round(self.a * MS)
        drawn = (
            rng.normal(self.a, self.b) if self.kind == 'normal' else rng.uniform(self.a, self.b)
        )
        return max(0, round(drawn * MS))
