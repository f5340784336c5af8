"""bench.json: the rows of a benchmark and where they come from."""

import json
import os
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from vla_eval.bench import Row

FILE = 'bench.json'


def as_values(row: Row) -> dict[str, Any]:
    """Return a row as plain values."""
    values: dict[str, Any] = {
        'id': row.id,
        'value': row.value,
        'unit': row.unit,
        'peer': row.peer,
        'peer_name': row.peer_name,
        'ratio': row.ratio,
        'target': row.target,
        'ok': row.ok,
        'better': row.better,
    }
    if row.curve is not None:
        values['curve'] = {
            'over': row.curve.over,
            'sizes': list(row.curve.sizes),
            'costs': list(row.curve.costs),
            'cost_unit': row.curve.cost_unit,
        }
    return values | dict(row.more)


def write(folder: Path, rows: Sequence[Row], provenance: Mapping[str, Any]) -> Path:
    """Write bench.json, whole or not at all; return its path.

    Raises:
        ValueError: two rows have the same id.
    """
    ids = [row.id for row in rows]
    if twice := sorted({i for i in ids if ids.count(i) > 1}):
        raise ValueError(f'each id once expected, got twice: {", ".join(twice)}')
    lines = ',\n'.join(f'    {json.dumps(as_values(row), allow_nan=False)}' for row in rows)
    source = json.dumps(provenance, indent=2, allow_nan=False).replace('\n', '\n  ')
    path = folder / FILE
    part = folder / f'{FILE}.part'
    with part.open('w', encoding='utf-8') as file:
        file.write(f'{{\n  "rows": [\n{lines}\n  ],\n  "provenance": {source}\n}}\n')
        file.flush()
        os.fsync(file.fileno())
    part.replace(path)
    return path
