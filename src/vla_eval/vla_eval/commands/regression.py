"""`./vla eval --baseline REPORT --fail-if CONDITION`: a run beside an earlier one, judged."""

import json
import sys
from argparse import ArgumentParser, Namespace
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from vla_cli import regression
from vla_cli.regression import Condition
from vla_eval.commands.request import Request
from vla_eval.core.errors import RequestError

KEY = 'baseline'  # of the report
REPORT = 'report.json'
DONE, FAILED = 0, 1


def add_options(parser: ArgumentParser) -> None:
    """Declare the options; `./vla` has checked the values."""
    parser.add_argument('--baseline', type=Path)
    parser.add_argument('--fail-if', type=regression.conditions, default=())


def attach(asked: Request, options: Namespace) -> Request:
    """Return the request whose report is compared with the baseline, where one is given."""
    if options.baseline is None:
        return asked
    old = regression.read(options.baseline)

    def compare(new: Mapping[str, Any]) -> dict[str, Any]:
        from vla_eval.core import baseline  # scipy takes a second

        return baseline.compare(old, new) | {'fail_if': _judged(options.fail_if, old, new)}

    return replace(asked, more={**asked.more, KEY: compare})


def status(asked: Request) -> int:
    """Return the exit status of a run that was done; say what fails it.

    Raises:
        RequestError: a condition is about a number that this run does not have.
    """
    if KEY not in asked.more:
        return DONE
    found = json.loads((asked.out / REPORT).read_text(encoding='utf-8'))[KEY]['fail_if']
    for entry in found:
        if entry['difference'] is None:
            key = Condition(entry['key'], entry['op'], entry['number']).key
            raise RequestError(
                f'--fail-if {entry["condition"]}: this run has no number at {key!r}'
            )
    met = [entry for entry in found if entry['met']]
    if met:
        said = '; '.join(
            f'{e["condition"]} is met: {e["difference"]:+.4g} ({e["baseline"]:.4g} to '
            f'{e["new"]:.4g})'
            for e in met
        )
        print(f'regression: {said}', file=sys.stderr)
    return FAILED if met else DONE


def _judged(
    asked: Sequence[Condition], old: Mapping[str, Any], new: Mapping[str, Any]
) -> list[dict[str, Any]]:
    return [_entry(condition, old, new) for condition in asked]


def _entry(condition: Condition, old: Mapping[str, Any], new: Mapping[str, Any]) -> dict[str, Any]:
    before, after = condition.number_in(old), condition.number_in(new)
    # decimal digits of a report: a difference of 0.05 is not less than one of 0.05
    apart = None if before is None or after is None else round(after - before, 9)
    return {
        'condition': str(condition),
        'key': condition.key,
        'op': condition.op,
        'number': condition.number,
        'baseline': before,
        'new': after,
        'difference': apart,
        'met': apart is not None and condition.met(apart),
    }
