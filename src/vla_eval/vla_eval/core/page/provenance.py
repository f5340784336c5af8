"""Where the figures come from."""

from collections.abc import Mapping

from vla_eval.core.page import markup
from vla_eval.core.page.run import Run


def section(run: Run) -> str:
    """Return code, contract, checkpoint, seed, command and machine."""
    rows: list[tuple[object, ...]] = []
    for key, value in run.report['provenance'].items():
        if isinstance(value, Mapping):
            rows += [(f'{key}: {k}', v if v is not None else 'none') for k, v in value.items()]
        else:
            rows.append((key, markup.Code(value) if key in ('command', 'commit') else value))
    return markup.section('Where these figures come from', markup.table(('', ''), rows))
