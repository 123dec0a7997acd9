"""Dates as clinicians write them; a year alone is not an identifier and is never written here."""

from datetime import date, timedelta
from random import Random

MONTHS = (
    "January", "February", "March", "April", "May", "June", "July", "August", "September",
    "October", "November", "December",
)  # fmt: skip
_DAYS = ("Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday")
_FEASTS = ("Christmas", "Thanksgiving", "Easter", "Labor Day", "New Year's Eve", "Memorial Day")


def _ordinal(day: int) -> str:
    ending = "th" if 10 < day % 100 < 14 else {1: "st", 2: "nd", 3: "rd"}.get(day % 10, "th")
    return f"{day}{ending}"


def full_date(rng: Random, day: date) -> str:
    """Write day, month and year in one of fifteen formats."""
    month, short, two = MONTHS[day.month - 1], MONTHS[day.month - 1][:3], day.year % 100
    return (
        f"{day.month:02d}/{day.day:02d}/{day.year}",
        f"{day.month:02d}/{day.day:02d}/{day.year}",
        f"{day.month}/{day.day}/{two:02d}",
        f"{day.month}/{day.day}/{day.year}",
        f"{day.year}-{day.month:02d}-{day.day:02d}",
        f"{day.month}-{day.day}-{two:02d}",
        f"{day.month:02d}.{day.day:02d}.{two:02d}",
        f"{month} {day.day}, {day.year}",
        f"{month} {_ordinal(day.day)}, {day.year}",
        f"{short} {day.day}, {day.year}",
        f"{short}. {day.day}, {day.year}",
        f"{day.day} {short} {day.year}",
        f"{day.day}-{short.upper()}-{day.year}",
        f"{_ordinal(day.day)} of {month}, {day.year}",
        f"{day.month:02d}{day.day:02d}{day.year}",
    )[int(rng.random() * 15)]


def loose_date(rng: Random, day: date) -> str:
    """Write a date within running text: often without its year, or only a weekday or feast."""
    if rng.random() < 0.4:
        return full_date(rng, day)
    month = MONTHS[day.month - 1]
    forms = (
        f"{day.month}/{day.day}",
        f"{day.month}/{day.day}",
        f"{month} {day.day}",
        f"{month} {day.day}",
        f"{month} {_ordinal(day.day)}",
        f"{day.day} {month[:3]}",
        f"{month[:3]} {day.day}",
        _DAYS[day.weekday()],
        _FEASTS[day.toordinal() % len(_FEASTS)],
    )
    return forms[int(rng.random() * len(forms))]


def month_and_year(rng: Random, day: date) -> str:
    """Write a month, mostly with its year."""
    month = MONTHS[day.month - 1]
    forms = (
        f"{month} {day.year}",
        f"{month} of {day.year}",
        f"{month[:3]} {day.year}",
        f"{day.month}/{day.year}",
        month,
    )
    return forms[int(rng.random() * len(forms))]


def near(rng: Random, day: date, *, days: tuple[int, int]) -> date:
    """A day between `days[0]` and `days[1]` days after `day` (before it, where negative)."""
    return day + timedelta(days=days[0] + int(rng.random() * (days[1] - days[0] + 1)))
