"""A folder that the coordinator and the sites of one trust domain reach: a mount or a bucket.

Blobs are named by their digest here too, and whoever fetches one computes it again, so a folder
that somebody tampered with costs time and nothing else.
"""

import re
from collections.abc import Iterator
from uuid import uuid4

import fsspec

from fedclinic.errors import DataError
from fedclinic.evidence.statement import Envelope, parse_statement, statement_content
from fedclinic.records import Digest
from fedclinic.updates.blobs import BlobFolder

CHUNK_BYTES = 1 << 20
_DIGEST = re.compile(r"sha256:[0-9a-f]{64}")


class SharedFolder:
    """Blobs under one address that fsspec understands, such as file:///mnt/f or s3://bucket/f."""

    def __init__(self, address: str) -> None:
        """Open the folder.

        Raises:
            DataError: if no file system of this machine understands the address.
        """
        try:
            self._files, self._root = fsspec.core.url_to_fs(address)
        except (ValueError, ImportError) as error:
            raise DataError(f"blob folder {address}: {error}") from None
        self._address = address

    def offer_named(self, envelope: Envelope, source: BlobFolder) -> None:
        """Copy here what a statement names and `source` has."""
        for digest in digests_in(envelope):
            if source.path(digest).is_file():
                self.offer(digest, source)

    def fetch_named(self, envelope: Envelope, destination: BlobFolder) -> None:
        """Copy from here what a statement names and this folder has."""
        for digest in digests_in(envelope):
            if self.has(digest):
                self.fetch(digest, destination)

    def has(self, digest: Digest) -> bool:
        try:
            return bool(self._files.exists(self._path(digest)))
        except OSError as error:
            raise self._unusable(error) from None

    def offer(self, digest: Digest, source: BlobFolder) -> None:
        """Copy a blob here unless it is here; others see it whole or not at all.

        Raises:
            DataError: if `source` does not have it or the folder cannot be written.
        """
        target = self._path(digest)
        path = source.find(digest)
        if self.has(digest):
            return
        try:
            partial = f"{self._root}/.partial-{uuid4().hex}"
            self._files.makedirs(self._root, exist_ok=True)
            self._files.put_file(str(path), partial)
            self._files.mv(partial, target)
        except OSError as error:
            raise self._unusable(error) from None

    def fetch(self, digest: Digest, destination: BlobFolder) -> None:
        """Copy a blob from here unless `destination` has it.

        Raises:
            DataError: if it is not here, or is not what its name says.
        """
        if destination.path(digest).is_file():
            return
        try:
            found, _ = destination.put(self._chunks(digest))
        except OSError as error:
            raise self._unusable(error) from None
        if found != digest:
            destination.path(found).unlink(missing_ok=True)
            raise DataError(f"blob {digest} in {self._address} has other content than its name")

    def _chunks(self, digest: Digest) -> Iterator[bytes]:
        with self._files.open(self._path(digest), "rb") as file:
            while chunk := file.read(CHUNK_BYTES):
                yield chunk

    def _path(self, digest: Digest) -> str:
        return f"{self._root}/{digest.removeprefix('sha256:')}"

    def _unusable(self, error: OSError) -> DataError:
        reason = error.strerror or type(error).__name__
        return DataError(f"blob folder {self._address}: {reason}")


def digests_in(envelope: Envelope) -> tuple[Digest, ...]:
    """Every digest in a statement, some of which name blobs; no signature is checked.

    Raises:
        SignatureError: if the envelope holds no statement of ours.
    """
    return tuple(_digests(parse_statement(statement_content(envelope))["predicate"]))


def _digests(value: object) -> Iterator[Digest]:
    match value:
        case str() if _DIGEST.fullmatch(value):
            yield value
        case dict():
            for part in value.values():
                yield from _digests(part)
        case list():
            for part in value:
                yield from _digests(part)
