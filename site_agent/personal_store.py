"""The blocks that a site keeps to itself between rounds (PTLS): they never leave this folder.

One file a round, readable by the site alone. A round that is repeated after a crash starts from
what the round before it left, never from its own unfinished result.
"""

import os
import re
from dataclasses import dataclass
from pathlib import Path

from fedclinic.errors import DataError
from fedclinic.records import Record
from fedclinic.updates.codec import Array, Tensors, UpdateFile, encode_chunks, schema_of
from fedclinic.updates.layout import TensorSchema

_KEPT_ROUNDS = 2


class _Kept(Record):
    """Which tensors a file holds."""

    names: tuple[str, ...]


@dataclass(frozen=True)
class PersonalStore:
    """Changes of personal blocks since the base model, by run and round."""

    folder: Path

    def load(self, run: str, before_round: int, schema: TensorSchema) -> dict[str, Array]:
        """Read what the last round before this one left; nothing before the first.

        Raises:
            DataError: if a file is damaged.
            AdmissionError: if its tensors are not the plan's.
        """
        rounds = [number for number in self._rounds(run) if number < before_round]
        if not rounds:
            return {}
        path = self._path(run, max(rounds))
        try:
            kept = _Kept.model_validate_json(path.with_suffix(".json").read_bytes())
            expected = {name: schema[name] for name in kept.names}
        except (OSError, ValueError, KeyError):
            raise DataError(f"the personal blocks of run {run} cannot be read") from None
        with UpdateFile(path, expected, "F32") as file:
            return dict(file)

    def keep(self, run: str, round_number: int, change: Tensors) -> None:
        """Write durably; rounds before the last are removed."""
        self.folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        path = self._path(run, round_number)
        names = _Kept(names=tuple(sorted(schema_of(change))))
        _write_privately(path, b"".join(encode_chunks(change, "F32")))
        _write_privately(path.with_suffix(".json"), names.model_dump_json().encode())
        for number in sorted(self._rounds(run))[:-_KEPT_ROUNDS]:
            self._path(run, number).with_suffix(".json").unlink()
            self._path(run, number).unlink()

    def _path(self, run: str, round_number: int) -> Path:
        return self.folder / f"{run}-{round_number}.safetensors"

    def _rounds(self, run: str) -> list[int]:
        """Rounds whose files are complete: the JSON is written last."""
        pattern = re.compile(rf"{re.escape(run)}-(\d+)\.json")
        names = (path.name for path in self.folder.glob("*.json"))
        return [int(match[1]) for name in names if (match := pattern.fullmatch(name))]


def _write_privately(path: Path, content: bytes) -> None:
    temporary = path.with_name(f".{path.name}.partial")
    descriptor = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    with os.fdopen(descriptor, "wb") as file:
        file.write(content)
        file.flush()
        os.fsync(file.fileno())
    temporary.rename(path)
