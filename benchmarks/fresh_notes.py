"""Long clinical notes whose sentences stand in no generator: to measure on text of another origin.

Nothing here is read while rules are written or the tagger is trained. Names come from Faker's
locales, from words, or from syllables; sentences without identifiers stand between those with.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from random import Random

from faker import Faker

from fedclinic.deid.gold import GoldDocument, make_gold
from fedclinic.notes import Span

LOCALES = ("en_US", "en_GB", "es_MX", "de_DE", "it_IT", "pl_PL", "en_IN", "fr_FR", "tr_TR", "sv_SE")
STRATA = ("mixed", "mixed", "mixed", "upper", "lower", "composed")
SYLLABLES = ("bra", "kel", "dor", "vim", "tash", "ulo", "ner", "goth", "pli", "wex", "sano", "rud")
WORD_NAMES = (
    "Summer",
    "Dean",
    "Price",
    "Woods",
    "Banks",
    "Grace",
    "Rose",
    "Cook",
    "Marsh",
    "Frost",
)

IDENTIFYING = (
    "{name}, known to our practice since {date}, was brought in by {rel_his} {rel} {other}.",
    "On {date} I had a long telephone conversation with {doctor} about {title} {last}'s biopsy.",
    "The patient's {rel}, {other}, can be reached on {phone}, or through {employer} by day.",
    "{title} {last} works nights for {employer} and lives at {street}, {citystate} {zip}.",
    "A copy of this summary goes to {doctor}, {hospital}, fax {phone}.",
    "Insurance was verified under policy {policy}; the subscriber is {other}.",
    "Medication reconciliation was done with {other}, RN, before transfer to {hospital}.",
    "He says that {doctor_last} told him in {month} that the valve would last ten years.",
    "{first} slept poorly, and according to {other} got up four times.",
    "Consent for release of records was mailed to {street}, {citystate} {zip} on {date}.",
    "The portal message of {date} from {email} asked for an earlier slot.",
    "Specimen {accession} was received from {hospital} and signed out by {other}, MD.",
    "Device check: generator serial {serial}, implanted {date} at {hospital}.",
    "Social work ({other}) met with {first} and {rel_his} {rel} to plan the discharge.",
    "Follow-up with {doctor} in the {city} office on {shortdate} at 10:15.",
    "Transferred from {hospital} after a fall in the car park of {employer}.",
    "{title} {last} recently travelled to {city} for the wedding of a nephew, {other_first}.",
    "Seen together with {doctor_last} and the fellow, {other}.",
    "Driver's license {license} was shown as proof of identity, SSN ending verified as {ssn}.",
    "The {rel}, who gave {phone} as a call-back number, understands the plan.",
    "Records from {hospital} ({city}) under MRN {mrn} were requested again.",
    "Interpreter {other} (badge {badge}) helped throughout.",
    "{other} and {other2} from physical therapy walked {first} sixty feet.",
    "Next of kin is {other}; second contact {other2}.",
)
PLAIN = (
    "Abdomen is soft and not tender, without guarding or organomegaly.",
    "Lisinopril 10 mg daily was held for a potassium of 5.6 and restarted at half the dose.",
    "There is no calf swelling, and Homans sign is negative.",
    "CT of the chest shows a 9 mm nodule in the right upper lobe, unchanged.",
    "Blood pressure 142/86, pulse 71, respirations 16, saturation 97% on room air.",
    "She denies fever, night sweats, weight loss, chest pain or palpitations.",
    "The wound is clean and dry; Steri-Strips are in place.",
    "Strength is 5/5 in all groups, reflexes 2+ and symmetric, Babinski absent.",
    "Hemoglobin 10.2, platelets 218, creatinine 1.4, glucose 186.",
    "Assessment: community acquired pneumonia with moderate risk by score of 3.",
    "Continue metoprolol 25 mg twice daily and aspirin 81 mg; stop ibuprofen.",
    "A Foley catheter was placed, and 450 mL of clear urine came back.",
    "The Parkinson disease is stable on the present dose of levodopa.",
    "Echo: ejection fraction 45 to 50%, mild mitral regurgitation, no effusion.",
    "Return to the emergency department for bleeding, fainting or new weakness.",
    "Vaccinations are up to date; the family history holds no early heart disease.",
    "Glasgow Coma Scale 15, Mini-Mental State 27 of 30, gait slow but steady.",
    "Diet: two grams of sodium, 1,500 mL of fluid; activity as tolerated.",
)
HEADERS = (
    "PROGRESS NOTE\nName: {name}\nMRN: {mrn}    DOB: {date}\nUnit: {hospital}\nAuthor: {doctor}\n",
    "{hospital}\n{street}\n{citystate} {zip}\nTel {phone}\n\nRe: {name} ({date})\n\n"
    "Dear {doctor},\n",
    "DISCHARGE SUMMARY | {hospital} | Acct {account}\nPatient: {lastfirst}\nAdmitted: {date}\n"
    "Discharged: {date2}\nAttending: {doctor}\n",
    "Nursing shift report, {date}\n{lastfirst}, {mrn}, under {doctor_last}\n",
    "OPERATIVE REPORT\nPATIENT NAME: {name}\nDATE OF PROCEDURE: {date}\nSURGEON: {doctor}\n"
    "ASSISTANT: {other}, PA-C\n",
    "Telephone encounter\nCaller: {other} ({rel})\nPatient: {name}, born {date}\nPhone: {phone}\n",
)
FOOTERS = (
    "\nElectronically signed by {doctor} on {date} 14:22",
    "\nDictated: {other}, MD   Transcribed: {date}   Job {accession}",
    "\nSincerely,\n{doctor}\n{hospital}\ncc: {other}",
)
RELATIONS = ("wife", "husband", "daughter", "son", "sister", "brother", "mother", "partner")


@dataclass(frozen=True)
class FreshNote:
    """A note with gold labels and its stratum."""

    stratum: str
    document: GoldDocument


def fresh_notes(count: int, seed: int) -> Iterator[FreshNote]:
    """Notes of about three thousand characters."""
    for number in range(count):
        rng = Random(seed * 100_003 + number)
        stratum = STRATA[number % len(STRATA)]
        faker = Faker(rng.choice(LOCALES))
        faker.seed_instance(rng.randrange(2**32))
        text, spans = fill(_skeleton(rng), _values(rng, faker, composed=stratum == "composed"))
        if stratum in ("upper", "lower"):
            recased = text.upper() if stratum == "upper" else text.lower()
            if len(recased) == len(text):
                text = recased
        yield FreshNote(stratum, make_gold(f"fresh-{number}", text, spans))


def _skeleton(rng: Random) -> str:
    identifying = rng.sample(IDENTIFYING, 14)
    plain = rng.sample(PLAIN, 14)
    lines = [sentence for pair in zip(identifying, plain, strict=True) for sentence in pair]
    paragraphs = [" ".join(lines[at : at + 5]) for at in range(0, len(lines), 5)]
    return rng.choice(HEADERS) + "\n" + "\n\n".join(paragraphs) + "\n" + rng.choice(FOOTERS)


def _values(
    rng: Random, faker: Faker, *, composed: bool
) -> dict[str, Callable[[], list[tuple[str, str]]]]:
    """How each slot is filled: pieces of text and their label, empty for none."""

    def first() -> str:
        if composed:
            return "".join(rng.sample(SYLLABLES, 2)).capitalize()
        return rng.choice(WORD_NAMES) if rng.random() < 0.06 else faker.first_name().split()[0]

    def last() -> str:
        if composed:
            return "".join(rng.sample(SYLLABLES, 3)).capitalize()
        return rng.choice(WORD_NAMES) if rng.random() < 0.06 else faker.last_name()

    def digits(length: int) -> str:
        return "".join(str(rng.randrange(10)) for _ in range(length))

    american = Faker("en_US")
    american.seed_instance(rng.randrange(2**32))
    own_first, own_last = first(), last()
    title = rng.choice(("Mr.", "Mrs.", "Ms."))
    hospitals = [
        rng.choice(
            (
                f"{american.city()} Memorial Hospital",
                f"St. {american.first_name()}'s Medical Center",
                f"{american.last_name()} Clinic",
                f"{american.city()} General",
                f"University Hospital of {american.city()}",
            )
        )
        for _ in range(3)
    ]
    doctor_last = last()

    def date() -> str:
        day = faker.date_between("-60y", "-1y")
        return day.strftime(
            rng.choice(("%m/%d/%Y", "%B %d, %Y", "%d %b %Y", "%Y-%m-%d", "%m/%d/%y"))
        )

    def named(label: str, make: Callable[[], str]) -> Callable[[], list[tuple[str, str]]]:
        return lambda: [(make(), label)]

    return {
        "name": named("NAME", lambda: f"{own_first} {own_last}"),
        "lastfirst": named("NAME", lambda: f"{own_last}, {own_first}"),
        "first": named("NAME", lambda: own_first),
        "last": named("NAME", lambda: own_last),
        "title": lambda: [(title, "")],
        "other": named("NAME", lambda: f"{first()} {last()}"),
        "other2": named("NAME", lambda: f"{first()} {last()}"),
        "other_first": named("NAME", first),
        "doctor": lambda: [("Dr. ", ""), (f"{first()} {last()}", "NAME")],
        "doctor_last": lambda: [("Dr. ", ""), (doctor_last, "NAME")],
        "rel": lambda: [(rng.choice(RELATIONS), "")],
        "rel_his": lambda: [("her" if title != "Mr." else "his", "")],
        "date": named("DATE", date),
        "date2": named("DATE", date),
        "shortdate": named("DATE", lambda: f"{rng.randint(1, 12)}/{rng.randint(1, 28)}"),
        "month": named("DATE", lambda: f"{rng.choice(('March', 'October', 'June'))} 2019"),
        "phone": named("PHONE", lambda: f"({digits(3)}) 555-{digits(4)}"),
        "email": named("EMAIL", american.email),
        "hospital": named("ORGANIZATION", lambda: rng.choice(hospitals)),
        "employer": named("ORGANIZATION", american.company),
        "street": named("LOCATION", lambda: american.street_address().replace("\n", " ")),
        "citystate": named("LOCATION", lambda: f"{american.city()}, {american.state_abbr()}"),
        "city": named("LOCATION", american.city),
        "zip": named("LOCATION", american.zipcode),
        "mrn": named("ID", lambda: digits(rng.choice((7, 8)))),
        "account": named("ID", lambda: digits(10)),
        "policy": named("ID", lambda: f"{rng.choice('ABCDWX')}{rng.choice('KLMN')}{digits(8)}"),
        "accession": named("ID", lambda: f"S{digits(2)}-{digits(5)}"),
        "serial": named("ID", lambda: f"{rng.choice('PQRS')}{rng.choice('XYZ')}{digits(7)}"),
        "license": named("ID", lambda: f"{rng.choice('ABCDE')}{digits(8)}"),
        "ssn": named("SSN", lambda: digits(4)),
        "badge": named("ID", lambda: f"B-{digits(5)}"),
    }


def fill(
    skeleton: str, values: dict[str, Callable[[], list[tuple[str, str]]]]
) -> tuple[str, list[Span]]:
    """Fill the slots of a skeleton; returns the text and where its identifiers stand."""
    text, spans, rest = "", [], skeleton
    while "{" in rest:
        before, _, after = rest.partition("{")
        slot, _, rest = after.partition("}")
        text += before
        for piece, label in values[slot]():
            if label:
                spans.append(Span(len(text), len(text) + len(piece), label))
            text += piece
    return text + rest, spans
