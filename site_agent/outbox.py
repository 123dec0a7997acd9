"""What a site stated in a round, durable before it leaves: one result for each round, ever."""

import os
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

from fedclinic.evidence.statement import Envelope, statement_kind
from fedclinic.records import Digest, Record
from fedclinic.rounds import AuditedRound, RoundTask, UpdateManifest
from fedclinic.updates.blobs import BlobFolder

CHUNK_BYTES = 1 << 20


class Kept(Record):
    """A round at this site so far: what it stated on the way, its result, its signed report."""

    statements: tuple[Envelope, ...] = ()
    update: UpdateManifest | None = None
    audit: AuditedRound | None = None
    report: Envelope | None = None

    def blobs(self) -> list[Digest]:
        """What the coordinator needs beside the report."""
        update = [] if self.update is None else [self.update.blob]
        return update if self.audit is None else [*update, self.audit.coordinates]


@dataclass(frozen=True)
class Outbox:
    """One file for each (run, round) and the blobs that the reports name."""

    folder: Path

    @property
    def blobs(self) -> BlobFolder:
        return BlobFolder(self.folder / "blobs")

    def find(self, task: RoundTask) -> Kept:
        """What is kept of the task's round; empty before anything was stated."""
        path = self._path(task)
        return Kept.model_validate_json(path.read_bytes()) if path.is_file() else Kept()

    def last_round(self, run: str) -> int:
        """The last round of a run that this site has a result of; 0 before the first."""
        named = re.compile(rf"{re.escape(run)}-([0-9]+)\.json")
        files = self.folder.glob(f"{run}-*.json")
        rounds = [int(found[1]) for path in files if (found := named.fullmatch(path.name))]
        return max(rounds, default=0)

    def state(self, task: RoundTask, statement: Envelope) -> None:
        """Keep a statement of what just happened; of each kind the round's first one stays."""
        kept = self.find(task)
        kind = statement_kind(statement)
        if kind not in map(statement_kind, kept.statements):
            self._write(task, kept.model_copy(update={"statements": (*kept.statements, statement)}))

    def keep_result(
        self, task: RoundTask, update: UpdateManifest, audit: AuditedRound | None
    ) -> None:
        """Keep the round's result; from now on it is not trained again."""
        kept = self.find(task)
        self._write(task, kept.model_copy(update={"update": update, "audit": audit}))

    def keep_report(self, task: RoundTask, report: Envelope) -> Kept:
        """Keep the report; the same round is answered with it from now on."""
        kept = self.find(task).model_copy(update={"report": report})
        self._write(task, kept)
        return kept

    def deliver(self, kept: Kept, destination: BlobFolder) -> None:
        """Copy the blobs to where the coordinator reads them; again, it changes nothing."""
        for blob in kept.blobs():
            if destination.path(blob).is_file():
                continue
            with self.blobs.find(blob).open("rb") as file:
                destination.put(_chunks(file))

    def _write(self, task: RoundTask, kept: Kept) -> None:
        self.folder.mkdir(parents=True, exist_ok=True)
        path = self._path(task)
        temporary = path.with_suffix(".partial")
        with temporary.open("wb") as file:
            file.write(kept.model_dump_json().encode())
            file.flush()
            os.fsync(file.fileno())
        temporary.rename(path)

    def _path(self, task: RoundTask) -> Path:
        return self.folder / f"{task.run}-{task.round_number}.json"


def _chunks(file: BinaryIO) -> Iterator[bytes]:
    while chunk := file.read(CHUNK_BYTES):
        yield chunk
