"""What a coordinator and the sites that are its child processes say to each other: lines of JSON.

Only the `local` transport speaks it: everybody is one user on one machine, so a problem may be told
in words. Between machines the exchange's closed schema takes its place.
"""

from typing import Annotated, Literal

from pydantic import Field, TypeAdapter

from fedclinic.errors import ErrorCode
from fedclinic.evidence.statement import Envelope
from fedclinic.plan import BaseModelRef, Layers, Task
from fedclinic.records import Count, Digest, Record
from fedclinic.rounds import EvaluationReport, EvaluationTask


class Prepare(Record):
    """Check the site's configuration and notes, de-identify what is new, and encode it."""

    do: Literal["prepare"] = "prepare"
    task: Task
    base_model: BaseModelRef
    layers: Layers


class Train(Record):
    do: Literal["train"] = "train"
    task: Envelope


class Evaluate(Record):
    do: Literal["evaluate"] = "evaluate"
    task: EvaluationTask


Request = Annotated[Prepare | Train | Evaluate, Field(discriminator="do")]


class Progress(Record):
    """How far a stage is; shown to the person at the terminal and never logged."""

    say: Literal["progress"] = "progress"
    stage: Literal["de-identify", "encode", "train", "evaluate"]
    done: Count
    total: Count


class Prepared(Record):
    say: Literal["prepared"] = "prepared"
    key: str
    """The site's public key, PEM."""
    base_model: Digest
    shapes: dict[str, tuple[int, ...]]
    """Shapes of the tensors that the plan trains, by name."""
    model_parameters: Count
    """Parameters of the whole base model and head, for the comparison of bytes."""
    notes: Count
    quarantined: Count
    patients: Count


class Trained(Record):
    say: Literal["trained"] = "trained"
    report: Envelope
    problem: str = ""
    """Why the report is a refusal or failure, in words for the person at the terminal."""


class Evaluated(Record):
    say: Literal["evaluated"] = "evaluated"
    report: EvaluationReport


class Problem(Record):
    say: Literal["problem"] = "problem"
    code: ErrorCode
    message: str


Reply = Annotated[Progress | Prepared | Trained | Evaluated | Problem, Field(discriminator="say")]

REQUEST: TypeAdapter[Request] = TypeAdapter(Request)
REPLY: TypeAdapter[Reply] = TypeAdapter(Reply)
