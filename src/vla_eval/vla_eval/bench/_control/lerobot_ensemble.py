"""Times LeRobot's ACTTemporalEnsembler; run by the Python of `.vla/peers/lerobot`.

Answers each line `COUNT HORIZON WIDTH M` on standard input with a JSON list of microseconds.
"""

import contextlib
import gc
import json
import sys
import time

import torch

# torchvision's compiled operators do not load beside this torch; ACT's ensembler needs none of
# them, its module's imports only that they are declared.
library = torch.library.Library('torchvision', 'FRAGMENT')
for operator in ('nms', 'qnms'):
    with contextlib.suppress(RuntimeError):
        library.define(f'{operator}(...) -> ...')

from lerobot.policies.act.modeling_act import ACTTemporalEnsembler  # noqa: E402

torch.set_num_threads(1)


@torch.inference_mode()
def measure(count: int, horizon: int, width: int, m: float) -> list[float]:
    """Return what each of `count` updates took, us, once as many chunks overlap as can."""
    ensembler = ACTTemporalEnsembler(m, horizon)
    chunks = [torch.randn(1, horizon, width) for _ in range(32)]
    for k in range(2 * horizon):
        ensembler.update(chunks[k % 32])
    took = []
    gc.collect()
    gc.disable()
    for k in range(count):
        begin = time.perf_counter_ns()
        ensembler.update(chunks[k % 32])
        took.append((time.perf_counter_ns() - begin) / 1e3)
    gc.enable()
    return took


for line in sys.stdin:
    words = line.split()
    answer = measure(*map(int, words[:3]), float(words[3])) if words else []
    sys.stdout.write(json.dumps(answer) + '\n')
    sys.stdout.flush()
