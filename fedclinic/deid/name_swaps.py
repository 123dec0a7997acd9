"""Put other names in the places of a labelled note, so that the tagger learns places, not names."""

import re
from collections import defaultdict
from collections.abc import Sequence
from random import Random

from fedclinic.deid.kinds import EntityKind
from fedclinic.deid.lexicon import Lexicon
from fedclinic.deid.offsets import replace_spans
from fedclinic.deid.surrogates import KEPT_IN_NAMES, KEPT_IN_PLACES, STATES
from fedclinic.deid.word_lists import NAMES_THAT_ARE_WORDS
from fedclinic.notes import Span

_WORD = re.compile(r"[^\W\d_]+(?:['’-][^\W\d_]+)*")
_ORDER = 3


class NameSwapper:
    """Draws names from the dictionaries, from words, and from a letter model of family names."""

    def __init__(self, lexicon: Lexicon, rng: Random) -> None:
        self._rng = rng
        self._given = sorted(lexicon.given)
        self._family = sorted(lexicon.family_rank, key=lexicon.family_rank.__getitem__)
        self._places = sorted(place for place in lexicon.places if " " not in place)
        self._words = sorted(NAMES_THAT_ARE_WORDS)
        self._following: dict[str, list[str]] = defaultdict(list)
        for name in self._family[:20_000]:
            padded = "^" * _ORDER + name + "$"
            for at in range(_ORDER, len(padded)):
                self._following[padded[at - _ORDER : at]].append(padded[at])

    def invent(self) -> str:
        """A word spelt as family names are, which need not exist."""
        while True:
            letters = "^" * _ORDER
            while letters[-1] != "$" and len(letters) < 16:
                letters += self._rng.choice(self._following[letters[-_ORDER:]])
            name = letters.strip("^$")
            if len(name) > 2:
                return name

    def swap(self, text: str, spans: Sequence[Span]) -> tuple[str, tuple[Span, ...]]:
        """The note with other names; the same word becomes the same word throughout."""
        chosen: dict[str, str] = {}
        worded = [
            span
            for span in spans
            if span.label in (EntityKind.PERSON, EntityKind.LOCATION, EntityKind.ORGANIZATION)
        ]
        values = [self._value(text[span.start : span.end], span.label, chosen) for span in worded]
        swapped, offsets = replace_spans(text, worded, values)
        return swapped, tuple(offsets.move(span) for span in spans)

    def _value(self, value: str, kind: str, chosen: dict[str, str]) -> str:
        return _WORD.sub(lambda match: self._word(match.group(), kind, chosen), value)

    def _word(self, word: str, kind: str, chosen: dict[str, str]) -> str:
        lowered = word.lower()
        kept = KEPT_IN_NAMES if kind == EntityKind.PERSON else KEPT_IN_PLACES
        if len(word) == 1 or lowered in kept or word in STATES or word.upper() in STATES:
            return word
        if lowered not in chosen:
            chosen[lowered] = self._draw(kind)
        new = chosen[lowered]
        if word.isupper():
            return new.upper()
        return new if word.islower() else "-".join(part.capitalize() for part in new.split("-"))

    def name(self, kind: str) -> str:
        """A new word for a name of this kind, with a capital."""
        return "-".join(part.capitalize() for part in self._draw(kind).split("-"))

    def _draw(self, kind: str) -> str:
        draw = self._rng.random()
        if draw < 0.35:
            return self.invent()
        if draw < 0.45:
            return self._rng.choice(self._words)
        if kind != EntityKind.PERSON and draw < 0.7:
            return self._rng.choice(self._places)
        if draw < 0.75:
            return self._rng.choice(self._given)
        return self._rng.choice(self._family[: self._rng.choice((1000, 10_000, 100_000))])
