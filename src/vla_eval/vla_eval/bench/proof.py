"""`./vla bench proof`: a million rows of random and hostile chunks, and no command past a limit.

One case (`_proof/case.py`) is an executor and a plant under attack for a few seconds of ROS time.
Everything in it follows from (seed, robot, number), and a case that fails names them:
`python3 -m vla_eval.bench.proof ROBOT SEED NUMBER` repeats it.
"""

import sys
from collections.abc import Sequence
from pathlib import Path

from vla_eval.bench import BenchOptions, Row
from vla_eval.bench._proof import case as cases
from vla_eval.bench._proof.case import Case, CaseResult
from vla_eval.bench._screen import Screen
from vla_eval.core import pool

ROWS, QUICK_ROWS = 1_000_000, 60_000
_BATCH, _QUICK_BATCH = 12, 3  # cases per robot between two looks at the rows
_TOLD = 20  # failing cases that are printed
_TOLERANCE = 1e-6
_TOO_LONG_S = 1.0


def robots(root: Path) -> list[Path]:
    """Return the contracts of the robots: those of the suite, and those of the unit tests."""
    folders = (root / 'config' / 'robots', root / 'src/vla_control/test/unit/robots')
    return [path for folder in folders for path in sorted(folder.glob('*.yaml'))]


def run(options: BenchOptions, screen: Screen) -> list[Row]:
    """See `vla_eval.bench`."""
    wanted = QUICK_ROWS if options.quick else ROWS
    batch = _QUICK_BATCH if options.quick else _BATCH
    found, total = robots(options.root), CaseResult()
    number = told = 0
    with screen.part('rows', wanted, lines=10) as part:
        while total.let_in < wanted:
            jobs = [
                Case(robot, (options.seed, index, number + k))
                for k in range(batch)
                for index, robot in enumerate(found)
            ]
            number += batch
            for place, result in pool.run(cases.build, None, jobs, max(2, options.workers)):
                _join(total, result)
                part.advance(result.let_in, f'{total.commands} commands')
                if result.findings and told < _TOLD:
                    told += 1
                    screen.say(_words(jobs[place], result.findings))
    return _rows(total, wanted, len(found), number)


def _join(total: CaseResult, result: CaseResult) -> None:
    total.rows += result.rows
    total.let_in += result.let_in
    total.commands += result.commands
    total.followed += result.followed
    total.exceptions += result.exceptions
    total.unexplained += result.unexplained
    total.worst.join(result.worst)


def _words(case: Case, findings: Sequence[str]) -> str:
    seed, _, number = case.seed
    again = f'python3 -m vla_eval.bench.proof {case.robot} {seed} {number}'
    return f'{case.robot.stem}: {findings[0].strip()} ({len(findings)} findings)\n  {again}'


def _rows(total: CaseResult, wanted: int, robots: int, each: int) -> list[Row]:
    worst = total.worst
    seen = {
        'offered': total.rows,
        'commands': total.commands,
        'followed': total.followed,
        'robots': robots,
        'cases': each * robots,
    }
    rows = [
        Row.judged('proof_rows', total.let_in, 'rows', least=wanted, better='higher', more=seen),
        Row.judged('proof_position', worst.position_m, 'rad or m', most=0.0),
    ]
    for name, share in zip(('velocity', 'acceleration', 'jerk'), worst.rates, strict=True):
        rows.append(Row.judged(f'proof_{name}', share, 'of the limit', most=_TOLERANCE))
    return [
        *rows,
        Row.judged('proof_tool_speed', worst.tool_speed, 'of the limit', most=_TOLERANCE),
        Row.judged('proof_workspace', worst.workspace_m, 'm', most=_TOLERANCE),
        Row.judged('proof_exceptions', total.exceptions, '', most=0),
        Row.judged('proof_unexplained_holds', total.unexplained, '', most=0),
        Row.judged('proof_stop_s', worst.stop_s, 's', most=_TOO_LONG_S),
    ]


def main(argv: Sequence[str]) -> int:
    """Repeat one case: the path of a contract, the seed of the run, the case's number."""
    robot, seed, number = Path(argv[0]), int(argv[1]), int(argv[2])
    paths = [path.resolve() for path in robots(Path(argv[3]) if len(argv) > 3 else Path('.'))]
    index = paths.index(robot.resolve())
    result = cases.build(None)(Case(robot, (seed, index, number)))
    for finding in result.findings:
        sys.stdout.write(f'{finding}\n')
    sys.stdout.write(f'{result.let_in} rows, {result.commands} commands, {result.worst}\n')
    return bool(result.findings)


if __name__ == '__main__':
    sys.exit(main(sys.argv[1:]))
