"""What MLflow shows of a run, as a value with one canonical form; made from plain values.

Left out on purpose: `mlflow.*` tags and the end time, which MLflow itself changes, and `audit.*`
tags, which point from MLflow into the log and are written after the snapshot is signed.
"""

from collections.abc import Iterable, Mapping
from typing import Annotated

from pydantic import Field

from fedclinic.digest import digest_record
from fedclinic.records import Count, Digest, Record

MUTABLE_TAGS = ("mlflow.", "audit.")

RunId = Annotated[str, Field(min_length=1, max_length=64)]


class MetricPoint(Record):
    """One row of a metric's history."""

    step: int
    timestamp: int
    """Milliseconds since the epoch."""
    value: str
    """As Python's `repr` writes the number: the same text for the same bits."""


class Artifact(Record):
    """One file of a run."""

    bytes: Count
    sha256: Digest


class RunSnapshot(Record):
    """One MLflow run: every row that a person could read in its page."""

    run_id: RunId
    experiment: str
    """The experiment's name."""
    parent: str
    """Identifier of the parent run; empty for the parent itself."""
    name: str
    status: str
    params: dict[str, str]
    tags: dict[str, str]
    metrics: dict[str, tuple[MetricPoint, ...]]
    artifacts: dict[str, Artifact]
    inputs: dict[str, str]
    """Digest of each dataset logged as input, by its name."""

    def digest(self) -> Digest:
        return digest_record(self)


class ModelVersion(Record):
    """A version of a registered model."""

    model: str
    version: str
    run_id: str
    source: str
    aliases: tuple[str, ...]
    tags: dict[str, str] = {}


class StoreSnapshot(Record):
    """What an MLflow store shows now; `deleted` are the runs that MLflow marks as deleted."""

    runs: dict[RunId, RunSnapshot]
    deleted: frozenset[RunId]
    versions: tuple[ModelVersion, ...]


def sealed_tags(tags: Mapping[str, str]) -> dict[str, str]:
    """The tags that a snapshot holds."""
    return {name: value for name, value in tags.items() if not name.startswith(MUTABLE_TAGS)}


def metric_history(points: Iterable[tuple[int, int, float]]) -> tuple[MetricPoint, ...]:
    """Put (step, timestamp, value) rows into their canonical order: a store has none of its own."""
    rows = sorted((step, timestamp, repr(float(value))) for step, timestamp, value in points)
    return tuple(MetricPoint(step=step, timestamp=at, value=value) for step, at, value in rows)
