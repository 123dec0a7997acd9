"""The one trunk that all simulated sites take turns at."""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from fedclinic.learning.evaluate import load_change
from fedclinic.learning.layers import SplitModel
from fedclinic.updates.codec import Tensors


@dataclass(frozen=True)
class SharedTrunk:
    """A split model and what its trained tensors were before any training."""

    model: SplitModel
    initial: Mapping[str, Tensor]

    @classmethod
    def of(cls, model: SplitModel) -> "SharedTrunk":
        return cls(model, {name: p.detach().clone() for name, p in model.trained()})

    def reset(self, change: Tensors | None, personal: Tensors | None = None) -> None:
        """Load the base model, plus the global model's change so far, or a site's own blocks.

        `personal` holds the change since the base of the tensors that are the site's own.
        """
        with torch.no_grad():
            for name, parameter in self.model.trained():
                parameter.copy_(self.initial[name])
        if change is not None or personal:
            zeros = {name: np.zeros(size, np.float32) for name, size in self.model.shapes().items()}
            load_change(self.model, {**zeros, **(change or {}), **(personal or {})})
