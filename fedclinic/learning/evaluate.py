"""Measure a model on encoded notes whose labels are known."""

from collections.abc import Mapping

import numpy as np
import torch

from fedclinic.errors import AdmissionError
from fedclinic.learning.finetune import predict
from fedclinic.learning.hidden_states import HiddenStates, Precision
from fedclinic.learning.layers import SplitModel
from fedclinic.learning.metrics import document_metrics, entity_metrics
from fedclinic.learning.tasks import EncodedNotes, IntArray, entities_of_note
from fedclinic.notes import Span
from fedclinic.plan import Task


def measure(
    model: SplitModel, notes: EncodedNotes, hidden: HiddenStates, precision: Precision, task: Task
) -> dict[str, float]:
    """Compute the task's metrics over all notes, each counted once."""
    classes = dict(predict(model.trunk, hidden, len(notes.rows), precision))
    if task.kind == "document_classification":
        rows = [int(indices[0]) for indices in notes.rows_of_note]
        predicted = np.array([classes[row][0] for row in rows])
        actual = np.array([notes.rows[row].targets[0] for row in rows])
        return document_metrics(predicted, actual, len(task.labels))
    found = [_entities(notes, indices, classes, task) for indices in notes.rows_of_note]
    return entity_metrics(found, notes.entities_of_note)


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
    numbers = rows.tolist()
    return entities_of_note(
        [notes.rows[row] for row in numbers], [classes[row] for row in numbers], task
    )
