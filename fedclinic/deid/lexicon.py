"""The dictionaries that detection looks words up in: names, places, ordinary and medical words.

`benchmarks/deid_lexicon.py` built the files from packages with free licences; `word_lists` and
`clinical_words` hold what a clinician would know by heart.
"""

import functools
import gzip
import hashlib
import re
from dataclasses import dataclass, field
from importlib.resources import files

from fedclinic.deid.clinical_words import CLINICAL_WORDS
from fedclinic.deid.word_lists import (
    ALSO_ORDINARY,
    EPONYMS,
    NAMES_THAT_ARE_WORDS,
    NEVER_NAMES,
    NOT_ORDINARY,
    PLACES_THAT_ARE_WORDS,
)
from fedclinic.records import Digest

_OPENING = re.compile(r"[^\W\d_]+")
_FILES = ("given_names", "family_names", "places", "ordinary_words")


@dataclass(frozen=True, eq=False)
class Lexicon:
    """Sets of lower-case words; surnames carry their census rank (1 is the commonest)."""

    given: frozenset[str] = field(repr=False)
    family_rank: dict[str, int] = field(repr=False)
    places: frozenset[str] = field(repr=False)
    place_starts: frozenset[str] = field(repr=False)
    """First words of the places of several words."""
    place_openings: frozenset[str] = field(repr=False)
    """First letters of all places, up to a space or mark."""
    ordinary: frozenset[str] = field(repr=False)
    """Words of clinical and everyday English, among them names that are also words."""
    eponyms: frozenset[str] = field(repr=False)
    never: frozenset[str] = field(repr=False)
    """Words that are no part of a name, whatever stands beside them."""
    digest: Digest

    def is_ambiguous(self, word: str) -> bool:
        """Tell whether a lower-case word means something besides a name."""
        if word in self.ordinary or word in self.eponyms:
            return True
        return "-" in word and all(map(self.is_ambiguous, word.split("-")))


def _lines(name: str) -> tuple[bytes, list[str]]:
    content = (files("fedclinic.deid") / "lexicon_data" / f"{name}.txt.gz").read_bytes()
    return content, gzip.decompress(content).decode().splitlines()


@functools.lru_cache(maxsize=1)
def lexicon() -> Lexicon:
    """Load the dictionaries once a process."""
    contents, lists = zip(*(_lines(name) for name in _FILES), strict=True)
    given, family, places, ordinary = lists
    state = hashlib.sha256(b"".join(hashlib.sha256(content).digest() for content in contents))
    known_places = frozenset(places) - PLACES_THAT_ARE_WORDS
    return Lexicon(
        given=frozenset(given) - NEVER_NAMES,
        family_rank={word: rank for rank, word in enumerate(family, 1) if word not in NEVER_NAMES},
        places=known_places,
        place_starts=frozenset(place.split()[0] for place in known_places if " " in place),
        place_openings=frozenset(
            match.group() for match in map(_OPENING.match, known_places) if match
        ),
        ordinary=(frozenset(ordinary) - NOT_ORDINARY)
        | CLINICAL_WORDS
        | NAMES_THAT_ARE_WORDS
        | ALSO_ORDINARY
        | NEVER_NAMES,
        eponyms=EPONYMS,
        never=NEVER_NAMES,
        digest=f"sha256:{state.hexdigest()}",
    )
