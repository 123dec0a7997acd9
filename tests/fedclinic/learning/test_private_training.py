"""A private round: what it depends on, what it never depends on, and what it changes."""

import math

import numpy as np
import pytest
import torch

from fedclinic.errors import TrainingError
from fedclinic.learning import note_batches
from fedclinic.learning.finetune import clipped_sum, train_privately
from fedclinic.plan import Optimizer
from fedclinic.privacy.bookkeeping import BookKeeping
from fedclinic.privacy.random_stream import RandomStream
from tests.factories import make_privacy
from tests.fakes import FakeProgress
from tests.fedclinic.learning.training import EVERYBODY, KEY, largest_difference, norm_of
from tests.tiny_rounds import (
    make_encoded,
    make_local_round,
    make_rows,
    notes_of_windows,
    one_note_each,
)

NOBODY = make_privacy(sampling_rate=1e-12)


@pytest.mark.parametrize("physical", [1, 3, 7])
def test_the_size_of_a_physical_batch_never_changes_the_update(notes, physical, monkeypatch):
    expected = train_privately(make_local_round(notes, top=2), EVERYBODY, RandomStream(KEY))
    monkeypatch.setattr(note_batches, "PHYSICAL_ROWS", physical)
    found = train_privately(make_local_round(notes, top=2), EVERYBODY, RandomStream(KEY))
    assert largest_difference(expected, found) < 1e-5


def test_the_same_key_gives_the_same_update_and_another_key_another(notes):
    first = train_privately(make_local_round(notes), EVERYBODY, RandomStream(KEY))
    again = train_privately(make_local_round(notes), EVERYBODY, RandomStream(KEY))
    other = train_privately(make_local_round(notes), EVERYBODY, RandomStream(b"\x08" * 32))
    assert largest_difference(first, again) == 0.0
    assert largest_difference(first, other) > 0.0


def test_only_the_planned_tensors_change_and_frozen_ones_stay_as_they_are(notes):
    local = make_local_round(notes, top=2)
    planned = local.model.shapes()
    before = {
        name: parameter.detach().clone()
        for part in (local.model.stem, local.model.trunk)
        for name, parameter in part.named_parameters()
        if not parameter.requires_grad
    }
    update = train_privately(local, EVERYBODY, RandomStream(KEY))
    assert {name: values.shape for name, values in update.items()} == planned
    assert all(np.any(values) for values in update.values())
    after = {
        name: parameter
        for part in (local.model.stem, local.model.trunk)
        for name, parameter in part.named_parameters()
        if not parameter.requires_grad
    }
    assert after.keys() == before.keys()
    assert all(torch.equal(after[name], before[name]) for name in before)


def test_the_update_is_what_was_added_to_the_model(notes):
    local = make_local_round(notes)
    before = {name: p.detach().clone() for name, p in local.model.trained()}
    update = train_privately(local, EVERYBODY, RandomStream(KEY))
    for name, parameter in local.model.trained():
        added = (parameter.detach() - before[name]).numpy()
        assert np.array_equal(added, update[name])


def test_a_round_in_which_nobody_is_drawn_still_noises_every_tensor(notes):
    update = train_privately(make_local_round(notes), NOBODY, RandomStream(KEY))
    assert all(np.count_nonzero(values) == values.size for values in update.values())


@pytest.mark.parametrize("patients", [3, 40])
def test_the_noise_is_the_plans_whatever_the_number_of_patients(patients):
    local = make_local_round(one_note_each(patients))
    update = train_privately(local, NOBODY, RandomStream(KEY))
    values = np.concatenate([part.ravel() for part in update.values()])
    planned = (
        local.optimizer.learning_rate
        * NOBODY.mechanism().noise_multiplier
        * NOBODY.clipping_norm
        / NOBODY.expected_patients
        * math.sqrt(NOBODY.steps_per_round)
    )
    assert values.std() == pytest.approx(planned, rel=0.05)
    assert abs(values.mean()) < 5 * planned / math.sqrt(values.size)


def test_every_trained_tensor_has_noise_of_its_own():
    update = train_privately(make_local_round(one_note_each(3)), NOBODY, RandomStream(KEY))
    equal_shapes: dict[tuple[int, ...], list[np.ndarray]] = {}
    for values in update.values():
        equal_shapes.setdefault(values.shape, []).append(values)
    pairs = [(a, b) for same in equal_shapes.values() for a in same for b in same if a is not b]
    assert pairs
    assert not any(np.allclose(a, b) for a, b in pairs)


@pytest.mark.parametrize("clipping_norm", [0.01, 1.0])
def test_one_patient_moves_the_clipped_sum_by_no_more_than_the_clipping_norm(notes, clipping_norm):
    local = make_local_round(notes, top=2)
    engine = BookKeeping(local.model.trunk)
    everyone = np.arange(notes.notes)
    full = clipped_sum(local, engine, everyone, clipping_norm).gradients
    for left_out in (0, 3, 6):
        fewer = clipped_sum(local, engine, np.delete(everyone, left_out), clipping_norm).gradients
        moved = math.sqrt(sum(float((full[n] - fewer[n]).double().square().sum()) for n in full))
        assert 0 < moved <= clipping_norm * (1 + 1e-3)


def test_a_long_note_weighs_no_more_than_a_short_one():
    """All rows of a note are one contribution: cutting it into more windows buys no influence."""
    notes = notes_of_windows()
    local = make_local_round(notes)
    engine = BookKeeping(local.model.trunk)
    longest = int(np.argmax([len(rows) for rows in notes.rows_of_note]))
    gradients = clipped_sum(local, engine, np.array([longest]), 1e-4).gradients
    norm = math.sqrt(sum(float(g.double().square().sum()) for g in gradients.values()))
    assert norm == pytest.approx(1e-4, rel=1e-3)


def test_at_most_one_note_of_a_patient_joins_a_step():
    """With tiny noise and everybody drawn, a step moves by one clipped gradient a patient."""
    rows = make_rows([6] * 12, tokens=False)
    notes = make_encoded(rows, [[n] for n in range(12)], [list(range(12))])
    privacy = make_privacy(
        sampling_rate=1.0,
        steps_per_round=1,
        noise_multiplier=1e-9,
        clipping_norm=1e-3,
        expected_patients=1.0,
    )
    local = make_local_round(notes)
    update = train_privately(local, privacy, RandomStream(KEY))
    assert norm_of(update) <= local.optimizer.learning_rate * privacy.clipping_norm * 1.001


@pytest.mark.parametrize(
    "optimizer",
    [
        Optimizer(name="sgd", learning_rate=0.5, momentum=0.9),
        Optimizer(name="adam", learning_rate=0.01),
        Optimizer(name="sgd", learning_rate=0.5, decay="linear", head_factor=3.0),
    ],
)
@pytest.mark.parametrize("top", [0, 1, 3])
def test_every_optimiser_trains_at_every_cut(optimizer, top):
    local = make_local_round(one_note_each(6), top=top, optimizer=optimizer)
    update = train_privately(local, EVERYBODY, RandomStream(KEY))
    assert all(np.all(np.isfinite(values)) and np.any(values) for values in update.values())


def test_the_heads_learning_rate_is_a_factor_of_the_blocks():
    def change(factor: float) -> dict[str, np.ndarray]:
        optimizer = Optimizer(name="sgd", learning_rate=0.5, head_factor=factor)
        privacy = make_privacy(sampling_rate=1e-12, steps_per_round=1)
        local = make_local_round(one_note_each(4), optimizer=optimizer)
        return train_privately(local, privacy, RandomStream(KEY))

    one, ten = change(1.0), change(10.0)
    for name in one:
        factor = 10.0 if name.startswith("head.") else 1.0
        assert np.allclose(ten[name], factor * one[name], rtol=1e-3, atol=1e-5)


def test_progress_counts_every_step():
    progress = FakeProgress()
    local = make_local_round(one_note_each(4), progress=progress)
    train_privately(local, make_privacy(steps_per_round=3), RandomStream(KEY))
    assert progress.reports == [(1, 3), (2, 3), (3, 3)]


def test_weights_that_are_not_finite_are_refused():
    local = make_local_round(one_note_each(4), optimizer=Optimizer(name="sgd", learning_rate=1e38))
    with pytest.raises(TrainingError, match="lower the learning rate"):
        train_privately(local, make_privacy(noise_multiplier=1e4), RandomStream(KEY))


def test_a_round_that_stops_leaves_a_model_that_can_train_again():
    def stop(done: int, planned: int) -> None:
        raise KeyboardInterrupt

    notes = one_note_each(6)
    local = make_local_round(notes, progress=stop)
    with pytest.raises(KeyboardInterrupt):
        train_privately(local, EVERYBODY, RandomStream(KEY))
    hooks = [m for m in local.model.trunk.modules() if m._forward_hooks or m._forward_pre_hooks]
    assert hooks == []
