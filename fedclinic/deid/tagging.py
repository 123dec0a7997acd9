"""Find identifiers with the embedded tagger: what it is asked of, and the spans that it answers."""

import functools
from bisect import bisect_left
from collections.abc import Iterator, Sequence

import numpy as np

from fedclinic.deid.kinds import EntityKind
from fedclinic.deid.lexicon import Lexicon
from fedclinic.deid.tagger import TAGS, Features, Floats, Indices, Tagger, tokenize
from fedclinic.deid.word_lists import FACILITY_WORDS
from fedclinic.notes import Span

_BORDER = 8
_MONTHS_THAT_ARE_WORDS = frozenset({"may", "march"})
"""In a line without capitals these keep their small letters."""
_TAG_OF = {tag: index for index, tag in enumerate(TAGS)} | {
    EntityKind.FAX_NUMBER: TAGS.index(EntityKind.PHONE_NUMBER)
}
_OTHER_TAG = TAGS.index(EntityKind.OTHER_ID)
_BESIDE = np.array([-2, -1, 1, 2])


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
            asked only of what it leaves open: words that may open an identifier, and what stands
            beside those that do. Stretches that hold nothing else are left out.
    """
    places = tokenize(text)
    tags = None if settled is None else _settled_tags(places, settled)
    found: list[Span] = []
    for first in range(0, len(places), chunk_tokens):
        skip = min(first, _BORDER)
        part = slice(first - skip, first + chunk_tokens + _BORDER)
        known = None if tags is None else tags[part]
        chunk = [text[start:end] for start, end in places[part]]
        probabilities = _probabilities(chunk, tagger, features, threshold, known)
        inner = slice(skip, min(len(chunk), skip + chunk_tokens))
        spans = _spans(text, places[part][inner], probabilities[inner], threshold)
        found += [
            span for span, tokens in spans if known is None or not known[inner][tokens].all()
        ]
    return found


@functools.lru_cache(maxsize=50_000)
def may_open(token: str, lexicon: Lexicon) -> bool:
    """Tell whether a token can be the first sign of an identifier that no rule found."""
    if token[0].isdigit():
        return True
    if not token[0].isalpha() or len(token) == 1:
        return token[0].isupper()
    lowered = token.lower()
    if token[0].isupper():
        return lowered not in lexicon.never or lowered in FACILITY_WORDS
    return lowered in _MONTHS_THAT_ARE_WORDS or (
        lowered not in lexicon.ordinary and lowered not in lexicon.never
    )


def _settled_tags(places: Sequence[tuple[int, int]], settled: Sequence[Span]) -> Indices:
    """The tag of each token that a settled span holds; 0 for the others, shape `(tokens,)`."""
    tags = np.zeros(len(places), dtype=np.int64)
    for span in settled:
        first = bisect_left(places, (span.start,))
        last = bisect_left(places, (span.end,), first)
        tags[first:last] = _TAG_OF.get(span.label, _OTHER_TAG)
    return tags


def _probabilities(
    tokens: Sequence[str],
    tagger: Tagger,
    features: Features,
    threshold: float,
    known: Indices | None,
) -> Floats:
    """Probability of each tag; tokens that are not asked are sure to be what is `known` of them."""
    seen: dict[str, int] = {}
    words = np.asarray([seen.setdefault(token, len(seen)) for token in tokens], dtype=np.int64)
    hidden = tagger.hidden(features.rows(list(seen)), words)
    if known is None:
        return tagger.tags(hidden, np.arange(len(tokens), dtype=np.int64))
    probabilities = np.eye(len(TAGS), dtype=np.float32)[known]
    done = known > 0
    openings = np.array([may_open(token, features.lexicon) for token in seen], dtype=bool)
    asked = np.flatnonzero(openings[words] & ~done)
    while len(asked):
        answers = tagger.tags(hidden, asked)
        probabilities[asked] = answers
        done[asked] = True
        positive = asked[answers[:, 0] <= 1 - threshold]
        beside = np.unique(positive[:, None] + _BESIDE)
        beside = beside[(beside >= 0) & (beside < len(tokens))]
        asked = beside[~done[beside]]
    return probabilities


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
