"""Rules for towns that no dictionary holds: by their endings and the words before them."""

import functools
import re
from collections.abc import Iterator

from fedclinic.deid.kinds import EntityKind as Kind
from fedclinic.deid.lexicon import Lexicon
from fedclinic.deid.rules.fragments import CAPITALIZED
from fedclinic.deid.rules.openings import Openings
from fedclinic.deid.rules.people import EPONYM_FOLLOWS
from fedclinic.deid.word_lists import NAMES_THAT_ARE_WORDS, words
from fedclinic.notes import Span

_ENDING = re.compile(
    r"[^\W\d_]{3,}(?:ville|vale|burgh?|berg|bury|borough|mouth|port|chester|cester|haven|shire|land|"
    r"side|view|town|ton|field|ford|stad|stead|furt|fort|dale|wood|ham|minster|polis|grad)"
)
_CLINICAL_ENDING = re.compile(
    r".*(?:oside|dopa|pril|olol|statin|mycin|cillin|azole|mab|nib|vir|sartan|parin|pam|lam|xaban|"
    r"idine|zine|pine|done|amine|amide|phen|cycline|floxacin|prazole|gliptin|flozin|triptan|semide|"
    r"thiazide|itis|osis|emia|oma|ectomy|otomy|plasty|pathy|uria|algia|ella|coccus|virus)"
)
_TOWN = re.compile(
    rf"(?:(?:North|South|East|West|New|Port|Lake|Mount|Fort|Upper|Lower|Old) )?{CAPITALIZED}"
    r"(?![\w-])"
)
_INSIDE = re.compile(r"\($|(?:[a-z,;]|\b(?:North|South|East|West|New|Port|Lake|Mount|Fort)) $")
TOWN_HEADS = words("north south east west new port lake mount fort")
_HEADED = re.compile(
    rf"(?:North|South|East|West|New|Port|Lake|Mount|Fort) (?P<base>{CAPITALIZED})(?![\w-])"
)
_CUE = re.compile(r"\b(?:in|from|near|to|of|at|through|outside|around) $")
_AFTER_CUE = words("from near")
_CUED = re.compile(rf"(?:from|near) (?P<value>{CAPITALIZED}(?: {CAPITALIZED})?)(?![\w'’-])")
_LONGEST_ABBREVIATION = 5
_SCORE = 0.58


def find_towns(text: str, openings: Openings, lexicon: Lexicon) -> list[Span]:
    """Find towns by form; `text` has its case restored."""
    return [
        *_by_ending(text, openings, lexicon),
        *_by_head(text, openings, lexicon),
        *_by_cue(text, openings, lexicon),
    ]


@functools.lru_cache(maxsize=50_000)
def has_town_ending(word: str, lexicon: Lexicon) -> bool:
    """Tell whether a lower-case word ends as towns do and means nothing else."""
    return _ENDING.fullmatch(word) is not None and not _means_something(word, lexicon)


def _means_something(word: str, lexicon: Lexicon) -> bool:
    if word in lexicon.ordinary or word in lexicon.eponyms or word in lexicon.never:
        return True
    return _CLINICAL_ENDING.fullmatch(word) is not None


def _by_ending(text: str, openings: Openings, lexicon: Lexicon) -> Iterator[Span]:
    """A word such as Millermouth, where its capital is not that of a sentence."""
    towns = [word for word in openings.words if has_town_ending(word, lexicon)]
    for place in openings.of_words(towns):
        if not text[place].isupper() or not _INSIDE.search(text, max(0, place - 8), place):
            continue
        match = _TOWN.match(text, place)
        if match is not None:
            yield Span(place, match.end(), Kind.LOCATION, _SCORE)


def _by_head(text: str, openings: Openings, lexicon: Lexicon) -> Iterator[Span]:
    """Two words such as Port Natalie, after a word that leads to a place."""
    for place in openings.of_words(TOWN_HEADS):
        match = _HEADED.match(text, place) if text[place].isupper() else None
        if match is None or not _CUE.search(text, max(0, place - 10), place):
            continue
        base = match.group("base").lower()
        if base in lexicon.never or (base in lexicon.ordinary and base not in NAMES_THAT_ARE_WORDS):
            continue
        if not EPONYM_FOLLOWS.match(text, match.end()):
            yield Span(place, match.end(), Kind.LOCATION, _SCORE)


def _by_cue(text: str, openings: Openings, lexicon: Lexicon) -> Iterator[Span]:
    """A word that no dictionary holds after from or near."""
    for place in openings.of_words(_AFTER_CUE):
        match = _CUED.match(text, place)
        if match is None:
            continue
        value = match.group("value")
        parts = value.lower().split()
        is_abbreviation = value.isupper() and len(value) <= _LONGEST_ABBREVIATION
        if not is_abbreviation and not any(_means_something(part, lexicon) for part in parts):
            yield Span(*match.span("value"), Kind.LOCATION, _SCORE)
