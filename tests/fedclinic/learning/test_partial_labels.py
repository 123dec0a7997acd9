"""Sites that annotate different labels: an unmarked token speaks only of what was looked for."""

import math
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch

from fedclinic.learning.evaluate import measure
from fedclinic.learning.finetune import clipped_sum, train_privately
from fedclinic.learning.hidden_states import ComputedHiddenStates
from fedclinic.learning.layers import split
from fedclinic.learning.losses import merge_unannotated, token_losses
from fedclinic.learning.tasks import IGNORED, EncodedNotes, Row, encode_notes
from fedclinic.notes import Span
from fedclinic.plan import Layers, Optimizer
from fedclinic.privacy.engines import make_engine
from fedclinic.privacy.planted import draw_planted
from fedclinic.privacy.random_stream import RandomStream
from fedclinic.simulation.federation import run_rounds
from fedclinic.simulation.site_data import divide
from fedclinic.simulation.trunk import SharedTrunk
from tests.factories import (
    make_deidentified_note,
    make_privacy,
    make_token_task,
    make_unprotected,
)
from tests.fedclinic.simulation.simulations import make_simulation, make_tiny_work
from tests.tiny_models import make_bert, make_tokenizer
from tests.tiny_rounds import CPU, make_encoded, make_local_round, notes_of_windows

DISEASE, DRUG = 0, 1
TASK = make_token_task()


def test_an_unmarked_token_may_be_outside_or_any_class_that_was_not_looked_for():
    logits = torch.tensor([[[0.3, -1.0, 2.0, 0.5, 1.5]]])
    chances = logits[0, 0].double().softmax(-1)
    merged = merge_unannotated(logits, (DRUG,))
    outside = float(token_losses(merged, torch.tensor([[0]])))
    marked = float(token_losses(merged, torch.tensor([[1]])))
    assert outside == pytest.approx(-math.log(float(chances[0] + chances[3] + chances[4])))
    assert marked == pytest.approx(-math.log(float(chances[1])))


def test_an_unmarked_token_pulls_no_unannotated_class_down():
    logits = torch.zeros(1, 1, 5, requires_grad=True)
    token_losses(merge_unannotated(logits, (DRUG,)), torch.tensor([[0]])).sum().backward()
    gradient = logits.grad[0, 0]
    assert (gradient[[3, 4]] < 0).all(), "it may be a drug: the loss falls if it is"
    assert (gradient[[1, 2]] > 0).all(), "it is no disease"


def test_a_site_that_annotates_everything_learns_as_before():
    notes = notes_of_windows()
    local = make_local_round(notes)
    same = make_local_round(replace(notes, unannotated=()))
    engine, other = (make_engine("book_keeping", each.network()) for each in (local, same))
    ours = clipped_sum(local, engine, np.arange(3), 1.0).gradients
    theirs = clipped_sum(same, other, np.arange(3), 1.0).gradients
    assert all(torch.equal(ours[name], theirs[name]) for name in ours)


@pytest.mark.parametrize("engine", ["opacus_hooks", "opacus_functorch"])
def test_every_engine_clips_the_same_partial_losses(engine):
    notes = replace(notes_of_windows(), unannotated=(DRUG,))
    sums = []
    for name in ("book_keeping", engine):
        local = make_local_round(notes, engine=name)
        made = make_engine(name, local.network())
        sums.append(clipped_sum(local, made, np.arange(6), 0.05).gradients)
        made.detach()
    for name, values in sums[0].items():
        torch.testing.assert_close(values, sums[1][name], rtol=1e-4, atol=1e-6)


def test_private_training_goes_through_with_a_site_that_annotates_less():
    notes = replace(notes_of_windows(), unannotated=(DISEASE,))
    update = train_privately(make_local_round(notes), make_privacy(), RandomStream(b"k" * 32))
    assert all(np.isfinite(values).all() for values in update.values())


def test_encoded_notes_remember_what_was_not_looked_for_also_when_others_join_them():
    task = TASK.model_copy(update={"own_labels": {"Problem": "Disease"}})
    note = make_deidentified_note(text="fever", labels=(), entities=(Span(0, 5, "Disease"),))
    encoded = encode_notes([note], task, make_tokenizer())
    assert encoded.unannotated == (DRUG,)
    assert encoded.joined(encoded).unannotated == (DRUG,)


def test_planted_patients_have_labels_that_their_site_annotates():
    task = TASK.model_copy(update={"own_labels": {"Problem": "Disease"}})
    planted = draw_planted(task, RandomStream(b"p" * 32), members=20, others=20)
    assert {each.label for each in (*planted.members, *planted.others)} == {"Disease"}


def words(kinds: str, marked: str, seed: int) -> tuple[Row, ...]:
    """Rows of a letter a token: d and r are diseases and drugs; what is marked has its class."""
    random = np.random.default_rng(seed)
    low = {"o": 5, "d": 15, "r": 25}
    classes = {"o": 0, "d": 1, "r": 3}
    rows = []
    for _ in range(16):
        drawn = random.choice(list(kinds), 10)
        ids = np.array([low[kind] + random.integers(0, 4) for kind in drawn])
        targets = np.array([classes[kind] if kind in marked else 0 for kind in drawn])
        rows.append(Row(ids, targets, np.arange(10), np.arange(10) + 1))
    return tuple(rows)


def federated_f1(folder: Path, *, union: bool) -> float:
    """Two sites whose notes hold both kinds; one marks diseases and the other drugs."""
    rows = words("oodr", "od", 0) + words("oodr", "or", 1)
    each = [[n] for n in range(len(rows))]
    corpus = make_encoded(rows, each, each)
    model = split(make_bert(), Layers(top=2), outputs=5, pooled=False)
    hidden = ComputedHiddenStates(model.stem, rows, CPU)
    sites = divide(corpus, hidden, [np.arange(16), np.arange(16, 32)])
    if union:
        for (name, data), unknown in zip(sites.items(), (DRUG, DISEASE), strict=True):
            notes = replace(data.notes, unannotated=(unknown,))
            sites = {**sites, name: replace(data, notes=notes)}
    work = make_tiny_work(
        privacy=make_unprotected(epochs_per_round=2),
        optimizer=Optimizer(name="adam", learning_rate=0.01, head_factor=3),
        rounds=6,
    )
    simulation = make_simulation(folder, trunk=SharedTrunk.of(model), sites=sites, work=work)
    simulation = replace(simulation, weights=dict.fromkeys(sites, 1.0))
    change = list(run_rounds(simulation))[-1].state.change
    simulation.trunk.reset(change)
    test = words("oodr", "odr", 2)
    entities = tuple(_gold(row) for row in test)
    notes: EncodedNotes = replace(
        make_encoded(test, [[n] for n in range(16)], [[n] for n in range(16)]),
        entities_of_note=entities,
    )
    found = measure(model, notes, ComputedHiddenStates(model.stem, test, CPU), CPU, TASK)
    return found["f1"]


def _gold(row: Row) -> tuple[Span, ...]:
    return tuple(
        Span(place, place + 1, TASK.labels[(value - 1) // 2])
        for place, value in enumerate(row.targets.tolist())
        if value not in (0, IGNORED)
    )


def test_two_sites_that_mark_different_labels_teach_both_and_only_with_a_union(tmp_path: Path):
    assert federated_f1(tmp_path / "union", union=True) > 0.9
    assert federated_f1(tmp_path / "naive", union=False) < 0.6
