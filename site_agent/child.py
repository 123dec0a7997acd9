"""A site as a child process of a coordinator on the same machine: lines in, lines out.

The process ends when its parent closes the pipe or dies. Whatever happens, nothing but the replies
of fedclinic.local_protocol is written, and an unexpected error is told by its type alone.
"""

import os
import queue
import sys
import threading
import traceback
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal, TextIO

from fedclinic.digest import digest_record
from fedclinic.errors import ErrorCode, FedclinicError, TrainingError
from fedclinic.local_protocol import (
    REQUEST,
    Evaluate,
    Evaluated,
    Prepare,
    Prepared,
    Problem,
    Progress,
    Reply,
    Request,
    Train,
    Trained,
)
from fedclinic.plan import BaseModelRef, Layers, Task
from fedclinic.privacy.production_trainer import production_trainer
from fedclinic.privacy.random_stream import RandomStream
from fedclinic.privacy.self_test import run_self_test
from fedclinic.records import Digest
from fedclinic.rounds import RoundTask
from fedclinic.updates.blobs import BlobFolder
from site_agent.agent import Site, fresh_noise_key, run_round
from site_agent.audit_secrets import AuditSecrets
from site_agent.evaluation import evaluate
from site_agent.keys import coordinator_keys
from site_agent.models import check_base_model
from site_agent.opening import OpenSite
from site_agent.outbox import Outbox
from site_agent.prepare import update_store
from site_agent.workbench import Workbench, build_workbench

Stage = Literal["de-identify", "encode", "train", "evaluate"]
Say = Callable[[Reply], None]


@dataclass
class Child:
    """One site's request handler; keeps the workbench of the last plan and notes in memory."""

    site: OpenSite
    blobs: BlobFolder
    say: Say
    bench: dict[str, Workbench] = field(default_factory=dict)
    tested: Digest | None = None

    def handle(self, request: Request) -> Reply:
        match request:
            case Prepare():
                return self._prepare(request)
            case Train():
                report, problem = run_round(self._rounds(), request.task, self._meter("train"))
                return Trained(report=report, problem=problem)
            case Evaluate():
                task = request.task
                bench = self._workbench(task.work.task, task.work.base_model, task.work.layers)
                return Evaluated(report=evaluate(task, bench, self.site.config, self.blobs))

    def _prepare(self, request: Prepare) -> Prepared:
        check_base_model(request.base_model, request.layers, self.site.config)
        counts = update_store(
            self.site.config,
            request.task,
            self.site.store,
            self.site.deidentifier(),
            self._meter("de-identify"),
        )
        policy = self.site.privacy_policy
        for cohort in self.site.store.cohorts():
            self.site.ledger.add_cohort(
                cohort,
                epsilon=policy.epsilon,
                delta=policy.delta,
                yearly_epsilon=policy.yearly_epsilon,
            )
        bench = self._workbench(request.task, request.base_model, request.layers)
        return Prepared(
            key=self.site.key.public.to_pem().decode(),
            base_model=bench.base_digest,
            shapes=bench.model.shapes(),
            model_parameters=bench.model_parameters,
            notes=counts.notes,
            quarantined=counts.quarantined,
            patients=counts.patients,
        )

    def _workbench(self, task: Task, base: BaseModelRef, layers: Layers) -> Workbench:
        wanted = "\n".join(part.model_dump_json() for part in (task, base, layers))
        wanted += "\n" + self.site.store.fingerprint()
        if wanted not in self.bench:
            self.bench.clear()
            self.bench[wanted] = build_workbench(
                self.site.config,
                self.site.home,
                self.site.store,
                (task, base, layers),
                self._meter("encode"),
            )
        return self.bench[wanted]

    def _rounds(self) -> Site:
        def workbench(task: RoundTask) -> Workbench:
            return self._workbench(task.work.task, task.work.base_model, task.work.layers)

        return Site(
            config=self.site.config,
            key=self.site.key,
            coordinators=coordinator_keys(self.site.config.permissions.coordinators),
            privacy_policy=self.site.privacy_policy,
            deidentification_policy=self.site.deidentification_policy.digest(),
            disclosure_policy=self.site.disclosure_policy,
            auditing_policy=self.site.auditing_policy,
            audits=AuditSecrets(self.site.home.audits, fresh_noise_key),
            self_test=self._self_test(),
            ledger=self.site.ledger,
            store=self.site.store,
            outbox=Outbox(self.site.home.outbox),
            blobs=self.blobs,
            workbench=workbench,
            noise_key=fresh_noise_key,
        )

    def _self_test(self) -> Digest:
        """Test this machine's trainer once for the process, before its first round.

        Raises:
            TrainingError: naming the properties that failed; no round is run then.
        """
        if self.tested is None:
            result = run_self_test(production_trainer, RandomStream(fresh_noise_key()))
            if not result.passed:
                failed = ", ".join(result.failed())
                raise TrainingError(f"the trainer failed its self-test ({failed}): nothing is run")
            self.tested = digest_record(result)
        return self.tested

    def _meter(self, stage: Stage) -> Callable[[int, int], None]:
        def report(done: int, total: int) -> None:
            self.say(Progress(stage=stage, done=done, total=total))

        return report


def serve(open_site: Callable[[], OpenSite], blobs: BlobFolder, home: Path) -> None:
    """Answer requests from standard input until it closes.

    A site that cannot be opened says why to every request.
    """
    sys.excepthook = _tell_type_alone
    replies = _take_standard_output()

    def say(reply: Reply) -> None:
        replies.write(reply.model_dump_json() + "\n")
        replies.flush()

    child: Child | None = None
    for line in _lines_until_parent_ends():
        try:
            child = child or Child(open_site(), blobs, say)
            say(child.handle(REQUEST.validate_json(line)))
        except FedclinicError as error:
            say(Problem(code=error.code, message=str(error)))
        except Exception as error:
            log = home / "agent.log"
            with suppress(OSError):
                _log_without_values(log, error)
            say(Problem(code=ErrorCode.UNEXPECTED, message=f"{type(error).__name__}; see {log}"))


def _take_standard_output() -> TextIO:
    """Keep the pipe for replies; whatever a library prints goes to standard error instead."""
    pipe = os.fdopen(os.dup(sys.stdout.fileno()), "w", encoding="utf-8")
    os.dup2(sys.stderr.fileno(), sys.stdout.fileno())
    return pipe


def _lines_until_parent_ends() -> Iterator[str]:
    """Yield lines; when the pipe closes, end the process at once, even in the middle of a round.

    What a round has done by then is durable in ledger and outbox, so nothing is lost.
    """
    lines: queue.SimpleQueue[str] = queue.SimpleQueue()

    def read() -> None:
        for line in sys.stdin:
            lines.put(line)
        os._exit(0)

    threading.Thread(target=read, daemon=True).start()
    while True:
        yield lines.get()


def _tell_type_alone(kind: type[BaseException], *_: object) -> None:
    """Take the place of Python's last traceback, whose messages might quote a note."""
    print(f"ended by {kind.__name__}", file=sys.stderr)


def _log_without_values(path: Path, error: Exception) -> None:
    """Write where an unexpected error arose; its message might quote a note and is left out."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("a", encoding="utf-8") as log:
        log.write(f"{type(error).__name__}\n")
        for frame in traceback.extract_tb(error.__traceback__):
            log.write(f"  {frame.filename}:{frame.lineno} in {frame.name}\n")
