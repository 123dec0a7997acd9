"""Write long notes from templates that no rule has seen, with names, places and numbers of its own.

What the two splits are is said in `unseen_templates`.
"""

from collections.abc import Callable, Iterator
from random import Random

from faker import Faker

from benchmarks.fresh_notes import STRATA, FreshNote, fill
from benchmarks.unseen_templates import SPLITS, Templates
from fedclinic.deid.gold import make_gold

LOCALES = ("en_US", "en_US", "en_GB", "es_ES", "pt_BR", "nl_NL", "ro_RO", "en_IE", "cs_CZ", "da_DK")
ONSETS = ("zh", "qu", "thr", "vl", "mw", "dj", "kr", "oy", "h", "b", "s", "t", "n", "gw", "ei")
RHYMES = ("ana", "olo", "umi", "iska", "etho", "arro", "indu", "oyle", "ezek", "uwa", "atu", "ilme")
RELATIONS = ("wife", "husband", "daughter", "son", "aunt", "grandson", "stepmother", "cousin")
Pieces = list[tuple[str, str]]


def unseen_notes(split: str, count: int, seed: int) -> Iterator[FreshNote]:
    """Notes of about three thousand characters from one split of the templates."""
    for number in range(count):
        rng = Random(seed * 7_919 + number)
        stratum = STRATA[number % len(STRATA)]
        skeleton = _skeleton(rng, SPLITS[split])
        text, spans = fill(skeleton, _values(rng, composed=stratum == "composed"))
        if stratum in ("upper", "lower"):
            recased = text.upper() if stratum == "upper" else text.lower()
            text = recased if len(recased) == len(text) else text
        yield FreshNote(stratum, make_gold(f"{split}-{number}", text, spans))


def _skeleton(rng: Random, templates: Templates) -> str:
    identifying = rng.sample(templates.identifying, 15)
    plain = rng.sample(templates.plain, 15)
    sentences = [each for pair in zip(identifying, plain, strict=True) for each in pair]
    style = rng.choice((" ", "\n", "\n- ", "  "))
    body = "\n\n".join(style.join(sentences[at : at + 6]) for at in range(0, 30, 6))
    return f"{rng.choice(templates.headers)}\n{body}\n{rng.choice(templates.footers)}"


def _values(rng: Random, *, composed: bool) -> dict[str, Callable[[], Pieces]]:
    """How each slot is filled: pieces of text and their label, empty for none."""
    local, american = Faker(rng.choice(LOCALES)), Faker("en_US")
    for faker in (local, american):
        faker.seed_instance(rng.randrange(2**32))

    def coined(parts: int) -> str:
        return "".join(rng.choice(ONSETS) + rng.choice(RHYMES) for _ in range(parts)).capitalize()

    def first() -> str:
        return coined(1) if composed else local.first_name().split()[0]

    def last() -> str:
        return coined(2) if composed else local.last_name()

    def city() -> str:
        return coined(2) if composed and rng.random() < 0.3 else american.city()

    people = _people(rng, first, last)
    return people | _numbers(rng) | _places(rng, american, city, last) | _dates(rng)


def _named(label: str, make: Callable[[], str]) -> Callable[[], Pieces]:
    return lambda: [(make(), label)]


def _people(
    rng: Random, first: Callable[[], str], last: Callable[[], str]
) -> dict[str, Callable[[], Pieces]]:
    own_first, own_last, doctor_last = first(), last(), last()
    title = rng.choice(("Mr.", "Mrs.", "Ms.", "Mr", "Ms"))
    relation = rng.choice(RELATIONS)
    return {
        "name": _named("NAME", lambda: f"{own_first} {own_last}"),
        "lastfirst": _named("NAME", lambda: f"{own_last}, {own_first}"),
        "first": _named("NAME", lambda: own_first),
        "last": _named("NAME", lambda: own_last),
        "title": lambda: [(title, "")],
        "other": _named("NAME", lambda: f"{first()} {last()}"),
        "other2": _named("NAME", lambda: f"{first()} {rng.choice('ABCDEFGHJKLMR')}. {last()}"),
        "other_first": _named("NAME", first),
        "doctor": lambda: [("Dr. ", ""), (f"{first()} {last()}", "NAME")],
        "doctor_last": lambda: [(rng.choice(("Dr. ", "Dr ")), ""), (doctor_last, "NAME")],
        "rel": lambda: [(relation, "")],
        "rel_his": lambda: [("his" if title.startswith("Mr.") else "her", "")],
        "age90": _named("AGE", lambda: str(rng.randint(90, 99))),
    }


def _dates(rng: Random) -> dict[str, Callable[[], Pieces]]:
    faker = Faker("en_US")
    faker.seed_instance(rng.randrange(2**32))
    forms = (
        "%m/%d/%Y",
        "%m-%d-%y",
        "%d %B %Y",
        "%b %d, %Y",
        "%d-%b-%Y",
        "%A, %B %d, %Y",
        "%m.%d.%y",
    )

    def date() -> str:
        return faker.date_between("-40y", "-1y").strftime(rng.choice(forms))

    return {
        "date": _named("DATE", date),
        "date2": _named("DATE", date),
        "shortdate": _named("DATE", lambda: f"{rng.randint(1, 12)}/{rng.randint(1, 28)}"),
        "month": _named("DATE", lambda: rng.choice(("January", "August", "November 2021"))),
        "weekday": _named("DATE", lambda: rng.choice(("Tuesday", "Saturday", "Sunday"))),
        "year": lambda: [(str(rng.randint(1980, 2020)), "")],
    }


def _places(
    rng: Random, american: Faker, city: Callable[[], str], last: Callable[[], str]
) -> dict[str, Callable[[], Pieces]]:
    def hospital() -> str:
        forms = (
            f"{city()} Regional Medical Center",
            f"{city()} Hospital",
            f"St. {american.first_name()} Hospital",
            f"{last()} Family Clinic",
            f"{city()} Community Health Center",
            f"{american.last_name()} Children's Hospital",
            f"Veterans Hospital of {city()}",
        )
        return rng.choice(forms)

    def employer() -> str:
        trade = rng.choice(("Foods", "Lumber Company", "Motors", "Dairy", "Shipyard", "Freight"))
        return rng.choice((american.company(), f"{last()} {trade}", f"{city()} {trade}"))

    schools = ("Elementary", "Middle School", "High School", "Academy")
    return {
        "hospital": _named("ORGANIZATION", hospital),
        "employer": _named("ORGANIZATION", employer),
        "school": _named("ORGANIZATION", lambda: f"{city()} {rng.choice(schools)}"),
        "street": _named("LOCATION", american.street_address),
        "citystate": _named("LOCATION", lambda: f"{city()}, {american.state_abbr()}"),
        "city": _named("LOCATION", city),
        "zip": _named("LOCATION", american.zipcode),
        "email": _named("EMAIL", american.email),
        "url": _named("URL", lambda: f"www.{american.domain_name()}/care"),
        "ip": _named("IP", american.ipv4),
    }


def _numbers(rng: Random) -> dict[str, Callable[[], Pieces]]:
    def shaped(form: str) -> str:
        """A number of the form: each 9 becomes a digit, each A a letter."""
        drawn = {"9": "0123456789", "A": "ABCDEFGHJKLMNPRSTUVWXYZ"}
        return "".join(rng.choice(drawn[each]) if each in drawn else each for each in form)

    def one_of(label: str, *forms: str) -> Callable[[], Pieces]:
        return _named(label, lambda: shaped(rng.choice(forms)))

    return {
        "phone": one_of(
            "PHONE", "999-555-9999", "(999) 555 9999", "999.555.9999", "+1 999 555 9999"
        ),
        "mrn": one_of("ID", "9999999", "99-99-99", "A9999999", "000999999"),
        "account": one_of("ID", "9999999999", "AA-999999", "99-9999999"),
        "policy": one_of("ID", "AAA999999999", "999999999A", "A99-9999-99"),
        "accession": one_of("ID", "AA-99-99999", "99A-999A9999", "99-9999999"),
        "serial": one_of("ID", "AAA999999A", "999-A9999", "A9999999999"),
        "license": one_of("ID", "A999-9999-9999", "AA999999", "999999999"),
        "badge": one_of("ID", "9999", "A-9999", "99-999"),
        "plate": one_of("ID", "AAA 9999", "9AAA999", "AAA-999"),
        "ssn": one_of("SSN", "999-99-9999", "999 99 9999"),
    }
