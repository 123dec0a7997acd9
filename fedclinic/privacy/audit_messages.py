"""What is said in an audit, in this order: commitment, coordinates, guesses, reveal.

Neither side can fit its answer: the site is bound to its coins before it trains and to what its
canaries showed before anybody guesses, and the coordinator to its guesses before the coins are
told.
"""

from typing import Annotated

from pydantic import Field, PositiveInt

from fedclinic.records import Count, Digest, Record

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
    """The coins at last, and the nonce that hid them in the commitment."""

    included: tuple[Count, ...]
    """Canaries that were among the patients, by number."""
    nonce: NonceDigits


class PlantedScores(Record):
    """How a model scores planted patients and others of their kind at one site."""

    members: tuple[float, ...]
    """How likely the model finds each planted patient, in units of the others' spread: log odds of
    its label, or log likelihood of its record number for a model that writes."""
    others: tuple[float, ...]
    named: tuple[float, ...] | None = None
    """Each planted name's mean chance of its label over prompts; token classifiers only."""
    unnamed: tuple[float, ...] | None = None
    extracted: Count | None = None
    """Planted record numbers that greedy or beam search wrote; models that write text only."""
