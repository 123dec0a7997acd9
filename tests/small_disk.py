"""A disk of a few megabytes that a test may fill: a file system in memory, which needs root."""

import errno
import os
import shutil
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

BLOCK = bytes(4096)


def may_mount() -> bool:
    return os.getuid() == 0 and shutil.which("mount") is not None


@dataclass(frozen=True)
class SmallDisk:
    root: Path

    def fill(self) -> None:
        """Leave no room for anything."""
        with (self.root / "filler").open("ab", buffering=0) as filler:
            try:
                while True:
                    filler.write(BLOCK)
            except OSError as error:
                if error.errno != errno.ENOSPC:
                    raise

    def make_room(self) -> None:
        (self.root / "filler").unlink()


@contextmanager
def small_disk(root: Path, *, megabytes: int) -> Iterator[SmallDisk]:
    root.mkdir()
    size = f"size={megabytes}m"
    _run("mount", "-t", "tmpfs", "-o", size, "small", str(root))
    try:
        yield SmallDisk(root)
    finally:
        _run("umount", "-l", str(root))


def _run(*command: str) -> None:
    subprocess.run(command, check=True)
