"""Where each family of models keeps its blocks, embeddings and norms."""

from dataclasses import dataclass
from typing import Any

from torch import nn

from fedclinic.errors import ModelError
from fedclinic.learning.adapters import (
    BERT_PLACES,
    DEBERTA_PLACES,
    DISTILBERT_PLACES,
    GPT2_PLACES,
    LLAMA_PLACES,
    Places,
)


@dataclass(frozen=True)
class Architecture:
    """Where a family of models keeps its parts, as dotted paths inside the base model."""

    blocks: str
    embeddings: tuple[str, ...]
    """Modules replaced by a pass-through when the trunk is fed with the stem's output."""
    zeroed: tuple[str, ...] = ()
    """Modules whose output is added to the input and must be zero in the trunk."""
    final_norm: str | None = None
    after_first_block: str | None = None
    """Module that runs once, after the first block of the whole model."""
    blocks_return_pairs: bool = False
    causal: bool = False
    places: Places = BERT_PLACES


ARCHITECTURES: dict[str, Architecture] = {
    "bert": Architecture("encoder.layer", ("embeddings",)),
    "roberta": Architecture("encoder.layer", ("embeddings",)),
    "distilbert": Architecture("transformer.layer", ("embeddings",), places=DISTILBERT_PLACES),
    "deberta-v2": Architecture(
        "encoder.layer",
        ("embeddings",),
        after_first_block="encoder.conv",
        blocks_return_pairs=True,
        places=DEBERTA_PLACES,
    ),
    "gpt2": Architecture(
        "h", ("drop",), zeroed=("wpe",), final_norm="ln_f", causal=True, places=GPT2_PLACES
    ),
    "llama": Architecture("layers", (), final_norm="norm", causal=True, places=LLAMA_PLACES),
}


def architecture_of(base: nn.Module) -> Architecture:
    """Look the model's family up.

    Raises:
        ModelError: for a family whose layout is not known here.
    """
    kind = str(getattr(getattr(base, "config", None), "model_type", "unknown"))
    if kind not in ARCHITECTURES:
        raise ModelError(f"model type '{kind}' is not one of {', '.join(sorted(ARCHITECTURES))}")
    return ARCHITECTURES[kind]


def module_at(root: nn.Module, path: str) -> Any:
    """The part of a model at a dotted path."""
    module: Any = root
    for part in path.split("."):
        module = getattr(module, part)
    return module
