"""Names of people, places and organisations: out of Faker, our own, or made up."""

from collections.abc import Iterable
from dataclasses import dataclass
from functools import cache
from importlib import import_module
from random import Random

_LOCALES = (
    ("en_US", 6),
    ("en_GB", 1),
    ("en_IE", 1),
    ("en_IN", 1),
    ("en_KE", 1),
    ("es_MX", 2),
    ("fr_FR", 1),
    ("de_DE", 1),
    ("it_IT", 1),
    ("nl_NL", 1),
    ("pt_BR", 1),
    ("sv_SE", 1),
    ("tr_TR", 1),
)
"""Faker locales, and how often a name comes out of each."""

_CITY_NAMES = """
Ashby|Barrow Falls|Bellhaven|Brookfield|Calder Springs|Cedar Grove|Chatham|Clearwater|Colton
Copper Hill|Dalton|Danbury|Eastlake|Elk Ridge|Fairmont|Fallbrook|Franklin|Glenwood|Granville
Greeley|Hadley|Harmony|Hartwell|Hillsdale|Irondale|Jasper|Kenton|Kingsport|Lakemont|Lancaster
Laurel|Lexington|Lowell|Madison|Maplewood|Marietta|Medford|Millbrook|Monroe|Morristown|Newberry
Newton|Norwood|Oakdale|Orchard Park|Oxford|Pine Bluff|Plainview|Quincy|Ravenna|Red Bank|Richmond
Rockport|Salem|Sandy Point|Sheridan|Silver Lake|Somerset|Springdale|Stillwater|Sutton|Trenton
Tupelo|Union City|Vernon|Walnut Creek|Waterford|Westbrook|Weston|Whitefish|Winslow|Woodbury|Yuma
Amarillo|Bakersfield|Boise|Duluth|El Paso|Eugene|Fresno|Gary|Hartford|Lubbock|Macon|Omaha|Peoria
Scranton|Spokane|Tacoma|Toledo|Tucson|Tulsa|Wichita|Youngstown
"""
_SAINTS = "St. Luke's|St. Mary|St. Vincent|St. Anne's|St. Clare|Mercy|Sacred Heart|Holy Cross"
_HOSPITAL_STEMS = f"{_SAINTS}|Good Samaritan|Riverside|Lakeview|Northside|Bayview|Methodist|Baptist"
_HOSPITAL_ENDINGS = (
    "Hospital|Medical Center|General Hospital|Memorial Hospital|Regional Medical Center|"
    "Community Hospital|Health System|Clinic|Rehabilitation Center|Nursing Home|Family Practice"
)
_EMPLOYER_ENDINGS = (
    "Logistics|Construction|Farms|& Sons|Auto Repair|Trucking|Elementary School|High School|"
    "Public Library|Fire Department|Bakery|Steel|Insurance Agency|Hardware|University"
)
_STREET_ENDINGS = (
    "Street|St|Avenue|Ave|Road|Rd|Lane|Drive|Dr|Court|Boulevard|Blvd|Way|Place|Terrace"
)
_ONSETS = "b|br|c|ch|d|dr|f|fl|g|gr|h|j|k|kl|l|m|n|p|pr|qu|r|s|sh|st|t|th|tr|v|w|y|z|zh"
_VOWELS = "a|e|i|o|u|ae|ai|ea|ei|io|oa|ou|ui|y"
_CODAS = "b|ck|d|l|ll|lm|ln|m|n|nd|ng|r|rd|rk|rn|s|sk|ss|st|t|th|v|x|z"


@dataclass(frozen=True)
class Lexicon:
    """Ordered lists; each value keeps its length when its case changes."""

    female_names: tuple[tuple[str, ...], ...]
    male_names: tuple[tuple[str, ...], ...]
    last_names: tuple[tuple[str, ...], ...]
    """One tuple a locale, a locale repeated as often as its weight."""
    cities: tuple[str, ...]
    states: tuple[tuple[str, int, int], ...]
    """Abbreviation, lowest and highest postal code."""
    known: frozenset[str]
    """Every first and last name, in lower case."""


def _is_fit(value: str) -> bool:
    """Latin letters, apostrophes, hyphens and single spaces; as long in capitals as in small."""
    if not value.replace(" ", "").replace("'", "").replace("-", "").isalpha() or "  " in value:
        return False
    return len(value) == len(value.upper()) == len(value.lower()) and all(
        c < "\u0250" for c in value
    )


def _names(locale: str, field: str) -> tuple[str, ...]:
    provider = import_module(f"faker.providers.person.{locale}").Provider
    values: Iterable[str] = getattr(provider, field, None) or provider.first_names
    return tuple(sorted({v for v in values if _is_fit(v) and 2 < len(v) < 16}))


def _pipe(text: str) -> tuple[str, ...]:
    return tuple(value.strip() for value in text.replace("\n", "|").split("|") if value.strip())


@cache
def lexicon() -> Lexicon:
    """Read the lists out of Faker, once a process."""
    locales = [locale for locale, weight in _LOCALES for _ in range(weight)]
    codes = import_module("faker.providers.address.en_US").Provider.states_postcode
    people = {
        field: tuple(_names(locale, field) for locale in locales)
        for field in ("first_names_female", "first_names_male", "last_names")
    }
    return Lexicon(
        female_names=people["first_names_female"],
        male_names=people["first_names_male"],
        last_names=people["last_names"],
        cities=_pipe(_CITY_NAMES),
        states=tuple((state, *codes[state]) for state in sorted(codes)),
        known=frozenset(
            name.lower() for lists in people.values() for names in lists for name in names
        ),
    )


HOSPITAL_STEMS = _pipe(_HOSPITAL_STEMS)
HOSPITAL_ENDINGS = _pipe(_HOSPITAL_ENDINGS)
EMPLOYER_ENDINGS = _pipe(_EMPLOYER_ENDINGS)
STREET_ENDINGS = _pipe(_STREET_ENDINGS)
ONSETS, VOWELS, CODAS = _pipe(_ONSETS), _pipe(_VOWELS), _pipe(_CODAS)


def composed_name(rng: Random, *, syllables: int) -> str:
    """Make up a pronounceable name that no list of names holds."""
    while True:
        parts = [rng.choice(ONSETS) + rng.choice(VOWELS) for _ in range(syllables)]
        name = "".join(parts) + rng.choice(CODAS)
        if name not in lexicon().known:
            return name.capitalize()
