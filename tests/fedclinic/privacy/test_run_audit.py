"""Canaries beside real notes: they show the trainer, and change nothing else."""

import numpy as np
import pytest
import torch

from fedclinic.learning import note_batches
from fedclinic.privacy.audit_coordinates import Canaries
from fedclinic.privacy.audit_head import NO_CANARY, NOTES_A_CANARY
from fedclinic.privacy.bookkeeping import BookKeeping
from fedclinic.privacy.dp_step import noised_mean
from fedclinic.privacy.probe import loud, make_site
from fedclinic.privacy.production_trainer import local_round
from fedclinic.privacy.random_stream import RandomStream
from fedclinic.privacy.run_audit import CanaryStates, RunAudit, add_canaries, start_audit

COINS = np.array([True, False, True, True, False])
CLIP, EXPECTED = 0.5, 10.0


def audited_step(chosen: list[int]) -> tuple[dict[str, torch.Tensor], RunAudit]:
    """One step over real notes and canaries, put together as a trainer would."""
    site = make_site([loud(seed, notes=2, tokens=3) for seed in range(4)])
    local = local_round(site, lambda: None)
    notes, canary_of_row = add_canaries(local.notes, Canaries(COINS))
    audit = start_audit(
        local.model.trunk,
        canary_of_row,
        canaries=len(COINS),
        clipping_norm=CLIP,
        expected_patients=EXPECTED,
    )
    states = CanaryStates(local.hidden, canary_of_row)
    engine = BookKeeping(audit.network)
    rows = np.concatenate([notes.rows_of_note[note] for note in chosen])
    hidden, mask = states.batch(rows.tolist())
    targets = torch.tensor([int(notes.rows[row].targets[0]) for row in rows])
    losses = torch.nn.functional.cross_entropy(
        local.model.trunk(hidden, mask), targets, reduction="none"
    )
    clipped = engine.clipped_sum(losses + audit.losses(rows), clipping_norm=CLIP)
    released = noised_mean(
        clipped.gradients,
        noise_multiplier=1e-9,
        clipping_norm=CLIP,
        expected_patients=EXPECTED,
        stream=RandomStream(bytes(32)),
    )
    return audit.take(released), audit


def first_note_of(canary: int) -> int:
    return 8 + NOTES_A_CANARY * canary


def test_included_canaries_become_patients_of_several_notes():
    notes, canary_of_row = add_canaries(
        local_round(make_site([loud(0)]), lambda: None).notes, Canaries(COINS)
    )
    assert notes.patients == 1 + 3
    assert [len(own) for own in notes.notes_of_patient] == [1, 4, 4, 4]
    assert canary_of_row.tolist() == [NO_CANARY, *[0] * 4, *[2] * 4, *[3] * 4]
    assert notes.notes == len(notes.rows) == len(notes.entities_of_note) == 13


def test_a_canary_that_joins_reads_one_and_the_others_nothing():
    _, audit = audited_step([0, first_note_of(1), 2])
    assert audit.trace.coordinates().signal[0] == pytest.approx([0, 0, 1, 0, 0], abs=1e-6)


def test_the_models_sum_is_that_of_the_real_notes_alone():
    with_canaries, _ = audited_step([0, first_note_of(0), 2, first_note_of(2), 5])
    alone, _ = audited_step([0, 2, 5])
    assert (
        with_canaries.keys() == alone.keys() == dict(make_site([]).model.named_parameters()).keys()
    )
    for name, values in alone.items():
        assert torch.allclose(with_canaries[name], values, atol=2e-5), name


def test_a_batch_of_canaries_only_moves_the_model_by_nothing_that_matters():
    model, audit = audited_step([first_note_of(0), first_note_of(1)])
    assert max(float(values.abs().max()) for values in model.values()) < 1e-4
    assert audit.trace.coordinates().signal[0] == pytest.approx([1, 0, 1, 0, 0], abs=1e-6)


def test_physical_batches_sort_canaries_in_with_the_rest():
    notes, _ = add_canaries(
        local_round(make_site([loud(0, tokens=9)]), lambda: None).notes, Canaries(COINS)
    )
    batches = note_batches.physical_batches(notes, [np.array([note]) for note in (0, 1, 5)])
    assert [int(own[0]) for batch in batches for own in batch] == [1, 5, 0]
