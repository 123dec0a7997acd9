"""The loss of a note is its own: it depends neither on its batch nor on how it was cut."""

from dataclasses import replace

import numpy as np
import pytest
import torch

from fedclinic.learning import note_batches
from fedclinic.learning.finetune import LocalRound, clipped_sum, row_losses
from fedclinic.privacy.bookkeeping import BookKeeping
from tests.fedclinic.learning.training import norm_of
from tests.tiny_rounds import (
    make_encoded,
    make_local_round,
    make_rows,
    notes_of_windows,
    one_note_each,
)


def shares_of(local: LocalRound, chosen: list[int]) -> tuple[np.ndarray, torch.Tensor]:
    rows = np.concatenate([local.notes.rows_of_note[note] for note in chosen])
    return rows, note_batches.note_shares(local.notes, chosen)


def note_losses(local: LocalRound, chosen: list[int]) -> list[float]:
    """Loss of each chosen note, computed in one batch."""
    rows, shares = shares_of(local, chosen)
    with torch.no_grad():
        losses = row_losses(local, rows, shares=shares).tolist()
    sizes = [len(local.notes.rows_of_note[note]) for note in chosen]
    ends = np.cumsum(sizes)
    return [sum(losses[end - size : end]) for size, end in zip(sizes, ends, strict=True)]


def test_the_loss_of_a_note_does_not_depend_on_the_others_of_its_batch(notes):
    local = make_local_round(notes)
    everyone = list(range(notes.notes))
    together = note_losses(local, everyone)
    alone = [note_losses(local, [note])[0] for note in everyone]
    assert together == pytest.approx(alone, abs=1e-5)
    assert min(alone) > 0


def test_the_rows_of_a_note_add_up_to_the_mean_loss_of_its_labelled_tokens():
    notes = notes_of_windows()
    local = make_local_round(notes)
    for note, rows in enumerate(notes.rows_of_note):
        by_token = []
        for row in rows:
            hidden, mask = local.hidden.batch([row])
            with torch.no_grad():
                scores = local.model.trunk(hidden, mask)[0].log_softmax(-1)
            targets = notes.rows[row].targets
            by_token += [
                -float(scores[position, target])
                for position, target in enumerate(targets)
                if target >= 0
            ]
        assert note_losses(local, [note])[0] == pytest.approx(np.mean(by_token), abs=1e-5)


def test_a_note_without_a_labelled_token_has_no_loss_and_harms_no_other():
    rows = make_rows([5, 5], tokens=True)
    rows[0].targets[:] = -100
    local = make_local_round(make_encoded(rows, [[0], [1]], [[0], [1]]))
    silent, other = note_losses(local, [0, 1])
    assert silent == 0.0
    assert other == pytest.approx(note_losses(local, [1])[0], abs=1e-6)


def test_the_plan_weighs_a_documents_loss_by_its_label_whatever_is_beside_it():
    local = make_local_round(one_note_each(6))
    weights = np.array([2.0, 0.5, 1.0], np.float32)
    weighed = replace(local, notes=replace(local.notes, weight_of_label=weights))
    everyone = list(range(6))
    labels = [int(row.targets[0]) for row in local.notes.rows]
    plain = np.array(note_losses(local, everyone))
    assert set(labels) == {0, 1, 2}
    assert note_losses(weighed, everyone) == pytest.approx(plain * weights[labels], rel=1e-5)
    assert note_losses(weighed, [0]) == pytest.approx(plain[:1] * weights[labels[0]], rel=1e-5)


def test_no_weight_lets_a_patient_move_the_update_by_more_than_the_clipping_norm():
    local = make_local_round(one_note_each(6))
    huge = np.array([1e6, 1e6, 1e6], np.float32)
    weighed = replace(local, notes=replace(local.notes, weight_of_label=huge))
    engine = BookKeeping(weighed.network())
    try:
        total = clipped_sum(weighed, engine, np.array([3]), 0.5)
    finally:
        engine.detach()
    assert norm_of({n: v.numpy() for n, v in total.gradients.items()}) == pytest.approx(0.5)
