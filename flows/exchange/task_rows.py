"""A task as the exchange's table has it: its number, what its envelope says, what became of it."""

import hashlib
import json
from dataclasses import dataclass
from typing import Any, Literal

from sqlalchemy import Connection, select
from sqlalchemy.engine import RowMapping

from fedclinic.answers import Answer
from fedclinic.digest import canonical_json
from fedclinic.errors import ErrorCode
from fedclinic.evidence.statement import Envelope, parse_statement, statement_content
from fedclinic.records import Digest
from flows.exchange.tables import tasks

State = Literal["queued", "leased", "done", "late"]
OPEN = ("queued", "leased")


@dataclass(frozen=True)
class TaskView:
    """What became of a task so far."""

    id: str
    site: str
    run: str
    round_number: int
    state: State
    stage: str | None
    done: int
    total: int
    leases: int
    answer: Answer | None
    blobs: tuple[Digest, ...]
    """Uploads that the answer names."""
    error: ErrorCode | None


def find_row(connection: Connection, task: str) -> RowMapping | None:
    return connection.execute(select(tasks).where(tasks.c.id == task)).mappings().first()


def facts_of(envelope: Envelope) -> dict[str, Any]:
    statement = parse_statement(statement_content(envelope))
    return {"kind": statement["predicateType"], **statement["predicate"]}


def task_id(site: str, facts: dict[str, Any]) -> str:
    """One task for each kind, run, round, attempt, site and nonce."""
    names = ("kind", "run", "round_number", "attempt", "nonce")
    key = canonical_json([site, *(facts.get(name) for name in names)])
    return hashlib.sha256(key).hexdigest()[:32]


def view_of(row: RowMapping) -> TaskView:
    answer, blobs = None, ()
    if row["state"] == "done" and row["error"] is None:
        told = json.loads(row["answer"])
        answer = Answer.model_validate({"statements": told["statements"]})
        blobs = tuple(told["blobs"])
    return TaskView(
        id=row["id"],
        site=row["site"],
        run=row["run"],
        round_number=row["round_number"],
        state=row["state"],
        stage=row["stage"],
        done=row["done"],
        total=row["total"],
        leases=row["leases"],
        answer=answer,
        blobs=blobs,
        error=None if row["error"] is None else ErrorCode(row["error"]),
    )
