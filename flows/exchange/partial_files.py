"""The beginnings of uploads on the service's disk: good up to the end of a signed piece, always.

A piece is signed with the digest of the blob up to the piece's end, so that each byte is hashed
once: the last piece's digest is the blob's.
"""

import asyncio
import hashlib
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from io import FileIO
from pathlib import Path

from starlette.concurrency import run_in_threadpool

from fedclinic.exchange_protocol import Trouble
from fedclinic.records import Digest
from flows.exchange.blob_store import PIECE_BYTES
from flows.exchange.problems import RefusedError


@dataclass(frozen=True)
class _Prefix:
    """The hash of a file's first bytes."""

    size: int
    state: "hashlib._Hash"


@dataclass(frozen=True)
class PartialFiles:
    """Files that grow, one writer each at a time."""

    busy: set[Path] = field(default_factory=set)
    """Files that a request writes to now."""
    _hashed: dict[Path, _Prefix] = field(default_factory=dict)

    async def append(
        self, path: Path, offset: int, body: AsyncIterator[bytes], signed: Digest, *, most: int
    ) -> int:
        """Append a body to a file of `offset` bytes; returns its new size.

        Raises:
            RefusedError: if the file then has another digest than was signed, or the body is longer
                than `most`; nothing of it stays.
        """
        path.parent.mkdir(parents=True, exist_ok=True)
        state = (await run_in_threadpool(self._prefix, path, offset)).state.copy()
        size, good = offset, False
        with path.open("ab", buffering=0) as file:
            writing: asyncio.Future[None] | None = None
            try:
                async for pieces in gathered(body):
                    size += sum(map(len, pieces))
                    if size - offset > most:
                        raise RefusedError(Trouble.TOO_LARGE)
                    if writing is not None:
                        await writing
                    writing = asyncio.ensure_future(run_in_threadpool(_take, file, state, pieces))
                if writing is not None:
                    await writing
                if f"sha256:{state.hexdigest()}" != signed:
                    raise RefusedError(Trouble.DIGEST)
                good = True
            finally:
                await self._end(path, offset, writing, good=good)
        self._hashed[path] = _Prefix(size, state)
        return size

    def forget(self, path: Path) -> None:
        """Drop what is known of a file that is gone or complete."""
        self._hashed.pop(path, None)

    async def _end(
        self, path: Path, offset: int, writing: asyncio.Future[None] | None, *, good: bool
    ) -> None:
        """Let the last write come to its end, and cut off a bad body."""
        if good:
            return
        if writing is not None:
            await asyncio.wait({writing})
        if path.exists():
            with path.open("r+b") as file:
                file.truncate(offset)

    def _prefix(self, path: Path, size: int) -> _Prefix:
        """The hash of what is there, from memory or, after a restart, from the file."""
        known = self._hashed.get(path)
        if known is not None and known.size == size:
            return known
        if not path.exists():
            return _Prefix(0, hashlib.sha256())
        with path.open("rb") as file:
            return _Prefix(size, hashlib.file_digest(file, "sha256"))


async def gathered(body: AsyncIterator[bytes]) -> AsyncIterator[list[bytes]]:
    """Gather what the network gives in small pieces, so that a thread is asked less often."""
    pieces: list[bytes] = []
    size = 0
    async for piece in body:
        pieces.append(piece)
        size += len(piece)
        if size >= PIECE_BYTES:
            yield pieces
            pieces, size = [], 0
    if pieces:
        yield pieces


def _take(file: FileIO, state: "hashlib._Hash", pieces: list[bytes]) -> None:
    for piece in pieces:
        state.update(piece)
        view = memoryview(piece)
        while view:
            view = view[file.write(view) :]
