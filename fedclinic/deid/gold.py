"""Read gold annotations of identifiers from text: our JSONL, i2b2 2014 XML and brat stand-off."""

import json
import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any
from xml.etree import ElementTree

from fedclinic.deid.kinds import EntityKind
from fedclinic.errors import DataError
from fedclinic.notes import Span

CLASSES = (
    "NAME",
    "LOCATION",
    "ORGANIZATION",
    "DATE",
    "AGE",
    "PHONE",
    "EMAIL",
    "URL",
    "IP",
    "SSN",
    "ID",
)
"""What scores are broken down by; the numbering kinds of HIPAA are one class."""

_CLASS_OF_KIND: dict[str, str] = {
    **dict.fromkeys(EntityKind, "ID"),
    EntityKind.PERSON: "NAME",
    EntityKind.LOCATION: "LOCATION",
    EntityKind.ORGANIZATION: "ORGANIZATION",
    EntityKind.DATE_TIME: "DATE",
    EntityKind.AGE: "AGE",
    EntityKind.PHONE_NUMBER: "PHONE",
    EntityKind.FAX_NUMBER: "PHONE",
    EntityKind.EMAIL_ADDRESS: "EMAIL",
    EntityKind.URL: "URL",
    EntityKind.IP_ADDRESS: "IP",
    EntityKind.US_SSN: "SSN",
}
_CLASS_OF_LABEL: dict[str, str] = {
    **_CLASS_OF_KIND,
    **{name: name for name in CLASSES},
    **dict.fromkeys(("PATIENT", "DOCTOR", "USERNAME", "HCPNAME", "RELATIVEPROXYNAME"), "NAME"),
    **dict.fromkeys(
        ("STREET", "CITY", "STATE", "ZIP", "COUNTRY", "LOCATION-OTHER", "GEOGRAPHIC_LOCATION"),
        "LOCATION",
    ),
    **dict.fromkeys(("HOSPITAL", "ORG", "DEPARTMENT"), "ORGANIZATION"),
    **dict.fromkeys(("FAX", "PHONE_NUMBER", "CONTACT"), "PHONE"),
    **dict.fromkeys(
        ("MEDICALRECORD", "HEALTHPLAN", "IDNUM", "BIOID", "OTHER", "UNIQUE_IDENTIFIER", "OTHER_ID"),
        "ID",
    ),
    "IPADDRESS": "IP",
}
_IGNORED_LABELS = frozenset({"TIME", "YEAR", "PROFESSION"})
_HIGH_AGE = re.compile(r"9\d|1[01]\d|ninet|centenarian", re.IGNORECASE)
_BRAT_SPAN = re.compile(r"T\d+\t(?P<label>\S+) (?P<places>\d+ \d+(?:;\d+ \d+)*)\t")


@dataclass(frozen=True)
class GoldDocument:
    """A document with what must be found in it."""

    document_id: str
    text: str = field(repr=False)
    spans: tuple[Span, ...]
    """Identifiers; labels are of `CLASSES`."""
    ignored: tuple[Span, ...] = ()
    """Neither required nor counted against a detector: times, years, ages under 90, professions."""
    entities: tuple[Span, ...] = ()
    """Labels of the learning task, whose survival is reported."""


def parse_gold_jsonl(text: str) -> Iterator[GoldDocument]:
    """Read one document a line: `id`, `text`, and spans under `spans` or `phi`.

    Raises:
        DataError: if a line is no such document.
    """
    for number, line in enumerate(text.splitlines(), 1):
        if not line.strip():
            continue
        try:
            row: dict[str, Any] = json.loads(line)
            found = [_span(each) for each in row.get("spans", row.get("phi", []))]
            entities = tuple(_span(each) for each in row.get("entities", []))
            yield make_gold(str(row["id"]), row["text"], found, entities)
        except json.JSONDecodeError:
            raise DataError(f"line {number} of the gold file is no document: no JSON") from None
        except (ValueError, KeyError, TypeError, AttributeError):
            raise DataError(
                f"line {number} of the gold file is no document; it needs id, text and spans, "
                "each span with start, end and label"
            ) from None


def parse_i2b2(text: str, *, document_id: str) -> GoldDocument:
    """Read one XML file of the i2b2 2014 de-identification track.

    Raises:
        DataError: if it is no such file or declares a document type, which could expand entities.
    """
    if "<!DOCTYPE" in text or "<!ENTITY" in text:
        raise DataError(f"gold file {document_id} declares a document type")
    try:
        root = ElementTree.fromstring(text)  # noqa: S314 -- no document type, so nothing expands
    except ElementTree.ParseError as error:
        raise DataError(f"gold file {document_id} is no XML: {error.msg}") from None
    body, tags = root.find("TEXT"), root.find("TAGS")
    if body is None or body.text is None or tags is None:
        raise DataError(f"gold file {document_id} has no TEXT or no TAGS")
    try:
        found = [
            Span(int(tag.attrib["start"]), int(tag.attrib["end"]), tag.attrib["TYPE"])
            for tag in tags
        ]
    except (KeyError, ValueError):
        raise DataError(f"gold file {document_id} has a tag without start, end or TYPE") from None
    return make_gold(document_id, body.text, found)


def parse_brat(text: str, annotations: str, *, document_id: str) -> GoldDocument:
    """Read a text and its brat stand-off annotations; parts of a split span count one by one."""
    found = []
    for match in _BRAT_SPAN.finditer(annotations):
        for place in match.group("places").split(";"):
            start, end = place.split()
            found.append(Span(int(start), int(end), match.group("label")))
    return make_gold(document_id, text, found)


def make_gold(
    document_id: str, text: str, spans: list[Span], entities: tuple[Span, ...] = ()
) -> GoldDocument:
    """Sort labels of any known scheme into required and ignored ones.

    Raises:
        DataError: if a label is unknown or a span leaves the text.
    """
    required, ignored = [], []
    for span in spans:
        if not 0 <= span.start < span.end <= len(text):
            raise DataError(f"a span of gold document {document_id} leaves its text")
        label = span.label.upper()
        name = _CLASS_OF_LABEL.get(label)
        if name is None and label not in _IGNORED_LABELS:
            raise DataError(f"gold document {document_id} has the unknown label {label}")
        young = name == "AGE" and not _HIGH_AGE.search(text[span.start : span.end])
        if name is None or young:
            ignored.append(span)
        else:
            required.append(Span(span.start, span.end, name))
    return GoldDocument(document_id, text, tuple(required), tuple(ignored), entities)


def class_of(kind: str) -> str:
    """The class that a detected kind is scored in."""
    return _CLASS_OF_KIND[kind]


def _span(row: dict[str, Any]) -> Span:
    return Span(int(row["start"]), int(row["end"]), str(row["label"]))
