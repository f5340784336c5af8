"""Action heads over the shared trunk; each file names one, a checkpoint's `head` chooses it.

A head is a module built from (ModelSizes, horizon, rtc_max_delay) with
`losses(condition, rows, gripper, generator) -> dict` and
`plan(condition, start, sampler, guidance) -> (rows, gripper_logits)`.
"""

from vla_policy.core.config import ModelSizes
from vla_policy.core.heads.flow import FlowHead

NAMES = ('flow',)


def build(name: str, sizes: ModelSizes, horizon: int, rtc_max_delay: int = 0) -> FlowHead:
    """Return the head of that name.

    Raises:
        KeyError: there is none; `NAMES` lists them.
    """
    return {'flow': FlowHead}[name](sizes, horizon, rtc_max_delay)
