"""Signed reports of completed rounds, kept on disk: the same task gets the same answer, once."""

import os
from dataclasses import dataclass
from pathlib import Path

from fedclinic.evidence.statement import Envelope
from fedclinic.rounds import RoundTask


@dataclass(frozen=True)
class Outbox:
    """One file for each (run, round) that this site completed."""

    folder: Path

    def find(self, task: RoundTask) -> Envelope | None:
        path = self._path(task)
        if not path.is_file():
            return None
        return Envelope.model_validate_json(path.read_bytes())

    def keep(self, task: RoundTask, report: Envelope) -> None:
        """Write the report durably before it leaves."""
        self.folder.mkdir(parents=True, exist_ok=True)
        path = self._path(task)
        temporary = path.with_suffix(".partial")
        with temporary.open("wb") as file:
            file.write(report.model_dump_json().encode())
            file.flush()
            os.fsync(file.fileno())
        temporary.rename(path)

    def _path(self, task: RoundTask) -> Path:
        return self.folder / f"{task.run}-{task.round_number}.json"
