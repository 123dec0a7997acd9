"""The order in which an audit's secrets become known, so that neither side can fit its answer.

1. The site commits to its coins: SHA-256 over coins and nonce, logged before training.
2. It trains; each round's report names update and canaries' coordinates by digest.
3. The coordinator, who has the coordinates and not the coins, logs its guesses.
4. The site reveals coins and nonce; anybody can check all four and count the right guesses.
"""

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from fedclinic.digest import digest_bytes
from fedclinic.errors import EvidenceError
from fedclinic.privacy.audit_coordinates import Bools, Coordinates
from fedclinic.privacy.audit_messages import CoinCommitment, LoggedGuesses, Reveal
from fedclinic.privacy.lower_bounds import Guesses
from fedclinic.records import Digest

NONCE_BYTES = 32


@dataclass(frozen=True)
class Transcript:
    """All messages of an audit, in the order of the log."""

    committed: CoinCommitment
    coordinates: tuple[Digest, ...]
    """Digest of each round's coordinates, as the site's reports state them."""
    guessed: LoggedGuesses
    revealed: Reveal


def commit(coins: Bools, nonce: bytes) -> CoinCommitment:
    """Bind the site to its coins.

    Raises:
        ValueError: if the nonce is not 32 bytes: a short one could be guessed with the coins.
    """
    if len(nonce) != NONCE_BYTES:
        raise ValueError(f"a commitment needs a nonce of {NONCE_BYTES} bytes")
    return CoinCommitment(canaries=len(coins), commitment=_digest(coins, nonce))


def reveal(coins: Bools, nonce: bytes) -> Reveal:
    return Reveal(included=tuple(np.flatnonzero(coins).tolist()), nonce=nonce.hex())


def coins_of(revealed: Reveal, canaries: int) -> Bools:
    """The revealed coins, shape (canaries,).

    Raises:
        EvidenceError: if they name a canary that does not exist.
    """
    if revealed.included and max(revealed.included) >= canaries:
        raise EvidenceError(f"coins are revealed of more than {canaries} canaries")
    coins = np.zeros(canaries, dtype=np.bool_)
    coins[list(revealed.included)] = True
    return coins


def guess(scores: npt.NDArray[np.float64], count: int) -> LoggedGuesses:
    """Guess the `count` highest scores included and the `count` lowest not, the surest first."""
    order = np.argsort(-scores, kind="stable")
    return LoggedGuesses(
        included=tuple(int(i) for i in order[:count]),
        excluded=tuple(int(i) for i in order[::-1][:count]),
    )


def check_transcript(transcript: Transcript, rounds: Sequence[Coordinates]) -> Bools:
    """Check that nobody changed their word, and return the coins.

    Raises:
        EvidenceError: saying whose word does not hold.
    """
    committed, revealed = transcript.committed, transcript.revealed
    coins = coins_of(revealed, committed.canaries)
    if _digest(coins, bytes.fromhex(revealed.nonce)) != committed.commitment:
        raise EvidenceError("the revealed coins are not those that the site committed to")
    if tuple(digest_bytes(part.tobytes()) for part in rounds) != transcript.coordinates:
        raise EvidenceError("the canaries' coordinates are not those that the site logged")
    named = [*transcript.guessed.included, *transcript.guessed.excluded]
    if len(set(named)) != len(named) or not all(0 <= i < committed.canaries for i in named):
        raise EvidenceError("a guess names a canary twice, or one that does not exist")
    return coins


def count_right(guessed: LoggedGuesses, coins: Bools, surest: int | None = None) -> Guesses:
    """Score logged guesses against revealed coins; of each kind only the `surest`, or all."""
    included, excluded = list(guessed.included[:surest]), list(guessed.excluded[:surest])
    right = int(coins[included].sum()) + int((~coins[excluded]).sum())
    return Guesses(len(coins), len(included) + len(excluded), right)


def _digest(coins: Bools, nonce: bytes) -> Digest:
    packed = len(coins).to_bytes(8, "big") + np.packbits(coins).tobytes()
    return f"sha256:{hashlib.sha256(packed + nonce).hexdigest()}"
