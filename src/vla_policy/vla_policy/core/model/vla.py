"""The whole network: the shared trunk and one action head."""

from collections.abc import Mapping

from torch import nn

from vla_policy.core import heads
from vla_policy.core.config import PolicyConfig
from vla_policy.core.features import STATE_FEATURES
from vla_policy.core.model.trunk import Trunk


class VlaModel(nn.Module):
    """Trunk and head as one set of weights.

    Args:
        config: What the checkpoint's config.yaml says.
    """

    def __init__(self, config: PolicyConfig):
        super().__init__()
        cameras: Mapping[str, tuple[int, int]] = config.cameras
        self.trunk = Trunk(config.sizes, len(config.vocabulary), cameras, len(STATE_FEATURES))
        self.head = heads.build(config.head, config.sizes, config.horizon, config.rtc_max_delay)
