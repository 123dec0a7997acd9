"""Blobs at the exchange: one folder of fsspec's, the one door to it; pieces pass, never a whole."""

import shutil
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from fsspec.core import url_to_fs
from fsspec.implementations.local import LocalFileSystem

from fedclinic.errors import RunError
from fedclinic.records import Digest

PIECE_BYTES = 1 << 20


@dataclass(frozen=True)
class BlobStore:
    """Blobs by area and digest; an area is what coordinator or one site put there."""

    files: Any
    root: str

    @classmethod
    def open(cls, address: str) -> "BlobStore":
        """Open a folder such as /srv/blobs or s3://bucket/folder.

        Raises:
            RunError: if the address is not one that the installed fsspec knows.
        """
        try:
            files, root = url_to_fs(address)
        except (ValueError, ImportError) as error:
            raise RunError(
                f"the exchange's blob folder {address} cannot be used: {error}"
            ) from None
        return cls(files, root)

    def exists(self, area: str, digest: Digest) -> bool:
        return bool(self.files.exists(self._path(area, digest)))

    def size(self, area: str, digest: Digest) -> int:
        return int(self.files.size(self._path(area, digest)))

    def put_file(self, area: str, digest: Digest, source: Path) -> None:
        """Move a whole local file here."""
        path = self._path(area, digest)
        self.files.makedirs(f"{self.root}/{area}", exist_ok=True)
        if isinstance(self.files, LocalFileSystem):
            partial = Path(f"{path}.partial")
            shutil.move(source, partial)
            partial.replace(path)
            return
        self.files.put_file(str(source), path)
        source.unlink()

    def put(self, area: str, digest: Digest, pieces: Iterable[bytes]) -> None:
        """Store content that arrives in pieces; it is there whole or not at all."""
        path = self._path(area, digest)
        self.files.makedirs(f"{self.root}/{area}", exist_ok=True)
        partial = f"{path}.partial"
        with self.files.open(partial, "wb") as file:
            for piece in pieces:
                file.write(piece)
        self.files.mv(partial, path)

    def read(self, area: str, digest: Digest, start: int = 0) -> Iterator[bytes]:
        """Read from `start` to the end, in pieces."""
        with self.files.open(self._path(area, digest), "rb") as file:
            file.seek(start)
            while piece := file.read(PIECE_BYTES):
                yield piece

    def remove(self, area: str, digest: Digest) -> None:
        path = self._path(area, digest)
        if self.files.exists(path):
            self.files.rm_file(path)

    def _path(self, area: str, digest: Digest) -> str:
        return f"{self.root}/{area}/{digest.removeprefix('sha256:')}"


TASKS_AREA = "tasks"
"""Where the coordinator puts what tasks name."""


def uploads_area(site: str) -> str:
    return f"sites/{site}"
