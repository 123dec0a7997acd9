"""The embedded small model: a two-layer convolutional tagger over words, from one weights file.

It knows a word by its hashed spelling, prefix, suffix, shape and dictionary entries, and its
neighbours up to eight words away. It was trained on synthetic notes only; see MODEL_CARD.md.
"""

import functools
import re
import zlib
from bisect import bisect_left
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from importlib.resources import files

import numpy as np
import numpy.typing as npt
from safetensors.numpy import load

from fedclinic.deid.kinds import EntityKind
from fedclinic.deid.lexicon import Lexicon
from fedclinic.digest import digest_bytes
from fedclinic.errors import ModelError
from fedclinic.notes import Span
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
_TAG_OF = {tag: index for index, tag in enumerate(TAGS)} | {
    EntityKind.FAX_NUMBER: TAGS.index(EntityKind.PHONE_NUMBER)
}
_OTHER_TAG = TAGS.index(EntityKind.OTHER_ID)
FEATURE_ROWS = (16_384, 4096, 4096, 1024, 512)
"""Rows of the tables for spelling, prefix, suffix, shape and dictionary entries."""
FIRST_OFFSETS = (-2, -1, 0, 1, 2)
SECOND_OFFSETS = (-6, -3, 0, 3, 6)
_TOKEN = re.compile(r"[^\W\d_]+(?:['’][^\W\d_]+)*|\d+|[^\w\s]|_+|\n+")
_BORDER = 8
_MONTHS_THAT_ARE_WORDS = frozenset({"may", "march"})
"""In a line without capitals these keep their small letters."""


@dataclass(frozen=True)
class Tagger:
    """The weights; tables have shape `(rows, width)`, layers `(inputs, outputs)`."""

    tables: tuple[Floats, ...] = field(repr=False)
    first: tuple[Floats, Floats] = field(repr=False)
    second: tuple[Floats, Floats] = field(repr=False)
    output: tuple[Floats, Floats] = field(repr=False)
    digest: Digest

    def probabilities(
        self, features: Indices, words: Indices | None = None, asked: Indices | None = None
    ) -> Floats:
        """Probability of each tag, shape `(asked, tags)`.

        Args:
            features: of each distinct word, shape `(distinct, 5)`.
            words: which of them each token is; None: every row of `features` is a token.
            asked: the tokens whose probabilities are wanted; None: all of them.
        """
        if words is None:
            words = np.arange(len(features), dtype=np.int64)
        if asked is None:
            asked = np.arange(len(words), dtype=np.int64)
        embedded = np.sum([table[features[:, i]] for i, table in enumerate(self.tables)], axis=0)
        hidden = _relu(self._first_layer(embedded, words))
        hidden = _relu(_window(hidden, SECOND_OFFSETS, asked) @ self.second[0] + self.second[1])
        scores = hidden @ self.output[0] + self.output[1]
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
        self._lexicon = lexicon
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
        known = self._lexicon
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


def find_tagged(
    text: str,
    tagger: Tagger,
    features: Features,
    *,
    threshold: float,
    settled: Sequence[Span] | None = None,
    chunk_tokens: int = 4096,
) -> list[Span]:
    """Stretches of neighbouring tokens whose likeliest tag is the same identifier kind.

    A token counts when the probability that it is no identifier is at most `1 - threshold`; the
    span's score is the mean probability of being one. Long texts are read `chunk_tokens` at a time.

    Args:
        settled: what rules found, without overlaps and in order. Where it is given, the model is
            asked only of tokens outside it that stand near a capital or a digit, and stretches
            that hold nothing else are left out.
    """
    places = tokenize(text)
    tags = None if settled is None else _settled_tags(places, settled)
    found: list[Span] = []
    for first in range(0, len(places), chunk_tokens):
        skip = min(first, _BORDER)
        part = slice(first - skip, first + chunk_tokens + _BORDER)
        chunk = places[part]
        tokens = [text[start:end] for start, end in chunk]
        known = np.zeros(len(tokens), dtype=np.int64) if tags is None else tags[part]
        asked = np.arange(len(tokens), dtype=np.int64)
        if tags is not None:
            asked = _likely(tokens)
            asked = asked[known[asked] == 0]
        seen: dict[str, int] = {}
        words = [seen.setdefault(token, len(seen)) for token in tokens]
        probabilities = np.eye(len(TAGS), dtype=np.float32)[known]
        probabilities[asked] = tagger.probabilities(
            features.rows(list(seen)), np.asarray(words, dtype=np.int64), asked
        )
        stop = min(len(chunk), skip + chunk_tokens)
        found += [
            span
            for span, tokens_of in _spans(text, chunk[skip:stop], probabilities[skip:stop], threshold)
            if not known[skip:stop][tokens_of].all()
        ]
    return found


def _settled_tags(places: Sequence[tuple[int, int]], settled: Sequence[Span]) -> Indices:
    """The tag of each token that a settled span holds; 0 for the others, shape `(tokens,)`."""
    tags = np.zeros(len(places), dtype=np.int64)
    for span in settled:
        first = bisect_left(places, (span.start,))
        last = bisect_left(places, (span.end,), first)
        tags[first:last] = _TAG_OF.get(span.label, _OTHER_TAG)
    return tags


def _likely(tokens: Sequence[str]) -> Indices:
    """Tokens that begin with a capital or a digit, and those up to two places beside them."""
    likely = np.fromiter(
        (
            each[0].isupper() or each[0].isdigit() or each in _MONTHS_THAT_ARE_WORDS
            for each in tokens
        ),
        dtype=bool,
    )
    near = likely.copy()
    for distance in (1, 2):
        near[distance:] |= likely[:-distance]
        near[:-distance] |= likely[distance:]
    return np.flatnonzero(near).astype(np.int64)


def _spans(
    text: str, places: Sequence[tuple[int, int]], probabilities: Floats, threshold: float
) -> Iterator[tuple[Span, slice]]:
    """Each span with the tokens that it is made of."""
    sure = 1 - probabilities[:, 0]
    likeliest = 1 + probabilities[:, 1:].argmax(axis=1)
    likeliest[sure < threshold] = 0
    tags, surenesses = likeliest.tolist(), sure.tolist()
    last = 0
    for index in np.flatnonzero(likeliest).tolist():
        if index < last:
            continue
        tag, last = tags[index], index + 1
        while last < len(places) and tags[last] == tag and text[places[last][0]] != "\n":
            last += 1
        score = sum(surenesses[index:last]) / (last - index)
        span = Span(places[index][0], places[last - 1][1], TAGS[tag], score)
        yield span, slice(index, last)
