"""Read dates as clinicians write them, move them by a patient's days or keep only their year."""

import re
from collections.abc import Callable
from dataclasses import dataclass
from datetime import date, timedelta

from fedclinic.deid.word_lists import phrases

UNREADABLE = "[DATE]"
_MONTHS = phrases(
    "january|february|march|april|may|june|july|august|september|october|november|december"
)
_WEEKDAYS = phrases("monday|tuesday|wednesday|thursday|friday|saturday|sunday")
_CENTURY_PIVOT = 40
"""Two-digit years up to this one are of this century."""
_MONTH = r"(?P<month>[A-Za-z]{3,9})\.?"
_DAY = r"(?P<day>\d{1,2})(?P<ordinal>st|nd|rd|th|ST|ND|RD|TH)?"
_YEAR = r"(?P<year>\d{4}|'\d\d)"


@dataclass(frozen=True)
class ReadDate:
    """A date as far as the text gives it, and how to write another one the same way."""

    year: int | None
    month: int | None
    day: int | None
    write: Callable[[date], str]

    def on(self, *, year: int | None) -> date | None:
        """The day meant, or the middle of the month or year where none is; None if no such day."""
        known_year = self.year if self.year is not None else year
        if known_year is None:
            return None
        try:
            if self.month is None:
                return date(known_year, 7, 1)
            return date(known_year, self.month, self.day if self.day is not None else 15)
        except ValueError:
            return None


def read_date(text: str) -> ReadDate | None:
    """Read a date in a form that can be written again; None where the form is unknown."""
    for form, reader in _FORMS:
        match = form.fullmatch(text.strip())
        if match is not None:
            return reader(match)
    return None


def shift_date(text: str, *, days: int, year: int | None) -> str:
    """Write the date `days` days later in the same form; `[DATE]` where it cannot be read.

    `year` stands in for the year of a date without one.
    """
    weekday = text.strip().lower().removesuffix("s")
    if weekday in _WEEKDAYS:
        moved = _WEEKDAYS[(_WEEKDAYS.index(weekday) + days) % 7]
        return _with_case(
            text.strip(), moved + ("s" if text.strip().lower().endswith("ys") else "")
        )
    read = read_date(text)
    meant = read.on(year=year) if read is not None else None
    if read is None or meant is None:
        return UNREADABLE
    try:
        return read.write(meant + timedelta(days=days))
    except OverflowError:
        return UNREADABLE


def year_of(text: str) -> int | None:
    """The year that a date names, None if it names none or cannot be read."""
    read = read_date(text)
    return read.year if read is not None else None


def keep_year(text: str, *, not_before: int) -> str:
    """Only the year of a date; `[DATE]` if it has none or one that may show an age over 89.

    `not_before` is the newest year that is hidden.
    """
    year = year_of(text)
    return UNREADABLE if year is None or year <= not_before else str(year)


def _full_year(text: str) -> int:
    digits = text.lstrip("'")
    number = int(digits)
    if len(digits) == 4:
        return number
    return 2000 + number if number <= _CENTURY_PIVOT else 1900 + number


def _like(number: int, *originals: str) -> str:
    """Write `number` with a leading zero where all numbers beside it have two digits."""
    return f"{number:02d}" if all(len(original) == 2 for original in originals) else str(number)


def _year_like(original: str, year: int) -> str:
    if len(original) == 4:
        return f"{year:04d}"
    return ("'" if original.startswith("'") else "") + f"{year % 100:02d}"


def _with_case(original: str, word: str) -> str:
    if original.isupper():
        return word.upper()
    return word if original.islower() else word.capitalize()


def _month_number(word: str) -> int | None:
    lowered = word.lower()
    if lowered == "sept":
        return 9
    matches = [
        number for number, name in enumerate(_MONTHS, 1) if name == lowered or name[:3] == lowered
    ]
    return matches[0] if matches else None


def _month_like(original: str, month: int) -> str:
    name = _MONTHS[month - 1]
    short = len(original) <= 4 and original.lower() not in ("june", "july", "may")
    return _with_case(original, name[:3] if short else name)


def _ordinal(day: int) -> str:
    if 10 < day % 100 < 14:
        return "th"
    return {1: "st", 2: "nd", 3: "rd"}.get(day % 10, "th")


def _year_first(match: re.Match[str]) -> ReadDate:
    year, month, day, rest = match.group("y", "m", "d", "rest")
    sep = match.group("sep")

    def write(when: date) -> str:
        numbers = _like(when.month, month, day), _like(when.day, month, day)
        return f"{when.year:04d}{sep}{sep.join(numbers)}{rest}"

    return ReadDate(int(year), int(month), int(day), write)


def _numeric(match: re.Match[str]) -> ReadDate:
    first, second, year = match.group("a", "b", "y")
    sep, sep2 = match.group("s1", "s2")
    day_first = int(first) > 12

    def write(when: date) -> str:
        left, right = (when.day, when.month) if day_first else (when.month, when.day)
        numbers = _like(left, first, second), _like(right, first, second)
        return f"{sep.join(numbers)}{sep2}{_year_like(year, when.year)}"

    month, day = (second, first) if day_first else (first, second)
    return ReadDate(_full_year(year), int(month), int(day), write)


def _month_day_number(match: re.Match[str]) -> ReadDate:
    first, sep, second = match.group("a", "sep", "b")

    def write(when: date) -> str:
        return sep.join((_like(when.month, first, second), _like(when.day, first, second)))

    return ReadDate(None, int(first), int(second), write)


def _month_year_number(match: re.Match[str]) -> ReadDate:
    month, sep, year = match.group("a", "sep", "y")

    def write(when: date) -> str:
        return f"{_like(when.month, month)}{sep}{_year_like(year, when.year)}"

    return ReadDate(_full_year(year), int(month), None, write)


def _compact(match: re.Match[str]) -> ReadDate:
    month, day, year = match.group("a", "b", "y")

    def write(when: date) -> str:
        return f"{when.month:02d}{when.day:02d}{_year_like(year, when.year)}"

    return ReadDate(_full_year(year), int(month), int(day), write)


def _named(match: re.Match[str]) -> ReadDate | None:
    """Read any order of a month's name, a day and a year by writing each part where it stood."""
    parts = match.groupdict()
    month = _month_number(parts["month"])
    if month is None:
        return None
    day, year, ordinal = parts.get("day"), parts.get("year"), parts.get("ordinal")

    def write(when: date) -> str:
        values = {"month": _month_like(parts["month"], when.month)}
        if day is not None:
            padded = day.startswith("0") or (len(day) == 2 and "-" in match.group())
            values["day"] = f"{when.day:02d}" if padded else str(when.day)
        if ordinal is not None:
            values["ordinal"] = (
                _with_case(ordinal, _ordinal(when.day)) if ordinal.isupper() else _ordinal(when.day)
            )
        if year is not None:
            values["year"] = _year_like(year, when.year)
        return _rewrite(match, values)

    return ReadDate(
        None if year is None else _full_year(year), month, None if day is None else int(day), write
    )


def _rewrite(match: re.Match[str], values: dict[str, str]) -> str:
    """The matched text with new values in place of its groups."""
    parts, position = [], match.start()
    for name in sorted(values, key=match.start):
        parts += [match.string[position : match.start(name)], values[name]]
        position = match.end(name)
    return "".join([*parts, match.string[position : match.end()]])


def _year_alone(match: re.Match[str]) -> ReadDate:
    return ReadDate(int(match.group()), None, None, lambda when: f"{when.year:04d}")


_FORMS: tuple[tuple[re.Pattern[str], Callable[[re.Match[str]], ReadDate | None]], ...] = (
    (
        re.compile(
            r"(?P<y>\d{4})(?P<sep>[-/.])(?P<m>\d{1,2})(?P=sep)(?P<d>\d{1,2})(?P<rest>(?:[T ].*)?)"
        ),
        _year_first,
    ),
    (
        re.compile(r"(?P<a>\d{1,2})(?P<s1>[-/.])(?P<b>\d{1,2})(?P<s2>[-/.])(?P<y>\d{4}|\d{2})"),
        _numeric,
    ),
    (re.compile(r"(?P<a>\d{1,2})(?P<sep>[-/])(?P<y>\d{4})"), _month_year_number),
    (re.compile(r"(?P<a>\d{1,2})(?P<sep>[-/])(?P<b>\d{1,2})"), _month_day_number),
    (re.compile(r"(?P<a>\d{2})(?P<b>\d{2})(?P<y>\d{4}|\d{2})"), _compact),
    (re.compile(rf"{_MONTH}\s+{_DAY}(?:,?\s+{_YEAR})?"), _named),
    (re.compile(rf"{_DAY}[- ]?(?:of )?{_MONTH}(?:,?[- ]?(?P<year>\d{{4}}|'?\d\d))?"), _named),
    (re.compile(rf"{_MONTH},?\s+(?:of )?{_YEAR}"), _named),
    (re.compile(rf"{_MONTH}[-/](?P<year>\d{{4}}|\d\d)"), _named),
    (re.compile(_MONTH), _named),
    (re.compile(r"(?:19|20)\d\d"), _year_alone),
)
