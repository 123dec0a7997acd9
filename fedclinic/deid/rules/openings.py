"""Where the words and numbers of a text begin, so that a rule is tried only where it can begin."""

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import chain

_WORD = re.compile(r"[^\W\d_]+")
_NUMBER = re.compile(r"\d+")
_COMPOUND = re.compile(r"[^\W\d_]+(?:['’-][^\W\d_]+)*")


@dataclass(frozen=True)
class Openings:
    """The places of one text, ascending; they hold for each text that differs only in case."""

    words: Mapping[str, Sequence[int]]
    """Runs of letters, in small letters, and where they begin."""
    numbers: Mapping[int, Sequence[int]]
    """Runs of digits by their length, and where they begin."""

    def of_words(self, words: Iterable[str]) -> list[int]:
        """Where any of `words` begins."""
        known = self.words
        found = [known[word] for word in known.keys() & words]
        return list(found[0]) if len(found) == 1 else sorted(chain.from_iterable(found))

    def of_numbers(self, lengths: Iterable[int]) -> list[int]:
        """Where a number of any of these lengths begins."""
        known = self.numbers
        return sorted(chain.from_iterable(known[each] for each in lengths if each in known))


def openings_of(text: str) -> Openings:
    """Read a text once for all rules."""
    lowered = text.lower()
    is_aligned = len(lowered) == len(text)
    words: dict[str, list[int]] = {}
    for match in _WORD.finditer(lowered if is_aligned else text):
        word = match.group() if is_aligned else match.group().lower()
        places = words.get(word)
        if places is None:
            words[word] = [match.start()]
        else:
            places.append(match.start())
    numbers: dict[int, list[int]] = {}
    for match in _NUMBER.finditer(text):
        start, end = match.span()
        numbers.setdefault(end - start, []).append(start)
    return Openings(words, numbers)


def whole_words(
    text: str, openings: Openings, wanted: Iterable[str], *, shortest: int = 1
) -> Iterator[re.Match[str]]:
    """Words with all that hyphens and apostrophes join, where one of `wanted` may stand, in order.

    A first part of fewer than `shortest` letters, as in O'Brien, does not count as joined.
    """
    firsts = {first.group() for first in map(_WORD.match, wanted) if first is not None}
    for place in openings.of_words(firsts):
        before = text[place - 1 - shortest : place - 1] if place > shortest else ""
        if before.isalpha() and text[place - 1] in "'’-":
            continue
        match = _COMPOUND.match(text, place)
        if match is not None:
            yield match
