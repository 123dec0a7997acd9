"""What is said in an audit, in this order: commitment, coordinates, guesses, reveal.

Neither side can fit its answer: the site is bound to its coins before it trains and to what its
canaries showed before anybody guesses, and the coordinator to its guesses before the coins are
told.
"""

from typing import Annotated

from pydantic import Field, PositiveInt

from fedclinic.records import Digest, Record

CoinDigits = Annotated[str, Field(pattern=r"^([0-9a-f]{2})+$")]
NonceDigits = Annotated[str, Field(pattern=r"^[0-9a-f]{64}$")]


class CoinCommitment(Record):
    """What binds a site to its coins before it trains: SHA-256 over their number, coins, nonce."""

    canaries: PositiveInt
    commitment: Digest


class LoggedGuesses(Record):
    """What binds the coordinator before it knows the coins; the surest guess of each is first."""

    included: tuple[int, ...]
    """Canaries guessed to be among the patients."""
    excluded: tuple[int, ...]


class Reveal(Record):
    """The coins at last: bits packed from the first canary on, and the nonce; hexadecimal."""

    coins: CoinDigits
    nonce: NonceDigits
