"""Find a patient's own known values in any spelling: names, numbers, dates and addresses."""

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import date

from fedclinic.deid.dates import read_date
from fedclinic.deid.kinds import EntityKind
from fedclinic.deid.lexicon import Lexicon
from fedclinic.deid.rules.calendar import find_dates
from fedclinic.deid.rules.openings import openings_of
from fedclinic.deid.surrogates import KEPT_IN_NAMES, KEPT_IN_PLACES, STATES
from fedclinic.notes import KnownIdentifiers, Span

_WORD = re.compile(r"[^\W\d_]+(?:['’-][^\W\d_]+)*")
_NUMBER = re.compile(
    r"(?<![A-Za-z0-9])[A-Za-z]{0,6}\d(?:[-./ ()]{0,2}[A-Za-z0-9]){2,24}(?![A-Za-z0-9])|"
    r"(?<![A-Za-z0-9])[A-Za-z0-9][A-Za-z0-9-]{3,24}(?![A-Za-z0-9])"
)
_POSSESSIVE = re.compile(r"['’]s?$")
_WORDED = frozenset({EntityKind.PERSON, EntityKind.LOCATION, EntityKind.ORGANIZATION})
_SCORE = 0.99
_MIN_NAME = 2
_MIN_NUMBER = 4


@dataclass(frozen=True)
class KnownValues:
    """A patient's known values in the forms that are compared."""

    words: dict[str, str] = field(repr=False)
    """Lower-case word of a name or place, and its kind."""
    ambiguous: frozenset[str] = field(repr=False)
    """Those of `words` that are ordinary words too: they count only with a capital."""
    phrases: dict[tuple[str, ...], str] = field(repr=False)
    """Values of several words, in lower case: they count in any case."""
    numbers: dict[str, str] = field(repr=False)
    """Letters and digits only, in lower case, and their kind."""
    dates: frozenset[date] = field(repr=False)
    exact: tuple[tuple[str, str], ...] = field(repr=False)
    """Values that are looked for as they are, such as e-mail addresses."""


def prepare(known: KnownIdentifiers, lexicon: Lexicon) -> KnownValues:
    """Take a roster entry apart into what is compared with notes."""
    words: dict[str, str] = {}
    phrases: dict[tuple[str, ...], str] = {}
    numbers: dict[str, str] = {}
    dates: set[date] = set()
    exact: list[tuple[str, str]] = []
    for kind, value in known.values:
        parts = tuple(part.lower() for part in _WORD.findall(value))
        meant = read_date(value) if kind == EntityKind.DATE_TIME else None
        day = meant.on(year=None) if meant is not None else None
        if day is not None:
            dates.add(day)
        elif kind in _WORDED:
            words.update({part: kind for part in parts if _tells(part, kind, lexicon)})
            if len(parts) > 1 and any(_tells(part, kind, lexicon) for part in parts):
                phrases[parts] = kind
        elif sum(map(str.isdigit, value)) >= _MIN_NUMBER and "@" not in value:
            numbers[_normal_number(value)] = kind
        elif len(value.strip()) >= _MIN_NAME:
            exact.append((kind, value.strip().lower()))
    return KnownValues(
        words=words,
        ambiguous=frozenset(word for word in words if lexicon.is_ambiguous(word) or len(word) <= 2),
        phrases=phrases,
        numbers=numbers,
        dates=frozenset(dates),
        exact=tuple(exact),
    )


def _tells(word: str, kind: str, lexicon: Lexicon) -> bool:
    """Tell whether a word of a known value identifies: Street, Hospital and New York do not."""
    if len(word) < _MIN_NAME or word in lexicon.never:
        return False
    if kind == EntityKind.PERSON:
        return word not in KEPT_IN_NAMES
    return (
        word not in KEPT_IN_PLACES
        and word.capitalize() not in STATES
        and word.upper() not in STATES
    )


def find_known(text: str, values: KnownValues) -> list[Span]:
    """Every mention of the patient's known values in `text`."""
    return [
        *_find_words(text, values),
        *_find_numbers(text, values),
        *_find_dates(text, values),
        *_find_exact(text, values),
    ]


def _find_words(text: str, values: KnownValues) -> Iterator[Span]:
    if not values.words:
        return
    matches = list(_WORD.finditer(text))
    plain = [_POSSESSIVE.sub("", match.group()).lower() for match in matches]
    for index, word in enumerate(plain):
        for phrase, kind in values.phrases.items():
            if word == phrase[0] and tuple(plain[index : index + len(phrase)]) == phrase:
                yield Span(
                    matches[index].start(), matches[index + len(phrase) - 1].end(), kind, _SCORE
                )
        kind_of_word = values.words.get(word)
        if kind_of_word is None and "-" in word:
            kind_of_word = next(
                (values.words[part] for part in word.split("-") if part in values.words), None
            )
        if kind_of_word is None:
            continue
        shown = matches[index].group()
        if word in values.ambiguous and (
            not shown[0].isupper() or _is_ordinary_here(text, matches[index])
        ):
            continue
        yield Span(matches[index].start(), matches[index].end(), kind_of_word, _SCORE)


def _is_ordinary_here(text: str, match: re.Match[str]) -> bool:
    """Tell whether an ambiguous word has its capital only because a sentence or line begins."""
    before = text[max(0, match.start() - 3) : match.start()].rstrip(" ")
    return before == "" or before[-1] in ".\n?!"


def _normal_number(value: str) -> str:
    return "".join(filter(str.isalnum, value)).lower()


def _find_numbers(text: str, values: KnownValues) -> Iterator[Span]:
    if not values.numbers:
        return
    for match in _NUMBER.finditer(text):
        normal = _normal_number(match.group())
        for number, kind in values.numbers.items():
            at = normal.find(number)
            if at >= 0 and (len(number) >= 6 or normal == number):
                start, end = _stretch(match, at, at + len(number))
                yield Span(start, end, kind, _SCORE)


def _stretch(match: re.Match[str], first: int, last: int) -> tuple[int, int]:
    """Where the `first`-th to `last`-th letters and digits of a match stand in the text."""
    places = [match.start() + at for at, each in enumerate(match.group()) if each.isalnum()]
    return places[first], places[last - 1] + 1


def _find_dates(text: str, values: KnownValues) -> Iterator[Span]:
    if not values.dates:
        return
    for span in find_dates(text, openings_of(text)):
        read = read_date(text[span.start : span.end])
        if read is not None and read.on(year=None) in values.dates:
            yield Span(span.start, span.end, EntityKind.DATE_TIME, _SCORE)


def _find_exact(text: str, values: KnownValues) -> Iterator[Span]:
    if not values.exact:
        return
    lowered = text.lower()
    for kind, value in values.exact:
        at = lowered.find(value)
        while at >= 0:
            yield Span(at, at + len(value), kind, _SCORE)
            at = lowered.find(value, at + len(value))
