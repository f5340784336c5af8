"""How long after its observation a chunk reaches the executor, in virtual time."""

import math
from dataclasses import dataclass

import numpy as np

from vla_core.timing import MS
from vla_eval.core.errors import RequestError

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
        """Read the forms of `--latency-ms`.

        Raises:
            RequestError: neither of them, or numbers that make no delay.
        """
        kind, *numbers = text.split(':') if ':' in text else ('', text)
        try:
            a, b = (float(numbers[0]), 0.0) if len(numbers) == 1 else map(float, numbers)
        except ValueError:
            raise RequestError(f'latency {text!r}: {FORMS}') from None
        fits = {
            '': len(numbers) == 1 and a >= 0,
            'normal': len(numbers) == 2 and a >= 0 and b >= 0,
            'uniform': len(numbers) == 2 and 0 <= a <= b,
        }
        if not (math.isfinite(a) and math.isfinite(b) and fits.get(kind, False)):
            raise RequestError(f'latency {text!r}: {FORMS}')
        return cls(kind or 'fixed', a, b)

    def __str__(self) -> str:
        return f'{self.a:g}' if self.kind == 'fixed' else f'{self.kind}:{self.a:g}:{self.b:g}'

    def draw_ns(self, rng: np.random.Generator) -> int:
        """Draw one delay in ns."""
        if self.kind == 'fixed':
            return round(self.a * MS)
        drawn = (
            rng.normal(self.a, self.b) if self.kind == 'normal' else rng.uniform(self.a, self.b)
        )
        return max(0, round(drawn * MS))
