"""Rules for tables in plain text: what a column holds is told by the head above it."""

import re
from collections.abc import Iterator

from fedclinic.deid.kinds import EntityKind as Kind
from fedclinic.notes import Span

_MARKS = (";", "|", "\t")
_MIN_COLUMNS = 3
_MOST_ROWS = 500
_NAME = re.compile(
    r"(?i)(?:(?:patient|full|last|first|family|given|maiden|middle|mother'?s|father'?s)[ _-]?)?"
    r"(?:name|surname)|given|forename|surname|patient|last|first|provider|physician|doctor|clinician"
    r"|attending|nurse|surgeon|author|seen by|ordered by|contact|guarantor"
)
_NUMBER = re.compile(
    r"(?i)(?:mrn|chart|record|account|acct|id|patient id|visit id|encounter|member|policy|ssn|"
    r"accession)(?: ?(?:no\.?|number|#))?"
)
_SCORE = 0.75


def find_in_tables(text: str) -> list[Span]:
    """Values below a head that names people or numbers of record."""
    found: list[Span] = []
    for mark in _MARKS:
        if mark in text:
            found += _find(text, mark)
    return found


def _find(text: str, mark: str) -> Iterator[Span]:
    kinds: dict[int, str] = {}
    columns = rows = position = 0
    for line in text.splitlines(keepends=True):
        cells = line.rstrip("\r\n").split(mark)
        if kinds and len(cells) == columns and rows < _MOST_ROWS:
            rows += 1
            yield from _values(position, cells, kinds)
        else:
            kinds = _kinds(cells) if len(cells) >= _MIN_COLUMNS else {}
            columns, rows = len(cells), 0
        position += len(line)


def _kinds(cells: list[str]) -> dict[int, str]:
    """Which columns hold identifiers; a line with a digit is no head."""
    kinds: dict[int, str] = {}
    for index, cell in enumerate(cells):
        head = cell.strip(" :*#")
        if any(map(str.isdigit, head)):
            return {}
        if _NAME.fullmatch(head):
            kinds[index] = Kind.PERSON
        elif _NUMBER.fullmatch(head):
            kinds[index] = Kind.OTHER_ID
    return kinds


def _values(position: int, cells: list[str], kinds: dict[int, str]) -> Iterator[Span]:
    for index, cell in enumerate(cells):
        kind = kinds.get(index)
        value = cell.strip()
        start = position + cell.find(value)
        is_value = (
            any(map(str.isalpha, value)) and not any(map(str.isdigit, value))
            if kind == Kind.PERSON
            else any(map(str.isdigit, value))
        )
        if kind is not None and value and is_value:
            yield Span(start, start + len(value), kind, _SCORE)
        position += len(cell) + 1
