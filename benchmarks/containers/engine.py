"""Ask a container engine, and keep a transcript of what it was asked and what it said."""

import re
import shlex
import subprocess
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path

HARDENED = (
    *("--read-only", "--tmpfs", "/tmp", "--cap-drop", "all"),  # noqa: S108 - the container's own
    *("--security-opt", "no-new-privileges", "--memory", "2g"),
)
"""With which every container of ours is started; the user is the image's, 10001."""
PATIENCE_SECONDS = 900.0
LOOK_SECONDS = 1.0
_SECRET = re.compile(r"fedclinic1\.[\w-]+")


@dataclass(frozen=True)
class Engine:
    """A program with the verbs of Docker's or Podman's command line."""

    program: Sequence[str]
    folder: Path
    """What the transcript calls `$FOLDER`."""
    lines: list[str] = field(default_factory=list)
    """The transcript."""

    def show(self, *arguments: str) -> str:
        """Ask, put both on the transcript, and give what was printed.

        Raises:
            RuntimeError: if the engine or the program in the container ends with an error.
        """
        command = shlex.join(arguments).replace(shlex.join(HARDENED), "$HARDENED")
        self.write(f"$ {Path(self.program[-1]).name} {command}")
        said = self.ask(*arguments)
        self.write(said.rstrip())
        return said

    def ask(self, *arguments: str) -> str:
        """Ask and give what was printed, errors of the program in the container included."""
        done = subprocess.run(
            [*self.program, *arguments],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            timeout=PATIENCE_SECONDS,
            check=False,
        )
        if done.returncode != 0:
            raise RuntimeError(
                f"{shlex.join(arguments)} ended with {done.returncode}: {done.stdout}"
            )
        return done.stdout

    def write(self, text: str) -> None:
        """Put text on the transcript: no path of this machine, and no token in it."""
        if text:
            shown = _SECRET.sub("TOKEN", text.replace(str(self.folder), "$FOLDER"))
            self.lines.append(shown)
            print(shown, flush=True)

    def wait_for(self, container: str, text: str) -> None:
        """Wait until a container has printed a text.

        Raises:
            TimeoutError: if it does not.
        """
        self._wait_until(lambda: text in self.ask("logs", container), f"{container}: {text}")

    def remove(self, kind: str, name: str) -> None:
        """Remove a container, network or volume, if there is one."""
        subprocess.run(
            [*self.program, kind, "rm", "--force", name], capture_output=True, check=False
        )

    def _wait_until(self, condition: Callable[[], bool], what: str) -> None:
        until = time.monotonic() + PATIENCE_SECONDS
        while not condition():
            if time.monotonic() > until:
                raise TimeoutError(what)
            time.sleep(LOOK_SECONDS)
