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
    names = {text[each.start : each.end] for each in spans if each.label == EntityKind.PERSON}
    parts = {_plain(word) for name in names for word in _WORD.findall(name)}
    words = {part for part in parts if not lexicon.is_ambiguous(part)}
    return [
        Span(match.start(), match.start() + len(plain), EntityKind.PERSON, _SCORE)
        for match in whole_words(text, openings, words, shortest=_SHORTEST)
        if match.group()[0].isupper() and (plain := _plain(match.group())) in words
    ]


def _plain(word: str) -> str:
    return _POSSESSIVE.sub("", word).lower()
