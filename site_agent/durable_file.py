"""Write a file so that it is whole or not there, whatever happens, and stays so."""

import os
from contextlib import suppress
from pathlib import Path

PRIVATE = 0o700


def replace_durably(path: Path, content: bytes) -> None:
    """Write beside, then rename; the content is on the disk when the call returns."""
    _write_beside(path, content).replace(path)


def keep_first(path: Path, content: bytes) -> None:
    """Write beside, then link into place: what another process wrote first stays."""
    fresh = _write_beside(path, content)
    try:
        with suppress(FileExistsError):
            path.hardlink_to(fresh)
    finally:
        fresh.unlink(missing_ok=True)


def _write_beside(path: Path, content: bytes) -> Path:
    path.parent.mkdir(mode=PRIVATE, parents=True, exist_ok=True)
    temporary = path.with_name(f".{path.name}.{os.urandom(4).hex()}")
    with temporary.open("wb") as file:
        file.write(content)
        file.flush()
        os.fsync(file.fileno())
    return temporary
