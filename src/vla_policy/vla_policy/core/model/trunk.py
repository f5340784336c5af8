"""Words, pictures and state to one condition vector per sentence."""

from collections.abc import Mapping
from dataclasses import dataclass

import torch
from torch import Tensor, nn

from vla_policy.core.config import ModelSizes
from vla_policy.core.model.text_encoder import TextEncoder
from vla_policy.core.model.vision import Gaze, PatchEncoder, tokens_along


@dataclass(frozen=True)
class Condition:
    """What the trunk makes of B pictures and S sentences each.

    Attributes:
        vector: (B, S, condition) what action heads plan from.
        looks: Camera key -> (B, S, Q, T) logits over that camera's tokens.
        positions: (B, S, 6) named object and plate relative to the tool, normalised.
    """

    vector: Tensor
    looks: dict[str, Tensor]
    positions: Tensor


class Trunk(nn.Module):
    """Vision-language trunk that every action head shares.

    Args:
        sizes: Widths and depths.
        words: Size of the vocabulary.
        cameras: Camera key -> (height, width) in pixels.
        state: Width of the state features.
    """

    def __init__(
        self, sizes: ModelSizes, words: int, cameras: Mapping[str, tuple[int, int]], state: int
    ):
        super().__init__()
        self.sizes = sizes
        self.text = TextEncoder(
            words, sizes.text_length, sizes.text_width, sizes.text_blocks, sizes.text_heads
        )
        self.eyes = nn.ModuleDict(
            {key: PatchEncoder(sizes.vision_stem, sizes.vision_width) for key in cameras}
        )
        self.gazes = nn.ModuleDict(
            {
                key: Gaze(
                    sizes.vision_width,
                    tokens_along(height),
                    tokens_along(width),
                    sizes.look_features,
                )
                for key, (height, width) in cameras.items()
            }
        )
        self.ask = nn.Sequential(
            nn.Linear(sizes.text_width, sizes.condition),
            nn.GELU(),
            nn.Linear(sizes.condition, len(cameras) * sizes.queries * sizes.vision_width),
        )
        seen = len(cameras) * sizes.queries * (3 + sizes.look_features)
        self.fuse = nn.Sequential(
            nn.Linear(seen + state + sizes.text_width, sizes.hidden),
            nn.LayerNorm(sizes.hidden),
            nn.GELU(),
            nn.Linear(sizes.hidden, sizes.condition),
            nn.LayerNorm(sizes.condition),
        )
        self.locate = nn.Sequential(
            nn.Linear(sizes.condition, sizes.condition), nn.GELU(), nn.Linear(sizes.condition, 6)
        )

    def read(self, tokens: Tensor) -> Tensor:
        """Return (U, text_width) for U sentences (U, length)."""
        return self.text(tokens)

    def forward(self, images: Mapping[str, Tensor], state: Tensor, words: Tensor) -> Condition:
        """Condition S sentences on each of B pictures; pictures are encoded once each.

        Args:
            images: Camera key -> (B, 3, height, width) in 0..1.
            state: (B, state) normalised features.
            words: (B, S, text_width), sentences from `read`.
        """
        b, s, _ = words.shape
        q, width = self.sizes.queries, self.sizes.vision_width
        asked = self.ask(words).view(b, s, len(self.eyes), q, width)
        parts, looks = [], {}
        for i, (key, eye) in enumerate(self.eyes.items()):
            queries = asked[:, :, i].reshape(b, s * q, width)
            seen, logits = self.gazes[key](eye(images[key]), queries)
            looks[key] = logits.view(b, s, q, -1)
            parts.append(seen.view(b, s, -1))
        parts += [state[:, None].expand(b, s, -1), words.float()]
        vector = self.fuse(torch.cat(parts, -1))
        return Condition(vector, looks, self.locate(vector).float())
