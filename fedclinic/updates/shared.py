"""Which tensors of a plan's schema a site sends when it keeps some blocks to itself."""

import math
import re
from collections.abc import Collection, Iterable

from fedclinic.errors import AdmissionError
from fedclinic.method_parts import Training
from fedclinic.updates.codec import Array, Tensors
from fedclinic.updates.layout import TensorSchema

_BLOCK_NAME = re.compile(r"(.*?\.\d+)\.(.+)")


def block_of(name: str) -> str | None:
    """The numbered block that a tensor is in, `encoder.layer.3` of `encoder.layer.3.b`; or None."""
    match = _BLOCK_NAME.fullmatch(name)
    return match[1] if match else None


def number_of(block: str) -> int:
    """The block's number in the whole model."""
    return int(block.rpartition(".")[2])


def blocks_in(names: Iterable[str]) -> tuple[str, ...]:
    """The blocks of some tensors, from the input to the output."""
    found = {block for name in names if (block := block_of(name)) is not None}
    return tuple(sorted(found, key=number_of))


def shared_schema(
    schema: TensorSchema, training: Training, personal: Collection[int]
) -> dict[str, tuple[int, ...]]:
    """The tensors that a site sends which announced the numbers of its personal blocks.

    Raises:
        AdmissionError: if the plan does not allow just these blocks to stay at a site.
    """
    blocks = {number_of(block) for block in blocks_in(schema)}
    if not set(personal) <= blocks:
        raise AdmissionError("update: a personal block is not in the plan")
    fixed = blocks & set(training.personal)
    kept = min(math.ceil(training.share * len(blocks)), len(blocks) - len(fixed))
    if len(personal) != len(blocks) - kept or len(set(personal)) != len(personal):
        raise AdmissionError(
            f"update: {len(personal)} personal blocks, where the plan has {len(blocks) - kept}"
        )
    if not fixed <= set(personal):
        raise AdmissionError("update: a block that the plan calls personal was sent")
    return {name: shape for name, shape in schema.items() if not is_in(name, personal)}


def is_in(name: str, blocks: Collection[int]) -> bool:
    """Whether a tensor is in one of these blocks."""
    block = block_of(name)
    return block is not None and number_of(block) in blocks


def split_update(
    update: Tensors, *, began_personal: Tensors, global_change: Tensors, personal: Collection[int]
) -> tuple[dict[str, Array], dict[str, Array]]:
    """Split a round's change into what is sent and what stays at the site.

    A site starts a round from the global model, except in blocks that were personal before. What
    it sends is its model's distance to the global one; what it keeps, the distance to the base.

    Args:
        update: change of every trained tensor during the round.
        began_personal: change since the base of the blocks that were personal at the start.
        global_change: the global model's change since the base.
        personal: numbers of the blocks that stay at the site after this round.
    """
    sent: dict[str, Array] = {}
    kept: dict[str, Array] = {}
    for name in update:
        whole = began_personal.get(name, global_change[name]) + update[name]
        if is_in(name, personal):
            kept[name] = whole
        elif name in began_personal:
            sent[name] = whole - global_change[name]
        else:
            sent[name] = update[name]
    return sent, kept
