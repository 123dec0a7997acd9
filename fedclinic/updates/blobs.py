"""A folder of blobs named by their digest: what is written under a name never changes."""

import os
import tempfile
from collections.abc import Iterable
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path

from fedclinic.errors import DataError
from fedclinic.records import Digest


@dataclass(frozen=True)
class BlobFolder:
    """Content-addressed files; a blob is whole or not there, also after a crash."""

    root: Path

    def put(self, chunks: Iterable[bytes]) -> tuple[Digest, int]:
        """Store content that arrives in pieces and return its digest and size in bytes."""
        self.root.mkdir(parents=True, exist_ok=True)
        state, size = sha256(), 0
        descriptor, name = tempfile.mkstemp(dir=self.root, prefix=".partial-")
        try:
            with os.fdopen(descriptor, "wb") as file:
                for chunk in chunks:
                    state.update(chunk)
                    size += len(chunk)
                    file.write(chunk)
                file.flush()
                os.fsync(file.fileno())
            digest = f"sha256:{state.hexdigest()}"
            Path(name).replace(self.path(digest))
        except BaseException:
            Path(name).unlink(missing_ok=True)
            raise
        return digest, size

    def path(self, digest: Digest) -> Path:
        return self.root / digest.removeprefix("sha256:")

    def find(self, digest: Digest) -> Path:
        """Path of a blob that must be there.

        Raises:
            DataError: if it is not.
        """
        path = self.path(digest)
        if not path.is_file():
            raise DataError(f"blob {digest} is not in {self.root}")
        return path
