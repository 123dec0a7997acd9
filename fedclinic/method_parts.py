"""The orthogonal parts of a method: how a site trains, what it shares, how the server folds in."""

from typing import Annotated, Literal, Self

from pydantic import Field, PositiveFloat, PositiveInt, model_validator

from fedclinic.records import Count, Name, Probability, Record

MAX_DROP_RATE = 0.9
"""Above it a block would hardly ever train; design of DropPEFT's shapes caps each rate there."""

Shape = Literal["uniform", "incremental", "decay"]
DropRate = Annotated[float, Field(ge=0, le=MAX_DROP_RATE)]
Share = Annotated[float, Field(gt=0, le=1)]
Decay = Annotated[float, Field(ge=0, lt=1)]


class LayerDropout(Record):
    """Whole blocks are skipped at random while training (STLD of DropPEFT, arXiv 2503.10217)."""

    rate: DropRate
    """Mean probability that a block is skipped in a step."""
    shape: Shape = "uniform"
    """How the rate varies from the input to the output."""
    masks: Literal["exact", "bernoulli"] = "exact"
    """The same number of active blocks in every step, or each block by itself."""


class Training(Record):
    """How a site trains and what it shares; constants that never depend on its notes."""

    proximal: Annotated[float, Field(ge=0)] = 0.0
    """mu of FedProx: (mu / 2) ||w - w_t||^2 is added to the loss."""
    dropout: LayerDropout | None = None
    share: Share = 1.0
    """Part of the blocks whose change a site sends (PTLS); the others stay its own."""
    personal: tuple[Count, ...] = ()
    """Blocks that stay a site's own in every round; 0 is nearest the input of the whole model."""

    @property
    def keeps_blocks(self) -> bool:
        """Whether sites keep some blocks to themselves."""
        return self.share < 1 or bool(self.personal)


PLAIN_TRAINING = Training()


class MeanRule(Record):
    rule: Literal["mean"] = "mean"
    learning_rate: PositiveFloat = 1.0


class AdaptiveRule(Record):
    rule: Literal["fedadam", "fedyogi"]
    learning_rate: PositiveFloat
    first_decay: Decay = 0.9
    second_decay: Decay = 0.99
    adaptivity: PositiveFloat = 1e-3


class TargetedRule(Record):
    rule: Literal["fedtlu"] = "fedtlu"
    keep: PositiveInt
    guarded: bool = False
    choose: Literal["critical", "random", "last"] = "critical"
    seed: Count = 0
    learning_rate: PositiveFloat = 1.0


class OwnRule(Record):
    """Every site goes on from its own model."""

    rule: Literal["own"] = "own"


ServerRule = Annotated[
    MeanRule | AdaptiveRule | TargetedRule | OwnRule, Field(discriminator="rule")
]


class Bandit(Record):
    """Chooses each site's shape and rate of layer dropout, by windowed epsilon-greedy."""

    kind: Literal["bandit"] = "bandit"
    arms: Annotated[int, Field(ge=2, le=64)] = 6
    window_rounds: PositiveInt = 5
    exploration_start: Probability = 0.3
    exploration_end: Probability = 0.1
    max_rate: DropRate = 0.8
    """Largest rate of an arm."""
    min_rate: DropRate = 0.0
    """Smallest rate of an arm."""
    min_rates: dict[Name, DropRate] = {}
    """Smallest rate for a site whose memory is short: 0.5 where it holds half of the blocks above
    the cut. The site gets arms that fit only."""
    seed: Count = 0

    @model_validator(mode="after")
    def _every_site_has_an_arm(self) -> Self:
        if self.min_rate > self.max_rate:
            raise ValueError(f"min_rate {self.min_rate} is above max_rate {self.max_rate}")
        for site, least in self.min_rates.items():
            if least > self.max_rate:
                raise ValueError(
                    f"min_rates: {site} needs {least}, and max_rate is {self.max_rate}: "
                    f"at most {self.max_rate}"
                )
        return self
