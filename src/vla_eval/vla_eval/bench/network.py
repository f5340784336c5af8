"""`./vla bench network`: the policy behind a network that is cut, slow and lossy."""

from collections.abc import Sequence

import numpy as np

from vla_eval.bench import BenchOptions, Row
from vla_eval.bench._live import Live, LiveError, follows_newer, ns, running
from vla_eval.bench._network.namespaces import Link, apart
from vla_eval.bench._screen import Screen
from vla_eval.bench._tally import Tally
from vla_sim.core import seeds

CUTS_S = (0.1, 1.0, 10.0)
TIMES, QUICK_TIMES = 5, 1
QUALITY = {'': (0.0, 0.0), '_lossy': (20.0, 0.01)}  # delay, ms; share of frames that are lost
CHUNK_S = 1.6  # what is planned ahead: a longer cut is a silence
TASK = 'place'
LATEST_S = 1.0  # after the first motion
BACK_S = 30.0


def run(options: BenchOptions, screen: Screen) -> list[Row]:
    """See `vla_eval.bench`; the policy is the shipped checkpoint, on the far side."""
    return measure(options, 'flow', CUTS_S, QUICK_TIMES if options.quick else TIMES, screen)


def measure(
    options: BenchOptions,
    policy: str,
    cuts_s: Sequence[float],
    times: int,
    screen: Screen | None = None,
) -> list[Row]:
    """Cut the link for each of these times, so often, clean and lossy; return the rows.

    The middleware of a process reads its transport profile once: this one must not have used
    another before.
    """
    screen, rows = screen or Screen(), list[Row]()
    arguments = {'policy': policy, 'transport': 'lan'}
    with apart(options.seed) as (link, far), running(options, arguments, {'policy': far}) as live:
        for kind, quality in QUALITY.items():
            link.heal(*quality)
            for seconds in cuts_s:
                name = f'cut_{seconds:g}s{kind}'
                rng, tally = seeds.stream(options.seed, 'cuts', name), Tally()
                with screen.part(name, times) as part:
                    for _ in range(times):
                        cut(live, link, seconds, quality, rng, tally)
                        back = f'back after {tally.back_s[-1]:.2f} s' if tally.back_s else ''
                        part.advance(note=tally.problems[-1] if tally.problems else back)
                rows += _rows(name, seconds, tally)
    return rows


def cut(
    live: Live,
    link: Link,
    seconds: float,
    quality: tuple[float, float],
    rng: np.random.Generator,
    tally: Tally,
) -> None:
    """Cut the link once in motion, and wait until the robot moves on after it has healed.

    Args:
        live: The graph across the link.
        link: Between the policy and the rest.
        seconds: How long it is cut.
        quality: Delay in ms and share of frames lost, before and after.
        rng: When it is cut, and in which scene.
        tally: Where it is noted.
    """
    tally.times += 1
    cut_ns = 0
    with live.hearing() as heard:
        try:
            live.begin_and_move(TASK, int(rng.integers(2**62)), heard)
            moment_ns = ns(heard.commands[-1]) + int(rng.uniform(0.0, LATEST_S) * 1e9)
            live.until(lambda: ns(heard.commands[-1]) >= moment_ns, 'the moment of the cut')
            link.cut()
            cut_ns = ns(heard.joints[-1])
            healed_ns = cut_ns + int(seconds * 1e9)
            live.until(lambda: ns(heard.joints[-1]) >= healed_ns, 'the end of the cut')
            link.heal(*quality)
            live.until(lambda: follows_newer(heard, healed_ns), 'the robot moving on', BACK_S)
            tally.back_s.append((ns(heard.commands[-1]) - healed_ns) / 1e9)
        except LiveError as error:
            tally.problems.append(str(error))
        finally:
            link.heal(*quality)
    if cut_ns:
        tally.note(live, heard, cut_ns)


def _rows(name: str, seconds: float, tally: Tally) -> list[Row]:
    rows = tally.rows(name)
    if tally.back_s:
        rows.append(Row(f'{name}_back_s', max(tally.back_s), 's'))
    if seconds > CHUNK_S:
        rows.append(
            Row.judged(
                f'{name}_silence',
                float(tally.silences),
                f'of {tally.times}',
                least=float(tally.times),
                better='higher',
            )
        )
    return rows
