"""Gather what a run's folder and log hold into the records that reports and cards are made of."""

from collections.abc import Iterable
from datetime import UTC, datetime
from importlib.metadata import PackageNotFoundError, version
from typing import Literal

from fedclinic.digest import digest_bytes
from fedclinic.evidence.events import AuditJudged, ExportMade, ModelRegistered, SelfTested
from fedclinic.evidence.run_evidence import (
    Alternative,
    Output,
    RoundEvidence,
    RunEvidence,
    SiteRound,
    Verification,
)
from fedclinic.evidence.verify_log import Entry
from flows.comparison import FinishedRun, protection_of
from flows.run_store import RoundRecord, RunStore
from flows.settings import Workspace

Status = Literal["finished", "stopped", "failed"]

_SOFTWARE = ("fedclinic", "prefect", "mlflow", "numpy", "dp-accounting", "cryptography")


def gather_evidence(
    workspace: Workspace,
    run: str,
    status: Status,
    *,
    entries: Iterable[Entry] = (),
    compared: Iterable[FinishedRun] = (),
    verification: Verification | None = None,
) -> RunEvidence:
    """Read a run's records; what nobody measured stays absent.

    Args:
        entries: the federation's log.
        compared: other runs of the same notes.
    """
    store = RunStore(workspace.runs / run)
    header = store.header()
    entries = list(entries)
    registered = [
        entry.event
        for entry in entries
        if isinstance(entry.event, ModelRegistered) and entry.event.run == run
    ]
    return RunEvidence(
        generated_at=datetime.now(UTC).strftime("%Y-%m-%d %H:%M UTC"),
        run=run,
        status=status,
        plan=header.plan,
        software={name: found for name in _SOFTWARE if (found := _version(name))}
        | _code(entries, header.plan.site_names()),
        rounds=tuple(_round(record) for record in store.rounds()),
        alternatives=tuple(
            alternative for other in compared for alternative in _alternatives(other)
        ),
        audits=audits_of(entries, run, header.plan.site_names()),
        model=registered[-1] if registered else None,
        outputs=_outputs(workspace, run, entries),
        verification=verification,
    )


def audits_of(entries: Iterable[Entry], run: str, sites: Iterable[str]) -> tuple[AuditJudged, ...]:
    """Every audit of a run, with the last self-test of each of its sites before it ended."""
    audits: list[AuditJudged] = []
    tests: dict[str, AuditJudged] = {}
    for entry in entries:
        event = entry.event
        if isinstance(event, SelfTested) and event.site in sites:
            tests[event.site] = AuditJudged(
                at=event.at,
                run=run,
                round_number=None,
                site=event.site,
                audit="self-test",
                verdict=event.verdict,
                numbers={"checks": float(len(event.checks))},
            )
        if isinstance(event, AuditJudged) and event.run == run:
            audits.append(event)
    return (*tests.values(), *audits)


def _code(entries: Iterable[Entry], sites: Iterable[str]) -> dict[str, str]:
    """Digest of each site's code and image, as its last self-test states it."""
    found: dict[str, str] = {}
    for entry in entries:
        event = entry.event
        if isinstance(event, SelfTested) and event.site in sites:
            found[f"code at {event.site}"] = event.code
            if event.image is not None:
                found[f"image at {event.site}"] = event.image
    return found


def _round(record: RoundRecord) -> RoundEvidence:
    return RoundEvidence(
        round_number=record.round_number,
        seconds=record.seconds,
        bytes_down=record.state_bytes,
        checkpoint=record.checkpoint,
        sites=tuple(
            SiteRound.model_validate(outcome.model_dump(exclude={"seconds"}))
            for outcome in record.outcomes
        ),
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


def _outputs(workspace: Workspace, run: str, entries: Iterable[Entry]) -> tuple[Output, ...]:
    """The register of what left: the model, and what the log says was exported."""
    path = workspace.models / run / "change.safetensors"
    outputs = []
    if path.is_file():
        content = path.read_bytes()
        outputs.append(
            Output(
                name="global model",
                what="change of the trained layers since the base model",
                recipient="model registry",
                digest=digest_bytes(content),
                bytes=len(content),
            )
        )
    for entry in entries:
        event = entry.event
        if isinstance(event, ExportMade) and event.run == run:
            when = datetime.fromtimestamp(event.at, UTC).strftime("%Y-%m-%d")
            outputs.append(
                Output(
                    name=f"{event.what} of {when}",
                    what=event.what,
                    recipient=event.recipient,
                    digest=event.digest,
                    bytes=None,
                )
            )
    return tuple(outputs)


def _version(package: str) -> str | None:
    try:
        return version(package)
    except PackageNotFoundError:
        return None
