"""What a plan's model learns, and from which pre-trained model it starts."""

from typing import Annotated, Literal, Self

from pydantic import Field, PositiveFloat, PositiveInt, StringConstraints, model_validator

from fedclinic.records import Digest, Name, Record

Label = Annotated[str, StringConstraints(min_length=1, max_length=100)]


class Task(Record):
    """What the model learns."""

    kind: Literal[
        "document_classification",
        "multilabel_classification",
        "token_classification",
        "language_modelling",
    ]
    labels: tuple[Label, ...] = ()
    """Document labels, or entity types without their B-/I- prefix; their order is the head's.
    A language model has none: it learns the next token."""
    label_weights: dict[Label, PositiveFloat] = {}
    """Loss of a document with that label over that of one whose label is not named here. Sites
    agree to them; none is computed from a site's own counts, which it would tell."""
    max_tokens: Annotated[int, Field(ge=8, le=8192)]
    """Tokens of a note that the model sees; the rest is cut off (documents) or split (tokens)."""
    own_labels: dict[Label, Label] = {}
    """In a task that a site is given: which of `labels` it annotates, by the names that its notes
    have for them; empty: all, by these names. A plan says it under `sites`."""

    @model_validator(mode="after")
    def _labels_differ(self) -> Self:
        if len(set(self.labels)) != len(self.labels):
            raise ValueError("a label is listed twice")
        least = {"language_modelling": 0, "multilabel_classification": 2}.get(self.kind, 1)
        if len(self.labels) < least or (self.labels and not least):
            raise ValueError(f"labels: {self.kind} has {f'at least {least}' if least else 'none'}")
        return self

    @model_validator(mode="after")
    def _weights_are_of_labels(self) -> Self:
        if self.label_weights and self.kind != "document_classification":
            raise ValueError(f"label_weights are for document_classification, not {self.kind}")
        if unknown := sorted(set(self.label_weights) - set(self.labels)):
            raise ValueError(f"label_weights: {unknown[0]!r} is no label of this task")
        return self


class BaseModelRef(Record):
    """The pre-trained model that stays frozen except for the chosen layers."""

    name: Name
    """The name under which a site's `models` maps to a local folder; `minilm` is embedded."""
    digest: Digest | None = None
    """Digest of the model folder; a site refuses a folder with another digest. None: not pinned."""
    blocks: PositiveInt | None = None
    """Number of transformer blocks, so that a wrong choice of layers shows before any site is
    asked; a site refuses a model with another number. None: sites find out."""
    attention: Literal["own", "bidirectional"] = "own"
    """Let a decoder's tokens see those that follow, which token classification may gain from."""
