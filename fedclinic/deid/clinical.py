"""Find identifiers in clinical text by rules and dictionaries, whatever the case of its lines."""

import functools
from dataclasses import dataclass, field

from fedclinic.deid.lexicon import Lexicon
from fedclinic.deid.resolve import resolve
from fedclinic.deid.rules.addresses import find_addresses, find_known_places
from fedclinic.deid.rules.calendar import find_dates, find_high_ages
from fedclinic.deid.rules.contacts import CONTACT_RULES
from fedclinic.deid.rules.institutions import find_institutions
from fedclinic.deid.rules.names import find_announced_names
from fedclinic.deid.rules.numbers import find_numbers
from fedclinic.deid.rules.openings import Openings, openings_of
from fedclinic.deid.rules.pattern import find_all
from fedclinic.deid.rules.people import announced_words, find_listed_names
from fedclinic.deid.rules.tables import find_in_tables
from fedclinic.deid.rules.towns import find_towns
from fedclinic.deid.truecase import shout, truecase
from fedclinic.deid.wrapping import unwrap
from fedclinic.notes import Span


@dataclass(frozen=True)
class ClinicalText:
    """A text in the forms that rules read; an offset means the same place in each."""

    joined: str = field(repr=False)
    """With wrapped lines joined."""
    cased: str = field(repr=False)
    """With the case of caseless lines restored as well."""
    openings: Openings = field(repr=False)


@functools.lru_cache(maxsize=1)
def prepare_text(text: str, lexicon: Lexicon) -> ClinicalText:
    """Read a text for the rules; the last one is remembered, since several recognisers read it."""
    joined = unwrap(text)
    return ClinicalText(joined, truecase(joined, lexicon), openings_of(joined))


@functools.lru_cache(maxsize=1)
def find_identifiers(
    text: str, lexicon: Lexicon, *, names: frozenset[str] = frozenset()
) -> tuple[Span, ...]:
    """Find what rules and dictionaries know, without overlaps and in text order.

    The last text is remembered. `names` are lower-case words that are names wherever they stand,
    such as the patient's own.
    """
    prepared = prepare_text(text, lexicon)
    text, cased, openings = prepared.joined, prepared.cased, prepared.openings
    formed = [
        *find_all(CONTACT_RULES, text, openings),
        *find_dates(cased, openings),
        *find_high_ages(cased, openings),
        *find_numbers(shout(text), openings),
        *find_in_tables(text),
    ]
    worded = [
        *find_addresses(cased, openings, lexicon),
        *find_institutions(cased, openings, lexicon),
        *find_announced_names(cased, openings, lexicon),
    ]
    announced = announced_words(cased, worded, lexicon) | names
    listed = [
        *find_listed_names(cased, announced, lexicon),
        *find_known_places(cased, openings, lexicon),
        *find_towns(cased, openings, lexicon),
    ]
    found = (*formed, *worded, *listed)
    return tuple(resolve(span for span in found if _has_content(text, span)))


def _has_content(text: str, span: Span) -> bool:
    return any(map(str.isalnum, text[span.start : span.end]))
