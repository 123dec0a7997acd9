"""What each slot of a frame becomes: a text and the label it carries, if any."""

from collections.abc import Callable
from functools import partial
from random import Random

from fedclinic.synthetic import dates, numbers
from fedclinic.synthetic.people import (
    Name,
    make_address,
    make_city,
    make_employer,
    make_hospital,
    make_last_name,
    make_name,
)
from fedclinic.synthetic.scene import Scene

Piece = tuple[str, str | None]
"""Text, and its label: lower case for an entity, upper case for an identifier."""
Slot = Callable[[Scene], Piece]

_PLAIN: dict[str, tuple[str, ...]] = {
    "cred": ("MD", "M.D.", "DO", "NP", "PA-C", "MD, PhD"),
    "nurse_cred": ("RN", "LPN", "RN, BSN", "BSN"),
    "dose": ("5 mg", "10 mg", "20 mg", "25 mg", "40 mg", "50 mg", "81 mg", "100 mg", "500 mg"),
    "freq": ("daily", "BID", "twice a day", "every 8 hours", "nightly", "q6h", "PO daily", "TID"),
    "bp": ("118/72", "132/84", "146/90", "104/60", "128/76", "151/88", "122/70"),
    "hr": ("64", "72", "78", "88", "92", "101", "58"),
    "temp": ("97.9", "98.2", "98.6", "99.1", "99.8", "100.2"),
    "sat": ("94", "95", "96", "97", "98", "99"),
    "n": ("2", "3", "4", "5", "6", "7", "8"),
    "nn": ("12", "14", "18", "21", "24", "30", "36", "45", "60"),
    "time": ("08:15", "10:30 AM", "14:00", "2:45 pm", "1900", "06:40", "11:20"),
    "job": (
        "teacher", "carpenter", "mechanic", "engineer", "cook", "postal worker", "truck driver",
        "bookkeeper", "cashier", "electrician", "librarian", "farmer", "welder", "clerk",
    ),
    "insurer": ("Medicare", "Medicaid", "Aetna", "Cigna", "Humana", "Blue Cross", "Tricare"),
    "year": ("2009", "2011", "2014", "2016", "2018", "2019", "2020"),
    "severity": ("mild", "moderate", "severe", "worsening", "intermittent", "new", "persistent"),
    "side": ("left", "right"),
}  # fmt: skip


def _case(rng: Random, text: str) -> str:
    """Now and then write a name in capitals or without any."""
    kind = rng.random()
    return text.upper() if kind < 0.06 else text.lower() if kind < 0.075 else text


def write_name(rng: Random, name: Name) -> str:
    """Write a whole name in one of the orders that notes use."""
    first, last, middle = name.first, name.last, name.middle
    initial = f" {middle}." if middle else ""
    forms = (
        *(f"{first} {last}",) * 10,
        *(f"{first}{initial} {last}",) * 4,
        *(f"{last}, {first}",) * 2,
        f"{last}, {first}{initial}",
        f"{first[0]}. {last}",
        f"{last} {first[0]}{middle}",
        f"{first} {last[0]}.",
    )
    return _case(rng, forms[int(rng.random() * len(forms))])


def _doctor(scene: Scene) -> Name:
    clinicians = scene.person.clinicians
    return clinicians[int(scene.rng.random() * len(clinicians))]


def _stranger(scene: Scene) -> Name:
    return make_name(scene.rng, sex=scene.rng.choice("FM"), composed=scene.composed)


def _age(scene: Scene) -> Piece:
    age = scene.person.age_on(scene.day)
    return str(age), "AGE" if age > 89 else None


def _plain(choices: tuple[str, ...]) -> Slot:
    return lambda scene: (choices[int(scene.rng.random() * len(choices))], None)


def _by_sex(female: str, male: str) -> Slot:
    return lambda scene: (female if scene.person.sex == "F" else male, None)


def _number(label: str, maker: numbers.Maker) -> Slot:
    return lambda scene: (maker(scene.rng), label)


def _fixed(label: str | None, value: Callable[[Scene], str]) -> Slot:
    return lambda scene: (value(scene), label)


def _loose_day(*, days: tuple[int, int]) -> Slot:
    def write(scene: Scene) -> Piece:
        day = dates.near(scene.rng, scene.day, days=days)
        return dates.loose_date(scene.rng, day), "DATE_TIME"

    return write


def _full_day(*, days: tuple[int, int]) -> Slot:
    def write(scene: Scene) -> Piece:
        day = dates.near(scene.rng, scene.day, days=days)
        return dates.full_date(scene.rng, day), "DATE_TIME"

    return write


def _bare(phrase: str) -> str:
    """Drop the article that a phrase begins with."""
    return phrase.removeprefix("a ").removeprefix("an ")


def _month(scene: Scene) -> Piece:
    day = dates.near(scene.rng, scene.day, days=(-700, -30))
    return dates.month_and_year(scene.rng, day), "DATE_TIME"


def _clinical_slots() -> dict[str, Slot]:
    categories = {
        "complaint": ("problem", "complaints"),
        "finding": ("problem", "findings"),
        "drug": ("drug", "drugs"),
        "test": ("test", "tests"),
        "procedure": ("procedure", "procedures"),
        "anatomy": ("anatomy", "anatomy"),
        "pill": ("drug", "pills"),
        "problem": ("problem", "names"),
    }
    slots: dict[str, Slot] = {}
    for slot, (label, category) in categories.items():
        slots[slot] = _fixed(label, partial(Scene.clinical, category=category))
        slots[f"past_{slot}"] = _fixed(label, partial(Scene.historical, category=category))
        slots[f"other_{slot}"] = _fixed(label, partial(Scene.unrelated, category=category))
    slots["bare_finding"] = lambda s: (_bare(s.clinical("findings")), "problem")
    slots["past_bare_finding"] = lambda s: (_bare(s.historical("findings")), "problem")
    slots["other_bare_finding"] = lambda s: (_bare(s.unrelated("findings")), "problem")
    slots["problem"] = _fixed("problem", lambda s: s.style.write(s.rng, s.main.names))
    slots["second_problem"] = _fixed("problem", lambda s: s.style.write(s.rng, s.second.names))
    return slots


def _name_slots() -> dict[str, Slot]:
    return {
        "patient": lambda s: (write_name(s.rng, s.person.name), "PERSON"),
        "first": lambda s: (_case(s.rng, s.person.name.first), "PERSON"),
        "last": lambda s: (_case(s.rng, s.person.name.last), "PERSON"),
        "last_first": lambda s: (
            _case(s.rng, f"{s.person.name.last}, {s.person.name.first}"),
            "PERSON",
        ),
        "initials": lambda s: (f"{s.person.name.first[0]}.{s.person.name.last[0]}.", "PERSON"),
        "relative": lambda s: (s.relative[0], None),
        "relative_name": lambda s: (str(s.relative[1]), "PERSON"),
        "relative_first": lambda s: (s.relative[1].first, "PERSON"),
        "doctor": lambda s: (write_name(s.rng, _doctor(s)), "PERSON"),
        "doctor_plain": lambda s: (_case(s.rng, str(_doctor(s))), "PERSON"),
        "doctor_last": lambda s: (_case(s.rng, _doctor(s).last), "PERSON"),
        "stranger": lambda s: (write_name(s.rng, _stranger(s)), "PERSON"),
        "stranger_plain": lambda s: (_case(s.rng, str(_stranger(s))), "PERSON"),
        "stranger_first": lambda s: (_stranger(s).first, "PERSON"),
        "stranger_last": lambda s: (_stranger(s).last, "PERSON"),
    }


def _place_slots() -> dict[str, Slot]:
    return {
        "street": _fixed("LOCATION", lambda s: s.person.address.street),
        "city": _fixed("LOCATION", lambda s: _case(s.rng, s.person.address.city)),
        "postcode": _fixed("LOCATION", lambda s: s.person.address.postcode),
        "state": _fixed(None, lambda s: s.person.address.state),
        "other_city": _fixed("LOCATION", lambda s: make_city(s.rng)),
        "other_street": _fixed("LOCATION", lambda s: make_address(s.rng).street),
        "hospital": _fixed("ORGANIZATION", lambda s: _case(s.rng, s.style.name)),
        "other_hospital": _fixed("ORGANIZATION", lambda s: make_hospital(s.rng)),
        "employer": _fixed("ORGANIZATION", lambda s: s.person.employer),
        "company": _fixed("ORGANIZATION", lambda s: make_employer(s.rng)),
    }


def _number_slots() -> dict[str, Slot]:
    return {
        "phone": _fixed("PHONE_NUMBER", lambda s: s.person.phone),
        "other_phone": _number("PHONE_NUMBER", numbers.phone),
        "pager": _number("PHONE_NUMBER", numbers.pager),
        "fax": _number("FAX_NUMBER", numbers.phone),
        "email": _fixed("EMAIL_ADDRESS", lambda s: s.person.email),
        "staff_email": lambda s: (
            numbers.email(s.rng, _stranger(s).first, make_last_name(s.rng)),
            "EMAIL_ADDRESS",
        ),
        "ssn": _fixed("US_SSN", lambda s: s.person.ssn),
        "mrn": _fixed("MEDICAL_RECORD", lambda s: s.person.mrn),
        "plan_id": _fixed("HEALTH_PLAN", lambda s: s.person.health_plan),
        "account": _fixed("ACCOUNT", lambda s: s.person.account),
        "license": _number("LICENSE", numbers.license_number),
        "plate": _number("VEHICLE", numbers.plate),
        "vin": _number("VEHICLE", numbers.vin),
        "device": _number("DEVICE", numbers.device_serial),
        "url": _number("URL", numbers.url),
        "ip": _number("IP_ADDRESS", numbers.ip_address),
        "biometric": _number("BIOMETRIC", numbers.biometric),
        "photo": _number("PHOTO", numbers.photo),
        "other_id": _number("OTHER_ID", numbers.other_id),
    }


def _date_slots() -> dict[str, Slot]:
    return {
        "today": _full_day(days=(0, 0)),
        "admitted": _full_day(days=(-9, -1)),
        "earlier_day": _loose_day(days=(-120, -61)),
        "day": _loose_day(days=(-60, -1)),
        "long_ago": _loose_day(days=(-3000, -200)),
        "next_day": _loose_day(days=(3, 90)),
        "month": _month,
        "birthday": lambda s: (dates.full_date(s.rng, s.person.born), "DATE_TIME"),
    }


SLOTS: dict[str, Slot] = {
    **{name: _plain(choices) for name, choices in _PLAIN.items()},
    **_clinical_slots(),
    **_name_slots(),
    **_place_slots(),
    **_number_slots(),
    **_date_slots(),
    "age": _age,
    "he": _by_sex("she", "he"),
    "his": _by_sex("her", "his"),
    "him": _by_sex("her", "him"),
    "title": _by_sex("Ms.", "Mr."),
    "sex": _by_sex("woman", "man"),
    "gender": _by_sex("female", "male"),
    "sex_letter": _by_sex("F", "M"),
}
"""Slot name to what fills it; a name that begins with a capital capitalises the text."""
