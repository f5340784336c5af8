"""Seeds: where every random number of an episode comes from."""

import zlib

import numpy as np

PURPOSES = ('evaluation', 'demonstration')
TOP = 2**63


def episode_seed(run_seed: int, task: str, index: int, purpose: str = 'evaluation') -> int:
    """Return the seed of one episode.

    The lowest bit says the purpose, so that no demonstration is ever an evaluation.

    Args:
        run_seed: Seed of the run, >= 0.
        task: Name of the task.
        index: Number of the episode within its task, >= 0.
        purpose: `evaluation` or `demonstration`.

    Returns:
        0 <= seed < 2**63.
    """
    if purpose not in PURPOSES:
        raise ValueError(f'purpose {purpose!r}: one of {", ".join(PURPOSES)} expected')
    sequence = np.random.SeedSequence([run_seed, _code(task), index])
    drawn = int(sequence.generate_state(1, np.uint64)[0]) >> 2
    return 2 * drawn + PURPOSES.index(purpose)


def stream(seed: int, *names: str | int) -> np.random.Generator:
    """Return the generator of one use of a seed; other uses do not move it.

    Args:
        seed: 0 <= seed < 2**63.
        names: What the numbers are for.
    """
    if not 0 <= seed < TOP:
        raise ValueError(f'seed {seed}: 0 <= seed < 2**63 expected')
    codes = [_code(name) if isinstance(name, str) else name for name in names]
    return np.random.default_rng(np.random.SeedSequence([seed, *codes]))


def _code(word: str) -> int:
    return zlib.crc32(word.encode())
