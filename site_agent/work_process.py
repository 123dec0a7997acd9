"""The process that does a site's work for its agent: it has the notes and no network.

The agent, which has the network and no notes, starts it, gives it tasks on a pipe and ends it with
everything that it started when its time is over. It is kept between tasks, for its caches.
"""

import os
import queue
import signal
import subprocess
import sys
import threading
from collections.abc import Mapping, Sequence
from pathlib import Path

from pydantic import ValidationError

from fedclinic.errors import RunError
from fedclinic.evidence.statement import Envelope
from fedclinic.local_protocol import REPLY, Ask, Reply
from site_agent.prefect_environment import IN_PROCESS, SECRETS
from site_agent.settings import SiteConfig
from site_agent.site_home import SiteHome

WORK_PROGRAM = (sys.executable, "-m", "site_agent")
"""This package's own; nothing that is received chooses another."""

PASSED_ENVIRONMENT = (
    "PATH",
    "HOME",
    "LANG",
    "LC_ALL",
    "TMPDIR",
    "VIRTUAL_ENV",
    "CUDA_VISIBLE_DEVICES",
    "OMP_NUM_THREADS",
    "FEDCLINIC_BASE_MODEL",
    "FEDCLINIC_IMAGE_DIGEST",
)
"""All that the process inherits: no proxy, no credential, nothing that names a server."""


def passed_names(config: SiteConfig) -> tuple[str, ...]:
    """Names of the variables that a site's work process inherits.

    A credential is among them only where site.yaml names the hospital's own Prefect server.
    """
    own = config.orchestration
    if own is None or own.api == IN_PROCESS:
        return PASSED_ENVIRONMENT
    return (*PASSED_ENVIRONMENT, *SECRETS)


class WorkProcess:
    """One started process and what it says."""

    def __init__(
        self, command: Sequence[str], log: Path, passed: Sequence[str] = PASSED_ENVIRONMENT
    ) -> None:
        log.parent.mkdir(parents=True, exist_ok=True)
        with log.open("ab") as errors:
            self._process = subprocess.Popen(
                command,
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=errors,
                env=_environment(passed),
                start_new_session=True,
            )
        self._replies: queue.SimpleQueue[bytes] = queue.SimpleQueue()
        threading.Thread(target=self._read, daemon=True).start()

    @property
    def alive(self) -> bool:
        return self._process.poll() is None

    def ask(self, task: Envelope) -> None:
        """Give the process a task; `reply` says what comes of it.

        Raises:
            RunError: if it has ended.
        """
        if self._process.stdin is None:
            raise RunError("the work process has no pipe")
        try:
            self._process.stdin.write(Ask(task=task).model_dump_json().encode() + b"\n")
            self._process.stdin.flush()
        except OSError:
            raise RunError(self._ended()) from None

    def reply(self) -> Reply:
        """Wait for the next thing that the process says.

        Raises:
            RunError: if it has ended, or says what is no reply.
        """
        line = self._replies.get()
        if not line:
            self._replies.put(b"")
            raise RunError(self._ended())
        try:
            return REPLY.validate_json(line)
        except ValidationError:
            raise RunError("the work process wrote a line that is no reply") from None

    def kill(self) -> None:
        """End the process and everything that it started, at once."""
        try:
            os.killpg(self._process.pid, signal.SIGKILL)
        except (ProcessLookupError, PermissionError):
            self._process.kill()
        self._process.wait()

    def _read(self) -> None:
        if self._process.stdout is not None:
            for line in self._process.stdout:
                self._replies.put(line)
        self._replies.put(b"")

    def _ended(self) -> str:
        code = self._process.wait()
        if code == -signal.SIGKILL:
            return "the work process was killed; out of memory, or past the deadline?"
        return f"the work process ended with code {code}; see its log"


def work_command(
    config: Path, home: SiteHome, values: Mapping[str, str], memory_gib: float | None
) -> list[str]:
    """What the one program that the agent ever starts is told."""
    command = ["serve-pipe", "--config", str(config)]
    command += ["--home", str(home.root), "--blobs", str(home.in_transit), "--confined"]
    for name, value in values.items():
        command += ["--set", f"{name}={value}"]
    return command if memory_gib is None else [*command, "--memory-gib", str(memory_gib)]


def _environment(names: Sequence[str]) -> dict[str, str]:
    passed = {name: os.environ[name] for name in names if name in os.environ}
    path = os.pathsep.join(entry for entry in sys.path if Path(entry).is_dir())
    return passed | {"PYTHONPATH": path, "PYTHONUNBUFFERED": "1", "HF_HUB_OFFLINE": "1"}
