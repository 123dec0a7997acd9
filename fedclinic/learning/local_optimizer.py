"""The optimiser that turns (noised) mean gradients into a site's update."""

import torch
from torch import Tensor, nn

from fedclinic.plan import Optimizer


def make_optimizer(plan: Optimizer, trained: dict[str, nn.Parameter]) -> torch.optim.Optimizer:
    """SGD or Adam over the blocks, and over the head at its factor of the rate."""
    head = [parameter for name, parameter in trained.items() if name.startswith("head.")]
    blocks = [parameter for name, parameter in trained.items() if not name.startswith("head.")]
    groups = [
        {"params": blocks, "factor": 1.0},
        {"params": head, "factor": plan.head_factor},
    ]
    groups = [group for group in groups if group["params"]]
    if plan.name == "sgd":
        return torch.optim.SGD(groups, lr=plan.learning_rate, momentum=plan.momentum)
    return torch.optim.Adam(groups, lr=plan.learning_rate)


def set_rate(optimizer: torch.optim.Optimizer, rate: float) -> None:
    """Set this step's rate; each group has its factor of it."""
    for group in optimizer.param_groups:
        group["lr"] = rate * group["factor"]


def add_proximal(trained: dict[str, nn.Parameter], start: dict[str, Tensor], mu: float) -> None:
    """Add the gradient of (mu / 2) ||w - w_t||^2 where a tensor has a gradient (FedProx).

    Source: Li et al. 2020, arXiv 1812.06127. Under DP both w and w_t come from noised values, so
    that the term costs nothing: it is post-processing.
    """
    if mu == 0:
        return
    for name, parameter in trained.items():
        if parameter.grad is not None:
            parameter.grad.add_(parameter.detach() - start[name], alpha=mu)
