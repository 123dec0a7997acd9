"""The loss of a row of each kind of task, from the model's outputs; one row never sees another."""

import torch
from torch import Tensor
from torch.nn.functional import binary_cross_entropy_with_logits, cross_entropy

from fedclinic.learning.tasks import IGNORED


def label_losses(logits: Tensor, targets: Tensor) -> Tensor:
    """Mean over a document's labels of how wrong each yes or no is, shape (rows,).

    `targets`, shape (rows, labels), holds 0, 1, or IGNORED where nothing counts.
    """
    counted = targets != IGNORED
    wrong = binary_cross_entropy_with_logits(
        logits, targets.clamp(min=0).to(logits.dtype), reduction="none"
    )
    return (wrong * counted).sum(1) / counted.sum(1).clamp(min=1)


def token_losses(logits: Tensor, targets: Tensor) -> Tensor:
    """Loss of each token, shape (rows, tokens), 0 where the target is IGNORED."""
    return cross_entropy(logits.transpose(1, 2), targets, ignore_index=IGNORED, reduction="none")


def row_loss_of_tokens(logits: Tensor, targets: Tensor, shares: Tensor) -> Tensor:
    """Mean loss of a row's labelled tokens, times the share of its note that the row holds."""
    labelled = (targets != IGNORED).sum(1).clamp(min=1)
    return token_losses(logits, targets).sum(1) / labelled * shares.to(logits.device)


def document_losses(logits: Tensor, targets: Tensor) -> Tensor:
    """Loss of each document of one label, shape (rows,)."""
    return cross_entropy(logits, targets.squeeze(1), reduction="none")


def chosen_classes(logits: Tensor, *, several: bool) -> Tensor:
    """The likeliest class; or, where a document has several labels, which are likelier than not."""
    return (logits > 0).to(torch.int64) if several else logits.argmax(-1)
