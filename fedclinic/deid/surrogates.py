"""Keyed pseudonyms: the same value of the same patient always gets the same one.

Names and places become invented words, numbers keep their form; telephone numbers, addresses on the
network and social security numbers fall into ranges that were never given to anyone.
"""

import hashlib
import hmac
import re
from collections.abc import Callable
from dataclasses import dataclass, field

from fedclinic.deid.geography import zip3
from fedclinic.deid.kinds import EntityKind
from fedclinic.deid.reserved_names import reserved_names
from fedclinic.deid.rules.fragments import STATE_CODES, STATE_NAMES
from fedclinic.deid.word_lists import words
from fedclinic.errors import DeidentificationError

_WORD = re.compile(r"[^\W\d_]+(?:['’-][^\W\d_]+)*|\d+|[^\w]+|_+")
_POSSESSIVE = re.compile(r"['’]s?$")
_EXTENSION = re.compile(r"\s?(?:x|ext\.?|extension)\s?\d+$", re.IGNORECASE)
STATES = frozenset(STATE_CODES.split("|")) | {
    word for name in STATE_NAMES.split("|") for word in name.split()
}
KEPT_IN_NAMES = words(
    """
    jr sr ii iii iv md do rn np pa phd dr mr mrs ms miss van der den de la von del di da dos
    du le el al bin ibn ter ten baby boy girl and
    """
)
KEPT_IN_PLACES = words(
    """
    st mt ft street avenue ave road rd drive dr lane ln boulevard blvd court ct place pl
    terrace way circle cir parkway pkwy highway hwy trail trl square sq apt apartment suite
    ste unit room rm floor po box p o north south east west n s e w ne nw se sw of and the
    at in for hospital hospitals clinic clinics medical center centre health healthcare
    system partners network services infirmary hospice nursing home rehab rehabilitation
    institute cancer heart group family practice medicine urgent care assisted living
    surgery children's children’s pediatrics orthopedics dialysis memorial behavioral
    pharmacy manor general regional community university college school high elementary
    middle academy inc llc ltd corp company co church department office facility campus ward
    county route
    """
)
_ATTEMPTS = 64
_MIN_TELLING = 4
"""Numbers with fewer letters and digits tell nobody apart and may recur by chance."""


@dataclass(frozen=True)
class Surrogates:
    """One patient's pseudonyms under the site's key."""

    key: bytes = field(repr=False)
    patient: str = field(repr=False)
    avoid: frozenset[str] = field(repr=False, default=frozenset())
    """Lower-case words and numbers of the cohort and of the note, which no surrogate may equal."""

    def days(self, *, max_days: int, whole_weeks: bool) -> int:
        """How far this patient's dates move: back by 1 to `max_days` days."""
        if whole_weeks:
            return -7 * (1 + self._number("shift") % (max_days // 7))
        return -(1 + self._number("shift") % max_days)

    def replace(self, kind: EntityKind, text: str) -> str:
        """A pseudonym of the same form.

        Raises:
            DeidentificationError: if every candidate equals a real value.
        """
        return _MAKERS.get(kind, Surrogates._code)(self, text)

    def _number(self, *parts: str) -> int:
        message = "\x1f".join((self.patient, *parts)).encode()
        return int.from_bytes(hmac.digest(self.key, message, hashlib.sha256)[:8], "big")

    def _first_free(
        self, kind: str, value: str, make: Callable[[int], str], avoid: frozenset[str]
    ) -> str:
        """The first candidate that equals neither `value` nor anything of `avoid`."""
        normal = value.lower()
        for attempt in range(_ATTEMPTS):
            candidate = make(self._number(kind, normal, str(attempt)))
            if candidate.lower() != normal and candidate.lower() not in avoid:
                return candidate
        raise DeidentificationError("no surrogate is left that equals no real value")

    def _invented(self, word: str) -> str:
        """An invented name with the capitals of `word`; a possessive ending stays."""
        ending = _POSSESSIVE.search(word)
        stem = word[: ending.start()] if ending else word
        names = reserved_names()
        name = self._first_free(
            "word", stem.replace("’", "'"), lambda number: names[number % len(names)], self.avoid
        )
        return _like(stem, name) + (ending.group() if ending else "")

    def _initial(self, letter: str) -> str:
        letters = [each for each in "ABCDEFGHJKLMNPRSTVW" if each != letter.upper()]
        chosen = letters[self._number("initial", letter.lower()) % len(letters)]
        return chosen if letter.isupper() else chosen.lower()

    def _person(self, text: str) -> str:
        return "".join(self._person_part(part) for part in _WORD.findall(text))

    def _person_part(self, part: str) -> str:
        if part.isdigit():
            return self._code(part)
        if not part[0].isalpha() or part.lower().strip(".") in KEPT_IN_NAMES:
            return part
        return self._initial(part) if len(part) == 1 else self._invented(part)

    def _place(self, text: str) -> str:
        return "".join(self._place_part(part) for part in _WORD.findall(text))

    def _place_part(self, part: str) -> str:
        if part.isdigit():
            return zip3(part) if len(part) == 5 else self._code(part)
        if not part[0].isalpha() or part.lower() in KEPT_IN_PLACES or part in STATES:
            return part
        return self._initial(part) if len(part) == 1 else self._invented(part)

    def _code(self, text: str) -> str:
        """Other digits for digits and other letters for letters; everything else stays."""
        short = sum(map(str.isalnum, text)) < _MIN_TELLING
        avoid = frozenset[str]() if short else self.avoid
        return self._first_free("code", text, lambda number: _fill(text, number), avoid)

    def _phone(self, text: str) -> str:
        extension = _EXTENSION.search(text)
        main = text[: extension.start()] if extension else text
        digits = sum(map(str.isdigit, main))
        rest = self._code(extension.group()) if extension else ""
        if digits < 7:
            return (self._code(main) if main else "") + rest
        area = "2" * (digits - 7)
        number = self._number("phone", re.sub(r"\D", "", main))
        return _put_digits(main, f"{area}55501{number % 100:02d}") + rest

    def _email(self, text: str) -> str:
        return f"{self._invented(text).lower()}@example.org"

    def _url(self, text: str) -> str:
        return f"https://example.org/{self._number('url', text.lower()) % 10**8:08d}"

    def _ip_address(self, text: str) -> str:
        number = self._number("ip", text.lower())
        return f"2001:db8::{number % 65_536:x}" if ":" in text else f"192.0.2.{1 + number % 254}"

    def _social_security(self, text: str) -> str:
        digits = sum(map(str.isdigit, text))
        number = self._number("ssn", re.sub(r"\D", "", text))
        return _put_digits(
            text, f"000{number % 10**6:06d}"[-digits:] if digits < 9 else f"000{number % 10**6:06d}"
        )


_MAKERS: dict[EntityKind, Callable[[Surrogates, str], str]] = {
    EntityKind.PERSON: Surrogates._person,
    EntityKind.LOCATION: Surrogates._place,
    EntityKind.ORGANIZATION: Surrogates._place,
    EntityKind.PHONE_NUMBER: Surrogates._phone,
    EntityKind.FAX_NUMBER: Surrogates._phone,
    EntityKind.EMAIL_ADDRESS: Surrogates._email,
    EntityKind.URL: Surrogates._url,
    EntityKind.IP_ADDRESS: Surrogates._ip_address,
    EntityKind.US_SSN: Surrogates._social_security,
}


def _like(original: str, name: str) -> str:
    if original.isupper() and len(original) > 1:
        return name.upper()
    return name.lower() if original.islower() else name


def _fill(text: str, number: int) -> str:
    """Write the digits of `number`, in mixed base, over the digits and letters of `text`."""
    parts = []
    for position, character in enumerate(text):
        if position % 8 == 7:
            number = int.from_bytes(hashlib.sha256(str(number).encode()).digest()[:8], "big")
        if character.isdigit():
            number, digit = divmod(number, 10)
            parts.append(str(digit))
        elif character.isalpha():
            number, letter = divmod(number, 26)
            replaced = chr(ord("A") + letter)
            parts.append(replaced if character.isupper() else replaced.lower())
        else:
            parts.append(character)
    return "".join(parts)


def _put_digits(text: str, digits: str) -> str:
    remaining = iter(digits)
    return "".join(next(remaining, "0") if each.isdigit() else each for each in text)
