"""A federated method as a frozen pair, `init` and `apply`, and the state between rounds.

The state holds *changes since the base model*, never weights: zeros before the first round. It is
one value, so a checkpoint is one file and a run resumes or replays from it bit for bit.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

import numpy as np

from fedclinic.errors import ModelError
from fedclinic.records import Count, Record
from fedclinic.updates.codec import Array, Tensors, decode, encode, schema_of
from fedclinic.updates.layout import TensorSchema

_ROUND_NUMBER = "round_number"


@dataclass(frozen=True)
class ServerState:
    """What the coordinator knows after a round."""

    round_number: int
    """Rounds folded in so far; 0 is the base model."""
    change: Tensors
    """The global model's change since the base model."""
    memory: Mapping[str, Tensors] = field(default_factory=dict)
    """What else a method remembers, by name: moments of an optimiser, or each site's own change."""


class RoundDiagnostics(Record):
    """What a round did, in numbers that are fit for a log."""

    round_number: Count
    weights: dict[str, float]
    """The weight each admitted site had, summing to 1."""
    change_norm: float
    """L2 norm of the step of the global model (0 if the method has none)."""
    selected: tuple[str, ...] | None = None
    """Blocks whose change was kept; None if the method keeps all."""


Init = Callable[[TensorSchema], ServerState]
Apply = Callable[
    [ServerState, Mapping[str, Tensors], Mapping[str, float]], tuple[ServerState, RoundDiagnostics]
]


@dataclass(frozen=True)
class Method:
    """How updates become a model.

    `apply` takes the state, the admitted updates by site and the plan's weights, and returns the
    next state; it changes nothing in place. `state_for` is what a site starts its round from.
    """

    init: Init
    apply: Apply
    state_for: Callable[[ServerState, str], Tensors]


def global_state(state: ServerState, site: str) -> Tensors:
    """Every site starts from the global model."""
    del site
    return state.change


def zeros(schema: TensorSchema) -> dict[str, Array]:
    return {name: np.zeros(shape, dtype=np.float32) for name, shape in schema.items()}


def add_scaled(base: Tensors, step: Tensors, scale: float) -> dict[str, Array]:
    """Return base + scale * step, rounded to float32 once; what has no step stays as it is."""
    return {
        name: (tensor + np.multiply(step[name], scale, dtype=np.float64)).astype(np.float32)
        if name in step
        else tensor
        for name, tensor in base.items()
    }


def encode_state(state: ServerState) -> bytes:
    """Encode a state as one safetensors file; equal states give equal bytes."""
    number = {_ROUND_NUMBER: np.array([state.round_number], dtype=np.float32)}
    return encode(number | _flatten(state), "F32")


def decode_state(blob: bytes, like: ServerState) -> ServerState:
    """Read a state that has the parts and shapes of `like`, the method's initial state.

    Raises:
        AdmissionError: if the file is not laid out like that.
        ModelError: if its round number is not one.
    """
    tensors = decode(blob, {_ROUND_NUMBER: (1,)} | schema_of(_flatten(like)), "F32")
    number = float(tensors[_ROUND_NUMBER][0])
    if number < 0 or not number.is_integer():
        raise ModelError("checkpoint: its round number is not a count")
    return ServerState(
        int(number),
        {name: tensors[f"change/{name}"] for name in like.change},
        {
            part: {name: tensors[f"memory/{part}/{name}"] for name in remembered}
            for part, remembered in like.memory.items()
        },
    )


def _flatten(state: ServerState) -> dict[str, Array]:
    flat = {f"change/{name}": tensor for name, tensor in state.change.items()}
    for part, remembered in state.memory.items():
        flat |= {f"memory/{part}/{name}": tensor for name, tensor in remembered.items()}
    return flat
