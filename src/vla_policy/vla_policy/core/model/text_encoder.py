"""A sentence to one vector: embeddings, transformer blocks, mean over its words."""

import torch
from torch import Tensor, nn

from vla_policy.core.text import PAD


class TextEncoder(nn.Module):
    """Pre-norm transformer over word embeddings (Vaswani et al. 2017, learned positions).

    Args:
        words: Size of the vocabulary.
        length: Tokens per sentence.
        width: Of embeddings and of the result.
        blocks: Transformer blocks.
        heads: Attention heads.
    """

    def __init__(self, words: int, length: int, width: int, blocks: int, heads: int):
        super().__init__()
        self.embedding = nn.Embedding(words, width, padding_idx=PAD)
        self.position = nn.Parameter(torch.randn(length, width) * 0.02)
        self.blocks = nn.ModuleList(Block(width, heads) for _ in range(blocks))
        self.norm = nn.LayerNorm(width)

    def forward(self, tokens: Tensor) -> Tensor:
        """Return (N, width) for tokens (N, at most length); padding changes nothing."""
        there = tokens != PAD
        there[:, 0] = True  # a sentence without words still attends to something
        x = self.embedding(tokens) + self.position[: tokens.shape[1]]
        for block in self.blocks:
            x = block(x, there)
        weight = there.unsqueeze(-1).to(x.dtype)
        return self.norm((x * weight).sum(1) / weight.sum(1))


class Block(nn.Module):
    """Self-attention and an MLP, each with a residual."""

    def __init__(self, width: int, heads: int):
        super().__init__()
        self.heads = heads
        self.norm_attention = nn.LayerNorm(width)
        self.qkv = nn.Linear(width, 3 * width)
        self.project = nn.Linear(width, width)
        self.mlp = nn.Sequential(
            nn.LayerNorm(width),
            nn.Linear(width, 4 * width),
            nn.GELU(),
            nn.Linear(4 * width, width),
        )

    def forward(self, x: Tensor, there: Tensor) -> Tensor:
        """Return (N, L, width); `there` (N, L) marks the words that may be attended to."""
        n, length, width = x.shape
        qkv = self.qkv(self.norm_attention(x)).view(n, length, 3, self.heads, width // self.heads)
        q, k, v = qkv.permute(2, 0, 3, 1, 4)
        # written out: for a dozen words the fused kernel's backward pass is many times slower
        logits = (q @ k.transpose(-1, -2)).float() * q.shape[-1] ** -0.5
        weights = logits.masked_fill(~there[:, None, None, :], -torch.inf).softmax(-1)
        mixed = weights.to(v.dtype) @ v
        x = x + self.project(mixed.transpose(1, 2).reshape(n, length, width))
        return x + self.mlp(x)
