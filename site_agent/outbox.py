"""Results of completed rounds, durable at the site before they leave: one for each round, ever."""

import os
from dataclasses import dataclass
from pathlib import Path

from fedclinic.evidence.statement import Envelope
from fedclinic.records import Digest, Record
from fedclinic.rounds import RoundTask
from fedclinic.updates.blobs import BlobFolder

CHUNK_BYTES = 1 << 20


class Kept(Record):
    """A round's signed report and the update that it names."""

    report: Envelope
    blob: Digest


@dataclass(frozen=True)
class Outbox:
    """One report file for each (run, round) and the blobs that the reports name."""

    folder: Path

    @property
    def blobs(self) -> BlobFolder:
        return BlobFolder(self.folder / "blobs")

    def find(self, task: RoundTask) -> Kept | None:
        path = self._path(task)
        return Kept.model_validate_json(path.read_bytes()) if path.is_file() else None

    def keep(self, task: RoundTask, result: Kept) -> Kept:
        """Write the result durably; the same task is answered with it from now on."""
        self.folder.mkdir(parents=True, exist_ok=True)
        path = self._path(task)
        temporary = path.with_suffix(".partial")
        with temporary.open("wb") as file:
            file.write(result.model_dump_json().encode())
            file.flush()
            os.fsync(file.fileno())
        temporary.rename(path)
        return result

    def deliver(self, result: Kept, destination: BlobFolder) -> None:
        """Copy the update to where the coordinator reads it; again, it changes nothing."""
        if destination.path(result.blob).is_file():
            return
        with self.blobs.find(result.blob).open("rb") as file:
            destination.put(iter(lambda: file.read(CHUNK_BYTES), b""))

    def _path(self, task: RoundTask) -> Path:
        return self.folder / f"{task.run}-{task.round_number}.json"
