"""Write invented people, places and dates into real prose: real sentences to learn from."""

import re
from collections.abc import Callable, Sequence
from random import Random

from fedclinic.deid.kinds import EntityKind
from fedclinic.deid.name_swaps import NameSwapper
from fedclinic.deid.word_lists import phrases
from fedclinic.notes import Span

_MONTHS = phrases(
    "January|February|March|April|May|June|July|August|September|October|November|December"
)
_FACILITIES = phrases(
    "Hospital|Medical Center|General Hospital|Memorial Hospital|Clinic|Regional Medical Center|"
    "Health System|Community Hospital|Rehabilitation Center|Nursing Home|Family Practice|"
    "Cancer Center|Children's Hospital|Health Center|Hospice|Heart Institute|Urgent Care|"
    "Pediatrics|"
    "Orthopedics|Medical Group|Dialysis Center|Surgery Center|Hosp|Med Center"
)
_STEMS = phrases(
    "Mercy|Good Samaritan|Sacred Heart|Providence|Holy Cross|Riverside|Lakeview|Cedar Grove|"
    "Northside|"
    "Sunrise|Harbor|Pine Ridge|Methodist|Baptist|Presbyterian|Veterans Affairs|Community|Valley|"
    "Bayview|"
    "Trinity|Unity|Grace|Hope|Summit|Union|Central|County|General|University|St. Mary's|St. Luke's|"
    "Mount Carmel|Lutheran|Jewish|Good Shepherd|Fairview|Highland|Prairie|Desert|Ocean|Mountain "
    "View"
)
_STREETS = phrases("St|Ave|Road|Lane|Drive|Street|Blvd|Court|Way")
_WORKPLACES = phrases(
    "High School|Elementary|Fire Department|Church|Diner|Bakery|Motors|Steel|Library|Logistics|"
    "Construction|Farms|& Sons|Auto Repair|Trucking|Inc|LLC|Foods|Bank|Hardware|Police Department"
)
_HEADERS = phrases(
    "Patient: {n}|Patient Name: {n}\nMRN: {i}\nDOB: {d}|Name: {l}, {f}\tMRN {i}|RE: {n}\nDOB: "
    "{d}\n|"
    "{o}\n{c}\n\nPatient: {n}   Date: {d}|PATIENT NAME: {n}\nDATE OF ADMISSION: {d}\nATTENDING: "
    "{n}, MD|"
    "{n} | {i} | {d}|Dear Dr. {l},\n\nThank you for referring {n}.|Referring: {n}, "
    "MD\nConsultant: {n}, DO|"
    "Dictated by: {n}, MD\nDate: {d}\nJob #: {i}|cc: {n}, M.D.\n    {l}, {f}|{d}\n{o}\nPt {n} "
    "({i})|"
    "Attending Physician: {n}\nResident: {f} {l}\nNurse: {f}|Contact: {n} ({p})|{l}, {f} {d} {i}|"
    "Seen by {n} at {o}, {c} on {d}.|Signed: {n} {d}|Emergency contact {f} {l}, phone {p}|"
    "Employer: {w}|Pharmacy: {o}, {c}|Room {i}  {l}, {f}|Thanks,\n{f}|Sincerely,\n\n{n}\n{o}|-- {n}"
)


class ProseInjector:
    """Replaces words like "the patient" and adds header lines, with labels."""

    def __init__(self, names: NameSwapper, rng: Random) -> None:
        self._names = names
        self._rng = rng
        self._targets: tuple[tuple[re.Pattern[str], float, Callable[[str], str]], ...] = (
            (re.compile(r"\b(?:[Tt]he )?[Pp]atient\b(?!['’]s?\b)"), 0.12, self._patient),
            (re.compile(r"\bDr\. [A-Z]\w*\b"), 1.0, lambda _: f"Dr. {{{self._any('nl')}}}"),
            (
                re.compile(
                    r"\b(?:the|our|this) (?:hospital|clinic|emergency room|office|facility)\b"
                ),
                0.6,
                lambda _: "{o}",
            ),
            (
                re.compile(
                    r"\b(?:wife|husband|son|daughter|mother|father|sister|brother|friend|aunt|"
                    r"neighbor)\b"
                ),
                0.4,
                lambda word: f"{word}{self._rng.choice((' {f}', ', {n},', ' {n}', ' ({f})'))}",
            ),
            (
                re.compile(r"\b(?:today|yesterday)\b"),
                0.6,
                lambda _: f"{self._any(('on ', ''))}{{d}}",
            ),
            (
                re.compile(r"\byear-old (?:\w+ )?(?:male|female|man|woman|gentleman|lady)\b"),
                0.4,
                lambda words: (
                    words + self._rng.choice((" named {n}", ", {n},", " from {c}", " ({n})"))
                ),
            ),
            (
                re.compile(r"\bwas (?:seen|evaluated|admitted|transferred|discharged)\b"),
                0.3,
                lambda words: (
                    words
                    + self._rng.choice((" by {n}", " at {o}", " in {c}", " by Dr. {l} at {o}"))
                ),
            ),
            (
                re.compile(r"\b(?:works|worked|employed|retired)\b"),
                0.5,
                lambda words: words + self._rng.choice((" at {w}", " for {w}", " from {w}")),
            ),
            (
                re.compile(r"\blives\b"),
                0.5,
                lambda words: words + self._rng.choice((" in {c}", " at {a}")),
            ),
        )

    def _any(self, choices: Sequence[str]) -> str:
        return self._rng.choice(choices)

    def _patient(self, _: str) -> str:
        return self._rng.choice(
            ("Mr. {l}", "Ms. {l}", "{n}", "{l}", "{f}", "Mrs. {n}", "{f} {j}", "pt {n}")
        )

    def inject(self, text: str, spans: Sequence[Span]) -> tuple[str, list[Span]]:
        """The text with invented identifiers where no span of `spans` is touched."""
        edits = self._edits(text, spans)
        parts: list[str] = []
        found: list[Span] = []
        length = position = 0

        def put(piece: str) -> None:
            nonlocal length
            parts.append(piece)
            length += len(piece)

        def fill(template: str) -> None:
            for literal, slot in re.findall(r"([^{]*)(?:\{(\w)\})?", template):
                put(literal)
                if slot:
                    value, kind = self._value(slot)
                    found.append(Span(length, length + len(value), kind))
                    put(value)

        for _ in range(self._rng.choice((0, 1, 1, 2))):
            fill(self._rng.choice(_HEADERS) + "\n")
        pending = sorted(spans, key=lambda span: span.start)
        for start, end, template in [*edits, (len(text), len(text), "")]:
            while pending and pending[0].end <= start:
                span = pending.pop(0)
                moved = length - position
                found.append(Span(span.start + moved, span.end + moved, span.label))
            put(text[position:start])
            fill(template)
            position = end
        if self._rng.random() < 0.5:
            fill("\n" + self._rng.choice(_HEADERS))
        return "".join(parts), found

    def _edits(self, text: str, spans: Sequence[Span]) -> list[tuple[int, int, str]]:
        edits: list[tuple[int, int, str]] = []
        for pattern, share, write in self._targets:
            for match in pattern.finditer(text):
                start, end = match.span()
                taken = [*((e[0], e[1]) for e in edits), *((s.start, s.end) for s in spans)]
                if self._rng.random() < share and not any(start < b and a < end for a, b in taken):
                    edits.append((start, end, write(match.group())))
        return sorted(edits)

    def _value(self, slot: str) -> tuple[str, str]:
        makers: dict[str, tuple[Callable[[], str], str]] = {
            "f": (self._word, EntityKind.PERSON),
            "l": (self._word, EntityKind.PERSON),
            "n": (self._full, EntityKind.PERSON),
            "j": (lambda: f"{self._rng.choice('ABCDEFGHJKLMNPRSTW')}.", EntityKind.PERSON),
            "o": (self._facility, EntityKind.ORGANIZATION),
            "w": (self._workplace, EntityKind.ORGANIZATION),
            "c": (self._city, EntityKind.LOCATION),
            "a": (self._address, EntityKind.LOCATION),
            "d": (self._date, EntityKind.DATE_TIME),
            "i": (self._code, EntityKind.OTHER_ID),
            "p": (self._phone, EntityKind.PHONE_NUMBER),
        }
        make, kind = makers[slot]
        return make(), kind

    def _word(self) -> str:
        return self._names.name(EntityKind.PERSON)

    def _full(self) -> str:
        first, last = self._word(), self._word()
        initial = self._rng.choice("ABCDEFGHJKLMNPRSTW")
        forms = (f"{first} {last}",) * 6
        return self._rng.choice(
            (
                *forms,
                f"{first} {initial}. {last}",
                f"{last}, {first}",
                f"{first[0]}. {last}",
                f"{first} {initial} {last}",
            )
        )

    def _facility(self) -> str:
        draw = self._rng.random()
        if draw < 0.12:
            return "".join(
                self._rng.choice("ABCDGHLMNPRSTUW") for _ in range(self._rng.choice((3, 4)))
            )
        stem = self._rng.choice(_STEMS) if draw < 0.5 else self._names.name(EntityKind.LOCATION)
        return stem if draw > 0.93 else f"{stem} {self._rng.choice(_FACILITIES)}"

    def _workplace(self) -> str:
        return f"{self._names.name(EntityKind.ORGANIZATION)} {self._rng.choice(_WORKPLACES)}"

    def _city(self) -> str:
        return self._names.name(EntityKind.LOCATION)

    def _address(self) -> str:
        street = self._rng.choice(_STREETS)
        return f"{self._rng.randint(1, 9999)} {self._city()} {street}, {self._city()}"

    def _date(self) -> str:
        rng = self._rng
        year, month, day = rng.randint(1935, 2025), rng.randint(1, 12), rng.randint(1, 28)
        name = _MONTHS[month - 1]
        forms = (
            f"{month:02d}/{day:02d}/{year}",
            f"{month}/{day}/{year % 100:02d}",
            f"{month}/{day}",
            f"{year}-{month:02d}-{day:02d}",
            f"{name} {day}, {year}",
            f"{name} {day}",
            f"{name[:3]} {day}, {year}",
            f"{day} {name[:3]} {year}",
            f"{name} {year}",
            f"{day}-{name[:3].upper()}-{year}",
            f"{month}.{day}.{year % 100:02d}",
        )
        return rng.choice(forms)

    def _code(self) -> str:
        form = self._rng.choice(
            (
                "0000000",
                "000-00-00",
                "A0000000",
                "AA-00-00000",
                "00000000",
                "A00-0000",
                "000000",
                "AAA000000",
            )
        )
        return "".join(
            self._rng.choice("0123456789")
            if each == "0"
            else self._rng.choice("ABCDEHMRSTVWX")
            if each == "A"
            else each
            for each in form
        )

    def _phone(self) -> str:
        digits = [self._rng.randint(0, 9) for _ in range(7)]
        tail = "".join(map(str, digits[3:]))
        head = "".join(map(str, digits[:3]))
        area = self._rng.randint(201, 989)
        return self._rng.choice(
            (
                f"({area}) {head}-{tail}",
                f"{area}-{head}-{tail}",
                f"{area}.{head}.{tail}",
                f"{head}-{tail}",
                f"x{tail}",
            )
        )
