"""How far two unlike detectors, the rules and the embedded model, find the same names in a note."""

import re
from collections.abc import Iterable

from fedclinic.deid.bounds import estimated_recall
from fedclinic.deid.clinical import find_identifiers, prepare_text
from fedclinic.deid.gate import gate
from fedclinic.deid.kinds import EntityKind
from fedclinic.deid.lexicon import Lexicon
from fedclinic.deid.tagger import Features, Tagger
from fedclinic.deid.tagging import Tagging, find_tagged
from fedclinic.notes import Span
from fedclinic.records import Count, Record

_WORD = re.compile(r"[^\W\d_]{2,}")
_THRESHOLD = 0.5


class Agreement(Record):
    """Words that the rules, the embedded model, or both of them took for a part of a name."""

    both: Count = 0
    rules_only: Count = 0
    model_only: Count = 0

    def plus(self, other: "Agreement") -> "Agreement":
        return Agreement(
            both=self.both + other.both,
            rules_only=self.rules_only + other.rules_only,
            model_only=self.model_only + other.model_only,
        )

    def estimated_recall(self) -> float | None:
        return estimated_recall(
            both=self.both, first_only=self.rules_only, second_only=self.model_only
        )


def compare(text: str, lexicon: Lexicon, tagger: Tagger, features: Features) -> Agreement:
    """Count the words of names in a note that either detector found."""
    cased = prepare_text(text, lexicon).cased
    words = [match.start() for match in _WORD.finditer(cased)]
    rules = _named(words, find_identifiers(text, lexicon))
    found = gate(cased, find_tagged(cased, Tagging(tagger, features, _THRESHOLD)), lexicon)
    model = _named(words, found)
    return Agreement(
        both=len(rules & model), rules_only=len(rules - model), model_only=len(model - rules)
    )


def _named(words: Iterable[int], spans: Iterable[Span]) -> set[int]:
    names = [span for span in spans if span.label == EntityKind.PERSON]
    return {at for at in words if any(name.start <= at < name.end for name in names)}
