"""Local rounds over random token ids: a tiny BERT, some patients, and no text at all."""

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import numpy as np
import torch

from fedclinic.learning.finetune import LocalRound
from fedclinic.learning.hidden_states import ComputedHiddenStates, Precision
from fedclinic.learning.layers import split
from fedclinic.learning.tasks import IGNORED, EncodedNotes, Row
from fedclinic.plan import Layers, Optimizer
from tests.fakes import FakeProgress
from tests.tiny_models import make_bert

CPU = Precision(torch.device("cpu"), bf16=False)
CLASSES = 3
BIO_CLASSES = 5


def make_rows(
    lengths: Sequence[int], *, tokens: bool, classes: Sequence[int] | None = None, seed: int = 0
) -> tuple[Row, ...]:
    """Rows of these lengths; a document's token ids come from a range of its own class."""
    generator = np.random.default_rng(seed)
    rows = []
    for index, length in enumerate(lengths):
        label = classes[index] if classes is not None else index % CLASSES
        low = 4 + 8 * label
        ids = generator.integers(low, low + 8, size=length)
        nowhere = np.full(length, -1)
        if not tokens:
            rows.append(Row(ids, np.array([label]), nowhere, nowhere))
            continue
        targets = generator.integers(0, BIO_CLASSES, size=length)
        targets[generator.random(length) < 0.4] = IGNORED
        rows.append(Row(ids, targets, np.arange(length), np.arange(length) + 1))
    return tuple(rows)


def make_encoded(
    rows: tuple[Row, ...], rows_of_note: Sequence[Sequence[int]], patients: Sequence[Sequence[int]]
) -> EncodedNotes:
    return EncodedNotes(
        rows=rows,
        rows_of_note=tuple(np.array(indices) for indices in rows_of_note),
        notes_of_patient=tuple(np.array(indices) for indices in patients),
        entities_of_note=tuple(() for _ in rows_of_note),
    )


def one_note_each(count: int, *, tokens: bool = False) -> EncodedNotes:
    """As many patients with a note of one row each, of lengths 3 to 12."""
    rows = make_rows([3 + n % 10 for n in range(count)], tokens=tokens)
    each = [[n] for n in range(count)]
    return make_encoded(rows, each, each)


def notes_of_windows() -> EncodedNotes:
    """Six patients, nine notes, of which three have several rows with labelled tokens."""
    rows = make_rows([9, 9, 4, 12, 5, 7, 7, 7, 3, 11, 6, 8, 2, 10], tokens=True)
    rows_of_note = [[0, 1, 2], [3], [4], [5, 6, 7, 8], [9], [10], [11, 12], [13]]
    return make_encoded(rows, rows_of_note, [[0, 1], [2], [3], [4, 5], [6], [7]])


def make_local_round(notes: EncodedNotes, *, top: int = 1, **changes: Any) -> LocalRound:
    pooled = len(notes.rows[0].targets) == 1
    model = split(
        make_bert(), Layers(top=top), outputs=CLASSES if pooled else BIO_CLASSES, pooled=pooled
    )
    model.trunk.train()
    with torch.no_grad():
        model.trunk.head.weight.normal_(std=0.1, generator=torch.Generator().manual_seed(3))
    local = LocalRound(
        model=model,
        notes=notes,
        hidden=ComputedHiddenStates(model.stem, notes.rows, CPU),
        precision=CPU,
        optimizer=Optimizer(name="sgd", learning_rate=0.5),
        round_number=1,
        rounds=2,
        progress=FakeProgress(),
    )
    return replace(local, **changes)
