"""What an agent and the process that does its work on one machine say to each other: JSON lines.

A request is a signed task on a line; whatever it is, the replies end with `Answered` or `Problem`.
A problem may be told in words here. Between machines only signed statements travel.
"""

from typing import Annotated, Literal

from pydantic import Field, TypeAdapter

from fedclinic.answers import Answer
from fedclinic.errors import ErrorCode
from fedclinic.evidence.statement import Envelope
from fedclinic.records import Count, PublicKey, Record


class Ask(Record):
    """Carry out a signed task."""

    task: Envelope


class Progress(Record):
    """How far a stage is; shown to the person at the terminal and never logged."""

    say: Literal["progress"] = "progress"
    stage: Literal["de-identify", "encode", "train", "evaluate"]
    done: Count
    total: Count


class Counted(Record):
    """Exact counts of a prepared site, for the person at the terminal of the same machine."""

    say: Literal["counted"] = "counted"
    notes: Count
    quarantined: Count
    patients: Count


class Answered(Record):
    say: Literal["answered"] = "answered"
    key: PublicKey
    """The site's own, which signed the statements."""
    answer: Answer


class Problem(Record):
    """There is no answer: the task is a stranger's, or the site cannot be opened."""

    say: Literal["problem"] = "problem"
    code: ErrorCode
    message: str


Reply = Annotated[Progress | Counted | Answered | Problem, Field(discriminator="say")]

REPLY: TypeAdapter[Reply] = TypeAdapter(Reply)
