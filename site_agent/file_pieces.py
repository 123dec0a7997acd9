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
    offset: int
    content: bytes
    prefix: Digest
    """Of the file up to the piece's end."""

    def slices(self) -> Iterator[bytes]:
        for start in range(0, len(self.content), SLICE_BYTES):
            yield self.content[start : start + SLICE_BYTES]


class FilePieces:
    """The pieces of an open file, each with the digest that is signed with it."""

    def __init__(self, file: int) -> None:
        self._file = file
        self._hashed, self._state = 0, hashlib.sha256()
        self._reader = ThreadPoolExecutor(max_workers=1)
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
        if offset != self._hashed:
            self._hash_up_to(offset)
        content = os.pread(self._file, PIECE_BYTES, offset)
        self._state.update(content)
        self._hashed += len(content)
        return Piece(offset, content, f"sha256:{self._state.hexdigest()}")

    def _hash_up_to(self, size: int) -> None:
        self._hashed, self._state = 0, hashlib.sha256()
        while self._hashed < size:
            most = min(SLICE_BYTES, size - self._hashed)
            content = os.pread(self._file, most, self._hashed)
            self._state.update(content)
            self._hashed += len(content)
