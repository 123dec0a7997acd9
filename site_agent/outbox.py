"""Results of completed rounds, durable at the site before they leave: one for each round, ever."""

import os
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

from fedclinic.evidence.statement import Envelope
from fedclinic.records import Digest, Record
from fedclinic.rounds import RoundTask
from fedclinic.updates.blobs import BlobFolder

CHUNK_BYTES = 1 << 20


class Kept(Record):
    """A round's signed report, and the update and the canaries' coordinates that it names."""

    report: Envelope
    blob: Digest
    coordinates: Digest | None = None

    def blobs(self) -> tuple[Digest, ...]:
        """What the coordinator needs beside the report."""
        return (self.blob,) if self.coordinates is None else (self.blob, self.coordinates)


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
        """Copy the blobs to where the coordinator reads them; again, it changes nothing."""
        for blob in result.blobs():
            if destination.path(blob).is_file():
                continue
            with self.blobs.find(blob).open("rb") as file:
                destination.put(_chunks(file))

    def _path(self, task: RoundTask) -> Path:
        return self.folder / f"{task.run}-{task.round_number}.json"


def _chunks(file: BinaryIO) -> Iterator[bytes]:
    while chunk := file.read(CHUNK_BYTES):
        yield chunk
