"""The coins and nonces of a site's audits: a pair a run, kept from before training to its end."""

import os
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from pydantic import PositiveInt

from fedclinic.errors import DataError
from fedclinic.privacy.audit_coordinates import Canaries, flip_coins
from fedclinic.privacy.audit_messages import CoinCommitment, Reveal
from fedclinic.privacy.commit_reveal import NONCE_BYTES, coins_of, commit, reveal
from fedclinic.privacy.random_stream import RandomStream
from fedclinic.records import Name, Record


class AuditSecret(Record):
    """What a site must not tell before the coordinator has guessed."""

    canaries: PositiveInt
    secret: Reveal

    def audited(self) -> Canaries:
        return Canaries(coins_of(self.secret, self.canaries))

    def commitment(self) -> CoinCommitment:
        return commit(self.audited().coins, bytes.fromhex(self.secret.nonce))


@dataclass(frozen=True)
class AuditSecrets:
    """A file a run; what is in it never changes, so that a repeated round has the same canaries."""

    folder: Path
    entropy: Callable[[], bytes]
    """32 fresh bytes."""

    def of(self, run: Name, canaries: int) -> AuditSecret:
        """The run's secret, drawn and made durable when it is first asked for."""
        path = self.folder / f"{run}.json"
        if not path.is_file():
            self._draw(path, canaries)
        return AuditSecret.model_validate_json(path.read_bytes())

    def find(self, run: Name) -> AuditSecret:
        """The secret of a run that was audited.

        Raises:
            DataError: if there is none.
        """
        path = self.folder / f"{run}.json"
        if not path.is_file():
            raise DataError(f"run {run} was not audited here")
        return AuditSecret.model_validate_json(path.read_bytes())

    def _draw(self, path: Path, canaries: int) -> None:
        """Write beside, then link into place: two processes end up with the same coins."""
        coins = flip_coins(canaries, RandomStream(self.entropy())).coins
        nonce = self.entropy()[:NONCE_BYTES]
        drawn = AuditSecret(canaries=canaries, secret=reveal(np.asarray(coins), nonce))
        self.folder.mkdir(parents=True, exist_ok=True)
        fresh = path.with_name(f".{path.name}.{os.getpid()}-{time.monotonic_ns():x}")
        try:
            with fresh.open("wb") as file:
                file.write(drawn.model_dump_json().encode())
                file.flush()
                os.fsync(file.fileno())
            try:
                path.hardlink_to(fresh)
            except FileExistsError:
                return
        finally:
            fresh.unlink(missing_ok=True)
