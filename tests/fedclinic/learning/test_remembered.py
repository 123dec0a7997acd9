"""Planted patients: drawn again by whoever knows the secret, and scored by what a model learnt."""

from dataclasses import replace

import numpy as np
import pytest
import torch
from transformers import GPT2Config, GPT2Model

from fedclinic.learning.finetune import LocalRound, train_unprotected
from fedclinic.learning.hidden_states import (
    ComputedHiddenStates,
    JoinedHiddenStates,
    keep_hidden_states,
)
from fedclinic.learning.layers import SplitModel, split, split_for
from fedclinic.learning.remembered import score_planted
from fedclinic.learning.tasks import encode_notes, labels_documents, output_count
from fedclinic.plan import Layers, Optimizer, Task
from fedclinic.privacy.memorisation import assess, check_prompts, membership_auc, pool
from fedclinic.privacy.planted import PROMPTS, Planted, draw_planted
from fedclinic.privacy.random_stream import RandomStream
from tests.factories import make_learning_task, make_plan, make_token_task, make_unprotected
from tests.fakes import FakeProgress, installed_auditing_policy
from tests.tiny_models import VOCABULARY, make_bert, make_tokenizer
from tests.tiny_rounds import CPU, make_local_round, one_note_each

TASKS = {
    "documents": make_learning_task(max_tokens=64),
    "several labels": make_learning_task(max_tokens=64, kind="multilabel_classification"),
    "tokens": make_token_task(max_tokens=64),
}
LEARNT = {"documents": 0.9, "several labels": 0.78, "tokens": 0.9}
"""Area that tells the planted from others; a label's yes or no is likelier right by chance."""
WRITTEN = make_learning_task(kind="language_modelling", labels=(), max_tokens=128)


def drawn(task: Task, seed: int = 1, members: int = 8) -> Planted:
    stream = RandomStream(seed.to_bytes(32, "big"))
    return draw_planted(task, stream, members=members, others=60)


@pytest.mark.parametrize("kind", TASKS)
def test_a_secret_gives_the_same_patients_again_and_another_gives_others(kind):
    task = TASKS[kind]
    assert drawn(task) == drawn(task)
    names = {each.name for each in (*drawn(task).members, *drawn(task).others)}
    assert len(names) == 68
    assert not names & {each.name for each in drawn(task, seed=2).members}


def test_a_planted_name_is_an_entity_of_its_label_in_its_note():
    for each in drawn(TASKS["tokens"]).members:
        (entity,) = each.note.entities
        assert each.note.text[entity.start : entity.end] == each.name
        assert entity.label == each.label


def test_the_prompts_are_as_many_as_the_policy_asks_for_and_hold_one_name():
    check_prompts(PROMPTS, installed_auditing_policy().memorisation)
    assert all(prompt.count("{name}") == 1 for prompt in PROMPTS)


def planted_round(task: Task, planted: Planted, model: SplitModel, rate: float) -> LocalRound:
    """A round whose only patients are the planted ones."""
    notes = encode_notes([each.note for each in planted.members], task, make_tokenizer())
    return LocalRound(
        model=model,
        notes=notes,
        hidden=ComputedHiddenStates(model.stem, notes.rows, CPU),
        precision=CPU,
        optimizer=Optimizer(name="adam", learning_rate=rate),
        round_number=1,
        rounds=1,
        progress=FakeProgress(),
    )


def make_reader(task: Task) -> SplitModel:
    pooled = labels_documents(task)
    return split(make_bert(), Layers(top=2), outputs=output_count(task), pooled=pooled)


def make_writer() -> SplitModel:
    torch.manual_seed(0)
    config = GPT2Config(vocab_size=len(VOCABULARY), n_positions=128, n_embd=64, n_layer=2, n_head=2)
    return split_for(GPT2Model(config).eval(), Layers(top=2), WRITTEN, "own")


@pytest.mark.parametrize("kind", TASKS)
def test_a_model_that_learnt_the_planted_by_heart_knows_them_from_others(kind):
    task = TASKS[kind]
    planted = drawn(task)
    local = planted_round(task, planted, make_reader(task), rate=0.01)
    before = score_planted(local.model, CPU, task, make_tokenizer(), planted)
    train_unprotected(local, make_unprotected(epochs_per_round=40))
    after = score_planted(local.model, CPU, task, make_tokenizer(), planted)
    areas = [
        membership_auc(np.array(scores.members), np.array(scores.others))
        for scores in (before, after)
    ]
    assert 0.2 < areas[0] < 0.8
    assert areas[1] > LEARNT[kind]
    assert len(after.members) == 8
    assert len(after.others) == 60
    assert (after.named is not None) == (kind == "tokens")
    if after.named is not None:
        assert after.unnamed is not None
        assert all(0 <= chance <= 1 for chance in (*after.named, *after.unnamed))
        assert np.mean(after.named) > np.mean(after.unnamed)


def test_a_writer_that_learnt_the_planted_by_heart_writes_their_record_numbers():
    planted = drawn(WRITTEN, members=4)
    local = planted_round(WRITTEN, planted, make_writer(), rate=0.005)
    before = score_planted(local.model, CPU, WRITTEN, make_tokenizer(), planted)
    train_unprotected(local, make_unprotected(epochs_per_round=150, batch_notes=4))
    after = score_planted(local.model, CPU, WRITTEN, make_tokenizer(), planted)
    assert before.extracted == 0
    assert after.extracted is not None
    assert after.extracted >= 2
    limits = installed_auditing_policy().memorisation
    assert "extraction" not in assess(pool([before]), limits).failures
    assert {"extraction", "exposure"} <= set(assess(pool([after]), limits).failures)


def test_a_language_model_reads_enough_tokens_to_be_tested_with_an_identifier():
    with pytest.raises(ValueError, match="a language model reads 64 tokens at least"):
        make_plan(task=make_learning_task(kind="language_modelling", labels=()).model_dump())


def test_rows_of_two_sources_are_those_of_each():
    first, second = make_local_round(one_note_each(5)), make_local_round(one_note_each(4))
    kept = keep_hidden_states(second.hidden)
    joined = JoinedHiddenStates(first.hidden, 5, kept)
    notes = first.notes.joined(second.notes)
    assert notes.patients == notes.notes == 9
    assert [rows.tolist() for rows in notes.rows_of_note[5:]] == [[5], [6], [7], [8]]
    hidden, mask = joined.batch([6, 1, 8, 0])
    for place, (source, row) in enumerate([(second, 1), (first, 1), (second, 3), (first, 0)]):
        expected, _ = source.hidden.batch([row])
        length = expected.shape[1]
        assert mask[place].sum() == length
        assert torch.allclose(hidden[place, :length], expected[0], atol=1e-5)
    for rows in ([0, 3], [5, 8]):
        alone, _ = joined.batch(rows)
        assert len(alone) == 2


def test_hidden_states_that_were_kept_are_those_that_were_computed():
    local = make_local_round(one_note_each(4))
    kept, mask = keep_hidden_states(local.hidden).batch([2, 0])
    computed, computed_mask = local.hidden.batch([2, 0])
    assert torch.equal(mask, computed_mask)
    weights = mask.unsqueeze(-1)
    assert torch.allclose(kept * weights, computed * weights, atol=1e-5)
    assert replace(local, hidden=keep_hidden_states(local.hidden)).notes is local.notes
