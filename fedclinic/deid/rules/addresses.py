"""Rules for addresses, cities with their state, ZIP codes, rooms, and places that a cue announces."""

import re

from fedclinic.deid.kinds import EntityKind as Kind
from fedclinic.deid.lexicon import Lexicon
from fedclinic.deid.rules.fragments import CAPITALIZED, STATE_CODES, STATE_NAMES
from fedclinic.deid.rules.pattern import find_all, rule
from fedclinic.notes import Span

_STREET_KIND = (
    r"(?:Street|St|Avenue|Ave|Road|Rd|Drive|Dr|Lane|Ln|Boulevard|Blvd|Court|Ct|Place|Pl|Terrace|Ter|Way|"
    r"Circle|Cir|Parkway|Pkwy|Highway|Hwy|Trail|Trl|Square|Sq|Heights|Hts|Loop|Alley|Broadway|Row|Crescent|"
    r"Plaza|Pike|Turnpike|Run|Ridge|Point|Park|Cove|Crossing|Xing|Bend|Hollow|Glen|Landing|Mall|Path|"
    r"Route|Expressway|Walk|Manor|Villages?|Viaduct|Junctions?|Springs?|Mission|Unions?|Islands?|Mews|"
    r"Extension|Estates?|Harbors?|Keys?|Meadows?|Mills?|Motorway|Mountains?|Overpass|Passage|Pines?|Plains?|"
    r"Port|Prairie|Ranch|River|Roads|Rue|Shoals?|Shores?|Spurs?|Station|Stravenue|Stream|Summit|Throughway|"
    r"Trace|Track|Trafficway|Tunnel|Valleys?|Views?|Ville|Vista|Wells?|Flats?|Fords?|Forest|Forge|Forks?|"
    r"Fort|Freeway|Gardens?|Gateway|Greens?|Groves?|Haven|Inlet|Knolls?|Lakes?|Light|Lights|Lock|Locks|"
    r"Lodge|Brooks?|Burgs?|Bypass|Camp|Canyon|Cape|Causeway|Centers?|Circles|Cliffs?|Club|Common|Corners?|"
    r"Course|Courts|Creek|Crest|Crossroad|Curve|Dale|Dam|Divide|Drives|Falls?|Ferry|Fields?|Bayou|Beach|"
    r"Bluffs?|Bottom|Branch|Bridge|Annex|Arcade|Isle|Orchard|Oval|Rapids?|Rest|Skyway|Turnpike|Underpass)"
)
_HOUSE = r"\b\d{1,6}(?:[A-Z]|-\d{1,4})?[ ](?:[NSEW]{1,2}\.?[ ]|North |South |East |West )?"
_UNIT = r"(?:,?\s+(?:(?i:apt\.?|apartment|suite|ste\.?|unit|room|rm\.?|floor|fl\.?)|#)\s*#?[A-Za-z0-9-]+\b)?"
_ZIP = r"\d{5}(?:-\d{4})?"
_PLACE = rf"{CAPITALIZED}(?:[ ]{CAPITALIZED}){{0,2}}"
_LIVES = (
    r"(?:[Rr]esid(?:es?|ing|ents?|ed) (?:in|of|at)|[Ll]iv(?:es?|ing|ed) (?:in|at|near)|[Bb]orn in|"
    r"[Mm]ov(?:ed|ing) (?:back )?(?:to|from)|[Ff]rom(?= [A-Z][a-z]+, )|[Nn]ative of|"
    r"[Tt]ravel(?:l?ed|s|l?ing)? (?:to|from)|[Hh]ome in|trip to|visiting|vacation(?:ing)? in|"
    r"[Rr]eturn(?:ed|ing) from|[Rr]elocat(?:ed|ing) (?:to|from)|[Gg]rew up in|[Rr]aised in|[Hh]ometown:?)"
)
_CITY_STATE_SCORE = 0.85

_ADDRESS_RULES = (
    rule(
        Kind.LOCATION,
        0.86,
        rf"{_HOUSE}(?:(?:{CAPITALIZED}|\d{{1,3}}(?:st|nd|rd|th))[ ]){{1,4}}{_STREET_KIND}\b\.?(?: [NSEW]{{1,2}}\b)?{_UNIT}",
    ),
    rule(Kind.LOCATION, 0.86, rf"\b\d{{2,6}} (?:Broadway|Park Ave(?:nue)?)\b{_UNIT}"),
    rule(Kind.LOCATION, 0.86, r"\b(?i:P\.?\s?O\.?\s?Box) #?\d+"),
    rule(Kind.LOCATION, 0.8, r"\b(?i:apt\.?|apartment) ?#?(?P<value>\d{1,4}[A-Z]?)\b"),
    rule(
        Kind.LOCATION,
        0.8,
        r"\b(?:Route|Rte\.?|Highway|Hwy\.?|County Road|State Road|RR) \d{1,4}[A-Z]?\b",
    ),
    rule(
        Kind.LOCATION,
        0.8,
        rf"(?:\b(?:{STATE_CODES})|[Zz][Ii][Pp](?: ?[Cc]ode)?:?(?: is)?),?[ ](?P<value>{_ZIP})\b",
    ),
    rule(Kind.LOCATION, 0.7, r"(?<![\w-])\d{5}-\d{4}\b"),
    rule(Kind.LOCATION, 0.7, rf"{_LIVES}[ ](?:the )?(?P<value>{_PLACE})"),
    rule(
        Kind.LOCATION,
        0.6,
        r"\b(?:[Rr]oom|[Rr]m\.?|ROOM|[Uu]nit|[Bb]ed|BED|[Bb]ay):?[ ]#?(?P<value>[A-Z0-9]{1,3}-?\d{1,4}[A-Z]?)\b(?! (?:of|mg))",
    ),
)
_CITY_STATE = (
    rule(
        Kind.LOCATION,
        _CITY_STATE_SCORE,
        rf"\b(?:{CAPITALIZED}[ ]){{0,2}}{CAPITALIZED},?[ ](?:{STATE_CODES})\b(?:,?[ ]{_ZIP})?(?![-/])",
    ),
    rule(
        Kind.LOCATION,
        _CITY_STATE_SCORE,
        rf"\b(?:{CAPITALIZED}[ ]){{0,2}}{CAPITALIZED},[ ](?:{STATE_NAMES})\b(?:,?[ ]{_ZIP})?",
    ),
)
_CODES_THAT_ARE_WORDS = frozenset(
    [
        "OR",
        "IN",
        "ME",
        "PA",
        "MD",
        "PT",
        "ID",
        "LA",
        "CO",
        "MS",
        "MA",
        "AL",
        "OK",
        "CA",
        "HI",
        "ND",
        "SD",
        "DC",
        "PR",
        "SC",
        "MI",
    ]
)
_PLACE_RUN = re.compile(rf"{CAPITALIZED}(?:[ ]{CAPITALIZED}){{0,2}}")


def find_addresses(text: str, lexicon: Lexicon) -> list[Span]:
    """Find addresses and places that their form or the words before them announce."""
    cities = (
        trimmed
        for span in find_all(_CITY_STATE, text)
        if (trimmed := _without_leading_words(text, span, lexicon)) is not None
    )
    places = (
        span
        for span in find_all(_ADDRESS_RULES, text)
        if text[span.start : span.end].lower() not in lexicon.never
    )
    return [*places, *cities]


def _without_leading_words(text: str, span: Span, lexicon: Lexicon) -> Span | None:
    """Drop words before the city that are no name; None where the state code is a word or degree."""
    words = list(re.finditer(r"\S+", text[span.start : span.end]))
    while len(words) > 1 and words[0].group().strip(",.").lower() in lexicon.never:
        words.pop(0)
    start = span.start + words[0].start()
    value = text[start : span.end]
    last = value.split()[-1]
    if last in _CODES_THAT_ARE_WORDS:
        city = re.sub(rf",?\s{last}$", "", value).lower()
        if last in ("MD", "PA", "PT") and "," not in value:
            return None
        if city not in lexicon.places:
            return None
    return Span(start, span.end, span.label, span.score)


def find_known_places(text: str, lexicon: Lexicon) -> list[Span]:
    """Find cities, counties and countries that the dictionary knows, longest first."""
    found = []
    for run in _PLACE_RUN.finditer(text):
        words = list(re.finditer(r"\S+", run.group()))
        first = 0
        while first < len(words):
            last = _longest_place(words, first, lexicon)
            if last is None:
                first += 1
                continue
            start, end = run.start() + words[first].start(), run.start() + words[last].end()
            found.append(Span(start, end, Kind.LOCATION, 0.6))
            first = last + 1
    return found


def _longest_place(words: list[re.Match[str]], first: int, lexicon: Lexicon) -> int | None:
    for last in range(len(words) - 1, first - 1, -1):
        value = " ".join(word.group() for word in words[first : last + 1])
        lowered = value.lower()
        if lowered in lexicon.places and not lexicon.is_ambiguous(lowered):
            short_abbreviation = value.isupper() and len(value) < 6
            if not short_abbreviation:
                return last
    return None
