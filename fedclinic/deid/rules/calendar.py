"""Rules for dates and for ages of ninety and more."""

import re

from fedclinic.deid.kinds import EntityKind as Kind
from fedclinic.deid.rules.fragments import DAY, MONTH, ORDINAL, YEAR, YEAR4
from fedclinic.deid.rules.openings import Openings
from fedclinic.deid.rules.pattern import find_all, rule
from fedclinic.deid.word_lists import words
from fedclinic.notes import Span

_FULL_MONTH = (
    r"(?:January|February|April|June|July|August|September|October|November|December|"
    r"JANUARY|FEBRUARY|APRIL|JUNE|JULY|AUGUST|SEPTEMBER|OCTOBER|NOVEMBER|DECEMBER)"
)
_HOLIDAY = (
    r"(?:Christmas(?: Eve| Day)?|Thanksgiving|New Year['’]?s(?: Day| Eve)?|Easter|Labor Day|"
    r"Memorial Day|"
    r"Halloween|Valentine['’]?s Day|Independence Day|Fourth of July|Mother['’]?s Day|"
    r"Father['’]?s Day|Veterans Day|Columbus Day|Hanukkah|Ramadan|Passover|Diwali)"
)
_AGE90 = r"(?:9\d|1[0-1]\d)"

_MONTH_FIRST = tuple(
    (re.compile(pattern), score)
    for pattern, score in (
        (
            rf"{MONTH}\.?\s{{1,2}}{DAY}(?:{ORDINAL})?"
            rf"(?:\s?(?:-|–|to|and|through)\s?{DAY}(?:{ORDINAL})?)?"
            rf"(?:,?\s{YEAR4}|,? '\d\d)?\b(?!\s?(?:mg|mL|%))",
            0.9,
        ),
        (rf"{MONTH}\.?,? (?:of )?(?:{YEAR4}|'\d\d)\b", 0.85),
        (rf"{MONTH}[-/]{YEAR}\b", 0.85),
        (rf"{_FULL_MONTH}\b", 0.7),
    )
)
_DAY_BEFORE = re.compile(rf"\b{DAY}(?:{ORDINAL})?[- ]?(?:of )?$")
_AFTER_DAY = re.compile(
    rf"{MONTH}\b\.?(?:,?[- ]?{YEAR4}|[- ']\d\d(?![\d:]))?(?!\w)|{MONTH}{YEAR4}(?!\w)"
)
_MONTH_OR_WORD = re.compile(
    r"(?:March|May)\b(?! (?:be|have|not|need|also|repeat|take|use|want|require|[Cc]oncern|CONCERN))"
)
_SHORT_MONTH = re.compile(r"(?:Jan|Feb|Mar|Apr|Jun|Jul|Aug|Sept?|Oct|Nov|Dec)\b\.?")
_MONTH_CUE = re.compile(
    r"\b(?:[Ss]ince|[Ii]n|[Ll]ast|[Tt]his|[Ee]arly|[Ll]ate|[Mm]id-?|[Uu]ntil|[Bb]y) $"
)
_OTHER_RULES = (
    rule(Kind.DATE_TIME, 0.5, r"(?:Mon|Tues|Wednes|Thurs|Fri|Satur|Sun)days?\b"),
    rule(
        Kind.DATE_TIME,
        0.6,
        r"(?i:(?P<value>mon|tues?|wed|thu(?:rs?)?|fri|sat|sun)\b[.,]{0,2} {1,2}"
        rf"(?=\d{{1,4}}[-/.]\d|\d{{1,2}} {MONTH}|{MONTH}\.? \d))",
        opens="mon tue tues wed thu thur thurs fri sat sun",
    ),
    rule(
        Kind.DATE_TIME,
        0.7,
        rf"(?i:{_HOLIDAY})\b",
        opens="christmas thanksgiving new easter labor memorial halloween valentine independence "
        "fourth mother father veterans columbus hanukkah ramadan passover diwali",
    ),
    rule(Kind.DATE_TIME, 0.7, r"(?i:4th of july)\b", digits=(1,)),
    rule(
        Kind.DATE_TIME,
        0.8,
        r"\b(?:[Bb]orn in|[Yy]ear of birth:?|[Bb]irth year:?|DOB:?) (?P<value>(?:19|20)\d\d)\b",
        opens="born year birth dob",
    ),
)
_MONTH_WORDS = words(
    """
    jan january feb february mar march apr april may jun june jul july aug august sep sept
    september oct october nov november dec december
    """
)
_REACH = 14
_NUMBERS = re.compile(
    r"\d{1,4}(?P<mark>[-/.])\d{1,4}(?:[-/.]\d{1,4})?(?:T\d\d:\d\d(?::\d\d)?(?:\.\d+)?Z?)?"
)
_COMPACT_FORM = re.compile(r"(?:0\d|1[0-2])(?:[0-2]\d|3[01])(?:(?:19|20)\d\d|\d\d)")
_COMPACT_CUE = re.compile(r"(?i)(?:dob|d\.o\.b\.|birth ?(?:date)?|date|dd|dt|dv)[:. ]{1,12}$")
_CLOCK = re.compile(r"T\d\d:.*$")
_FOLLOWED_BY_WORD = re.compile(r" (?:at|with|by|for|and|was|he|she)\b")
_MEASURED_BEFORE = re.compile(
    r"(?i)(?:bp|blood pressure|strength|pain|gleason|reflex\w*|pulses?|grade|score|apgar\w*|murmur|"
    r"nodes?|motor|power|visual acuity|vision|rated|rating|ratio|dose|every|q|level|scale|gcs)"
    r"\W{0,4}(?:\w+\W+){0,2}$"
)
_DATED_BEFORE = re.compile(
    r"(?i)\b(?:on|since|until|before|after|by|dated?|seen|expires|due|visit|from|thru|through|"
    r"around|collected|reserved|taken|and|between|next(?: [a-z]+){0,2}):? $"
)
_MEASURED_AFTER = re.compile(
    r"^\s?(?:strength|mg|ml|tab|cup|ppd|pack|pill|of |nodes|negative|positive|murmur|pain|"
    r"systolic|LR|NS|"
    r"inch|cm|day|in severity|bilateral|throughout|in all|in the|points|wt|full|hard palate)"
)
_FRACTIONS = words(
    """
    1/2 1/3 1/4 2/3 3/4 5/5 4/5 3/5 2/5 1/5 2/2 4/4 6/6 3/3 1/1 12/12 1/6 2/6 3/6 4/6 5/6
    1/8 3/8 5/8 7/8
    """
)
_HIGH_AGE = re.compile(_AGE90)
_AGE_AFTER = re.compile(
    r"(?:[- ]?(?i:years?|yrs?|y/o|y\.o|yo\b|y/)|[- ]?[FM]\b| (?i:(?:fe)?male|(?:wo)?man)\b)"
)
_AGE_BEFORE = re.compile(
    r"(?i)\b(?:aged?|age of|turn(?:s|ed|ing)|birthday:?|years old:?|now|is now)[:\s]{1,3}(?:is )?$"
)
_DIED = re.compile(r"(?i)\b(?:died|dies|deceased|passed|passed away|lived),? (?:at|to)(?: be)? $")
_AT_AGE = re.compile(r"(?:^|[\n.:] ?)[Aa]t $")
_NAME_IS = re.compile(r"[A-Z][\w.'-]+ is $")
_NAME_BEFORE = re.compile(r"[A-Z][\w.'-]+, $")
_AGE_WORDS = rule(
    Kind.AGE,
    0.8,
    r"\b(?:[Nn]onagenarian|[Cc]entenarian|in (?:his|her|their) (?:mid[- ]|late |early )?"
    r"(?:nineties|90s|90's)|(?i:ninety(?:[- ](?:one|two|three|four|five|six|seven|eight|nine))?)"
    r"(?=[- ]years?[- ]old))",
    opens="nonagenarian centenarian in ninety",
)


def find_dates(text: str, openings: Openings) -> list[Span]:
    """Find dates in every usual form; fractions, scores and pressures are no dates."""
    return [
        *find_all(_OTHER_RULES, text, openings),
        *_number_dates(text),
        *_compact_dates(text, openings),
        *_named_dates(text, openings),
    ]


def find_high_ages(text: str, openings: Openings) -> list[Span]:
    """Find ages of ninety and more; younger ages are no identifier."""
    found = _AGE_WORDS.find(text, openings)
    for start in openings.of_numbers((2, 3)):
        match = _HIGH_AGE.match(text, start)
        end = match.end() if match is not None else start
        if match is None or text[start - 1 : start].isalnum() or text[end : end + 1].isdigit():
            continue
        if _is_age(text[max(0, start - 24) : start], text[end : end + 12]):
            found.append(Span(start, end, Kind.AGE, 0.9))
    return found


def _is_age(before: str, after: str) -> bool:
    """Tell whether the words beside a number make it an age."""
    if _AGE_AFTER.match(after):
        return True
    if after[:1] in ("/", "%") or (after[:1] == "." and after[1:2].isdigit()):
        return False
    if _DIED.search(before):
        return True
    if _AT_AGE.search(before) and after.startswith(","):
        return True
    if _NAME_IS.search(before) and after[:1] in (".", ",", ";", "\n"):
        return True
    named = _NAME_BEFORE.search(before) is not None and after.startswith(",")
    return named or _AGE_BEFORE.search(before) is not None


def _named_dates(text: str, openings: Openings) -> list[Span]:
    """Find dates with a month's name: the day before or after it, a year, or the month alone."""
    found = []
    for start in openings.of_words(_MONTH_WORDS):
        before = text[max(0, start - _REACH) : start]
        day = _DAY_BEFORE.search(before)
        after_day = _AFTER_DAY.match(text, start) if day is not None else None
        if day is not None and after_day is not None:
            first = start - len(before) + day.start()
            found.append(Span(first, after_day.end(), Kind.DATE_TIME, 0.9))
        if before[-1:].isalnum():
            continue
        end, score = _month_first(text, start, before)
        if score:
            found.append(Span(start, end, Kind.DATE_TIME, score))
    return found


def _month_first(text: str, start: int, before: str) -> tuple[int, float]:
    """Where a date that begins with a month's name ends, and how sure it is; 0 if it is none."""
    for pattern, score in _MONTH_FIRST:
        match = pattern.match(text, start)
        if match is not None:
            return match.end(), score
    word = _MONTH_OR_WORD.match(text, start)
    if (
        word is not None
        and before[-1:] == " "
        and (before[-2:-1].islower() or before[-2:-1] == ",")
    ):
        return word.end(), 0.6
    short = _SHORT_MONTH.match(text, start)
    if short is not None and _MONTH_CUE.search(before):
        return short.end(), 0.6
    return start, 0.0


def _number_dates(text: str) -> list[Span]:
    """Find dates written in numbers: three of them, month and year, month and day."""
    found = []
    for match in _NUMBERS.finditer(text):
        start, end = match.span()
        if _continues(text, start, end):
            continue
        value = match.group()
        day = _CLOCK.sub("", value)
        score = _date_score(text, start, day, match.group("mark"))
        if score:
            is_full = len(day) >= 8 and day[:4].isdigit()
            found.append(Span(start, end if is_full else start + len(day), Kind.DATE_TIME, score))
    return found


def _continues(text: str, start: int, end: int) -> bool:
    """Tell whether a number goes on before `start` or after `end`."""
    before = text[max(0, start - 2) : start]
    if before and (before[-1] in "-/" or (before[-1] == "." and before[:1].isdigit())):
        return True
    after = text[end : end + 2]
    goes_on = after[:1] in ("/", "-", "%") and after[1:].isalnum()
    return goes_on or (after[:1] == "." and after[1:].isdigit())


def _date_score(text: str, start: int, value: str, mark: str) -> float:
    """How surely numbers joined by marks are a date; 0 where they are none."""
    parts = re.split(r"[-/.]", value)
    numbers = [int(part) for part in parts]
    if len(parts) == 3:
        if len(parts[0]) == 4:
            good = 1900 <= numbers[0] < 2100 and numbers[1] <= 12 and numbers[2] <= 31
            return 0.9 if good and numbers[1] and numbers[2] else 0
        good = len(parts[2]) in (2, 4) and len(parts[0]) <= 2 and len(parts[1]) <= 2
        plausible = len(parts[2]) == 2 or 1900 <= numbers[2] < 2100
        return 0.9 if good and plausible and _month_and_day(numbers[0], numbers[1]) else 0
    if len(parts[1]) == 4:
        return 0.8 if mark == "/" and 1 <= numbers[0] <= 12 and 1900 <= numbers[1] < 2100 else 0
    if (
        len(parts[0]) > 2
        or len(parts[1]) > 2
        or not 1 <= numbers[0] <= 12
        or not 1 <= numbers[1] <= 31
    ):
        return 0
    return _short_date_score(text, start, value, mark)


def _month_and_day(first: int, second: int) -> bool:
    return 1 <= min(first, second) <= 12 and max(first, second) <= 31


def _short_date_score(text: str, start: int, value: str, mark: str) -> float:
    """A month and a day count where nothing around marks them as a measurement."""
    end = start + len(value)
    dated = _DATED_BEFORE.search(text[max(0, start - 30) : start]) is not None
    if mark == "-":
        follows = _FOLLOWED_BY_WORD.match(text[end : end + 6]) is not None
        return 0.6 if follows and dated else 0
    if mark == ".":
        return 0
    is_padded = len(value) == 5 and mark == "/"
    if not dated and (value in _FRACTIONS or (value.endswith("/10") and not is_padded)):
        return 0
    if _MEASURED_BEFORE.search(text[max(0, start - 30) : start]):
        return 0
    return 0 if _MEASURED_AFTER.match(text[end : end + 12]) else 0.6


def _compact_dates(text: str, openings: Openings) -> list[Span]:
    """Find dates of eight digits without marks, of six after a word that announces a date."""
    found = []
    for start in openings.of_numbers((6, 8)):
        match = _COMPACT_FORM.match(text, start)
        end = match.end() if match is not None else start
        if match is None or text[start - 1 : start].isalnum() or text[end : end + 1].isalnum():
            continue
        if _COMPACT_CUE.search(text[max(0, start - 24) : start]):
            found.append(Span(start, end, Kind.DATE_TIME, 0.8))
        elif end - start == 8:
            found.append(Span(start, end, Kind.DATE_TIME, 0.65))
    return found
