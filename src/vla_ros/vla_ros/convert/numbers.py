"""Lists of numbers and names in messages, checked."""

from collections.abc import Iterable, Sequence

import numpy as np

from vla_ros.errors import MessageError


def vector(data: Sequence[float], field: str, length: int | None = None) -> np.ndarray:
    """Return (N,) finite float64, N = `length` where given; shares memory with the message."""
    try:
        values = np.asarray(data, np.float64)
    except (TypeError, ValueError):
        raise MessageError(field, 'a list of numbers expected') from None
    if values.ndim != 1 or (length is not None and len(values) != length):
        raise MessageError(field, f'{length} numbers expected, got {values.size}')
    if not np.isfinite(values).all():
        bad = int(np.flatnonzero(~np.isfinite(values))[0])
        raise MessageError(field, f'finite numbers expected, got {values[bad]} at index {bad}')
    return values


def names(
    values: Iterable[str], field: str, known: Sequence[str] | None = None
) -> tuple[str, ...]:
    """Return unique, non-empty names; exactly `known`, in its order, where that is given."""
    found = tuple(values)
    for i, name in enumerate(found):
        if not name:
            raise MessageError(f'{field}[{i}]', 'a name expected, got an empty string')
        if name in found[:i]:
            raise MessageError(f'{field}[{i}]', f'unique names expected, got {name!r} twice')
        if known is not None and name not in known:
            problem = f'unknown name {name!r}; one of {", ".join(known)} expected'
            raise MessageError(f'{field}[{i}]', problem)
    if known is not None and found != tuple(known):
        expected, got = ', '.join(known), ', '.join(found) or 'none'
        raise MessageError(field, f'{expected} expected, in this order, got {got}')
    return found


def check_digest(value: str, expected: str | None) -> None:
    """Refuse a message of another contract, where it is known which is expected."""
    if expected is not None and value != expected:
        got = f'{value[:12]}... of another contract' if value else 'none'
        raise MessageError('contract_digest', f'{expected[:12]}... expected, got {got}')
