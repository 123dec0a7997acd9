"""Rules for dates and for ages of ninety and more."""

import re

from fedclinic.deid.kinds import EntityKind as Kind
from fedclinic.deid.rules.fragments import DAY, MONTH, MONTH_NUMBER, ORDINAL, YEAR, YEAR4
from fedclinic.deid.rules.pattern import find_all, rule
from fedclinic.notes import Span

_FULL_MONTH = (
    r"(?:January|February|April|June|July|August|September|October|November|December|"
    r"JANUARY|FEBRUARY|APRIL|JUNE|JULY|AUGUST|SEPTEMBER|OCTOBER|NOVEMBER|DECEMBER)"
)
_HOLIDAY = (
    r"(?:Christmas(?: Eve| Day)?|Thanksgiving|New Year['’]?s(?: Day| Eve)?|Easter|Labor Day|Memorial Day|"
    r"Halloween|Valentine['’]?s Day|Independence Day|Fourth of July|4th of July|Mother['’]?s Day|"
    r"Father['’]?s Day|Veterans Day|Columbus Day|Hanukkah|Ramadan|Passover|Diwali)"
)
_AGE90 = r"(?:9\d|1[0-1]\d)"

_DATE_RULES = (
    rule(
        Kind.DATE_TIME,
        0.9,
        rf"(?<![\d/.-]){YEAR4}(?P<s>[-/.])(?:1[0-2]|0?[1-9])(?P=s)(?:3[01]|[12]\d|0?[1-9])"
        r"(?:[T ]\d\d:\d\d(?::\d\d)?(?:\.\d+)?Z?)?(?!\d)",
    ),
    rule(
        Kind.DATE_TIME,
        0.9,
        rf"(?<![\d/.-])(?:{MONTH_NUMBER}[-/.]{DAY}|{DAY}[-/.]{MONTH_NUMBER})[-/.]{YEAR}(?![\d/-])(?!\.\d)",
    ),
    rule(
        Kind.DATE_TIME,
        0.9,
        rf"\b{DAY}(?:{ORDINAL})?[- ]?(?:of )?{MONTH}\b\.?(?:,?[- ]?{YEAR4}|[- ']\d\d(?![\d:]))?(?!\w)",
    ),
    rule(
        Kind.DATE_TIME,
        0.9,
        rf"\b{MONTH}\.?\s{{1,2}}{DAY}(?:{ORDINAL})?(?:\s?(?:-|–|to|and|through)\s?{DAY}(?:{ORDINAL})?)?"
        rf"(?:,?\s{YEAR4}|,? '\d\d)?\b(?!\s?(?:mg|mL|%))",
    ),
    rule(Kind.DATE_TIME, 0.85, rf"\b{MONTH}\.?,? (?:of )?(?:{YEAR4}|'\d\d)\b"),
    rule(Kind.DATE_TIME, 0.85, rf"\b{MONTH}[-/]{YEAR}\b"),
    rule(Kind.DATE_TIME, 0.8, rf"(?<![\d/.-]){MONTH_NUMBER}/{YEAR4}\b(?!/)", needs="/"),
    rule(
        Kind.DATE_TIME,
        0.6,
        rf"(?<![\d/.-])(?P<value>{MONTH_NUMBER}-{DAY})(?= (?:at|with|by|for|and|was|he|she)\b)",
    ),
    rule(Kind.DATE_TIME, 0.7, rf"\b{_FULL_MONTH}\b"),
    rule(
        Kind.DATE_TIME,
        0.6,
        r"(?<=[a-z,] )(?:March|May)\b(?! (?:be|have|not|need|also|repeat|take|use|want|require))",
    ),
    rule(
        Kind.DATE_TIME,
        0.6,
        r"\b(?:[Ss]ince|[Ii]n|[Ll]ast|[Tt]his|[Ee]arly|[Ll]ate|[Mm]id-?|[Uu]ntil|[Bb]y) "
        r"(?P<value>Jan|Feb|Mar|Apr|Jun|Jul|Aug|Sept?|Oct|Nov|Dec)\b\.?",
    ),
    rule(Kind.DATE_TIME, 0.5, r"\b(?:Mon|Tues|Wednes|Thurs|Fri|Satur|Sun)days?\b"),
    rule(Kind.DATE_TIME, 0.7, rf"\b{_HOLIDAY}\b"),
    rule(
        Kind.DATE_TIME,
        0.8,
        r"(?i:\bDOB|D\.O\.B\.|birth ?(?:date)?|date|DD|DT|DV)[:. ]{1,3}"
        r"(?P<value>(?:0\d|1[0-2])[0-3]\d(?:19|20)?\d\d)\b",
    ),
)
_SHORT_DATE = re.compile(rf"(?<![\d/.-])(?P<value>{MONTH_NUMBER}/{DAY})(?![\d/%-])(?!\.\d)")
_MEASURED_BEFORE = re.compile(
    r"(?i)(?:bp|blood pressure|strength|pain|gleason|reflex\w*|pulses?|grade|score|apgar\w*|murmur|"
    r"nodes?|motor|power|visual acuity|vision|rated|rating|ratio|dose|every|q|level|scale|gcs)"
    r"\W{0,4}(?:\w+\W+){0,2}$"
)
_MEASURED_AFTER = re.compile(
    r"^\s?(?:strength|mg|ml|tab|cup|ppd|pack|pill|of |nodes|negative|positive|murmur|pain|systolic|LR|NS|"
    r"inch|cm|day|in severity|bilateral|throughout|in all|in the|points|wt|full|hard palate)"
)
_FRACTIONS = frozenset(
    [
        "1/2",
        "1/3",
        "1/4",
        "2/3",
        "3/4",
        "5/5",
        "4/5",
        "3/5",
        "2/5",
        "1/5",
        "2/2",
        "4/4",
        "6/6",
        "3/3",
        "1/1",
        "12/12",
        "1/6",
        "2/6",
        "3/6",
        "4/6",
        "5/6",
        "1/8",
        "3/8",
        "5/8",
        "7/8",
    ]
)
_AGE_RULES = (
    rule(Kind.AGE, 0.9, rf"\b(?P<value>{_AGE90})[- ]?(?:(?i:year|yr|y/o|y\.o|yo\b|y/)|[FM]\b)"),
    rule(Kind.AGE, 0.9, rf"\b(?i:aged?|age of)[:\s]{{1,3}}(?:is )?(?P<value>{_AGE90})\b(?![./%])"),
    rule(Kind.AGE, 0.9, rf"\b(?P<value>{_AGE90}) (?i:years? (?:old|of age))\b"),
    rule(
        Kind.AGE,
        0.8,
        rf"(?i:turn(?:s|ed|ing)|birthday:?|years old:?) (?P<value>{_AGE90})(?:th|st|nd|rd)?\b(?![./%])",
    ),
    rule(
        Kind.AGE,
        0.8,
        r"\b(?:[Nn]onagenarian|[Cc]entenarian|in (?:his|her|their) (?:mid[- ]|late |early )?(?:nineties|90s|90's))\b",
    ),
    rule(
        Kind.AGE,
        0.8,
        r"\b(?i:ninety(?:[- ](?:one|two|three|four|five|six|seven|eight|nine))?)(?=[- ]years?[- ]old)",
    ),
)


def find_dates(text: str) -> list[Span]:
    """Find dates in every usual form; fractions, scores and pressures are no dates."""
    return [*find_all(_DATE_RULES, text), *_short_dates(text)]


def find_high_ages(text: str) -> list[Span]:
    """Find ages of ninety and more; younger ages are no identifier."""
    return find_all(_AGE_RULES, text)


def _short_dates(text: str) -> list[Span]:
    """Find month/day pairs that nothing around marks as a measurement."""
    if "/" not in text:
        return []
    found = []
    for match in _SHORT_DATE.finditer(text):
        start, end = match.span("value")
        value = match.group("value")
        if value in _FRACTIONS or value.endswith("/10"):
            continue
        if _MEASURED_BEFORE.search(text[max(0, start - 30) : start]):
            continue
        if _MEASURED_AFTER.match(text[end : end + 12]):
            continue
        found.append(Span(start, end, Kind.DATE_TIME, 0.6))
    return found
