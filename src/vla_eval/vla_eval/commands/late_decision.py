"""Makes the checkpoint of the late decision anew: demonstrations and training, two minutes."""

import os
import sys
from argparse import ArgumentParser
from pathlib import Path

import torch

from vla_core.errors import VlaError
from vla_eval.core import late_training
from vla_eval.core.comparison import CHECKPOINT
from vla_eval.core.late_training import LateTraining


def main(argv: list[str]) -> int:
    """Return the exit status."""
    root = Path(os.environ.get('VLA_ROOT', '.')).resolve()
    parser = ArgumentParser(prog='late_decision', description=__doc__, allow_abbrev=False)
    parser.add_argument('--out', type=Path, default=root / 'checkpoints' / CHECKPOINT)
    parser.add_argument('--seed', type=int, default=LateTraining.seed)
    given = parser.parse_args(argv)
    torch.set_num_threads(1)  # sums keep their order
    settings = LateTraining(seed=given.seed)
    try:
        late_training.train(
            settings,
            given.out,
            lambda step, loss: print(f'step {step}/{settings.steps}, loss {loss:.4f}'),
        )
    except VlaError as error:
        print(error, file=sys.stderr)
        return 1
    print(given.out)
    return 0


if __name__ == '__main__':
    sys.exit(main(sys.argv[1:]))
