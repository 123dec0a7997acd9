"""LoRA: a frozen linear layer beside which a product of two thin matrices trains.

y = W x + (alpha / rank) B A x, B zero at the start (Hu et al. 2021, arXiv 2106.09685). FFA-LoRA
freezes A (Sun et al. 2024, arXiv 2403.12313): then averaging the sites' B is averaging the change.

Our own few lines and not the `peft` library: A and B are plain linear layers, so that the exact
per-patient engines cover them, there is no dropout and no hook, names are the plan's, and A comes
from the plan's seed, so that every site starts from the same one. `peft` under Opacus has trained
adapters that could not be used, with falling loss and a right epsilon (opacus issue 820).
"""

import math
from typing import cast

import numpy as np
import torch
from torch import Tensor, nn

from fedclinic.chosen_layers import Lora


class LoraLinear(nn.Module):
    """In the place of `base`; its trained tensors are `lora_a.weight` and `lora_b.weight`."""

    def __init__(self, base: nn.Module, plan: Lora, place: str) -> None:
        """Wrap `base`; `place` is its name in the whole model, from which A is drawn."""
        super().__init__()
        inputs, outputs = widths(base)
        self.base = base
        self.lora_a = nn.Linear(inputs, plan.rank, bias=False)
        self.lora_b = nn.Linear(plan.rank, outputs, bias=False)
        self.scale = plan.alpha / plan.rank
        start_uniform(self.lora_a, f"{plan.seed}:{place}:lora_a")
        nn.init.zeros_(self.lora_b.weight)
        self.lora_a.requires_grad_(not plan.freeze_a)

    def forward(self, inputs: Tensor) -> Tensor:
        change: Tensor = self.lora_b(self.lora_a(inputs))
        output: Tensor = self.base(inputs)
        return output + self.scale * change


def widths(linear: nn.Module) -> tuple[int, int]:
    """Inputs and outputs of a linear layer, also of GPT-2's, which is stored transposed."""
    weight = cast(Tensor, linear.weight)
    outputs, inputs = weight.shape
    return (inputs, outputs) if isinstance(linear, nn.Linear) else (outputs, inputs)


def is_linear(module: nn.Module) -> bool:
    return isinstance(module, nn.Linear) or type(module).__name__ == "Conv1D"


def start_uniform(linear: nn.Linear, name: str) -> None:
    """Start a weight as torch does, uniform within 1 / sqrt(inputs), but the same everywhere."""
    generator = np.random.default_rng(list(name.encode()))
    bound = 1 / math.sqrt(linear.in_features)
    values = generator.uniform(-bound, bound, size=tuple(linear.weight.shape))
    with torch.no_grad():
        linear.weight.copy_(torch.from_numpy(values))
