"""What a site knows of its whole store: what was counted, measured and found by the last audit."""

import sqlite3
from collections.abc import Iterator
from dataclasses import dataclass
from typing import TypeVar

from pydantic import ValidationError

from fedclinic.deid.kinds import EntityKind
from fedclinic.deid.policy import DeidentificationCounts
from fedclinic.errors import DeidentificationError
from fedclinic.records import Record
from site_agent.deid_measures import AuditVerdict, Measured

_Kept = TypeVar("_Kept", bound=Record)


@dataclass(frozen=True)
class StoreCounts:
    """What the store holds: private numbers, for the site's own eyes and its egress policy."""

    notes: int
    quarantined: int
    patients: int
    replaced: dict[str, int]
    """Identifiers replaced, by entity kind."""


class StoreMeasures:
    """Counts and measurements of one store; they share the store's database."""

    def __init__(self, database: sqlite3.Connection) -> None:
        self._database = database

    def counts(self) -> StoreCounts:
        replaced: dict[str, int] = {}
        notes = quarantined = 0
        for counts in self._all_counts():
            notes += counts is not None
            quarantined += counts is None
            for kind, count in (counts.replaced if counts else {}).items():
                name = EntityKind(kind).name
                replaced[name] = replaced.get(name, 0) + count
        (patients,) = self._database.execute("SELECT count(*) FROM patient").fetchone()
        return StoreCounts(notes, quarantined, patients, replaced)

    def note_counts(self) -> list[DeidentificationCounts]:
        """The counts of every note that may be used."""
        return [counts for counts in self._all_counts() if counts is not None]

    def keep_measured(self, measured: Measured) -> None:
        self._keep("measured", measured)

    def measured(self) -> Measured | None:
        """What the last canaries showed; None if none were ever planted."""
        return self._kept("measured", Measured)

    def keep_verdict(self, verdict: AuditVerdict) -> None:
        self._keep("audit", verdict)

    def check_audit_passed(self) -> None:
        """Refuse the use of a store whose last audit failed; one that had none is not judged.

        Raises:
            DeidentificationError: naming the gates that failed.
        """
        verdict = self._kept("audit", AuditVerdict)
        if verdict is not None and verdict.failed:
            raise DeidentificationError(
                f"the de-identification audit of {verdict.audited_at:%Y-%m-%d} failed: "
                f"{'; '.join(verdict.failed)}; the notes are not used until fedclinic-site deid "
                "audit passes"
            )

    def _keep(self, name: str, record: Record) -> None:
        self._database.execute(
            "INSERT OR REPLACE INTO seal VALUES (?, ?)", (name, record.model_dump_json())
        )

    def _kept(self, name: str, kind: type[_Kept]) -> _Kept | None:
        """What was kept by that name, None where it is of an older form."""
        row = self._database.execute("SELECT value FROM seal WHERE name = ?", (name,)).fetchone()
        try:
            return None if row is None else kind.model_validate_json(row[0])
        except ValidationError:
            return None

    def _all_counts(self) -> Iterator[DeidentificationCounts | None]:
        for (counts,) in self._database.execute("SELECT counts FROM note"):
            yield None if counts is None else DeidentificationCounts.model_validate_json(counts)
