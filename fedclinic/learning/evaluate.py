"""Measure a model on encoded notes whose labels are known."""

from collections.abc import Mapping, Sequence

import numpy as np
import torch

from fedclinic.errors import AdmissionError
from fedclinic.label_union import annotated
from fedclinic.learning.hidden_states import HiddenStates, Precision
from fedclinic.learning.layers import SplitModel
from fedclinic.learning.losses import token_losses
from fedclinic.learning.metrics import (
    Sums,
    Tally,
    document_tally,
    entity_tally,
    label_tally,
    token_tally,
)
from fedclinic.learning.note_batches import PHYSICAL_ROWS
from fedclinic.learning.predict import predict
from fedclinic.learning.tasks import IGNORED, EncodedNotes, IntArray, Row, entities_of_note
from fedclinic.notes import Span
from fedclinic.plan import Task


def measure(
    model: SplitModel, notes: EncodedNotes, hidden: HiddenStates, precision: Precision, task: Task
) -> dict[str, float]:
    """Compute the task's metrics over all notes, each counted once."""
    return count(model, notes, hidden, precision, task).metrics()


def count(
    model: SplitModel, notes: EncodedNotes, hidden: HiddenStates, precision: Precision, task: Task
) -> Tally:
    """Count what the task's metrics are made of, note by note."""
    if task.kind == "language_modelling":
        losses, tokens = row_losses(model, notes.rows, hidden, precision)
        of_note = notes.rows_of_note
        return token_tally(_by_note(losses, of_note), _by_note(tokens, of_note))
    several = notes.several_labels
    classes = dict(predict(model.trunk, hidden, len(notes.rows), precision, several_labels=several))
    rows = [int(indices[0]) for indices in notes.rows_of_note]
    if several:
        return label_tally(
            np.stack([classes[row] for row in rows]),
            np.stack([notes.rows[row].targets for row in rows]),
        )
    if task.kind == "document_classification":
        predicted = np.array([classes[row][0] for row in rows])
        actual = np.array([notes.rows[row].targets[0] for row in rows])
        return document_tally(predicted, actual, len(task.labels))
    found = [_entities(notes, indices, classes, task) for indices in notes.rows_of_note]
    return entity_tally(found, notes.entities_of_note)


def perplexity(
    model: SplitModel, rows: Sequence[Row], hidden: HiddenStates, precision: Precision
) -> float:
    """Exponential of the mean loss of the next token over all tokens."""
    losses, tokens = row_losses(model, rows, hidden, precision)
    return token_tally(losses, tokens).metrics()["perplexity"]


def row_losses(
    model: SplitModel, rows: Sequence[Row], hidden: HiddenStates, precision: Precision
) -> tuple[Sums, Sums]:
    """Sum of the losses of each row's next tokens, and how many there are; shape (rows,)."""
    losses, tokens = np.zeros(len(rows)), np.zeros(len(rows))
    with torch.no_grad():
        for start in range(0, len(rows), PHYSICAL_ROWS):
            batch = range(start, min(start + PHYSICAL_ROWS, len(rows)))
            states, mask = hidden.batch(list(batch))
            with precision.autocast():
                logits = model.trunk(states, mask)
            targets = torch.full(logits.shape[:2], IGNORED, device=logits.device)
            for place, row in enumerate(batch):
                values = torch.from_numpy(rows[row].targets)
                targets[place, : len(values)] = values.to(logits.device)
            each = token_losses(logits.float(), targets).double().sum(1)
            losses[start : batch.stop] = each.cpu().numpy()
            tokens[start : batch.stop] = (targets != IGNORED).sum(1).cpu().numpy()
    return losses, tokens


def _by_note(values: Sums, rows_of_note: Sequence[IntArray]) -> Sums:
    return np.array([values[rows].sum() for rows in rows_of_note])


def load_change(model: SplitModel, change: Mapping[str, np.ndarray]) -> None:
    """Add the global model's change since the base model to a freshly split model, in place.

    Raises:
        AdmissionError: if the tensors' names or shapes are not those of the model.
    """
    shapes = {name: tuple(values.shape) for name, values in change.items()}
    if shapes != model.shapes():
        raise AdmissionError("the global model's tensors do not match the plan's layers")
    with torch.no_grad():
        for name, parameter in model.trained():
            parameter.add_(torch.from_numpy(np.ascontiguousarray(change[name])).to(parameter))


def _entities(
    notes: EncodedNotes, rows: IntArray, classes: Mapping[int, IntArray], task: Task
) -> list[Span]:
    """Predicted entities of a note, of the labels that its annotators looked for."""
    numbers = rows.tolist()
    found = entities_of_note(
        [notes.rows[row] for row in numbers], [classes[row] for row in numbers], task
    )
    counted = annotated(task.labels, task.own_labels)
    return [span for span in found if span.label in counted]
