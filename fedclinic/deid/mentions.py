"""Find the further mentions of people whom some detector found once in a note."""

import re
from collections.abc import Iterable

from fedclinic.deid.kinds import EntityKind
from fedclinic.deid.lexicon import Lexicon
from fedclinic.deid.rules.openings import Openings, whole_words
from fedclinic.notes import Span

_SHORTEST = 3
_WORD = re.compile(rf"[^\W\d_]{{{_SHORTEST},}}(?:['’-][^\W\d_]+)*")
_POSSESSIVE = re.compile(r"['’]s?$")
_SCORE = 0.55


def further_mentions(
    text: str, openings: Openings, spans: Iterable[Span], lexicon: Lexicon
) -> list[Span]:
    """Every mention of a word that is part of a person's name elsewhere and means nothing else.

    `text` has its case restored: a mention begins with a capital.
    """
    words: set[str] = set()
    for span in spans:
        if span.label == EntityKind.PERSON:
            parts = (_plain(word) for word in _WORD.findall(text[span.start : span.end]))
            words.update(part for part in parts if not lexicon.is_ambiguous(part))
    if not words:
        return []
    return [
        Span(match.start(), match.start() + len(_plain(match.group())), EntityKind.PERSON, _SCORE)
        for match in whole_words(text, openings, words, shortest=_SHORTEST)
        if match.group()[0].isupper() and _plain(match.group()) in words
    ]


def _plain(word: str) -> str:
    return _POSSESSIVE.sub("", word).lower()
