"""Read a file that is uploaded: its pieces in order, the next one while one is on its way."""

import hashlib
import os
from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from types import TracebackType
from typing import Self

from fedclinic.records import Digest

PIECE_BYTES = 32 * 2**20
SLICE_BYTES = 2**18
"""A piece is given to the connection in slices, which copies less than one large write."""


@dataclass(frozen=True)
class Piece:
    """A part of a file; its content is good until the next one is asked for."""

    offset: int
    content: memoryview
    prefix: Digest
    """Of the file up to the piece's end."""

    def slices(self) -> Iterator[memoryview]:
        for start in range(0, len(self.content), SLICE_BYTES):
            yield self.content[start : start + SLICE_BYTES]


class FilePieces:
    """The pieces of an open file, each with the digest that is signed with it.

    Two buffers are read into in turns: fresh memory for each piece would cost as much as reading.
    """

    def __init__(self, file: int, digest: Digest) -> None:
        self._file, self._digest = file, digest
        self._total = os.fstat(file).st_size
        self._hashed, self._state = 0, hashlib.sha256()
        self._reader = ThreadPoolExecutor(max_workers=1)
        size = min(self._total, PIECE_BYTES)
        self._next, self._other = memoryview(bytearray(size)), memoryview(bytearray(size))
        self._ahead: tuple[int, Future[Piece]] | None = None

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self._reader.shutdown()

    def at(self, offset: int) -> Piece:
        """The piece from a byte on; what follows is read meanwhile."""
        if self._ahead is None or self._ahead[0] != offset:
            self._ahead = (offset, self._reader.submit(self._read, offset))
        piece = self._ahead[1].result()
        after = offset + len(piece.content)
        self._ahead = (after, self._reader.submit(self._read, after))
        return piece

    def _read(self, offset: int) -> Piece:
        buffer, self._next, self._other = self._next, self._other, self._next
        content = buffer[: os.preadv(self._file, [buffer], offset)]
        return Piece(offset, content, self._prefix(offset, content))

    def _prefix(self, offset: int, content: memoryview) -> Digest:
        """The digest up to a piece's end; at the file's end it is known."""
        if offset + len(content) >= self._total:
            return self._digest
        if offset != self._hashed:
            self._hash_up_to(offset)
        self._state.update(content)
        self._hashed += len(content)
        return f"sha256:{self._state.hexdigest()}"

    def _hash_up_to(self, size: int) -> None:
        self._hashed, self._state = 0, hashlib.sha256()
        while self._hashed < size:
            most = min(SLICE_BYTES, size - self._hashed)
            content = os.pread(self._file, most, self._hashed)
            self._state.update(content)
            self._hashed += len(content)
