"""A round of local training: what it depends on, what it never depends on, and what it changes."""

import math
from dataclasses import replace

import numpy as np
import pytest
import torch

from fedclinic.errors import TrainingError
from fedclinic.learning import note_batches
from fedclinic.learning.evaluate import measure
from fedclinic.learning.finetune import (
    LocalRound,
    clipped_sum,
    row_losses,
    train_privately,
    train_unprotected,
)
from fedclinic.learning.predict import predict
from fedclinic.learning.tasks import EncodedNotes
from fedclinic.plan import Optimizer
from fedclinic.privacy.bookkeeping import BookKeeping
from fedclinic.privacy.random_stream import RandomStream
from tests.factories import make_learning_task, make_privacy, make_unprotected
from tests.fakes import FakeProgress
from tests.tiny_rounds import (
    make_encoded,
    make_local_round,
    make_rows,
    notes_of_windows,
    one_note_each,
)

KEY = b"\x07" * 32
DATA = {
    "documents": lambda: one_note_each(20),
    "tokens": lambda: one_note_each(20, tokens=True),
    "tokens of several rows": notes_of_windows,
}
EVERYBODY = make_privacy(sampling_rate=1.0, expected_patients=10.0)
NOBODY = make_privacy(sampling_rate=1e-12)


@pytest.fixture(params=sorted(DATA))
def notes(request: pytest.FixtureRequest) -> EncodedNotes:
    return DATA[request.param]()


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


def norm_of(update: dict[str, np.ndarray]) -> float:
    return math.sqrt(sum(float(np.square(values, dtype=float).sum()) for values in update.values()))


def largest_difference(a: dict[str, np.ndarray], b: dict[str, np.ndarray]) -> float:
    assert a.keys() == b.keys()
    return max(float(np.abs(a[name] - b[name]).max()) for name in a)


# --- losses


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


# --- private training


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


# --- training without privacy


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


# --- predictions


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
