"""Quality of predictions: accuracy and F1 of documents, strict F1 of entities."""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from fedclinic.notes import Span


def document_metrics(
    predicted: NDArray[np.int64], actual: NDArray[np.int64], classes: int
) -> dict[str, float]:
    """Accuracy, and F1 averaged over the classes that occur in `actual` or `predicted`."""
    scores = []
    for label in range(classes):
        hits = int(np.sum((predicted == label) & (actual == label)))
        named = int(np.sum(predicted == label)) + int(np.sum(actual == label))
        if named:
            scores.append(2 * hits / named)
    return {
        "accuracy": float(np.mean(predicted == actual)),
        "macro_f1": float(np.mean(scores)),
    }


def label_metrics(predicted: NDArray[np.int64], actual: NDArray[np.int64]) -> dict[str, float]:
    """F1 over all yes-or-no decisions together and by label, and documents that are all right.

    Shapes (documents, labels); labels that occur nowhere are left out of the mean.
    """
    hits = (predicted * actual).sum(0)
    named = predicted.sum(0) + actual.sum(0)
    by_label = 2 * hits[named > 0] / named[named > 0]
    return {
        "micro_f1": float(2 * hits.sum() / named.sum()) if named.sum() else 0.0,
        "macro_f1": float(by_label.mean()) if by_label.size else 0.0,
        "exact": float((predicted == actual).all(1).mean()),
    }


def entity_metrics(
    predicted: Sequence[Sequence[Span]], actual: Sequence[Sequence[Span]]
) -> dict[str, float]:
    """Micro-averaged precision, recall and F1; an entity counts with exact bounds and type."""
    hits = found = wanted = 0
    for ours, gold in zip(predicted, actual, strict=True):
        a = {(span.start, span.end, span.label) for span in ours}
        b = {(span.start, span.end, span.label) for span in gold}
        hits, found, wanted = hits + len(a & b), found + len(a), wanted + len(b)
    return {
        "precision": hits / found if found else 0.0,
        "recall": hits / wanted if wanted else 0.0,
        "f1": 2 * hits / (found + wanted) if found + wanted else 0.0,
    }
