"""Rules for addresses, cities with their state, ZIP codes, rooms and announced places."""

import re

from fedclinic.deid.kinds import EntityKind as Kind
from fedclinic.deid.lexicon import Lexicon
from fedclinic.deid.rules.fragments import CAPITALIZED, PARTICLE, STATE_CODES, STATE_NAMES
from fedclinic.deid.rules.openings import Openings
from fedclinic.deid.rules.pattern import find_all, rule
from fedclinic.deid.rules.runs import run_before
from fedclinic.deid.rules.towns import TOWN_HEADS, has_town_ending
from fedclinic.deid.word_lists import words
from fedclinic.notes import Span

_STREET = (
    r"(?:Street|St|Avenue|Ave|Road|Rd|Drive|Dr|Lane|Ln|Boulevard|Blvd|Court|Ct|Place|Pl|Terrace|"
    r"Ter|"
    r"Way|Circle|Cir|Parkway|Pkwy|Highway|Hwy|Trail|Trl|Square|Sq|Heights|Hts|Loop|Alley|Broadway|"
    r"Row|"
    r"Crescent|Plaza|Pike|Turnpike|Ridge|Cove|Crossing|Hollow|Landing|Route|Expressway|Manor|"
    r"Extension|"
    r"Estates?|Junctions?|Mews|Overpass|Underpass|Viaduct|Freeway|Skyway|Causeway|Throughway|"
    r"Trafficway|Motorway|Stravenue|Loaf|Ramp)"
)
_STREET_OR_WORD = (
    r"(?:Run|Point|Park|Bend|Glen|Mall|Path|Walk|Villages?|Springs?|Mission|Unions?|Islands?|"
    r"Harbors?|"
    r"Keys?|Meadows?|Mills?|Mountains?|Passage|Pines?|Plains?|Port|Prairie|Ranch|River|Roads|Rue|"
    r"Shoals?|Shores?|Spurs?|Station|Stream|Summit|Trace|Track|Tunnel|Valleys?|Views?|Ville|Vista|"
    r"Wells?|Flats?|Fords?|Forest|Forge|Forks?|Fort|Gardens?|Gateway|Greens?|Groves?|Haven|Inlet|"
    r"Knolls?|Lakes?|Lights?|Locks?|Lodge|Brooks?|Burgs?|Bypass|Camp|Canyon|Cape|Centers?|Circles|"
    r"Cliffs?|Club|Common|Corners?|Course|Courts|Creek|Crest|Crossroad|Curve|Dale|Dam|Divide|"
    r"Drives|"
    r"Falls?|Ferry|Fields?|Bayou|Beach|Bluffs?|Bottom|Branch|Bridge|Annex|Arcade|Isle|Orchard|Oval|"
    r"Rapids?|Rest|Radial|Wall|Neck|Land|Pass|Mount|Via|Hills?|Coves|Extensions|Forges|Glens|"
    r"Manors|Parks|Parkways|Points|Ports|Ridges|Squares|Streets|Walks|Ways)"
)
_USUAL_STREET = "(?:Street|Avenue|Ave|Road|Rd|Lane|Boulevard|Blvd|Highway|Parkway|Drive)"
_HOUSE = (
    r"\b(?<![:./])\d{1,6}(?:[A-Z]|-\d{1,4})?[ ]"
    r"(?:(?i:[nsew]{1,2})\.?[ ]|(?i:north|south|east|west)[ ])?"
)
_HOUSE_DIGITS = tuple(range(1, 7))
_STREET_NAME = rf"(?:(?:{PARTICLE}[ ])?{CAPITALIZED}|\d{{1,3}}(?i:st|nd|rd|th))"
_UNIT = (
    r"(?:,?\s+(?:(?i:apt\.?|apartment|suite|ste\.?|unit|room|rm\.?|floor|fl\.?)|#)"
    r"\s*#?[A-Za-z0-9-]+\b)?"
)
_ZIP = r"\d{5}(?:-\d{4})?"
_PLACE = rf"{CAPITALIZED}(?:[ ]{CAPITALIZED}){{0,2}}"
_LIVES = (
    r"\b(?:[Rr]esid(?:es?|ing|ents?|ed) (?:in|of|at)|[Ll]iv(?:es?|ing|ed) (?:in|at|near)|[Bb]orn "
    r"in|"
    r"[Mm]ov(?:ed|ing) (?:back |here )?(?:to|from)|[Ff]rom(?= [A-Z][a-z]+, )|[Nn]ative of|"
    r"[Tt]ravel(?:l?ed|s|l?ing)? (?:to|from)|[Hh]ome in|trip to|[Vv]isit(?:ed|ing)|"
    r"vacation(?:ing)? in|[Rr]eturn(?:ed|ing) from|[Rr]elocat(?:ed|ing) (?:to|from)|[Gg]rew up in|"
    r"[Rr]aised in|[Hh]ometown:?|[Cc]ity:|[Tt]own:|[Cc]ounty:)"
)

_ADDRESS_RULES = (
    rule(
        Kind.LOCATION,
        0.86,
        rf"{_HOUSE}(?:{_STREET_NAME}[ ]){{1,4}}(?i:{_STREET})\b\.?(?: [NSEW]{{1,2}}\b)?{_UNIT}",
        digits=_HOUSE_DIGITS,
    ),
    rule(
        Kind.LOCATION,
        0.86,
        rf"\b\d{{2,6}} (?i:Broadway|Park Ave(?:nue)?)\b{_UNIT}",
        digits=_HOUSE_DIGITS[1:],
    ),
    rule(
        Kind.LOCATION,
        0.86,
        rf"{_HOUSE}(?:{_STREET_NAME}[ ]){{1,3}}(?i:apt\.?|apartment|suite|ste\.?)[ ]#?\d+\b",
        digits=_HOUSE_DIGITS,
    ),
    rule(
        Kind.LOCATION,
        0.7,
        rf"\b(?:on|at|along|near|off|down|from|to|of|and|crossed|cross) (?P<value>{CAPITALIZED}"
        rf"(?: {CAPITALIZED})? {_USUAL_STREET})(?!\w)",
        opens="on at along near off down from to of and crossed cross",
    ),
    rule(Kind.LOCATION, 0.86, r"\b(?i:P\.?\s?O\.?\s?Box) #?\d+", opens="p po pobox"),
    rule(
        Kind.LOCATION,
        0.8,
        r"\b(?i:apt\.?|apartment) ?#?(?P<value>\d{1,4}[A-Z]?)\b",
        opens="apt apartment",
    ),
    rule(
        Kind.LOCATION,
        0.8,
        r"\b(?:Route|Rte\.?|Highway|Hwy\.?|County Road|State Road) \d{1,4}[A-Z]?\b",
        opens="route rte highway hwy county state",
    ),
    rule(
        Kind.LOCATION,
        0.8,
        rf"\b(?i:zip(?: ?code)?|postal code|postcode)[: ](?: ?is )?(?P<value> ?{_ZIP})\b",
        opens="zip zipcode postal postcode",
    ),
    rule(Kind.LOCATION, 0.7, r"(?<![\w-])\d{5}-\d{4}\b", digits=(5,)),
    rule(
        Kind.LOCATION,
        0.7,
        rf"{_LIVES}[ ](?:the )?(?P<value>{_PLACE})",
        opens="reside resides residing resident residents resided live lives living lived born "
        "move moved moving from native travel traveled travelled travels traveling travelling home "
        "trip visited visiting vacation vacationing returned returning relocated relocating grew "
        "raised hometown city town county",
    ),
    rule(
        Kind.LOCATION,
        0.6,
        r"\b(?i:room|rm\.?|unit|bed|bay):?[ ]#?(?P<value>[A-Z0-9]{1,3}-?\d{1,4}[A-Z]?)\b"
        r"(?! (?:of|mg))(?![.-]\d)",
        opens="room rm unit bed bay",
    ),
)
_LONG_STREETS = rule(
    Kind.LOCATION,
    0.86,
    rf"{_HOUSE}(?:{CAPITALIZED}[ ]){{1,4}}{_STREET_OR_WORD}\b{_UNIT}",
    digits=_HOUSE_DIGITS,
)
_ANY_CASE_STREET = re.compile(
    rf"(?i)\b\d{{2,6}} (?P<name>[^\W\d_]+(?:[-'’][^\W\d_]+)*) (?:{_STREET}|{_STREET_OR_WORD})s?\b"
    r"(?P<unit>,? (?:apt\.?|suite|ste\.?|unit) #?\w+)?"
)
_ADDRESS_CUE = re.compile(r"(?i)\b(?:at|address:?|pharmacy on|lives on) $")
_STATE = re.compile(
    rf"(?:(?P<code>{STATE_CODES})\b(?:,?\s{_ZIP})?(?![-/\w])|"
    rf"(?P<name>{STATE_NAMES})\b(?:,?\s{_ZIP})?)"
)
_STATE_OPENINGS = words(f"{STATE_CODES} {STATE_NAMES.replace(' ', '|')}".lower().replace("|", " "))
_STATE_BEFORE = re.compile(r"\b[A-Z]{2},?\s$")
_ZIP_HERE = re.compile(rf"{_ZIP}\b")
_CODES_THAT_ARE_WORDS = words(
    """
    OR IN ME PA MD PT ID LA CO MS MA AL OK CA HI ND SD DC PR SC MI CT MT NE AR DE MO VA NC
    AK GU VI AS MP FM MH PW
    """
)
_NUMBER_FOLLOWS = re.compile(r"[:#]| [A-Z]?\d")
_DEGREES = frozenset({"MD", "PA", "PT", "DC", "OK"})
_PLACE_RUN = re.compile(rf"(?<![\w'’-]){_PLACE}")
_PLACE_CUE = re.compile(r"\b(?:in|from|to|near|of) $")
_STREET_NUMBER = re.compile(r"\d+\S* ")


def find_addresses(text: str, openings: Openings, lexicon: Lexicon) -> list[Span]:
    """Find addresses and places that their form or the words before them announce."""
    places = [
        span
        for span in find_all(_ADDRESS_RULES, text, openings)
        if text[span.start : span.end].lower() not in lexicon.never
    ]
    long_streets = [
        span
        for span in _LONG_STREETS.find(text, openings)
        if _holds_a_name(text[span.start : span.end], lexicon)
    ]
    return [
        *places,
        *long_streets,
        *_zips_after_state(text, openings),
        *_streets_in_any_case(text, openings, lexicon),
        *_cities_with_state(text, openings, lexicon),
    ]


def _zips_after_state(text: str, openings: Openings) -> list[Span]:
    """Find ZIP codes that follow two capitals."""
    found = []
    for place in openings.of_numbers((5,)):
        match = _ZIP_HERE.match(text, place)
        if match is not None and _STATE_BEFORE.search(text, max(0, place - 6), place):
            found.append(Span(place, match.end(), Kind.LOCATION, 0.8))
    return found


def _streets_in_any_case(text: str, openings: Openings, lexicon: Lexicon) -> list[Span]:
    """Find a number, a name and a word for a street, though the line carries no case."""
    matches = (_ANY_CASE_STREET.match(text, at) for at in openings.of_numbers(_HOUSE_DIGITS[1:]))
    return [
        Span(match.start(), match.end(), Kind.LOCATION, 0.8)
        for match in matches
        if match is not None
        and (
            match.group("unit")
            or match.group("name").lower() not in lexicon.ordinary
            or (
                match.group("name").lower() in lexicon.family_rank
                and _ADDRESS_CUE.search(text, max(0, match.start() - 12), match.start())
            )
        )
    ]


def _holds_a_name(street: str, lexicon: Lexicon) -> bool:
    words = _STREET_NUMBER.sub("", street, count=1).split()
    return any(word.lower() not in lexicon.ordinary for word in words)


def _cities_with_state(text: str, openings: Openings, lexicon: Lexicon) -> list[Span]:
    """Find cities by the state that follows them; two letters that are a word need a known city."""
    found = []
    for place in openings.of_words(_STATE_OPENINGS):
        if not text[place].isupper() or not text[place - 1 : place].isspace():
            continue
        match = _STATE.match(text, place)
        if match is None:
            continue
        after_comma = text[place - 2 : place - 1] == ","
        city_end = place - 2 if after_comma else place - 1
        start = _city_start(text, city_end, lexicon)
        if start == city_end or (match.group("name") and not after_comma):
            continue
        code = match.group("code")
        with_zip = text[match.end() - 1].isdigit()
        is_number = code == "ID" and _NUMBER_FOLLOWS.match(text, place + 2) is not None
        if is_number and not _may_be_city(text[start:city_end].lower(), lexicon, sure=False):
            continue
        if code in _CODES_THAT_ARE_WORDS and not with_zip:
            city = text[start:city_end].lower()
            if code in _DEGREES and city.split()[0] in lexicon.given and " " in city:
                continue
            if not _may_be_city(city, lexicon, sure=code not in _DEGREES and after_comma):
                continue
            if code in _DEGREES and not after_comma:
                continue
        found.append(Span(start, match.end(), Kind.LOCATION, 0.85))
    return found


def _may_be_city(city: str, lexicon: Lexicon, *, sure: bool) -> bool:
    """Tell whether words before a state's code are a city; a `sure` code takes unknown ones too."""
    first, _, last = city.rpartition(" ")
    if first in TOWN_HEADS and last not in lexicon.never:
        return True
    if city in lexicon.places or has_town_ending(last, lexicon):
        return True
    return sure and last not in lexicon.ordinary and last not in lexicon.never


def _city_start(text: str, end: int, lexicon: Lexicon) -> int:
    """Where the up to three capitalised words before a state begin, less words that are no name."""
    start = run_before(text, end, most=3)
    while start < end:
        word = text[start:end].split(maxsplit=1)[0]
        if word.strip(",.").lower() not in lexicon.never:
            break
        start = min(start + len(word) + 1, end)
    return start


def find_known_places(text: str, openings: Openings, lexicon: Lexicon) -> list[Span]:
    """Find cities, counties and countries that the dictionary knows, longest first."""
    found, last = [], 0
    known = lexicon.place_openings
    for place in openings.of_words(word for word in openings.words if word in known):
        if place < last or not text[place].isupper():
            continue
        run = _PLACE_RUN.match(text, place)
        if run is None:
            continue
        announced = _PLACE_CUE.search(text, max(0, place - 12), place) is not None
        length = _longest_place(run.group(), lexicon, announced=announced)
        if length:
            last = place + length
            found.append(Span(place, last, Kind.LOCATION, 0.6))
    return found


def _longest_place(run: str, lexicon: Lexicon, *, announced: bool) -> int:
    """The length of the longest place with which a run of words begins; 0 if with none."""
    while run:
        lowered = run.lower()
        is_word = lowered in lexicon.eponyms or (lowered in lexicon.ordinary and not announced)
        is_abbreviation = run.isupper() and len(run) < 6
        if lowered in lexicon.places and not is_word and not is_abbreviation:
            return len(run)
        run = run.rpartition(" ")[0]
    return 0
