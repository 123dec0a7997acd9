"""What dictionaries and form say against a finding of the embedded tagger."""

import re
from collections.abc import Iterable, Sequence

from fedclinic.deid.institution_words import is_naming
from fedclinic.deid.kinds import EntityKind
from fedclinic.deid.lexicon import Lexicon
from fedclinic.deid.rules.fragments import MONTH
from fedclinic.deid.rules.people import EPONYM_FOLLOWS
from fedclinic.deid.word_lists import (
    FACILITY_WORDS,
    MONTHS_THAT_ARE_WORDS,
    NAMES_THAT_ARE_WORDS,
    words,
)
from fedclinic.notes import Span

_WORDED = frozenset({EntityKind.PERSON, EntityKind.LOCATION, EntityKind.ORGANIZATION})
_WORD = re.compile(r"[^\W_]+(?:['’-][^\W_]+)*")
_PIECE = re.compile(r"\S+")
_MEASURE = re.compile(
    r"\W*(?:\d+(?:\.\d+)?(?:/\d+)?\s?(?:mg|mL|ml|cm|mm|mcg|kg|g|%|units?|weeks?|months?|days?|"
    r"hours?|"
    r"minutes?|years?|French|Fr|gauge)?|x\d+)\W*",
)
_DATED = re.compile(rf"\d|\b{MONTH}\b|(?i:christmas|thanksgiving|easter|day\b|eve\b)")
_YEAR_OR_TIME = re.compile(r"(?:19|20)\d\d|\d{1,2}:?\d{2}|'?\d\d|[\d.:]+")
_TIME_AT_END = re.compile(r"(?i)(?<=\d),? (?:at )?\d{1,2}:\d\d(?::\d\d)?(?: ?[ap]\.?m\.?)?$")
_PREFIXES = words("lot ext ext. no no. dl")
_LONGEST_PREFIX = 4
"""Letters before a number that may belong to it, as in LOT or ext."""
_MIN_DIGITS = 4
_SURE = 0.9


def gate(text: str, spans: Iterable[Span], lexicon: Lexicon) -> list[Span]:
    """Keep what nothing speaks against in each finding; `text` has its case restored."""
    trimmed = (_trim(text, span, lexicon) for span in spans)
    return [span for span in trimmed if span is not None and _passes(text, span, lexicon)]


def _trim(text: str, span: Span, lexicon: Lexicon) -> Span | None:
    """Drop words at the edges that cannot belong to such a value."""
    pieces = [
        (span.start + match.start(), span.start + match.end())
        for match in _PIECE.finditer(text[span.start : span.end])
    ]
    belongs = _is_part_of_name if span.label in _WORDED else _is_part_of_number
    if span.label == EntityKind.DATE_TIME:
        time = _TIME_AT_END.search(text[span.start : span.end])
        end = span.end if time is None else span.start + time.start()
        return Span(span.start, end, span.label, span.score)
    while pieces and not belongs(text[slice(*pieces[0])], lexicon):
        pieces.pop(0)
    ends = _ends_person if span.label == EntityKind.PERSON else belongs
    while pieces and not ends(text[slice(*pieces[-1])], lexicon):
        pieces.pop()
    return Span(pieces[0][0], pieces[-1][1], span.label, span.score) if pieces else None


def _is_part_of_name(word: str, lexicon: Lexicon) -> bool:
    plain = word.strip(".,;:()").lower()
    return plain not in lexicon.never or plain in FACILITY_WORDS or len(plain) == 1


def _ends_person(word: str, lexicon: Lexicon) -> bool:
    """A name does not end in an ordinary word in small letters, such as the verb behind it."""
    plain = word.strip(".,;:()").lower()
    is_small_word = len(plain) > 1 and word[0].islower() and plain in lexicon.ordinary
    return _is_part_of_name(word, lexicon) and (not is_small_word or plain in NAMES_THAT_ARE_WORDS)


def _is_part_of_number(word: str, lexicon: Lexicon) -> bool:
    is_prefix = 1 < len(word) <= _LONGEST_PREFIX and (word.isupper() or word.lower() in _PREFIXES)
    return is_prefix or any(map(str.isdigit, word))


def _passes(text: str, span: Span, lexicon: Lexicon) -> bool:
    value = text[span.start : span.end]
    if span.label in _WORDED:
        is_eponym = " " not in value and EPONYM_FOLLOWS.match(text, span.end) is not None
        return not is_eponym and _may_be_name(value, span, lexicon)
    if _MEASURE.fullmatch(value):
        return False
    if span.label == EntityKind.DATE_TIME:
        return (
            value.lower() not in MONTHS_THAT_ARE_WORDS
            and bool(_DATED.search(value))
            and not _YEAR_OR_TIME.fullmatch(value.strip())
        )
    return sum(map(str.isdigit, value)) >= _MIN_DIGITS


def _is_acronym(word: str) -> bool:
    """Tell whether a word in capitals, where other words have small letters, is an abbreviation."""
    return word.isupper() and 1 < len(word) <= 5


def _may_be_name(value: str, span: Span, lexicon: Lexicon) -> bool:
    """A name has a capital and a word that means nothing else; a sure finding needs less.

    Initials have no telling word; institutions and places are often made of ordinary words.
    """
    parts = [word for word in _WORD.findall(value) if word[0].isalpha()]
    telling = [word.lower().removesuffix("'s") for word in parts if len(word) > 1]
    if not telling:
        return span.score >= _SURE and len(parts) > 1
    if span.label == EntityKind.PERSON and len(parts) == 1 and _is_acronym(parts[0]):
        return False
    has_capital = any(word[0].isupper() for word in parts)
    if has_capital and any(not lexicon.is_ambiguous(word) for word in telling):
        return True
    return span.score >= _SURE and _may_be_made_of_words(telling, span.label, lexicon)


def _may_be_made_of_words(telling: Sequence[str], label: str, lexicon: Lexicon) -> bool:
    """Tell whether ordinary words may be a name of this kind."""
    if label == EntityKind.PERSON:
        return any(word in NAMES_THAT_ARE_WORDS for word in telling)
    if label == EntityKind.ORGANIZATION:
        return any(is_naming(word, lexicon) for word in telling)
    return len(telling) > 1
