"""The loss of a row of each kind of task, from the model's outputs; one row never sees another."""

from collections.abc import Sequence

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


def merge_unannotated(logits: Tensor, labels: Sequence[int]) -> Tensor:
    """Let O stand for itself and for everything that a site does not annotate.

    The cross entropy of what this returns is the loss of a partial label: minus the log of
    P(O) + sum P(B-) + P(I-) over the unannotated labels where a token is unmarked, and that of a
    plain label where it is marked. Adding up is what the marginal CRF of Greenberg et al. 2018
    (EMNLP, D18-1306) does for paths; a token classifier has one place at a time.

    Args:
        logits: shape (rows, tokens, 1 + 2 labels): O, then B- and I- of each label.
        labels: numbers of the labels that are not annotated.
    """
    classes = torch.tensor([1 + 2 * label + inside for label in labels for inside in (0, 1)])
    hidden = torch.zeros(logits.shape[-1], dtype=torch.bool)
    hidden[classes] = True
    counted = hidden.clone()
    counted[0] = True
    hidden, counted = hidden.to(logits.device), counted.to(logits.device)
    least = torch.finfo(logits.dtype).min
    outside = logits.masked_fill(~counted, least).logsumexp(-1, keepdim=True)
    return torch.cat([outside, logits.masked_fill(hidden, least)[..., 1:]], dim=-1)


def row_loss_of_tokens(logits: Tensor, targets: Tensor, shares: Tensor) -> Tensor:
    """Mean loss of a row's labelled tokens, times the share of its note that the row holds."""
    labelled = (targets != IGNORED).sum(1).clamp(min=1)
    return token_losses(logits, targets).sum(1) / labelled * shares.to(logits.device)


def document_losses(
    logits: Tensor, targets: Tensor, weight_of_label: Tensor | None = None
) -> Tensor:
    """Loss of each document of one label, shape (rows,), times its label's weight if there is one.

    The weights are the plan's, shape (labels,), and a document's loss is divided by no sum of the
    batch's weights: it depends on no other document.
    """
    return cross_entropy(logits, targets.squeeze(1), weight=weight_of_label, reduction="none")


def chosen_classes(logits: Tensor, *, several: bool) -> Tensor:
    """The likeliest class; or, where a document has several labels, which are likelier than not."""
    return (logits > 0).to(torch.int64) if several else logits.argmax(-1)
