"""Replace a file so that it is the old one or the new one, whatever happens, and stays so."""

import os
from pathlib import Path

PRIVATE = 0o700


def replace_durably(path: Path, content: bytes) -> None:
    """Write beside, then rename; the content is on the disk when the call returns."""
    path.parent.mkdir(mode=PRIVATE, parents=True, exist_ok=True)
    temporary = path.with_name(f"{path.name}.{os.urandom(4).hex()}")
    with temporary.open("wb") as file:
        file.write(content)
        file.flush()
        os.fsync(file.fileno())
    temporary.replace(path)
