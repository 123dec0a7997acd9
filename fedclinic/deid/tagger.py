"""The embedded small model: a two-layer convolutional tagger over words, from one weights file.

It knows a word by its hashed spelling, prefix, suffix, shape and dictionary entries, and its
neighbours up to eight words away. It was trained on synthetic notes only; see MODEL_CARD.md.
"""

import functools
import re
import zlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from importlib.resources import files

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
        """What the first layer makes of each token, shape `(tokens, width)`.

        Args:
            features: of each distinct word, shape `(distinct, 5)`.
            words: which of them each token is.
        """
        embedded = np.sum([table[features[:, i]] for i, table in enumerate(self.tables)], axis=0)
        return _relu(self._first_layer(embedded, words))

    def tags(self, hidden: Floats, asked: Indices) -> Floats:
        """Probability of each tag of the tokens `asked`, shape `(asked, tags)`."""
        deeper = _relu(_window(hidden, SECOND_OFFSETS, asked) @ self.second[0] + self.second[1])
        scores = deeper @ self.output[0] + self.output[1]
        exponentials = np.exp(scores - scores.max(axis=1, keepdims=True))
        return np.asarray(exponentials / exponentials.sum(axis=1, keepdims=True))

    def _first_layer(self, words: Floats, places: Indices) -> Floats:
        """The first convolution, multiplied once for each distinct word and added by place."""
        width, tokens = words.shape[1], len(places)
        weights, bias = self.first
        total = np.tile(bias, (tokens, 1))
        for number, offset in enumerate(FIRST_OFFSETS):
            part = words @ weights[number * width : (number + 1) * width]
            first, last = max(0, -offset), min(tokens, tokens - offset)
            if first < last:
                total[first:last] += part[places[first + offset : last + offset]]
        return np.asarray(total)


def _relu(values: Floats) -> Floats:
    return np.maximum(values, 0)


def _window(values: Floats, offsets: Sequence[int], rows: Indices) -> Floats:
    """Chosen rows beside those at `offsets` from them, zeros outside; `(rows, width * offsets)`."""
    reach = max(offsets)
    padded = np.pad(values, ((reach, reach), (0, 0)))
    beside = rows[:, None] + np.asarray(offsets) + reach
    return np.asarray(padded[beside].reshape(len(rows), len(offsets) * values.shape[1]))


def tokenize(text: str) -> list[tuple[int, int]]:
    """Where each word, number, mark and line break of `text` stands."""
    return [match.span() for match in _TOKEN.finditer(text)]


class Features:
    """Turns tokens into table rows and remembers each spelling that it has seen."""

    def __init__(self, lexicon: Lexicon) -> None:
        self.lexicon = lexicon
        self._rows: dict[str, tuple[int, ...]] = {}

    def rows(self, tokens: Sequence[str]) -> Indices:
        """Features of shape `(tokens, 5)`."""
        if len(self._rows) > 200_000:
            self._rows.clear()
        known = self._rows
        found = []
        for token in tokens:
            row = known.get(token)
            if row is None:
                row = known[token] = self._row(token)
            found.append(row)
        return np.asarray(found, dtype=np.int64).reshape(len(found), len(FEATURE_ROWS))

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
