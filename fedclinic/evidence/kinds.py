"""Every kind of statement that a log may hold: its record, and who must have signed it."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

from pydantic import BaseModel

from fedclinic.evidence.events import (
    COORDINATOR,
    AuditCommitted,
    AuditJudged,
    BudgetCommitted,
    BudgetReserved,
    BudgetUseBegun,
    EvidencePurged,
    ExportMade,
    KeyRotated,
    ModelRegistered,
    PlanApproved,
    PlantedScored,
    PolicyChanged,
    RoundAggregated,
    RunRecorded,
    SelfTested,
    SiteJoined,
    SiteRevoked,
    UpdateJudged,
)
from fedclinic.evidence.plan_facts import TaskFacts
from fedclinic.records import Record
from fedclinic.rounds import AuditRevealed, RevealTask, RoundTask, SiteReport


@dataclass(frozen=True)
class Kind:
    """A kind of statement: its record, and which field names the actor who must have signed."""

    record: type[BaseModel]
    """What a verifier reads: of a task only its facts, as its work changes with the product."""
    signer: Literal["site", "actor", "coordinator", "site or coordinator"]


KINDS: Mapping[str, Kind] = {
    "plan-approved": Kind(PlanApproved, "coordinator"),
    "site-joined": Kind(SiteJoined, "coordinator"),
    "site-revoked": Kind(SiteRevoked, "coordinator"),
    "key-rotated": Kind(KeyRotated, "actor"),
    "self-tested": Kind(SelfTested, "site"),
    "budget-reserved": Kind(BudgetReserved, "site"),
    "budget-use-begun": Kind(BudgetUseBegun, "site"),
    "budget-committed": Kind(BudgetCommitted, "site"),
    "round-task": Kind(TaskFacts, "coordinator"),
    "site-report": Kind(SiteReport, "site"),
    "update-judged": Kind(UpdateJudged, "coordinator"),
    "round-aggregated": Kind(RoundAggregated, "coordinator"),
    "audit-committed": Kind(AuditCommitted, "site"),
    "reveal-task": Kind(RevealTask, "coordinator"),
    "audit-revealed": Kind(AuditRevealed, "site"),
    "planted-scored": Kind(PlantedScored, "site"),
    "audit-judged": Kind(AuditJudged, "site or coordinator"),
    "model-registered": Kind(ModelRegistered, "coordinator"),
    "policy-changed": Kind(PolicyChanged, "actor"),
    "export-made": Kind(ExportMade, "actor"),
    "evidence-purged": Kind(EvidencePurged, "actor"),
    "run-recorded": Kind(RunRecorded, "coordinator"),
}


def kind_of(event: Record) -> str:
    """The kind under which a record is signed.

    Raises:
        KeyError: if it is not an event.
    """
    return kind_of_record(type(event))


def kind_of_record(record: type[BaseModel]) -> str:
    """The kind under which records of a type are signed.

    Raises:
        KeyError: if they are no events.
    """
    return _KIND_OF[record]


def actor_of(event: Record) -> str:
    """Who must have signed an event: a site's name, or the coordinator."""
    signer = KINDS[kind_of(event)].signer
    if signer == "coordinator":
        return COORDINATOR
    if signer == "actor":
        return str(getattr(event, "actor"))  # noqa: B009 - the kind says that the field is there
    return getattr(event, "site", None) or COORDINATOR


_KIND_OF: Mapping[type[BaseModel], str] = {
    RoundTask: "round-task",
    **{kind.record: name for name, kind in KINDS.items()},
}
