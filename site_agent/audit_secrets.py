"""The coins and nonces of a site's audits: a pair a run, kept from before training to its end."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from pydantic import PositiveInt

from fedclinic.errors import DataError, PolicyError
from fedclinic.plan import Task
from fedclinic.privacy.audit_coordinates import Canaries, flip_coins
from fedclinic.privacy.audit_messages import CoinCommitment, LoggedGuesses, Reveal
from fedclinic.privacy.commit_reveal import NONCE_BYTES, coins_of, commit, reveal
from fedclinic.privacy.memorisation import MemorisationLimits
from fedclinic.privacy.planted import Planted, draw_planted
from fedclinic.privacy.random_stream import RandomStream
from fedclinic.records import Name, Record
from site_agent.durable_file import keep_first


class AuditSecret(Record):
    """What a site must not tell before the coordinator has guessed."""

    canaries: PositiveInt
    secret: Reveal

    def planted(self, task: Task, limits: MemorisationLimits) -> Planted:
        """The run's synthetic patients; whoever knows the nonce can draw them again."""
        stream = RandomStream(bytes.fromhex(self.secret.nonce)).spawn("planted")
        return draw_planted(task, stream, members=limits.planted, others=limits.unplanted)

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

    def bind(self, run: Name, guessed: LoggedGuesses | None) -> None:
        """Remember the guesses that a run's coins are told for; no others are answered again.

        Raises:
            PolicyError: if the coins were told for other guesses before.
        """
        path = self.folder / f"{run}.guessed"
        told = b"" if guessed is None else guessed.model_dump_json().encode()
        if path.is_file():
            if path.read_bytes() != told:
                raise PolicyError("the coins of this run were told for other guesses before")
            return
        keep_first(path, told)

    def _draw(self, path: Path, canaries: int) -> None:
        coins = flip_coins(canaries, RandomStream(self.entropy())).coins
        nonce = self.entropy()[:NONCE_BYTES]
        drawn = AuditSecret(canaries=canaries, secret=reveal(np.asarray(coins), nonce))
        keep_first(path, drawn.model_dump_json().encode())
