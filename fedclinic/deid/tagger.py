"""The embedded small model: a two-layer convolutional tagger over words, from one weights file.

It knows a word by its hashed spelling, prefix, suffix, shape and dictionary entries, and its
neighbours up to eight words away. It was trained on synthetic notes only; see MODEL_CARD.md.
"""

import functools
import re
import zlib
from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from importlib.resources import files
from itertools import chain

import numpy as np
import numpy.typing as npt
from safetensors.numpy import load

from fedclinic.deid.kinds import EntityKind
from fedclinic.deid.lexicon import Lexicon
from fedclinic.digest import digest_bytes
from fedclinic.errors import ModelError
from fedclinic.records import Digest

Floats = npt.NDArray[np.float32]
Indices = npt.NDArray[np.int64]

TAGS: tuple[str, ...] = (
    "O",
    EntityKind.PERSON,
    EntityKind.LOCATION,
    EntityKind.ORGANIZATION,
    EntityKind.DATE_TIME,
    EntityKind.PHONE_NUMBER,
    EntityKind.OTHER_ID,
)
FEATURE_ROWS = (16_384, 4096, 4096, 1024, 512)
"""Rows of the tables for spelling, prefix, suffix, shape and dictionary entries."""
FIRST_OFFSETS = (-2, -1, 0, 1, 2)
SECOND_OFFSETS = (-6, -3, 0, 3, 6)
_REACH = max(SECOND_OFFSETS)
_SECOND_PLACES = _REACH + np.array(SECOND_OFFSETS)
_TOKEN = re.compile(r"[^\W\d_]+(?:['’][^\W\d_]+)*|\d+|[^\w\s]|_+|\n+")


@dataclass(frozen=True)
class Tagger:
    """The weights; tables have shape `(rows, width)`, layers `(inputs, outputs)`."""

    tables: tuple[Floats, ...] = field(repr=False)
    first: tuple[Floats, Floats] = field(repr=False)
    second: tuple[Floats, Floats] = field(repr=False)
    output: tuple[Floats, Floats] = field(repr=False)
    digest: Digest

    def probabilities(self, features: Indices) -> Floats:
        """Probability of each tag of each token, shape `(tokens, tags)`."""
        tokens = np.arange(len(features), dtype=np.int64)
        return self.tags(self.hidden(features, tokens), tokens)

    def hidden(self, features: Indices, words: Indices) -> Floats:
        """What the first layer makes of each token, between zeros for what is outside the text.

        The result has shape `(reach + tokens + reach, width)`, where the second layer looks as far
        as `reach`. Each distinct word is multiplied once and added by place.

        Args:
            features: of each distinct word, shape `(distinct, 5)`.
            words: which of them each token is.
        """
        embedded = np.sum([table[features[:, i]] for i, table in enumerate(self.tables)], axis=0)
        weights, bias = self.first
        width, tokens = embedded.shape[1], len(words)
        padded = np.zeros((_REACH + tokens + _REACH, len(bias)), dtype=np.float32)
        total = padded[_REACH : _REACH + tokens]
        total += bias
        for number, offset in enumerate(FIRST_OFFSETS):
            part = embedded @ weights[number * width : (number + 1) * width]
            first, last = max(0, -offset), min(tokens, tokens - offset)
            if first < last:
                total[first:last] += part[words[first + offset : last + offset]]
        return np.maximum(padded, 0, out=padded)

    def tags(self, hidden: Floats, asked: Indices) -> Floats:
        """Probability of each tag of the tokens `asked`, shape `(asked, tags)`."""
        beside = hidden[asked[:, None] + _SECOND_PLACES].reshape(len(asked), -1)
        deeper = np.maximum(beside @ self.second[0] + self.second[1], 0)
        scores = deeper @ self.output[0] + self.output[1]
        exponentials = np.exp(scores - scores.max(axis=1, keepdims=True))
        return np.asarray(exponentials / exponentials.sum(axis=1, keepdims=True))


def tokenize(text: str) -> list[tuple[int, int]]:
    """Where each word, number, mark and line break of `text` stands."""
    return [match.span() for match in _TOKEN.finditer(text)]


class Features:
    """Turns tokens into table rows and remembers each spelling that it has seen."""

    def __init__(self, lexicon: Lexicon) -> None:
        self.lexicon = lexicon
        self._known = functools.lru_cache(maxsize=200_000)(self._row)

    def rows(self, tokens: Collection[str]) -> Indices:
        """Features of shape `(tokens, 5)`."""
        rows = chain.from_iterable(map(self._known, tokens))
        shape = len(tokens), len(FEATURE_ROWS)
        return np.fromiter(rows, np.int64, shape[0] * shape[1]).reshape(shape)

    def _row(self, token: str) -> tuple[int, ...]:
        lowered = token.lower().replace("’", "'")
        spelling = f"#{len(lowered)}" if lowered.isdecimal() else lowered
        features = (spelling, lowered[:3], lowered[-3:], _shape(token))
        rows = [
            zlib.crc32(f"{index}{feature}".encode()) % FEATURE_ROWS[index]
            for index, feature in enumerate(features)
        ]
        return (*rows, self._entries(lowered))

    def _entries(self, word: str) -> int:
        """Which dictionaries hold a word, as bits."""
        known = self.lexicon
        base = word.removesuffix("'s")
        rank = known.family_rank.get(base)
        surname = 0 if rank is None else 1 if rank > 20_000 else 2 if rank > 2000 else 3
        return (
            (base in known.given)
            | surname << 1
            | (base in known.places) << 3
            | (base in known.place_starts) << 4
            | (base in known.ordinary) << 5
            | (base in known.eponyms) << 6
            | (base in known.never) << 7
        )


def _shape(token: str) -> str:
    if not token[0].isalnum():
        return token[:2]
    if token.isdecimal():
        number = int(token) if len(token) <= 4 else 0
        kind = (
            "m"
            if 1 <= number <= 12
            else "d"
            if number <= 31
            else "y"
            if 1900 <= number <= 2100
            else "n"
        )
        return f"{len(token)}{kind}"
    case = "u" if token.isupper() else "l" if token.islower() else "t" if token.istitle() else "x"
    return f"{case}{min(len(token), 12)}{'a' if token.isascii() else 'f'}"


@functools.lru_cache(maxsize=1)
def embedded_tagger() -> Tagger:
    """Load the weights that ship with the package, once a process."""
    return read_tagger(
        (files("fedclinic.deid") / "tagger_data" / "tagger.safetensors").read_bytes()
    )


def read_tagger(content: bytes) -> Tagger:
    """Read weights in the safetensors format.

    Raises:
        ModelError: if a tensor is missing or has another shape.
    """
    weights: Mapping[str, npt.NDArray[np.generic]] = load(content)
    try:
        tables = tuple(_floats(weights[f"table{index}"]) for index in range(len(FEATURE_ROWS)))
        layers = [
            (_floats(weights[f"{name}.weight"]), _floats(weights[f"{name}.bias"]))
            for name in ("first", "second", "output")
        ]
    except KeyError as error:
        raise ModelError(f"the tagger's weights have no tensor {error}") from None
    if tuple(len(table) for table in tables) != FEATURE_ROWS or len(layers[2][1]) != len(TAGS):
        raise ModelError("the tagger's weights have other shapes than its code")
    return Tagger(tables, layers[0], layers[1], layers[2], digest_bytes(content))


def _floats(values: npt.NDArray[np.generic]) -> Floats:
    return values.astype(np.float32)
