"""Type a command in this very process, or in one of its own, and see what a person would see."""

import os
import subprocess
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import pytest

REPOSITORY = Path(__file__).resolve().parents[1]


@dataclass(frozen=True)
class Answer:
    """What a command printed and how it ended."""

    code: int
    out: str
    errors: str

    def complaint(self) -> str:
        """The one line of a mistake: exit code 2, nothing else on either stream."""
        assert self.code == 2, self
        assert self.errors.count("\n") == 1, self
        assert "Traceback" not in self.out + self.errors
        return self.errors.rstrip("\n")


def type_here(
    main: Callable[[], None],
    arguments: list[str],
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> Answer:
    """Run a command's `main`; environment and umask are put back."""
    monkeypatch.setattr(sys, "argv", ["command", *arguments])
    environment, umask = dict(os.environ), os.umask(0o022)
    capsys.readouterr()
    code = 0
    try:
        main()
    except SystemExit as end:
        code = int(end.code or 0)
    finally:
        os.environ.clear()
        os.environ.update(environment)
        os.umask(umask)
    captured = capsys.readouterr()
    return Answer(code, captured.out, captured.err)


def type_in_a_process(module: str, arguments: list[str], folder: Path) -> Answer:
    done = subprocess.run(
        [sys.executable, "-m", module, *arguments],
        cwd=folder,
        env=os.environ | {"PYTHONPATH": str(REPOSITORY), "OMP_NUM_THREADS": "1"},
        capture_output=True,
        text=True,
        check=False,
    )
    return Answer(done.returncode, done.stdout, done.stderr)
