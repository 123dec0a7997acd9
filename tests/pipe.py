"""A site's child process as the coordinator meets it: lines in, lines out, and what it left."""

import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from fedclinic.evidence.statement import Envelope
from fedclinic.local_protocol import REPLY, Ask, Counted, Progress, Reply

REPOSITORY = Path(__file__).resolve().parents[1]


@dataclass
class Pipe:
    """Tasks go in, replies come out; every line of output is kept."""

    process: subprocess.Popen[bytes]
    lines: list[bytes] = field(default_factory=list)

    def ask(self, task: Envelope) -> Reply:
        return self.send(Ask(task=task).model_dump_json().encode())

    def send(self, line: bytes) -> Reply:
        """Send one line and return the reply that ends it."""
        assert self.process.stdin is not None
        assert self.process.stdout is not None
        self.process.stdin.write(line + b"\n")
        self.process.stdin.flush()
        while answer := self.process.stdout.readline():
            self.lines.append(answer)
            reply = REPLY.validate_json(answer)
            if not isinstance(reply, Progress | Counted):
                return reply
        raise AssertionError("the process ended without an answer")


@contextmanager
def site_process(config: Path, home: Path, blobs: Path, errors: Path) -> Iterator[Pipe]:
    """Start a site as the local transport does; it must end in peace when the pipe does."""
    command = [sys.executable, "-m", "site_agent", "serve-pipe", "--config", str(config)]
    command += ["--home", str(home), "--blobs", str(blobs)]
    with errors.open("wb") as log:
        process = subprocess.Popen(
            command,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=log,
            cwd=REPOSITORY,
            env=os.environ | {"OMP_NUM_THREADS": "1"},
        )
    pipe = Pipe(process)
    try:
        yield pipe
    finally:
        assert process.stdin is not None
        assert process.stdout is not None
        process.stdin.close()
        pipe.lines.extend(process.stdout.readlines())
        process.stdout.close()
        assert process.wait() == 0
