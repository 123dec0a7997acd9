"""A patient who brings all notes: their gradients are added before they are clipped, once."""

from dataclasses import replace

import numpy as np
import pytest
import torch

from fedclinic.learning import note_batches
from fedclinic.learning.finetune import (
    LocalRound,
    clipped_sum,
    clipped_sum_of_patients,
    row_losses,
    train_privately,
    with_canaries,
)
from fedclinic.learning.hidden_states import KeptHiddenStates, keep_hidden_states
from fedclinic.privacy.audit_coordinates import Canaries
from fedclinic.privacy.bookkeeping import BookKeeping
from fedclinic.privacy.production_trainer import production_trainer
from fedclinic.privacy.random_stream import RandomStream
from fedclinic.privacy.self_test import run_self_test
from tests.factories import make_privacy
from tests.tiny_rounds import make_encoded, make_local_round, make_rows, notes_of_windows

KEY = b"\x07" * 32


def documents() -> LocalRound:
    """Six patients with one to four documents each."""
    counts = [1, 4, 2, 3, 1, 2]
    ends = np.cumsum(counts)
    owned = [list(range(end - n, end)) for n, end in zip(counts, ends, strict=True)]
    rows = make_rows([3 + n % 9 for n in range(sum(counts))], tokens=False)
    each = [[n] for n in range(len(rows))]
    return make_local_round(make_encoded(rows, each, owned), top=2)


ROUNDS = {
    "documents": documents,
    "tokens of several rows": lambda: make_local_round(notes_of_windows()),
}


def in_float64(local: LocalRound) -> LocalRound:
    """The same round, computed in float64 from the same hidden states."""
    kept = keep_hidden_states(local.hidden)
    local.model.trunk.double()
    return replace(local, hidden=KeptHiddenStates(tuple(v.double() for v in kept.values)))


def brute_force(local: LocalRound, clipping_norm: float) -> dict[str, torch.Tensor]:
    """One backward pass a patient over the sum of its notes' losses, then clip, then add."""
    named = {n: p for n, p in local.model.trunk.named_parameters() if p.requires_grad}
    total = {name: torch.zeros_like(p) for name, p in named.items()}
    for notes in local.notes.notes_of_patient:
        loss = torch.zeros((), dtype=torch.float64)
        for note in notes:
            rows = local.notes.rows_of_note[note]
            shares = note_batches.note_shares(local.notes, [note])
            loss = loss + row_losses(local, rows, shares=shares).sum()
        grads = torch.autograd.grad(loss, list(named.values()))
        norm = torch.cat([g.flatten() for g in grads]).norm()
        for name, gradient in zip(named, grads, strict=True):
            total[name] += gradient * min(1.0, clipping_norm / float(norm))
    return total


@pytest.mark.parametrize("data", ROUNDS)
@pytest.mark.parametrize("clipping_norm", [0.05, 100.0])
def test_the_sum_over_patients_with_all_notes_equals_brute_force(data, clipping_norm):
    local = in_float64(ROUNDS[data]())
    truth = brute_force(local, clipping_norm)
    engine = BookKeeping(local.network())
    found = clipped_sum_of_patients(
        local, engine, list(local.notes.notes_of_patient), clipping_norm
    ).gradients
    difference = sum(float((found[n] - truth[n]).square().sum()) for n in truth)
    size = sum(float(t.square().sum()) for t in truth.values())
    assert (difference / size) ** 0.5 < 1e-5


@pytest.mark.parametrize("physical", [1, 3])
def test_the_size_of_a_physical_batch_never_tears_a_patient_apart(physical, monkeypatch):
    privacy = make_privacy(sampling_rate=1.0, expected_patients=6.0, contribution="all_notes")
    expected = train_privately(documents(), privacy, RandomStream(KEY))
    monkeypatch.setattr(note_batches, "PHYSICAL_ROWS", physical)
    monkeypatch.setattr(note_batches, "FEW_TOKENS", 0)
    found = train_privately(documents(), privacy, RandomStream(KEY))
    for name, values in expected.items():
        assert np.allclose(found[name], values, atol=1e-5), name


def test_however_many_notes_a_patient_brings_the_sum_moves_by_one_clipping_norm():
    local = documents()
    engine = BookKeeping(local.network())
    for patient, notes in enumerate(local.notes.notes_of_patient):
        alone = clipped_sum_of_patients(local, engine, [notes], 1e-3).gradients
        norm = torch.cat([g.flatten() for g in alone.values()]).norm()
        assert float(norm) == pytest.approx(1e-3, rel=1e-4), patient


def test_patients_with_one_note_each_bring_the_same_either_way():
    local = make_local_round(notes_of_windows())
    single = [own[:1] for own in local.notes.notes_of_patient]
    engine = BookKeeping(local.network())
    one = clipped_sum(local, engine, np.concatenate(single), 0.1).gradients
    all_of_them = clipped_sum_of_patients(local, engine, single, 0.1).gradients
    for name, values in one.items():
        assert torch.equal(values, all_of_them[name])


def test_the_trainer_passes_its_self_test_with_all_notes():
    def trainer(site, privacy, stream, after_step) -> None:
        every = privacy.model_copy(update={"contribution": "all_notes"})
        production_trainer(site, every, stream, after_step)

    result = run_self_test(trainer, RandomStream(KEY))
    assert result.failed() == ()


def test_a_canary_with_all_its_notes_still_reads_one():
    privacy = make_privacy(
        sampling_rate=1.0, expected_patients=6.0, noise_multiplier=1e-7, contribution="all_notes"
    )
    coins = np.array([True, False, True])
    local = with_canaries(documents(), Canaries(coins), privacy)
    train_privately(local, privacy, RandomStream(KEY))
    assert local.audit is not None
    for step in local.audit.trace.coordinates().signal:
        assert step == pytest.approx(coins.astype(float), abs=1e-5)
