"""Which part of the base model a site trains: blocks, tensors of them, or adapters beside them."""

import hashlib
from typing import Annotated, Literal, Self

from pydantic import Field, PositiveFloat, PositiveInt, model_validator

from fedclinic.records import Count, Record


class Lora(Record):
    """Low-rank changes of linear layers: W + (alpha / rank) B A (Hu et al. 2021, 2106.09685)."""

    kind: Literal["lora"] = "lora"
    rank: Annotated[int, Field(ge=1, le=1024)]
    alpha: PositiveFloat
    targets: Literal["query_value", "attention", "all"] = "query_value"
    """Linear layers of a block that get a change: query and value, all of attention, or all."""
    freeze_a: bool = False
    """Train B only (FFA-LoRA, Sun et al. 2024, arXiv 2403.12313): averaging A and B is not
    averaging B A, and noise on both multiplies."""
    seed: Count = 0
    """A is random and the same at every site; B starts at zero."""


class Bottleneck(Record):
    """Small networks h + up(gelu(down(h))) behind a block's output layers (1902.00751)."""

    kind: Literal["bottleneck"] = "bottleneck"
    width: Annotated[int, Field(ge=1, le=4096)]
    places: Literal["feed_forward", "both"] = "feed_forward"
    """Behind the feed-forward part only (Pfeiffer et al. 2021), or behind attention too."""
    seed: Count = 0


Adapter = Annotated[Lora | Bottleneck, Field(discriminator="kind")]

SELECTORS = ("top", "bottom", "random", "blocks")


class Layers(Record):
    """Which blocks train; everything else but the task head is frozen and never travels."""

    top: Count | None = None
    """Number of blocks nearest the output."""
    bottom: Count | None = None
    """Number of blocks nearest the input."""
    random: PositiveInt | None = None
    """Number of blocks drawn by `seed`, the same at every site and in every round."""
    blocks: Annotated[tuple[Count, ...], Field(min_length=1)] | None = None
    """Numbers of the blocks; 0 is nearest the input."""
    seed: Count = 0
    parameters: Literal["all", "biases"] = "all"
    """Of these blocks: every tensor, or only biases and normalisation, of which there are few, so
    that little noise is added under DP (BitFit, arXiv 2106.10199; DP-BiTFiT, arXiv 2210.00036)."""
    adapter: Adapter | None = None
    """Train small new tensors in these blocks instead of the blocks' own."""
    embeddings: bool = False
    """Train the embeddings and the last norm too, with every block: federated training of the whole
    model, which is what the bytes of the others are compared with. Nothing is cached then."""

    @model_validator(mode="after")
    def _is_one_choice(self) -> Self:
        given = [name for name in SELECTORS if getattr(self, name) is not None]
        if len(given) != 1:
            raise ValueError(f"choose the blocks by exactly one of {', '.join(SELECTORS)}")
        if self.blocks is not None and len(set(self.blocks)) != len(self.blocks):
            raise ValueError("a block is listed twice")
        if self.adapter is not None and self.parameters != "all":
            raise ValueError("with an adapter, the blocks' own parameters stay frozen")
        if self.embeddings and (self.parameters != "all" or self.adapter is not None):
            raise ValueError("embeddings train with every tensor of every block: parameters: all")
        return self

    @property
    def trained_blocks(self) -> int:
        """How many blocks train, fully or in part."""
        if self.blocks is not None:
            return len(self.blocks)
        return self.top or self.bottom or self.random or 0

    def chosen(self, count: int) -> tuple[int, ...]:
        """Numbers of the chosen blocks of a model of `count` blocks, in ascending order.

        Raises:
            ValueError: if the model has no such block.
        """
        if self.embeddings and self.trained_blocks != count:
            raise ValueError(
                f"layers: embeddings train with every block: the plan trains {self.trained_blocks} "
                f"blocks, and the model has {count}"
            )
        if self.blocks is not None:
            if max(self.blocks) >= count:
                raise ValueError(
                    f"layers: the plan trains block {max(self.blocks)}, and the model's blocks "
                    f"are 0 to {count - 1}"
                )
            return tuple(sorted(self.blocks))
        if self.trained_blocks > count:
            raise ValueError(
                f"layers: the plan trains {self.trained_blocks} blocks, and the model has {count}"
            )
        if self.bottom is not None:
            return tuple(range(self.bottom))
        if self.random is not None:
            return tuple(sorted(sorted(range(count), key=self._place)[: self.random]))
        return tuple(range(count - (self.top or 0), count))

    def same_blocks(self, other: "Layers") -> bool:
        names = (*SELECTORS, "seed")
        return all(getattr(self, name) == getattr(other, name) for name in names)

    def describe(self) -> str:
        """Say in words what trains, beside the task head."""
        where = {
            "top": f"the top {self.top} blocks",
            "bottom": f"the bottom {self.bottom} blocks",
            "random": f"{self.random} blocks drawn by seed {self.seed}",
            "blocks": f"blocks {', '.join(str(block) for block in self.blocks or ())}",
        }[next(name for name in SELECTORS if getattr(self, name) is not None)]
        below = ", the embeddings and the last norm" if self.embeddings else ""
        return f"{self._what()} {where}{below}"

    def _what(self) -> str:
        match self.adapter:
            case Lora(freeze_a=True):
                return f"FFA-LoRA of rank {self.adapter.rank} in"
            case Lora():
                return f"LoRA of rank {self.adapter.rank} in"
            case Bottleneck():
                return f"adapters of width {self.adapter.width} in"
        everything = self.parameters == "all"
        return "every tensor of" if everything else "biases and normalisation of"

    def _place(self, block: int) -> bytes:
        return hashlib.sha256(f"{self.seed}:{block}".encode()).digest()
