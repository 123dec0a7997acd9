"""Where the exchange keeps its state, and how much of it a site may use."""

import os
from dataclasses import dataclass, field
from pathlib import Path

from pydantic import PositiveFloat, PositiveInt

from fedclinic.records import Record
from flows.settings import Workspace

DATABASE_VARIABLE = "FEDCLINIC_EXCHANGE_DATABASE"
"""Address as SQLAlchemy writes it, such as postgresql+psycopg://user@host/name."""
BLOBS_VARIABLE = "FEDCLINIC_EXCHANGE_BLOBS"
"""Folder as fsspec writes it, such as s3://bucket/folder."""


class Limits(Record):
    """What one site may take of the exchange; none of it is part of a guarantee."""

    lease_seconds: PositiveFloat = 30.0
    """A task goes back to the queue when its agent has been silent for this long."""
    agent_seconds: PositiveFloat = 30.0
    """Another agent may take a site over when the last one has been silent for this long."""
    calls_a_minute: PositiveInt = 1200
    blob_bytes: PositiveInt = 8 * 2**30
    site_bytes: PositiveInt = 16 * 2**30
    """Uploads of a site that the coordinator has not taken yet, together."""
    unused_hours: PositiveFloat = 48.0
    """Uploads that nobody took are removed after this."""


@dataclass(frozen=True)
class ExchangeSettings:
    database: str
    blobs: str
    root: Path
    """Partial uploads, certificates and the audit log of calls."""
    limits: Limits = field(default_factory=Limits)

    @property
    def spool(self) -> Path:
        return self.root / "spool"

    @property
    def calls(self) -> Path:
        """One line for each call."""
        return self.root / "calls.jsonl"


def exchange_settings(workspace: Workspace, limits: Limits | None = None) -> ExchangeSettings:
    """The environment's addresses, or SQLite and a folder in the workspace for trying out."""
    root = workspace.root / "exchange"
    root.mkdir(mode=0o700, parents=True, exist_ok=True)
    return ExchangeSettings(
        database=os.environ.get(DATABASE_VARIABLE) or f"sqlite:///{root / 'exchange.db'}",
        blobs=os.environ.get(BLOBS_VARIABLE) or str(root / "blobs"),
        root=root,
        limits=limits or Limits(),
    )
