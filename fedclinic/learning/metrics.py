"""Quality of predictions: accuracy and F1 of documents, strict F1 of entities, perplexity.

Every metric is made of sums of what is counted of each note, so that any part of the notes, or
notes drawn again, has metrics of its own.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from fedclinic.notes import Span

Sums = NDArray[np.float64]

LARGEST_LOSS = 700.0
"""Nats; the exponential of more is no number."""


@dataclass(frozen=True)
class Tally:
    """What was counted of each note, and how sums of it become metrics."""

    counts: Sums
    """Shape (notes, columns)."""
    metrics_of: Callable[[Sums], dict[str, Sums]]
    """From sums of shape (..., columns) to metrics of shape (...)."""
    shares: Mapping[str, tuple[int, int]]
    """Metrics that are a share: the columns of what was right and of what was tried."""

    def metrics(self) -> dict[str, float]:
        """The metrics of all notes together."""
        found = self.metrics_of(self.counts.sum(0))
        return {name: float(value) for name, value in found.items()}

    def part(self, notes: NDArray[np.int64]) -> "Tally":
        """The tally of some of the notes."""
        return replace(self, counts=self.counts[notes])


def document_tally(predicted: NDArray[np.int64], actual: NDArray[np.int64], classes: int) -> Tally:
    """Accuracy, and F1 averaged over the classes that occur in `actual` or `predicted`."""
    said, true = np.eye(classes)[predicted], np.eye(classes)[actual]
    right = (predicted == actual).astype(np.float64)
    ones = np.ones(len(actual))
    columns = [said * true, said + true, right[:, None], ones[:, None]]

    def metrics_of(sums: Sums) -> dict[str, Sums]:
        hits, named = sums[..., :classes], sums[..., classes : 2 * classes]
        accuracy = _share(sums[..., -2], sums[..., -1])
        return {"accuracy": accuracy, "macro_f1": _mean_f1(hits, named)}

    share = {"accuracy": (2 * classes, 2 * classes + 1)}
    return Tally(np.concatenate(columns, axis=1), metrics_of, share)


def label_tally(predicted: NDArray[np.int64], actual: NDArray[np.int64]) -> Tally:
    """F1 over all yes-or-no decisions together and by label, and documents that are all right.

    Shapes (documents, labels); labels that occur nowhere are left out of the mean.
    """
    labels = actual.shape[1]
    exact = (predicted == actual).all(1).astype(np.float64)
    ones = np.ones(len(actual))
    columns = [predicted * actual, predicted + actual, exact[:, None], ones[:, None]]

    def metrics_of(sums: Sums) -> dict[str, Sums]:
        hits, named = sums[..., :labels], sums[..., labels : 2 * labels]
        return {
            "micro_f1": _share(2 * hits.sum(-1), named.sum(-1)),
            "macro_f1": _mean_f1(hits, named),
            "exact": _share(sums[..., -2], sums[..., -1]),
        }

    share = {"exact": (2 * labels, 2 * labels + 1)}
    return Tally(np.concatenate(columns, axis=1).astype(np.float64), metrics_of, share)


def entity_tally(predicted: Sequence[Sequence[Span]], actual: Sequence[Sequence[Span]]) -> Tally:
    """Micro-averaged precision, recall and F1; an entity counts with exact bounds and type."""
    counts = []
    for ours, gold in zip(predicted, actual, strict=True):
        a = {(span.start, span.end, span.label) for span in ours}
        b = {(span.start, span.end, span.label) for span in gold}
        counts.append((len(a & b), len(a), len(b)))

    def metrics_of(sums: Sums) -> dict[str, Sums]:
        hits, found, wanted = sums[..., 0], sums[..., 1], sums[..., 2]
        return {
            "precision": _share(hits, found),
            "recall": _share(hits, wanted),
            "f1": _share(2 * hits, found + wanted),
        }

    share = {"precision": (0, 1), "recall": (0, 2)}
    return Tally(np.array(counts, np.float64).reshape(-1, 3), metrics_of, share)


def token_tally(losses: Sums, tokens: Sums) -> Tally:
    """Mean loss of the next token in nats, and its exponential; from sums of each note."""

    def metrics_of(sums: Sums) -> dict[str, Sums]:
        loss = np.minimum(sums[..., 0] / np.maximum(sums[..., 1], 1), LARGEST_LOSS)
        return {"perplexity": np.exp(loss), "loss": loss}

    return Tally(np.stack([losses, tokens], axis=1), metrics_of, {})


def _share(right: Sums, tried: Sums) -> Sums:
    """0 where nothing was tried."""
    return np.divide(right, tried, out=np.zeros(np.shape(tried)), where=np.asarray(tried) > 0)


def _mean_f1(hits: Sums, named: Sums) -> Sums:
    """Mean over the classes that were named; 0 where none was."""
    return _share(_share(2 * hits, named).sum(-1), (named > 0).sum(-1).astype(np.float64))
