"""A suite's results as JSON lines: a whole line is a cell that is done."""

import json
import os
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from fedbench.cell import Cell
from fedclinic.errors import DataError
from fedclinic.records import Count, Digest, Record


class Point(Record):
    """A simulated federation after a round; seconds and bytes add up from the start."""

    round_number: Count
    seconds: float
    """Of training and aggregating at all sites one after the other, without measuring."""
    cpu_seconds: float = 0.0
    """The same, of the processors: what does not depend on what else they did."""
    bytes_up: Count
    bytes_down: Count
    metrics: dict[str, float]


class Machine(Record):
    """Where a result was measured."""

    processor: str
    threads: Count
    precision: str
    torch: str


class Result(Record):
    """A cell and what came out."""

    digest: str
    group: str
    cell: dict[str, Any]
    """As it was said: a later version may say more."""
    base_model: Digest
    patients: tuple[int, ...]
    """At each site."""
    test_notes: Count
    trained_parameters: Count
    model_parameters: Count
    noise_multiplier: float | None
    quarantined: Count
    """Updates over all rounds that broke the bound."""
    selected: dict[str, int]
    """How often a method kept each block; empty where it keeps all."""
    curve: tuple[Point, ...]
    wall_seconds: float
    machine: Machine

    def last(self) -> Point:
        return self.curve[-1]

    def read_cell(self) -> Cell:
        return Cell.model_validate(self.cell)


@dataclass(frozen=True)
class ResultsFile:
    """The results of one suite."""

    path: Path

    def read(self) -> list[Result]:
        """Read every whole line.

        Raises:
            DataError: naming the line that is not a result.
        """
        return [result for result, _ in self._lines()]

    def append(self, result: Result) -> None:
        """Add a line that is on the disk when this returns; drop one that a crash cut off."""
        self.path.parent.mkdir(parents=True, exist_ok=True)
        whole = sum(size for _, size in self._lines())
        line = json.dumps(result.model_dump(mode="json"), separators=(",", ":")) + "\n"
        with self.path.open("ab") as file:
            file.truncate(whole)
            file.write(line.encode())
            file.flush()
            os.fsync(file.fileno())

    def _lines(self) -> Iterator[tuple[Result, int]]:
        if not self.path.is_file():
            return
        with self.path.open("rb") as file:
            for number, line in enumerate(file, start=1):
                if not line.endswith(b"\n"):
                    return
                try:
                    yield Result.model_validate_json(line), len(line)
                except ValidationError:
                    raise DataError(f"{self.path}:{number}: not a result of a benchmark") from None
