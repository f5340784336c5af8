"""A picture to tokens, and words that look into it: queries with a soft arg-max each."""

import torch
from torch import Tensor, nn

KERNEL, STRIDE, PADDING = 6, 4, 1


def tokens_along(pixels: int) -> int:
    """Return how many tokens a picture side of that many pixels gives."""
    return (pixels + 2 * PADDING - KERNEL) // STRIDE + 1


class PatchEncoder(nn.Module):
    """Three convolutions: one token per 4 x 4 pixels, each seeing 22 x 22.

    Args:
        stem: Channels of the first convolution.
        width: Channels of the other two, and of the tokens.
    """

    def __init__(self, stem: int, width: int):
        super().__init__()
        self.layers = nn.Sequential(
            nn.Conv2d(3, stem, KERNEL, STRIDE, PADDING),
            nn.GroupNorm(8, stem),
            nn.GELU(),
            nn.Conv2d(stem, width, 3, padding=1),
            nn.GroupNorm(8, width),
            nn.GELU(),
            nn.Conv2d(width, width, 3, padding=1),
            nn.GroupNorm(8, width),
            nn.GELU(),
        )

    def forward(self, image: Tensor) -> Tensor:
        """Return (B, T, width) tokens, row by row, for (B, 3, height, width) in 0..1."""
        return self.layers(2.0 * image - 1.0).flatten(2).transpose(1, 2)


class Gaze(nn.Module):
    """Looks into one camera's tokens with Q queries.

    Each query's softmax over the tokens gives an expected place (x, y) in -1..1 (spatial soft
    arg-max, Levine et al. 2016, section 5.2), its peak logit, and a few features read there.

    Args:
        width: Of the tokens.
        height_tokens: Rows of tokens.
        width_tokens: Columns of tokens.
        features: Features read per query.
    """

    def __init__(self, width: int, height_tokens: int, width_tokens: int, features: int):
        super().__init__()
        self.key = nn.Linear(width, width)
        self.value = nn.Linear(width, features)
        y, x = torch.meshgrid(
            torch.linspace(-1.0, 1.0, height_tokens),
            torch.linspace(-1.0, 1.0, width_tokens),
            indexing='ij',
        )
        self.register_buffer('grid', torch.stack([x.flatten(), y.flatten()], 1), persistent=False)
        self.scale = width**-0.5

    def forward(self, tokens: Tensor, queries: Tensor) -> tuple[Tensor, Tensor]:
        """Look.

        Args:
            tokens: (B, T, width).
            queries: (B, Q, width).

        Returns:
            What was seen (B, Q, 3 + features), and the logits (B, Q, T) that say where.
        """
        exact = self.grid.dtype  # a place to a fraction of a token needs more than bfloat16
        keys, values = self.key(tokens).to(exact), self.value(tokens).to(exact)
        queries = queries.to(exact) * self.scale
        with torch.autocast(tokens.device.type, enabled=False):
            logits = queries @ keys.transpose(1, 2)
            weights = logits.softmax(-1)
            grid = self.grid.expand(len(tokens), -1, -1)
            read = weights @ torch.cat([grid, values], -1)
        # the peak again from its own key: differentiating a maximum over all tokens costs more
        best = logits.detach().argmax(-1, keepdim=True).expand(-1, -1, keys.shape[-1])
        peak = (queries * keys.gather(1, best)).sum(-1, keepdim=True)
        return torch.cat([read, 0.1 * peak], -1), logits
