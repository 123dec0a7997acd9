"""One measurement of a suite: small, independent of the others, and named by what it says."""

import hashlib
from typing import Annotated, Literal, Self

from pydantic import Field, PositiveFloat, PositiveInt, model_validator

from fedclinic.digest import canonical_json
from fedclinic.plan import Layers, Method, Optimizer, Privacy
from fedclinic.records import Count, Name, Record

ModelName = Literal["minilm", "small_gpt"]
"""The embedded model; a GPT of six narrow blocks that starts at random."""
CorpusName = Literal["ncbi_disease", "bc5cdr", "mtsamples", "synthetic"]
AttackName = Literal["label_flip", "noise", "sign_flip", "constant_shift", "scaling", "alie", "ipm"]
RobustName = Literal["mean", "norm_bound", "trimmed_mean", "centred_clipping"]


class CorpusChoice(Record):
    """Which notes, and how many of them; a smaller number is the beginning of a larger one."""

    name: CorpusName
    max_tokens: Annotated[int, Field(ge=8, le=512)]
    train: PositiveInt
    """Patients (documents where a corpus has none) that are encoded; for `synthetic`, a hospital's.
    """
    test: PositiveInt
    """The same of the test split."""


class Partition(Record):
    """How patients come to sites."""

    kind: Literal["iid", "dirichlet", "natural"]
    alpha: PositiveFloat | None = None
    """Concentration of `dirichlet`."""

    @model_validator(mode="after")
    def _alpha_belongs_to_dirichlet(self) -> Self:
        if (self.kind == "dirichlet") != (self.alpha is not None):
            raise ValueError("alpha belongs to dirichlet, and only to it")
        return self

    def describe(self) -> str:
        return f"Dirichlet {self.alpha:g}" if self.alpha is not None else self.kind


class Bad(Record):
    """Sites that falsify what they send."""

    attack: AttackName
    sites: PositiveInt


class Cell(Record):
    """Everything that decides a result, but for the machine and the versions."""

    suite: Name
    arm: Annotated[str, Field(min_length=1)]
    """What the row of the suite's table is called."""
    corpus: CorpusChoice
    model: ModelName
    layers: Layers
    method: Method
    optimizer: Optimizer
    privacy: Privacy
    rounds: PositiveInt
    sites: PositiveInt
    partition: Partition
    seed: Count
    patients: PositiveInt | None = None
    """Patients of each hospital that take part; None: all that are encoded."""
    dtype: Literal["F32", "BF16"] = "F32"
    max_update_norm: PositiveFloat = 1e6
    evaluate_every: PositiveInt = 1
    robust: RobustName = "mean"
    bad: Bad | None = None

    @model_validator(mode="after")
    def _most_sites_are_honest(self) -> Self:
        if self.bad is not None and 2 * self.bad.sites >= self.sites:
            raise ValueError("fewer than half of the sites are bad")
        return self

    def title(self) -> str:
        """Corpus and arm, as a person would ask for them."""
        patients = f", {self.patients} patients a hospital" if self.patients is not None else ""
        return f"{self.corpus.name}: {self.arm}{patients}"

    def digest(self) -> str:
        """Name the cell by what was said of it; a field that is new and unsaid changes nothing."""
        said = self.model_dump(mode="json", exclude_unset=True)
        return hashlib.sha256(canonical_json(said)).hexdigest()[:16]

    def group(self) -> str:
        """The same for all seeds of a measurement."""
        said = self.model_dump(mode="json", exclude_unset=True, exclude={"seed"})
        return hashlib.sha256(canonical_json(said)).hexdigest()[:16]
