"""Action heads over the shared trunk; each file names one, a checkpoint's `head` chooses it.

A head is a module built from (ModelSizes, horizon, axes) with
`losses(condition, rows, gripper, generator) -> dict` and
`plan(condition, start, sampler) -> (rows, gripper_logits)`.
"""

from vla_policy.core.config import ModelSizes
from vla_policy.core.heads.flow import FlowHead

NAMES = ('flow',)


def build(name: str, sizes: ModelSizes, horizon: int) -> FlowHead:
    """Return the head of that name.

    Raises:
        KeyError: there is none; `NAMES` lists them.
    """
    return {'flow': FlowHead}[name](sizes, horizon)
