"""Invented names for surrogates: pronounceable words that no dictionary of real names holds."""

import functools
import itertools

from fedclinic.deid.lexicon import lexicon
from fedclinic.deid.word_lists import phrases

_STARTS = phrases(
    "Bel|Bran|Cal|Cor|Dal|Dor|Fal|Fen|Gal|Gor|Hal|Hel|Jor|Kal|Kel|Lan|Lor|"
    "Mal|Mar|Mor|Nal|Nor|Pel|Per|Ral|Ren|Sal|Sel|Tal|Tor|Val|Vel|Wen|Wil|"
    "Yor|Zel|Ash|Ard|Eld|Orm"
)
_MIDDLES = phrases("a|e|i|o|u|an|el|in|or|ar|en|il")
_ENDS = phrases(
    "bury|by|dane|dell|field|gate|lin|low|mere|mond|nell|ric|rin|ris|son|stan|"
    "ter|ton|vane|vick|well|wick"
)


@functools.lru_cache(maxsize=1)
def reserved_names() -> tuple[str, ...]:
    """All invented names in a fixed order, without any that a dictionary knows."""
    known = lexicon()
    invented = ("".join(parts) for parts in itertools.product(_STARTS, _MIDDLES, _ENDS))
    return tuple(
        name
        for name in invented
        if name.lower() not in known.given
        and name.lower() not in known.family_rank
        and name.lower() not in known.places
        and name.lower() not in known.ordinary
    )
