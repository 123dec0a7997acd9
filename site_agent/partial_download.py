"""A blob on its way to a site: goes on from the bytes that are here, and is hashed as it comes."""

import hashlib
import os
from collections.abc import Iterable
from concurrent.futures import Future, ThreadPoolExecutor
from io import FileIO
from pathlib import Path

from fedclinic.errors import DataError
from fedclinic.records import Digest


class PartialDownload:
    """A file that grows by what comes, while a thread writes and hashes what came before."""

    def __init__(self, path: Path) -> None:
        path.parent.mkdir(parents=True, exist_ok=True)
        self._path = path
        self._state, self.size = hashlib.sha256(), 0
        if path.exists():
            with path.open("rb") as file:
                self._state = hashlib.file_digest(file, "sha256")
            self.size = path.stat().st_size

    def append(self, pieces: Iterable[bytes]) -> None:
        """Take what comes until it ends or breaks off; all that came before counts.

        The disk is given what came while more comes, so that `finish` need not wait for all of it.
        """
        with (
            self._path.open("ab", buffering=0) as file,
            ThreadPoolExecutor(1) as writer,
            ThreadPoolExecutor(1) as keeper,
        ):
            writing: Future[None] | None = None
            keeping: Future[None] | None = None
            for piece in pieces:
                if writing is not None:
                    writing.result()
                if keeping is None or keeping.done():
                    if keeping is not None:
                        keeping.result()
                    keeping = keeper.submit(os.fdatasync, file.fileno())
                writing = writer.submit(self._take, file, piece)
            for last in (writing, keeping):
                if last is not None:
                    last.result()

    def restart(self) -> None:
        """Forget what is here: the whole blob comes."""
        self._path.unlink(missing_ok=True)
        self._state, self.size = hashlib.sha256(), 0

    def finish(self, digest: Digest, target: Path) -> None:
        """Move the whole blob to its place, durably.

        Raises:
            DataError: if it has another digest; it is removed then.
        """
        if f"sha256:{self._state.hexdigest()}" != digest:
            self._path.unlink()
            raise DataError(f"blob {digest} came with other bytes")
        with self._path.open("rb+") as file:
            os.fsync(file.fileno())
        self._path.replace(target)

    def _take(self, file: FileIO, piece: bytes) -> None:
        view = memoryview(piece)
        while view:
            written = file.write(view)
            self._state.update(view[:written])
            self.size += written
            view = view[written:]
