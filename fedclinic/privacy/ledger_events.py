"""What a budget ledger records, and how its entries chain; decides nothing."""

import hashlib
from typing import Annotated, Literal

from pydantic import Field, PositiveFloat, PositiveInt, TypeAdapter

from fedclinic.digest import canonical_json
from fedclinic.privacy.budget import Amounts
from fedclinic.privacy.mechanism import Mechanism
from fedclinic.records import Digest, Name, Record

HoldId = Annotated[str, Field(pattern=r"^[0-9a-f]{24}$")]
Cohort = Annotated[str, Field(min_length=1, max_length=64)]
Delta = Annotated[float, Field(gt=0, lt=1)]

FIRST_HASH = "0" * 64
"""The hash before the first entry."""


class Opened(Record):
    """The ledger was created for a site; the first entry and no other."""

    event: Literal["opened"] = "opened"
    at: float
    site: Name
    version: Literal[1] = 1


class CohortAdded(Record):
    """Patients first seen in one year got a budget, for life and perhaps for each calendar year."""

    event: Literal["cohort_added"] = "cohort_added"
    at: float
    cohort: Cohort
    epsilon: PositiveFloat
    delta: Delta
    yearly_epsilon: PositiveFloat | None = None


class Reserved(Record):
    """A round's demand was set aside, before any note was read."""

    event: Literal["reserved"] = "reserved"
    at: float
    hold: HoldId
    run: Name
    round_number: PositiveInt
    attempt: PositiveInt
    cohorts: Annotated[tuple[Cohort, ...], Field(min_length=1)]
    mechanism: Mechanism
    demand: Amounts
    plan_digest: Digest
    approved_by: str | None = None


class UseBegun(Record):
    """Notes are about to be read: from here on the round is charged whatever happens."""

    event: Literal["use_begun"] = "use_begun"
    at: float
    hold: HoldId


class Committed(Record):
    """A round ended and is charged what it did, at most what was reserved."""

    event: Literal["committed"] = "committed"
    at: float
    hold: HoldId
    mechanism: Mechanism
    charged: Amounts
    reason: str | None = None


class Refunded(Record):
    """A hold was given back before any note was read."""

    event: Literal["refunded"] = "refunded"
    at: float
    hold: HoldId
    reason: str


Event = Opened | CohortAdded | Reserved | UseBegun | Committed | Refunded
_EVENT: TypeAdapter[Event] = TypeAdapter(Annotated[Event, Field(discriminator="event")])


def encode_event(event: Event) -> str:
    return canonical_json(event.model_dump(mode="json")).decode()


def decode_event(body: str) -> Event:
    """Read an event back.

    Raises:
        ValueError: if it is not one.
    """
    return _EVENT.validate_json(body)


def entry_hash(sequence: int, previous: str, body: str) -> str:
    """Chain an entry to everything before it: SHA-256 over its number, the last hash, its text."""
    return hashlib.sha256(f"{sequence}\n{previous}\n{body}".encode()).hexdigest()
