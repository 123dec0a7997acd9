"""What the site knows of its patients: names, numbers, dates and addresses, by patient."""

import json
import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from fedclinic.deid.kinds import EntityKind
from fedclinic.errors import DataError
from fedclinic.notes import KnownIdentifiers
from site_agent.readers import FORMATS
from site_agent.readers.rows import Row
from site_agent.settings import RosterFile

_WORD = re.compile(r"[^\W_]+(?:['’-][^\W_]+)*")


@dataclass(frozen=True)
class Roster:
    """Known values by patient; `values` are the words of all of them, which no surrogate equals."""

    patients: Mapping[str, KnownIdentifiers] = field(repr=False)
    values: frozenset[str] = field(repr=False)

    def of(self, patient: str) -> KnownIdentifiers | None:
        return self.patients.get(patient)

    def mark(self, patient: str) -> str:
        """A text that changes when what is known of a patient does; empty where nothing is."""
        known = self.of(patient)
        return json.dumps(known.values) if known is not None else ""


NOBODY = Roster({}, frozenset())


def read_roster(file: RosterFile | None) -> Roster:
    """Read the roster that site.yaml names; several rows of one patient are joined.

    Raises:
        DataError: naming file and row, if it is missing or damaged, or a column is not there.
    """
    if file is None:
        return NOBODY
    path = Path(file.path)
    if not path.is_file():
        raise DataError(f"no roster at {path}: check roster.path in site.yaml")
    found: dict[str, dict[tuple[str, str], None]] = {}
    for row in FORMATS[file.format](path):
        patient = row.values.get(file.patient)
        if patient is None or patient == "":
            raise DataError(f"{row.where}: field '{file.patient}' is missing or empty")
        values = found.setdefault(str(patient), {})
        values.update(dict.fromkeys(_values(row, file.columns)))
    patients = {name: KnownIdentifiers(name, tuple(values)) for name, values in found.items()}
    words = (value for values in found.values() for _, value in values)
    return Roster(patients, frozenset(_words(words)))


def _values(row: Row, columns: Mapping[str, EntityKind]) -> Iterator[tuple[str, str]]:
    for column, kind in columns.items():
        if column not in row.values:
            raise DataError(f"{row.where}: field '{column}' is missing; roster.columns names it")
        value = row.values[column]
        for each in value if isinstance(value, list) else [value]:
            if each is not None and str(each).strip():
                yield kind, str(each).strip()


def _words(values: Iterable[str]) -> Iterator[str]:
    for value in values:
        for word in _WORD.findall(value):
            yield word.lower()
        yield value.lower()
