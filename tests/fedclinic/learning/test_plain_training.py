"""A round without privacy, for comparison: what it learns, repeats and leaves alone."""

import numpy as np
import torch

from fedclinic.learning import note_batches
from fedclinic.learning.evaluate import measure
from fedclinic.learning.finetune import train_unprotected
from fedclinic.learning.predict import predict
from fedclinic.plan import Optimizer
from tests.factories import make_learning_task, make_unprotected
from tests.fedclinic.learning.training import largest_difference
from tests.tiny_rounds import make_encoded, make_local_round, make_rows, notes_of_windows


def test_plain_training_learns_what_can_be_told_apart():
    rows = make_rows([8] * 60, tokens=False)
    each = [[n] for n in range(60)]
    notes = make_encoded(rows, each, each)
    local = make_local_round(
        notes, top=2, rounds=1, optimizer=Optimizer(name="adam", learning_rate=0.01)
    )
    task = make_learning_task()
    before = measure(local.model, notes, local.hidden, local.precision, task)
    train_unprotected(local, make_unprotected(epochs_per_round=6, batch_notes=8))
    after = measure(local.model, notes, local.hidden, local.precision, task)
    assert before["accuracy"] < 0.7
    assert after["accuracy"] == 1.0


def test_plain_training_is_repeated_exactly_by_its_seed(notes):
    def train(seed: int, round_number: int = 1) -> dict[str, np.ndarray]:
        local = make_local_round(notes, round_number=round_number)
        return train_unprotected(local, make_unprotected(seed=seed, batch_notes=1))

    first = train(0)
    assert largest_difference(first, train(0)) == 0.0
    assert largest_difference(first, train(1)) > 0.0
    assert largest_difference(first, train(0, round_number=2)) > 0.0


def test_plain_training_sees_every_note_once_an_epoch(notes):
    order = np.random.default_rng(0)
    batches = list(note_batches.shuffled_batches(notes, 3, order))
    seen = sorted(int(note) for batch in batches for note in batch)
    assert seen == list(range(notes.notes))
    assert all(len(batch) <= 3 for batch in batches)


def test_plain_training_changes_only_what_is_planned(notes):
    local = make_local_round(notes, top=1)
    frozen = {name: p.detach().clone() for name, p in local.model.stem.named_parameters()}
    update = train_unprotected(local, make_unprotected())
    assert {name: values.shape for name, values in update.items()} == local.model.shapes()
    assert all(torch.equal(p, frozen[n]) for n, p in local.model.stem.named_parameters())


def test_an_order_of_notes_that_is_chosen_for_a_step_keeps_each_note_whole():
    notes = notes_of_windows()
    chosen = np.array([0, 3, 6, 7, 1])
    batches = note_batches.physical_batches(notes, [np.array([note]) for note in chosen])
    found = [int(note) for batch in batches for own in batch for note in own]
    assert sorted(found) == sorted(chosen.tolist())


def test_predictions_cover_every_row_once(notes, monkeypatch):
    local = make_local_round(notes)

    def classes() -> dict[int, list[int]]:
        found = predict(local.model.trunk, local.hidden, len(notes.rows), local.precision)
        return {row: values.tolist() for row, values in found}

    expected = classes()
    assert sorted(expected) == list(range(len(notes.rows)))
    monkeypatch.setattr(note_batches, "PHYSICAL_ROWS", 1)
    for row, values in classes().items():
        assert values == expected[row][: len(values)]
