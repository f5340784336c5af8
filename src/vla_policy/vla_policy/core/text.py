"""Words to numbers: a vocabulary of whole words, fixed length, unknown words as one token."""

import re
from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np

from vla_core.errors import FieldError

PAD, UNKNOWN = 0, 1
SPECIAL = ('<pad>', '<unk>')


class TextError(FieldError):
    """A vocabulary is malformed."""


def words_of(text: str) -> list[str]:
    """Return the lower-case words of a sentence; punctuation separates and is dropped."""
    return re.findall(r"[a-z0-9]+(?:'[a-z]+)?", text.lower())


@dataclass(frozen=True)
class Tokenizer:
    """Maps sentences to rows of numbers.

    Attributes:
        vocabulary: Words by number; the first two are `<pad>` and `<unk>`.
        length: Tokens per sentence; longer sentences are cut, shorter ones padded.
    """

    vocabulary: tuple[str, ...]
    length: int

    def __post_init__(self) -> None:
        if self.vocabulary[:2] != SPECIAL:
            raise TextError('vocabulary', f'{SPECIAL} expected first, got {self.vocabulary[:2]}')
        if len(set(self.vocabulary)) != len(self.vocabulary):
            raise TextError('vocabulary', 'each word once expected')
        if self.length < 1:
            raise TextError('length', f'1 or more tokens expected, got {self.length}')

    @classmethod
    def from_texts(cls, texts: Iterable[str], length: int) -> 'Tokenizer':
        """Build the vocabulary of sentences, words in alphabetical order."""
        words = sorted({word for text in texts for word in words_of(text)})
        return cls((*SPECIAL, *words), length)

    def encode(self, text: str) -> np.ndarray:
        """Return (length,) int64 token numbers."""
        number = {word: i for i, word in enumerate(self.vocabulary)}
        tokens = [number.get(word, UNKNOWN) for word in words_of(text)][: self.length]
        row = np.full(self.length, PAD, np.int64)
        row[: len(tokens)] = tokens
        return row

    def unknown(self, text: str) -> list[str]:
        """Return the words of a sentence that the vocabulary lacks."""
        known = set(self.vocabulary)
        return [word for word in words_of(text) if word not in known]
