"""A plan's method: a name with typed parameters, and the parts that it stands for.

What a site trains is `Layers`; how it trains and what it shares is `Training`, which travels in
`Work`; how the coordinator folds updates in is a `ServerRule`. Every named method is a preset of
these parts, and `composed` states them one by one.
"""

from typing import Annotated, Literal, Self

from pydantic import Field, PositiveFloat, PositiveInt, model_validator

from fedclinic.chosen_layers import SELECTORS, Adapter, Bottleneck, Layers, Lora
from fedclinic.method_parts import (
    AdaptiveRule,
    Bandit,
    Decay,
    DropRate,
    LayerDropout,
    MeanRule,
    OwnRule,
    ServerRule,
    Shape,
    Share,
    TargetedRule,
    Training,
)
from fedclinic.records import Count, Record


class FedAvg(Record):
    name: Literal["fedavg"] = "fedavg"
    server_learning_rate: PositiveFloat = 1.0


class FedProx(Record):
    name: Literal["fedprox"] = "fedprox"
    mu: Annotated[float, Field(ge=0)]
    server_learning_rate: PositiveFloat = 1.0


class FedOpt(Record):
    """An adaptive optimiser at the coordinator, with the mean change as its gradient."""

    name: Literal["fedadam", "fedyogi"]
    server_learning_rate: PositiveFloat
    first_decay: Decay = 0.9
    second_decay: Decay = 0.99
    adaptivity: PositiveFloat = 1e-3


class LayerSkipping(Record):
    """FedAvg on some blocks; they are named here or in the plan's `layers`."""

    name: Literal["layer_skipping"] = "layer_skipping"
    top: Count | None = None
    bottom: Count | None = None
    random: PositiveInt | None = None
    blocks: Annotated[tuple[Count, ...], Field(min_length=1)] | None = None
    seed: Count = 0
    server_learning_rate: PositiveFloat = 1.0

    @model_validator(mode="after")
    def _is_at_most_one_choice(self) -> Self:
        given = [name for name in SELECTORS if getattr(self, name) is not None]
        if len(given) > 1:
            raise ValueError(f"choose the blocks by one of {', '.join(SELECTORS)}")
        return self


class LoraMethod(Record):
    """FedAvg on LoRA; `ffa_lora` freezes A, which makes the average exact."""

    name: Literal["lora", "ffa_lora"]
    rank: Annotated[int, Field(ge=1, le=1024)]
    alpha: PositiveFloat
    targets: Literal["query_value", "attention", "all"] = "query_value"
    seed: Count = 0
    server_learning_rate: PositiveFloat = 1.0


class Adapters(Record):
    """FedAvg on bottleneck adapters of one fixed width."""

    name: Literal["adapters"] = "adapters"
    width: Annotated[int, Field(ge=1, le=4096)]
    places: Literal["feed_forward", "both"] = "feed_forward"
    seed: Count = 0
    server_learning_rate: PositiveFloat = 1.0


class DropPeft(Record):
    """Layer dropout, personal layers and a configurator; the tensors are those of `layers`."""

    name: Literal["droppeft"] = "droppeft"
    rate: DropRate
    shape: Shape = "uniform"
    masks: Literal["exact", "bernoulli"] = "exact"
    share: Share = 1.0
    personal: tuple[Count, ...] = ()
    configurator: Bandit | None = None
    server_learning_rate: PositiveFloat = 1.0


Inner = Annotated[
    FedAvg | FedProx | LayerSkipping | LoraMethod | Adapters | DropPeft,
    Field(discriminator="name"),
]


class FedTlu(Record):
    """Of the averaged change, only that of the most critical blocks is kept."""

    name: Literal["fedtlu"] = "fedtlu"
    keep: PositiveInt
    """K: blocks of each group of equal shapes whose change is kept."""
    guarded: bool = False
    """Multiply a block's score by how far the sites agree on its change."""
    choose: Literal["critical", "random", "last"] = "critical"
    """By score; or the paper's two baselines, random blocks in each round and the last blocks."""
    seed: Count = 0
    inner: Inner = FedAvg()
    """How sites train and what they share; its server learning rate is not used."""
    server_learning_rate: PositiveFloat = 1.0


class LocalOnly(Record):
    name: Literal["local_only"] = "local_only"


class Centralised(Record):
    """All notes at one site: what a federation is compared with, never what it does."""

    name: Literal["centralised"] = "centralised"


class SplitNN(Record):
    """Sites run the blocks below a cut, the coordinator those above (arXiv 1812.00564).

    A simulated baseline only: activations of notes would reach the coordinator.
    """

    name: Literal["splitnn"] = "splitnn"
    cut: Count
    """Blocks that stay at the site."""


class Composed(Record):
    """Any combination of the parts that the named methods stand for."""

    name: Literal["composed"] = "composed"
    training: Training = Training()
    server: ServerRule = MeanRule()
    configurator: Bandit | None = None


Method = Annotated[
    FedAvg
    | FedProx
    | FedOpt
    | LayerSkipping
    | LoraMethod
    | Adapters
    | DropPeft
    | FedTlu
    | LocalOnly
    | Centralised
    | SplitNN
    | Composed,
    Field(discriminator="name"),
]

METHOD_NAMES = (
    "fedavg",
    "fedprox",
    "fedadam",
    "fedyogi",
    "layer_skipping",
    "lora",
    "ffa_lora",
    "adapters",
    "droppeft",
    "fedtlu",
    "local_only",
    "centralised",
    "composed",
)
"""What a federation's plan may name."""


def training_of(method: Method) -> Training:
    """How sites train and what they share under a method."""
    match method:
        case FedProx():
            return Training(proximal=method.mu)
        case DropPeft():
            dropout = LayerDropout(rate=method.rate, shape=method.shape, masks=method.masks)
            return Training(dropout=dropout, share=method.share, personal=method.personal)
        case FedTlu():
            return training_of(method.inner)
        case Composed():
            return method.training
    return Training()


def server_of(method: Method) -> ServerRule:
    """How the coordinator folds updates in under a method."""
    match method:
        case FedOpt():
            return AdaptiveRule(
                rule=method.name,
                learning_rate=method.server_learning_rate,
                first_decay=method.first_decay,
                second_decay=method.second_decay,
                adaptivity=method.adaptivity,
            )
        case FedTlu():
            return TargetedRule(
                keep=method.keep,
                guarded=method.guarded,
                choose=method.choose,
                seed=method.seed,
                learning_rate=method.server_learning_rate,
            )
        case LocalOnly():
            return OwnRule()
        case Composed():
            return method.server
        case Centralised() | SplitNN():
            return MeanRule()
    return MeanRule(learning_rate=method.server_learning_rate)


def configurator_of(method: Method) -> Bandit | None:
    """What chooses layer dropout for each site and round, if the method has it."""
    match _inner(method):
        case DropPeft(configurator=bandit) | Composed(configurator=bandit):
            return bandit
    return None


def brought_layers(method: Method) -> Layers | None:
    """The blocks that a method names itself, as `layer_skipping` may."""
    inner = _inner(method)
    if not isinstance(inner, LayerSkipping):
        return None
    values = inner.model_dump(include=set(SELECTORS), exclude_none=True)
    return Layers.model_validate(values | {"seed": inner.seed}) if values else None


def brought_adapter(method: Method) -> Adapter | None:
    """The adapter that a method stands for, as `lora` does."""
    match _inner(method):
        case LoraMethod() as lora:
            return Lora(
                rank=lora.rank,
                alpha=lora.alpha,
                targets=lora.targets,
                freeze_a=lora.name == "ffa_lora",
                seed=lora.seed,
            )
        case Adapters() as adapters:
            return Bottleneck(width=adapters.width, places=adapters.places, seed=adapters.seed)
    return None


def _inner(method: Method) -> Method:
    return method.inner if isinstance(method, FedTlu) else method
