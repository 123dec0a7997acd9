"""Uploads of sites: resumed at any byte, checked against their digest, bounded by a quota.

Pieces are gathered in a partial file on the service's disk; the whole goes to the blob store.
"""

import errno
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass, field
from pathlib import Path

from sqlalchemy import Engine, delete, func, insert, select, update
from starlette.concurrency import run_in_threadpool

from fedclinic.exchange_protocol import LONGEST_STEP_BYTES, Received, Trouble
from fedclinic.records import Digest
from flows.exchange.blob_store import BlobStore, uploads_area
from flows.exchange.partial_files import PartialFiles
from flows.exchange.problems import RefusedError
from flows.exchange.settings import Limits
from flows.exchange.tables import transaction, uploads

HOUR = 3600.0
FULL = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)


@dataclass(frozen=True)
class Uploads:
    engine: Engine
    store: BlobStore
    spool: Path
    limits: Limits
    clock: Callable[[], float]
    partial: PartialFiles = field(default_factory=PartialFiles)

    def begin(self, site: str, task: str, digest: Digest, total: int) -> Received:
        """Say how much of a blob is here; the first call sets the space aside.

        Raises:
            RefusedError: if the blob, or all of the site's together, are too large.
        """
        if total > self.limits.blob_bytes:
            raise RefusedError(Trouble.TOO_LARGE)
        with transaction(self.engine) as connection:
            mine = (uploads.c.site == site) & (uploads.c.digest == digest)
            known = connection.execute(select(uploads).where(mine)).mappings().first()
            if known is None:
                held = connection.execute(
                    select(func.coalesce(func.sum(uploads.c.total), 0)).where(
                        uploads.c.site == site
                    )
                ).scalar_one()
                if held + total > self.limits.site_bytes:
                    raise RefusedError(Trouble.QUOTA)
                connection.execute(
                    insert(uploads).values(
                        site=site,
                        digest=digest,
                        task=task,
                        total=total,
                        complete=False,
                        at=self.clock(),
                    )
                )
            elif known["total"] != total:
                raise RefusedError(Trouble.DIGEST)
            elif known["complete"]:
                return Received(received=total, complete=True)
        return Received(received=self._size(site, digest), complete=False)

    async def append(
        self, site: str, digest: Digest, offset: int, signed: Digest, body: AsyncIterator[bytes]
    ) -> Received:
        """Take in the next piece of a blob that was begun.

        Args:
            site: whose it is.
            digest: of the whole blob, its name.
            offset: where the piece begins.
            signed: digest of the blob up to the piece's end.
            body: the piece.

        Raises:
            RefusedError: if it does not continue what is here, is not what was signed, does not
                fit, or the whole has another digest than its name.
        """
        path = self._partial(site, digest)
        if path in self.partial.busy:
            raise RefusedError(Trouble.BUSY)
        self.partial.busy.add(path)
        try:
            total = await run_in_threadpool(self._begun, site, digest)
            size = await run_in_threadpool(self._size, site, digest)
            if offset != size:
                raise RefusedError(Trouble.OFFSET, received=size)
            most = min(total - offset, LONGEST_STEP_BYTES)
            received = await self.partial.append(path, offset, body, signed, most=most)
            if received == total:
                await run_in_threadpool(self._complete, site, digest, path, signed)
            return Received(received=received, complete=received == total)
        except OSError as error:
            if error.errno in FULL:
                raise RefusedError(Trouble.STORAGE) from None
            raise
        finally:
            self.partial.busy.discard(path)

    def are_complete(self, site: str, digests: tuple[Digest, ...]) -> bool:
        with transaction(self.engine) as connection:
            found = connection.execute(
                select(func.count()).where(
                    uploads.c.site == site,
                    uploads.c.digest.in_(digests),
                    uploads.c.complete.is_(True),
                )
            ).scalar_one()
        return bool(found == len(set(digests)))

    def release(self, site: str, digest: Digest) -> None:
        """Remove an upload that the coordinator has taken."""
        self.store.remove(uploads_area(site), digest)
        self.partial.forget(self._partial(site, digest))
        self._partial(site, digest).unlink(missing_ok=True)
        with transaction(self.engine) as connection:
            connection.execute(
                delete(uploads).where(uploads.c.site == site, uploads.c.digest == digest)
            )

    def remove_unused(self) -> int:
        """Remove uploads that nobody took for a long time; returns how many."""
        oldest = self.clock() - self.limits.unused_hours * HOUR
        with transaction(self.engine) as connection:
            rows = connection.execute(
                select(uploads.c.site, uploads.c.digest).where(uploads.c.at < oldest)
            ).all()
        for row in rows:
            self.release(row.site, row.digest)
        return len(rows)

    def _begun(self, site: str, digest: Digest) -> int:
        with transaction(self.engine) as connection:
            row = connection.execute(
                select(uploads.c.total, uploads.c.complete).where(
                    uploads.c.site == site, uploads.c.digest == digest
                )
            ).first()
        if row is None:
            raise RefusedError(Trouble.NOT_FOUND)
        if row.complete:
            raise RefusedError(Trouble.OFFSET, received=row.total)
        return int(row.total)

    def _complete(self, site: str, digest: Digest, path: Path, found: Digest) -> None:
        self.partial.forget(path)
        if found != digest:
            path.unlink()
            raise RefusedError(Trouble.DIGEST)
        self.store.put_file(uploads_area(site), digest, path)
        with transaction(self.engine) as connection:
            connection.execute(
                update(uploads)
                .where(uploads.c.site == site, uploads.c.digest == digest)
                .values(complete=True)
            )

    def _partial(self, site: str, digest: Digest) -> Path:
        return self.spool / site / digest.removeprefix("sha256:")

    def _size(self, site: str, digest: Digest) -> int:
        path = self._partial(site, digest)
        return path.stat().st_size if path.exists() else 0
