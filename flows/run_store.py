"""One run's folder at the coordinator: the plan, the tasks it signed, what each round became."""

import os
import secrets
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Literal

from pydantic import TypeAdapter, ValidationError

from fedclinic.errors import RunError
from fedclinic.evidence.events import AuditJudged
from fedclinic.evidence.statement import Envelope
from fedclinic.methods import RoundDiagnostics
from fedclinic.plan import FederationPlan
from fedclinic.records import Count, Digest, Name, Record
from fedclinic.rounds import EvaluationReport, SiteReport
from flows.settings import Workspace

_AUDITS: TypeAdapter[tuple[AuditJudged, ...]] = TypeAdapter(tuple[AuditJudged, ...])
_NAME: TypeAdapter[str] = TypeAdapter(Name)


class SiteOutcome(Record):
    """What became of one site's report in one round."""

    site: Name
    verdict: Literal["admitted", "quarantined", "refused", "failed", "late"]
    """What became of its update: `refused` and `failed` are the site's own words."""
    reason: str = ""
    report: SiteReport | None = None
    seconds: float = 0.0
    """From the task to the answer, by the coordinator's clock."""


class RoundRecord(Record):
    """A finished round: enough to go on from it."""

    round_number: Count
    checkpoint: Digest
    """Blob of the encoded server state."""
    state_bytes: Count
    """Bytes that each site downloaded to start the round."""
    seconds: float
    outcomes: tuple[SiteOutcome, ...]
    diagnostics: RoundDiagnostics | None
    rewards: dict[str, float] = {}
    """What the configurator's arms were worth, by number; empty without one."""
    evaluations: tuple[EvaluationReport, ...]


class RunHeader(Record):
    """What a run is, written once when it starts."""

    run: Name
    title: str
    plan: FederationPlan
    data: str
    """Folder that `{data}` stands for in the sites' configurations."""
    tracking_run: str | None = None
    """Identifier of the parent run in MLflow."""
    shapes: dict[str, tuple[int, ...]] = {}
    """Shapes of the tensors that the plan trains, as the sites named them; empty before."""
    model_parameters: Count = 0
    """Parameters of the whole base model and head, as the sites counted them; 0 before."""


def new_run(
    space: Workspace, plan: FederationPlan, *, title: str, data: str, label: str
) -> "RunStore":
    """Begin a run of a plan: a folder of its own, with a name that tells when."""
    stamp = datetime.now(UTC).strftime("%Y%m%d-%H%M%S")
    run = f"{plan.federation}-{label}-{stamp}-{secrets.token_hex(2)}"
    store = RunStore(space.runs / run)
    store.write_header(RunHeader(run=run, title=title, plan=plan, data=data))
    return store


def find_run(space: Workspace, name: str) -> "RunStore":
    """The run that a person means by a name: never a folder elsewhere.

    Raises:
        RunError: if that is no name of a run, or there is no such run; says how to find one.
    """
    try:
        store = RunStore(space.runs / _NAME.validate_python(name))
    except ValidationError:
        raise RunError(
            f"{name!r} is no run's name, which is like trial-main-20260102-030405-6a7b, without a "
            f"folder; list the runs with: ls {space.runs}"
        ) from None
    store.header()
    return store


@dataclass(frozen=True)
class RunStore:
    """Files of one run; each is written whole or not at all."""

    root: Path

    @property
    def name(self) -> str:
        return self.root.name

    @property
    def report(self) -> Path:
        """The run's report, a page for people."""
        return self.root / "report.html"

    def write_header(self, header: RunHeader) -> None:
        write_whole(self.root / "run.json", header.model_dump_json(indent=1).encode())

    def header(self) -> RunHeader:
        """Read the run's header.

        Raises:
            RunError: if there is no such run.
        """
        path = self.root / "run.json"
        if not path.is_file():
            known = [
                p.name for p in sorted(self.root.parent.glob("*")) if (p / "run.json").exists()
            ]
            hint = f"; there are {', '.join(known[-5:])}" if known else ""
            raise RunError(f"no run '{self.name}' in {self.root.parent}{hint}")
        return RunHeader.model_validate_json(path.read_bytes())

    def write_round(self, record: RoundRecord) -> None:
        path = self.root / f"round-{record.round_number:04d}.json"
        write_whole(path, record.model_dump_json().encode())

    def rounds(self) -> list[RoundRecord]:
        """Finished rounds, from the first."""
        found = [
            RoundRecord.model_validate_json(path.read_bytes())
            for path in self.root.glob("round-*.json")
        ]
        return sorted(found, key=lambda record: record.round_number)

    def is_finished(self) -> bool:
        """Whether all rounds are done and the evidence is written."""
        rounds = self.rounds()
        done = bool(rounds) and rounds[-1].round_number == self.header().plan.rounds
        return done and self.report.is_file()

    def task(self, round_number: int, site: str) -> Envelope | None:
        """The task that was signed for a site, if the round was begun before."""
        path = self._task_path(round_number, site)
        return Envelope.model_validate_json(path.read_bytes()) if path.is_file() else None

    def keep_task(self, round_number: int, site: str, task: Envelope) -> None:
        write_whole(self._task_path(round_number, site), task.model_dump_json().encode())

    def keep_answer(self, round_number: int, site: str, statements: Sequence[Envelope]) -> None:
        """Keep what a site stated in a round as it signed it, whatever becomes of it."""
        path = self.root / "answers" / f"{round_number:04d}-{site}.jsonl"
        lines = (statement.model_dump_json() + "\n" for statement in statements)
        write_whole(path, "".join(lines).encode())

    def answer(self, round_number: int, site: str) -> list[Envelope]:
        """What a site stated in a round, its report last; nothing if it gave no answer."""
        path = self.root / "answers" / f"{round_number:04d}-{site}.jsonl"
        if not path.is_file():
            return []
        return [Envelope.model_validate_json(line) for line in path.read_bytes().splitlines()]

    def keep_said(self, site: str, statements: Sequence[Envelope]) -> None:
        """Keep what was said to and by a site outside of rounds, in order; nothing twice."""
        known = self.said(site)
        more = [statement for statement in statements if statement not in known]
        lines = (statement.model_dump_json() + "\n" for statement in [*known, *more])
        write_whole(self._said_path(site), "".join(lines).encode())

    def said(self, site: str) -> list[Envelope]:
        """What `keep_said` kept, from the first."""
        path = self._said_path(site)
        if not path.is_file():
            return []
        return [Envelope.model_validate_json(line) for line in path.read_bytes().splitlines()]

    def write_audits(self, audits: Sequence[AuditJudged]) -> None:
        """Keep the verdicts of the run's audits."""
        write_whole(self.root / "audits.json", _AUDITS.dump_json(tuple(audits), indent=1))

    def audits(self) -> tuple[AuditJudged, ...]:
        """The verdicts of the run's audits; empty before they are made."""
        path = self.root / "audits.json"
        return _AUDITS.validate_json(path.read_bytes()) if path.is_file() else ()

    def _said_path(self, site: str) -> Path:
        return self.root / "said" / f"{site}.jsonl"

    def _task_path(self, round_number: int, site: str) -> Path:
        return self.root / "tasks" / f"{round_number:04d}-{site}.json"


def write_whole(path: Path, content: bytes) -> None:
    """Write durably under a temporary name, then rename."""
    path.parent.mkdir(parents=True, exist_ok=True)
    temporary = path.with_name(f".{path.name}.partial")
    with temporary.open("wb") as file:
        file.write(content)
        file.flush()
        os.fsync(file.fileno())
    temporary.rename(path)
