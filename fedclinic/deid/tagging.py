"""Find identifiers with the embedded tagger: what it is asked of, and the spans that it answers."""

import functools
from bisect import bisect_left
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

import numpy as np

from fedclinic.deid.institution_words import is_naming
from fedclinic.deid.kinds import EntityKind
from fedclinic.deid.lexicon import Lexicon
from fedclinic.deid.tagger import TAGS, Features, Floats, Indices, Tagger, tokenize
from fedclinic.deid.word_lists import (
    FACILITY_WORDS,
    MONTHS_THAT_ARE_WORDS,
    NAMES_THAT_ARE_WORDS,
)
from fedclinic.notes import Span

_BORDER = 8
_TAG_OF = {tag: index for index, tag in enumerate(TAGS)} | {
    EntityKind.FAX_NUMBER: TAGS.index(EntityKind.PHONE_NUMBER)
}
_OTHER_TAG = TAGS.index(EntityKind.OTHER_ID)
_NAMES = frozenset(map(TAGS.index, ("PERSON", "LOCATION", "ORGANIZATION")))
_LONGEST_ABBREVIATION = 4
_BESIDE = np.array([-2, -1, 1, 2])


@dataclass(frozen=True)
class Tagging:
    """The model, and how a profile asks it."""

    tagger: Tagger = field(repr=False)
    features: Features = field(repr=False)
    threshold: float
    """A token counts when the probability that it is no identifier is at most `1 - threshold`."""
    narrow: bool = False
    """Whether it is asked only of words that may open an identifier, and what stands beside those
    that do."""
    chunk_tokens: int = 4096
    """How much of a long text is read at a time."""


def find_tagged(text: str, tagging: Tagging, settled: Sequence[Span] = ()) -> list[Span]:
    """Stretches of neighbouring tokens whose likeliest tag is the same identifier kind.

    The score is the mean probability of being one. `settled` is what rules found, without overlaps
    and in order: the model is not asked of it, and stretches that hold nothing else are left out.
    """
    chunk_tokens = tagging.chunk_tokens
    places = tokenize(text)
    tags = _settled_tags(places, settled)
    found: list[Span] = []
    for first in range(0, len(places), chunk_tokens):
        skip = min(first, _BORDER)
        part = slice(first - skip, first + chunk_tokens + _BORDER)
        known = tags[part]
        chunk = [text[start:end] for start, end in places[part]]
        probabilities = _probabilities(chunk, tagging, known)
        inner = slice(skip, min(len(chunk), skip + chunk_tokens))
        found += _spans(
            text, places[part][inner], probabilities[inner], tagging.threshold, known[inner]
        )
    return found


@functools.lru_cache(maxsize=50_000)
def may_open(token: str, lexicon: Lexicon) -> bool:
    """Tell whether a token can be the first sign of an identifier that no rule found.

    A word with other meanings can be where the gate would believe it.
    """
    if token[0].isdigit():
        return len(token) > 1
    if not token[0].isalpha() or len(token) == 1:
        return token[0].isupper()
    lowered = token.lower()
    is_word = lowered in lexicon.ordinary or lowered in lexicon.never
    if token[0].isupper():
        is_name_too = lowered in NAMES_THAT_ARE_WORDS or lowered in FACILITY_WORDS
        return not is_word or is_name_too or is_naming(lowered, lexicon)
    return not is_word or lowered in MONTHS_THAT_ARE_WORDS


def _settled_tags(places: Sequence[tuple[int, int]], settled: Sequence[Span]) -> Indices:
    """The tag of each token that a settled span holds; 0 for the others, shape `(tokens,)`."""
    tags = np.zeros(len(places), dtype=np.int64)
    for span in settled:
        first = bisect_left(places, (span.start,))
        last = bisect_left(places, (span.end,), first)
        tags[first:last] = _TAG_OF.get(span.label, _OTHER_TAG)
    return tags


def _probabilities(chunk: Sequence[str], tagging: Tagging, known: Indices) -> Floats:
    """Probability of each tag, for the tokens to ask of and then for those beside what is found.

    Tokens that are never asked are sure to be what is `known` of them.
    """
    distinct = {token: index for index, token in enumerate(dict.fromkeys(chunk))}
    words = np.fromiter(map(distinct.__getitem__, chunk), np.int64, len(chunk))
    probabilities = np.eye(len(TAGS), dtype=np.float32)[known]
    done = known > 0
    first = ~done
    if tagging.narrow:
        openings = (may_open(token, tagging.features.lexicon) for token in distinct)
        first &= np.fromiter(openings, np.bool_, len(distinct))[words]
    asked = np.flatnonzero(first)
    hidden = tagging.tagger.hidden(tagging.features.rows(distinct), words)
    while len(asked):
        answers = tagging.tagger.tags(hidden, asked)
        probabilities[asked] = answers
        done[asked] = True
        positive = asked[answers[:, 0] <= 1 - tagging.threshold]
        beside = np.unique(positive[:, None] + _BESIDE)
        beside = beside[(beside >= 0) & (beside < len(known))]
        asked = beside[~done[beside]]
    return probabilities


def _spans(
    text: str,
    places: Sequence[tuple[int, int]],
    probabilities: Floats,
    threshold: float,
    known: Indices,
) -> Iterator[Span]:
    """Neighbouring tokens with one tag, of which at least one is the model's own finding.

    A name goes on over settled names of any kind: Boston Auto Supply is one, though a rule found
    Boston.
    """
    sure = 1 - probabilities[:, 0]
    likeliest = 1 + probabilities[:, 1:].argmax(axis=1)
    likeliest[sure < threshold] = 0
    tags, surenesses, settled = likeliest.tolist(), sure.tolist(), known.tolist()

    def goes_on(index: int, tag: int) -> bool:
        is_one = tags[index] == tag or (settled[index] in _NAMES and tag in _NAMES)
        return is_one and text[places[index][0]] != "\n" and not ends_sentence(index)

    def ends_sentence(index: int) -> bool:
        if tags[index] not in _NAMES or text[places[index][0]] not in ".?!" or not index:
            return False
        start, end = places[index - 1]
        return end - start > _LONGEST_ABBREVIATION

    last = 0
    for index in np.flatnonzero((likeliest > 0) & (known == 0)).tolist():
        if index < last:
            continue
        tag, first, last = tags[index], index, index + 1
        while first > 0 and goes_on(first - 1, tag):
            first -= 1
        while last < len(places) and goes_on(last, tag):
            last += 1
        own = [surenesses[each] for each in range(first, last) if not settled[each]]
        score = sum(own) / len(own)
        yield Span(places[first][0], places[last - 1][1], TAGS[tag], score)
