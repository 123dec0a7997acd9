"""Patients with everything that could identify them, and the people around them."""

from dataclasses import dataclass, field
from datetime import date, timedelta
from random import Random

from fedclinic.notes import KnownIdentifiers
from fedclinic.synthetic import numbers
from fedclinic.synthetic.lexicon import (
    EMPLOYER_ENDINGS,
    HOSPITAL_ENDINGS,
    HOSPITAL_STEMS,
    STREET_ENDINGS,
    composed_name,
    lexicon,
)

_RELATIVES = (
    ("wife", "F"), ("husband", "M"), ("daughter", "F"), ("son", "M"), ("mother", "F"),
    ("father", "M"), ("sister", "F"), ("brother", "M"), ("niece", "F"), ("partner", "F"),
    ("grandson", "M"), ("aunt", "F"), ("neighbor", "M"), ("friend", "F"),
)  # fmt: skip
_LAST_DAY = date(2024, 12, 31)


@dataclass(frozen=True)
class Name:
    """A person's name."""

    first: str = field(repr=False)
    last: str = field(repr=False)
    middle: str = field(repr=False, default="")
    """An initial, or nothing."""

    def __str__(self) -> str:
        return f"{self.first} {self.last}"


@dataclass(frozen=True)
class Address:
    street: str = field(repr=False)
    city: str = field(repr=False)
    state: str = field(repr=False)
    postcode: str = field(repr=False)


@dataclass(frozen=True)
class Person:
    """One patient: what a hospital's roster would hold, and who comes with them."""

    key: str = field(repr=False)
    name: Name = field(repr=False)
    sex: str
    """`F` or `M`."""
    born: date = field(repr=False)
    first_visit: date = field(repr=False)
    address: Address = field(repr=False)
    phone: str = field(repr=False)
    email: str = field(repr=False)
    ssn: str = field(repr=False)
    mrn: str = field(repr=False)
    health_plan: str = field(repr=False)
    account: str = field(repr=False)
    relatives: tuple[tuple[str, Name], ...] = field(repr=False)
    """Pairs of relation and name."""
    clinicians: tuple[Name, ...] = field(repr=False)
    employer: str = field(repr=False)

    def age_on(self, day: date) -> int:
        before_birthday = (day.month, day.day) < (self.born.month, self.born.day)
        return day.year - self.born.year - before_birthday

    def known(self) -> KnownIdentifiers:
        """What the site's roster knows of the patient."""
        address = self.address
        return KnownIdentifiers(
            self.key,
            (
                ("PERSON", str(self.name)),
                *(("PERSON", str(name)) for _, name in self.relatives),
                *(("PERSON", str(name)) for name in self.clinicians),
                ("DATE_TIME", self.born.isoformat()),
                ("LOCATION", address.street),
                ("LOCATION", address.city),
                ("LOCATION", address.postcode),
                ("PHONE_NUMBER", self.phone),
                ("EMAIL_ADDRESS", self.email),
                ("US_SSN", self.ssn),
                ("MEDICAL_RECORD", self.mrn),
                ("HEALTH_PLAN", self.health_plan),
                ("ACCOUNT", self.account),
                ("ORGANIZATION", self.employer),
            ),
        )


def make_name(rng: Random, *, sex: str, composed: float) -> Name:
    """Draw a name; `composed` is the probability that it is in no list of names."""
    middle = "ABCDEFGHJKLMNPRSTW"[int(rng.random() * 18)] if rng.random() < 0.35 else ""
    if rng.random() < composed:
        first, last = (composed_name(rng, syllables=rng.randint(1, 2)) for _ in range(2))
        return Name(first, last, middle)
    words = lexicon()
    first = rng.choice(rng.choice(words.female_names if sex == "F" else words.male_names))
    return Name(first, make_last_name(rng), middle)


def make_last_name(rng: Random) -> str:
    last = rng.choice(rng.choice(lexicon().last_names))
    kind = rng.random()
    if kind < 0.04:
        return f"{last}-{rng.choice(rng.choice(lexicon().last_names))}"
    if kind < 0.055:
        return f"O'{last}"
    if kind < 0.07:
        return f"van {last}"
    return last


def make_city(rng: Random) -> str:
    kind = rng.random()
    if kind < 0.7:
        return rng.choice(lexicon().cities)
    if kind < 0.85:
        return rng.choice(("North ", "West ", "Port ", "Lake ", "New ")) + make_last_name(rng)
    return make_last_name(rng).replace(" ", "") + rng.choice(("ville", "ton", "burg", "field"))


def make_hospital(rng: Random) -> str:
    kind = rng.random()
    stem = (
        rng.choice(HOSPITAL_STEMS)
        if kind < 0.5
        else make_city(rng)
        if kind < 0.8
        else make_last_name(rng)
    )
    return f"{stem} {rng.choice(HOSPITAL_ENDINGS)}"


def make_employer(rng: Random) -> str:
    stem = make_city(rng) if rng.random() < 0.4 else make_last_name(rng)
    return f"{stem} {rng.choice(EMPLOYER_ENDINGS)}"


def make_street(rng: Random) -> str:
    number = rng.randint(1, 9999)
    if rng.random() < 0.2:
        return f"{number} {rng.choice('NSEW')} {rng.randint(4, 130)}th {rng.choice(('St', 'Ave'))}"
    street = f"{number} {make_last_name(rng)} {rng.choice(STREET_ENDINGS)}"
    if rng.random() < 0.2:
        street += f" {rng.choice(('Apt', 'Unit', '#'))} {rng.randint(1, 40)}"
    return street


def make_address(rng: Random) -> Address:
    state, low, high = rng.choice(lexicon().states)
    postcode = f"{rng.randint(low, high):05d}"
    if rng.random() < 0.15:
        postcode += f"-{rng.randint(1000, 9999)}"
    return Address(make_street(rng), make_city(rng), state, postcode)


def make_person(rng: Random, key: str, *, composed: float) -> Person:
    """Draw a patient; `composed` is the probability that a name is in no list of names."""
    sex = "F" if rng.random() < 0.52 else "M"
    name = make_name(rng, sex=sex, composed=composed)
    first_visit = _LAST_DAY - timedelta(days=rng.randint(0, 2500))
    age = rng.randint(90, 101) if rng.random() < 0.06 else rng.randint(19, 89)
    relatives = [rng.choice(_RELATIVES) for _ in range(2)]
    return Person(
        key=key,
        name=name,
        sex=sex,
        born=first_visit - timedelta(days=age * 365 + rng.randint(0, 364)),
        first_visit=first_visit,
        address=make_address(rng),
        phone=numbers.phone(rng),
        email=numbers.email(rng, name.first, name.last),
        ssn=numbers.ssn(rng),
        mrn=numbers.mrn(rng),
        health_plan=numbers.health_plan(rng),
        account=numbers.account(rng),
        relatives=tuple(
            (word, make_name(rng, sex=other, composed=composed)) for word, other in relatives
        ),
        clinicians=tuple(make_name(rng, sex=rng.choice("FM"), composed=composed) for _ in range(3)),
        employer=make_employer(rng),
    )
