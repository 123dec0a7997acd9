"""Notes of many kinds to mend rules on: their misses and false alarms are read.

What is measured on them says nothing of other text; `unseen_notes` is for that.
"""

from collections.abc import Callable, Iterator
from random import Random

from faker import Faker

from benchmarks.development_templates import FOOTERS, HEADERS, IDENTIFYING, PLAIN
from benchmarks.fresh_notes import STRATA, FreshNote, fill
from fedclinic.deid.gold import make_gold

LOCALES = (
    "en_US", "en_US", "en_US", "en_GB", "en_IN", "en_NZ", "es_CO", "fr_CA", "fi_FI", "hu_HU",
    "no_NO", "pt_PT", "de_AT", "hr_HR", "it_IT", "tr_TR", "vi_VN", "id_ID", "zu_ZA", "yo_NG",
)  # fmt: skip
COINED = (
    ("Ab", "Cho", "Du", "Fen", "Gri", "Jor", "Kwa", "Lu", "Mbe", "Nev", "Os", "Pra", "Ri", "Sha"),
    ("badi", "cker", "dane", "garo", "hule", "kin", "lisk", "mov", "nette", "ruso", "tak", "wiz"),
)
"""First and last syllables of names that no dictionary holds."""
RELATIONS = ("wife", "husband", "daughter", "son", "niece", "brother", "mother", "neighbor", "aunt")
STREETS = ("St", "Street", "Ave", "Road", "Rd", "Lane", "Blvd", "Drive", "Court", "Way", "Hwy")
Slots = dict[str, Callable[[], list[tuple[str, str]]]]


def development_notes(count: int, seed: int) -> Iterator[FreshNote]:
    """Notes of about three thousand characters."""
    for number in range(count):
        rng = Random(seed * 15_485_863 + number)
        stratum = STRATA[number % len(STRATA)]
        text, spans = fill(_skeleton(rng), _slots(rng, composed=stratum == "composed"))
        if stratum in ("upper", "lower"):
            recased = text.upper() if stratum == "upper" else text.lower()
            text = recased if len(recased) == len(text) else text
        yield FreshNote(stratum, make_gold(f"development-{number}", text, spans))


def _skeleton(rng: Random) -> str:
    identifying, plain = rng.sample(IDENTIFYING, 14), rng.sample(PLAIN, 16)
    lines = [*identifying, *plain]
    rng.shuffle(lines)
    style = rng.choice((" ", "\n", "\n- ", "  ", "\n\n", "\n* "))
    parts = [style.join(lines[at : at + 6]) for at in range(0, len(lines), 6)]
    return f"{rng.choice(HEADERS)}\n" + "\n\n".join(parts) + f"\n\n{rng.choice(FOOTERS)}\n"


def _slots(rng: Random, *, composed: bool) -> Slots:
    local, american = Faker(rng.choice(LOCALES)), Faker("en_US")
    for faker in (local, american):
        faker.seed_instance(rng.randrange(2**32))

    def coined() -> str:
        return "".join(map(rng.choice, COINED))

    def first() -> str:
        return coined() if composed else local.first_name().split()[0]

    def last() -> str:
        if composed:
            return coined() + rng.choice(("", "", "sen", f"-{coined()}"))
        return (
            f"{local.last_name()}-{american.last_name()}"
            if rng.random() < 0.05
            else (local.last_name())
        )

    people = _people(rng, first, last)
    return people | _numbers(rng) | _dates(rng, american) | _places(rng, american, local, last)


def _labelled(label: str, make: Callable[[], str]) -> Callable[[], list[tuple[str, str]]]:
    return lambda: [(make(), label)]


def _people(rng: Random, first: Callable[[], str], last: Callable[[], str]) -> Slots:
    own, family, doctors = first(), last(), (last(), last())
    title = rng.choice(("Mr.", "Mrs.", "Ms.", "Mr", "Mrs", "Miss"))
    relation = rng.choice(RELATIONS)

    def full() -> str:
        middle = f" {rng.choice('ABCDEFGHJKLMNPRSTW')}." if rng.random() < 0.15 else ""
        return f"{first()}{middle} {last()}"

    def doctor(name: Callable[[], str]) -> Callable[[], list[tuple[str, str]]]:
        return lambda: [(rng.choice(("Dr. ", "Dr. ", "Dr ")), ""), (name(), "NAME")]

    def initials() -> str:
        return f"{first()[0]}.{last()[0]}.".upper()

    return {
        "name": _labelled("NAME", lambda: f"{own} {family}"),
        "lastfirst": _labelled("NAME", lambda: f"{family}, {own}"),
        "first": _labelled("NAME", lambda: own),
        "last": _labelled("NAME", lambda: family),
        "last2": _labelled("NAME", last),
        "title": lambda: [(title, "")],
        "title2": lambda: [(rng.choice(("Ms.", "Mrs.", "Mr.")), "")],
        "other": _labelled("NAME", full),
        "other_first": _labelled("NAME", first),
        "doctor": doctor(full),
        "doctor_last": doctor(lambda: doctors[0]),
        "doctor_last2": doctor(lambda: doctors[1]),
        "initials": _labelled("NAME", initials),
        "relation": lambda: [(rng.choice(RELATIONS), "")],
        "relation_cap": lambda: [(relation.capitalize(), "")],
        "relation_his": lambda: [("his" if title.startswith("Mr") else "her", "")],
        "age90": _labelled("AGE", lambda: str(rng.randint(90, 102))),
    }


def _dates(rng: Random, faker: Faker) -> Slots:
    forms = (
        "%m/%d/%Y", "%m/%d/%y", "%-m/%-d/%Y", "%Y-%m-%d", "%d %b %Y", "%d-%b-%y", "%B %-d, %Y",
        "%b %-d, %Y", "%a %m/%d/%Y", "%d/%m/%Y", "%B %-dth %Y", "%d.%m.%Y", "%b. %d, %Y",
    )  # fmt: skip

    def on(*forms: str) -> str:
        return faker.date_between("-70y", "-1y").strftime(rng.choice(forms))

    return {
        "date": _labelled("DATE", lambda: on(*forms).replace("1th", "1st").replace("11st", "11th")),
        "dob": _labelled("DATE", lambda: on(*forms[:7])),
        "datetime": lambda: [(on(*forms[:4]), "DATE"), (f" {rng.randint(10, 23)}:15", "")],
        "shortdate": _labelled("DATE", lambda: on("%m/%d", "%-m/%-d")),
        "date_noyear": _labelled("DATE", lambda: on("%B %-d", "%b %d")),
        "monthyear": _labelled("DATE", lambda: on("%B %Y", "%b %Y", "%m/%Y")),
        "month": _labelled("DATE", lambda: on("%B")),
        "weekday": _labelled("DATE", lambda: on("%A")),
        "compactdate": _labelled("DATE", lambda: on("%m%d%Y", "%Y%m%d")),
        "daterange": lambda: [
            ("from ", ""), (on("%m/%d/%y"), "DATE"), (" to ", ""), (on("%m/%d/%y"), "DATE"),
        ],
        "year_plain": lambda: [(str(rng.randint(1985, 2020)), "")],
    }  # fmt: skip


def _places(rng: Random, american: Faker, local: Faker, last: Callable[[], str]) -> Slots:
    city = american.city

    def one_of(*makers: Callable[[], str]) -> Callable[[], str]:
        def make() -> str:
            return rng.choice(makers)()

        return make

    hospital = one_of(
        lambda: f"{city()} Medical Center",
        lambda: f"{city()} General Hospital",
        lambda: f"St. {american.first_name()}'s Hospital",
        lambda: f"Our Lady of {american.first_name()} Hospital",
        lambda: f"{last()} Memorial Hospital",
        lambda: f"{american.last_name()} & {american.last_name()} Orthopedics",
        lambda: f"{city()} VA Medical Center",
        lambda: f"{last()} Heart and Vascular Institute",
        lambda: f"Hospital de {local.last_name()}",
        lambda: f"{city()} Eye Associates",
        lambda: f"University of {city()} Medical Center",
        lambda: f"{american.state()} Cancer Institute",
        lambda: f"{last()} Dermatology",
        lambda: f"{city()} Surgical Center",
    )
    facility = one_of(
        lambda: f"{last()} Manor",
        lambda: f"{city()} Nursing and Rehabilitation",
        lambda: f"{american.last_name()} House Assisted Living",
        lambda: f"{city()} Hospice",
        lambda: f"{american.first_name()} Care Center",
        lambda: f"{city()} Skilled Nursing Facility",
    )
    employer = one_of(
        american.company,
        local.company,
        lambda: f"{last()} Plumbing & Heating",
        lambda: f"{city()} School District",
        lambda: f"{american.last_name()} Brothers Roofing",
        lambda: f"{city()} Public Works",
        lambda: f"{last()} Auto Body",
        lambda: f"{american.last_name()} Trucking Inc",
        lambda: f"{city()} Water Department",
        lambda: f"{last()}'s Bakery",
    )
    school = one_of(
        lambda: f"{american.last_name()} Elementary School",
        lambda: f"{city()} High School",
        lambda: f"{american.first_name()} {american.last_name()} Middle School",
        lambda: f"University of {city()}",
    )
    church = one_of(
        lambda: f"St. {american.first_name()} Church",
        lambda: f"First Baptist Church of {city()}",
        lambda: f"{city()} Lutheran Church",
    )
    street = one_of(
        american.street_address,
        lambda: f"{rng.randint(1, 999)} {last()} {rng.choice(STREETS)}",
        lambda: f"{rng.randint(1, 99)} {rng.choice('NSEW')}. {rng.randint(3, 90)}th {STREETS[2]}",
        lambda: f"PO Box {rng.randint(10, 9999)}",
        lambda: f"{rng.randint(10, 999)} {last()} {rng.choice(STREETS)}, Apt {rng.randint(1, 40)}B",
    )
    plans = ("Aetna", "Humana", "Cigna", "Blue Cross", "Medicaid")
    return {
        "hospital": _labelled("ORGANIZATION", hospital),
        "facility": _labelled("ORGANIZATION", facility),
        "facility2": _labelled("ORGANIZATION", facility),
        "employer": _labelled("ORGANIZATION", employer),
        "school": _labelled("ORGANIZATION", school),
        "church": _labelled("ORGANIZATION", church),
        "pharmacy": _labelled("ORGANIZATION", lambda: f"{last()} Pharmacy"),
        "plan": lambda: [(rng.choice(plans), "")],
        "street": _labelled("LOCATION", lambda: street().replace("\n", " ")),
        "streetname": _labelled("LOCATION", lambda: f"{american.last_name()} Street"),
        "citystate": _labelled("LOCATION", lambda: f"{city()}, {american.state_abbr()}"),
        "city": _labelled("LOCATION", city),
        "foreign": _labelled("LOCATION", american.country),
        "state_full": lambda: [(american.state(), "STATE")],
        "zip": _labelled("LOCATION", american.zipcode),
        "email": _labelled("EMAIL", american.email),
        "url": _labelled("URL", lambda: f"https://{american.domain_name()}/portal"),
        "ip": _labelled("IP", american.ipv4),
    }


def _numbers(rng: Random) -> Slots:
    def shaped(form: str) -> str:
        """A number of the form: each 9 becomes a digit, each A a letter."""
        drawn = {"9": "0123456789", "A": "ABCDEFGHJKLMNPRSTUVWXYZ"}
        return "".join(rng.choice(drawn[each]) if each in drawn else each for each in form)

    def one_of(label: str, *forms: str) -> Callable[[], list[tuple[str, str]]]:
        return _labelled(label, lambda: shaped(rng.choice(forms)))

    return {
        "phone": one_of(
            "PHONE", "(999) 555-9999", "999-555-9999", "999.555.9999", "1-999-555-9999",
            "9995559999", "(999)555-9999", "+1 (999) 555-9999", "999 555 9999", "999/555-9999",
            "555-9999",
        ),
        "ext": one_of("PHONE", "9999", "99999"),
        "mrn": one_of("ID", "9999999", "999-99-99", "AA999999", "00999999", "A99-99999"),
        "account": one_of("ID", "9999999999", "A99999999", "99-999999-9", "999999999999"),
        "policy": one_of("ID", "AAA999A99999", "9999999999", "A999999999", "XYZ 9999999"),
        "accession": one_of("ID", "A99-9999", "SP-99-9999", "9999-99999", "RAD-99999999"),
        "serial": one_of("ID", "AA9999999A", "9999999", "AAA-9999-AA", "99A9999"),
        "license": one_of("ID", "A9999999", "999-999-999", "AAAAA999999AA9"),
        "badge": one_of("ID", "99999", "A9999", "9999-A"),
        "plate": one_of("ID", "AAA-9999", "999 AAA", "AAA999", "9AAA999"),
        "lot": one_of("ID", "A99999", "99A999A", "9999999"),
        "room": one_of("LOCATION", "999A", "9-999", "A999"),
        "mbi": one_of("ID", "9AA9-AA9-AA99", "9AA9AA9AA99"),
        "ssn": one_of("SSN", "999-99-9999", "999 99 9999"),
    }  # fmt: skip
