"""The `local` transport: every site is a child process of this machine, spoken to through pipes."""

import os
import signal
import subprocess
import sys
import threading
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from types import TracebackType
from typing import IO, Self

from pydantic import ValidationError

from fedclinic.answers import Answer
from fedclinic.errors import RunError
from fedclinic.evidence.keys import VerifyKey
from fedclinic.evidence.statement import Envelope
from fedclinic.local_protocol import REPLY, Answered, Ask, Counted, Problem, Progress, Reply
from fedclinic.plan import FederationPlan
from fedclinic.transports import LocalTransport
from flows.settings import Workspace
from flows.sites import EVALUATION_SITE, Watcher

STOP_SECONDS = 5.0
SITE_PROGRAM = (sys.executable, "-m", "site_agent")

_PASSED_ENVIRONMENT = ("PATH", "HOME", "LANG", "LC_ALL", "TMPDIR", "VIRTUAL_ENV", "SYSTEMROOT")


@dataclass
class _Child:
    """One site's process; a lock keeps requests one at a time."""

    process: subprocess.Popen[bytes]
    requests: IO[bytes]
    replies: IO[bytes]
    lock: threading.Lock = field(default_factory=threading.Lock)


class LocalSites:
    """Starts a site's process when it is first needed and ends all of them on exit."""

    def __init__(
        self,
        plan: FederationPlan,
        workspace: Workspace,
        data: str,
        coordinator: str,
        watch: Watcher,
        program: Sequence[str] = SITE_PROGRAM,
    ) -> None:
        self._plan = plan
        self._workspace = workspace
        self._data = data
        self._coordinator = coordinator
        self._watch = watch
        self._program = program
        cores = os.cpu_count() or 1
        self._transport = plan.transport if isinstance(plan.transport, LocalTransport) else None
        wanted = self._transport.parallel if self._transport else 1
        at_once = min(wanted or cores, len(plan.sites))
        self._threads = max(1, cores // at_once)
        self._turns = threading.Semaphore(at_once)
        self._children: dict[str, _Child] = {}
        self._keys: dict[str, VerifyKey] = {}
        self._starting = threading.Lock()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        for child in self._children.values():
            child.process.terminate()
        for child in self._children.values():
            try:
                child.process.wait(STOP_SECONDS)
            except subprocess.TimeoutExpired:
                child.process.kill()
                child.process.wait()

    def submit(self, site: str, task: Envelope) -> Answer:
        with self._turns:
            child = self._child(site)
            with child.lock:
                for reply in _exchange(child, Ask(task=task), site):
                    match reply:
                        case Progress():
                            self._watch.progress(site, reply)
                        case Counted():
                            self._watch.counted(site, reply)
                        case Problem():
                            raise RunError(f"site {site}: {reply.message}")
                        case Answered():
                            self._keys[site] = VerifyKey(bytes.fromhex(reply.key))
                            return reply.answer
        raise RunError(f"site {site} ended without an answer")

    def key(self, site: str) -> VerifyKey:
        try:
            return self._keys[site]
        except KeyError:
            raise RunError(f"site {site} has not said its key yet") from None

    def _child(self, site: str) -> _Child:
        with self._starting:
            if site not in self._children:
                self._children[site] = self._start(site)
            return self._children[site]

    def _start(self, site: str) -> _Child:
        evaluation = site == EVALUATION_SITE
        config = self._plan.evaluation if evaluation else self._transport
        if config is None or config.site_config is None:
            raise RunError(f"site {site} is not one of this machine's")
        home = self._workspace.sites / self._plan.federation / site
        home.mkdir(parents=True, exist_ok=True)
        values = {"site": site, "data": self._data, "coordinator": self._coordinator}
        values["index"] = "0" if evaluation else str(self._plan.site_names().index(site))
        values |= self._transport.values.get(site, {}) if self._transport else {}
        command = [*self._program, "serve-pipe"]
        command += ["--config", config.site_config, "--home", str(home)]
        command += ["--blobs", str(self._workspace.blobs)]
        for name, value in values.items():
            command += ["--set", f"{name}={value}"]
        log = (home / "stderr.log").open("ab")
        with log:
            process = subprocess.Popen(
                command,
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=log,
                env=self._environment(),
                start_new_session=True,
            )
        if process.stdin is None or process.stdout is None:
            raise RunError(f"site {site}: its process has no pipes")
        return _Child(process, process.stdin, process.stdout)

    def _environment(self) -> dict[str, str]:
        """Only what a site needs: no credential of the coordinator is passed on."""
        passed = {name: os.environ[name] for name in _PASSED_ENVIRONMENT if name in os.environ}
        passed |= {k: v for k, v in os.environ.items() if k.startswith("FEDCLINIC_")}
        threads = str(self._threads)
        return passed | {
            "OMP_NUM_THREADS": threads,
            "MKL_NUM_THREADS": threads,
            "PYTHONUNBUFFERED": "1",
            "PYTHONPATH": os.pathsep.join(entry for entry in sys.path if Path(entry).is_dir()),
        }


def _exchange(child: _Child, request: Ask, site: str) -> Iterator[Reply]:
    try:
        child.requests.write(request.model_dump_json().encode() + b"\n")
        child.requests.flush()
    except OSError:
        raise RunError(_ended(child, site)) from None
    while line := child.replies.readline():
        try:
            yield REPLY.validate_json(line)
        except ValidationError:
            raise RunError(f"site {site} sent a line that is no reply") from None
    raise RunError(_ended(child, site))


def _ended(child: _Child, site: str) -> str:
    code = child.process.wait()
    if code < 0:
        name = signal.Signals(-code).name
        hint = "; out of memory?" if name == "SIGKILL" else ""
        return f"site {site}: its process was ended by {name}{hint}"
    return f"site {site}: its process ended with code {code}; see its stderr.log"
