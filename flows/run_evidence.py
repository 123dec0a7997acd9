"""Gather what a run's folder holds into the records that reports and model cards are made of."""

from datetime import UTC, datetime
from importlib.metadata import PackageNotFoundError, version
from typing import Literal

from fedclinic.digest import digest_bytes
from fedclinic.evidence.run_evidence import (
    Alternative,
    Output,
    RoundEvidence,
    RunEvidence,
    SiteRound,
)
from flows.comparison import FinishedRun, protection_of
from flows.run_store import RoundRecord, RunStore
from flows.settings import Workspace

Status = Literal["finished", "stopped", "failed"]

_SOFTWARE = ("fedclinic", "prefect", "mlflow", "numpy", "dp-accounting", "cryptography")


def gather_evidence(
    workspace: Workspace, run: str, status: Status, compared: list[FinishedRun] | None = None
) -> RunEvidence:
    """Read a run's records; what nobody measured stays absent."""
    store = RunStore(workspace.runs / run)
    header = store.header()
    rounds = store.rounds()
    return RunEvidence(
        generated_at=datetime.now(UTC).strftime("%Y-%m-%d %H:%M UTC"),
        run=run,
        status=status,
        plan=header.plan,
        software={name: found for name in _SOFTWARE if (found := _version(name))},
        rounds=tuple(_round(record) for record in rounds),
        alternatives=tuple(
            alternative for other in compared or [] for alternative in _alternatives(other)
        ),
        audits=store.audits(),
        outputs=_outputs(workspace, run),
    )


def _round(record: RoundRecord) -> RoundEvidence:
    return RoundEvidence(
        round_number=record.round_number,
        seconds=record.seconds,
        bytes_down=record.state_bytes,
        checkpoint=record.checkpoint,
        sites=tuple(SiteRound.model_validate(outcome.model_dump()) for outcome in record.outcomes),
        evaluations=record.evaluations,
    )


def _alternatives(other: FinishedRun) -> list[Alternative]:
    found = []
    for evaluation in other.last.evaluations:
        subject = "" if evaluation.subject == "global" else f": {evaluation.subject}"
        found.append(
            Alternative(
                title=f"{other.header.title}{subject}",
                protection=protection_of(other),
                metrics=evaluation.metrics,
            )
        )
    return found


def _outputs(workspace: Workspace, run: str) -> tuple[Output, ...]:
    """The register of what the coordinator gave out: the global model's change."""
    path = workspace.models / run / "change.safetensors"
    if not path.is_file():
        return ()
    content = path.read_bytes()
    return (
        Output(
            name="global model",
            what="change of the trained layers since the base model",
            recipient="model registry",
            digest=digest_bytes(content),
            bytes=len(content),
        ),
    )


def _version(package: str) -> str | None:
    try:
        return version(package)
    except PackageNotFoundError:
        return None
