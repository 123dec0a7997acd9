"""A global model is the base model plus its change, and is measured on every note once."""

import numpy as np
import pytest
import torch

from fedclinic.errors import AdmissionError
from fedclinic.learning.evaluate import load_change, measure
from fedclinic.learning.hidden_states import CachedHiddenStates, ComputedHiddenStates, pad_token_ids
from fedclinic.learning.layers import SplitModel, split
from fedclinic.learning.tasks import IGNORED, encode_notes
from fedclinic.notes import Span
from fedclinic.plan import Layers
from tests.factories import (
    LABELS,
    make_deidentified_note,
    make_learning_task,
    make_token_task,
    random_tensors,
)
from tests.tiny_models import make_bert, make_tokenizer
from tests.tiny_rounds import CPU, make_local_round, make_rows, notes_of_windows, one_note_each

TOKENIZER = make_tokenizer()


def make_model(outputs: int = 3, *, pooled: bool = True) -> SplitModel:
    return split(make_bert(), Layers(top=1), outputs=outputs, pooled=pooled)


# --- loading a change


def test_a_change_is_added_to_the_base_models_tensors():
    model = make_model()
    before = {name: p.detach().clone() for name, p in model.trained()}
    change = random_tensors(model.shapes())
    load_change(model, change)
    for name, parameter in model.trained():
        expected = before[name] + torch.from_numpy(change[name])
        assert torch.equal(parameter, expected)


def test_a_change_without_a_tensor_or_with_another_is_refused():
    model = make_model()
    change = random_tensors(model.shapes())
    fewer = dict(list(change.items())[1:])
    more = change | {"encoder.layer.0.output.dense.bias": np.zeros(16, dtype=np.float32)}
    for wrong in (fewer, more, {}):
        with pytest.raises(AdmissionError, match="do not match the plan's layers"):
            load_change(model, wrong)


def test_a_change_of_another_shape_is_refused_and_nothing_is_loaded():
    model = make_model()
    change = random_tensors(model.shapes())
    change["head.bias"] = np.zeros(4, dtype=np.float32)
    before = {name: p.detach().clone() for name, p in model.trained()}
    with pytest.raises(AdmissionError, match="do not match the plan's layers"):
        load_change(model, change)
    assert all(torch.equal(p, before[name]) for name, p in model.trained())


# --- hidden states


def cache_of(local) -> CachedHiddenStates:
    lengths = [len(row.token_ids) for row in local.notes.rows]
    starts = np.concatenate([[0], np.cumsum(lengths)])
    values = np.empty((starts[-1], 16), dtype=np.float16)
    for row, length in enumerate(lengths):
        hidden, _ = local.hidden.batch([row])
        values[starts[row] : starts[row + 1]] = hidden[0, :length].to(torch.float16).numpy()
    return CachedHiddenStates(values, starts, CPU)


def test_cached_and_computed_hidden_states_agree_within_half_precision():
    local = make_local_round(one_note_each(12))
    cache = cache_of(local)
    for rows in ([0], [3, 9, 1], list(range(12))):
        cached, cached_mask = cache.batch(rows)
        computed, mask = local.hidden.batch(rows)
        assert torch.equal(cached_mask, mask)
        difference = ((cached - computed) * mask.unsqueeze(-1)).abs()
        assert difference.max() <= 2e-3 * computed.abs().max()


def test_cached_hidden_states_of_padding_are_zero():
    cache = cache_of(make_local_round(one_note_each(12)))
    hidden, mask = cache.batch([0, 9])
    assert not hidden[mask == 0].any()
    assert hidden[mask == 1].any()


def test_rows_are_padded_to_the_longest_of_their_batch():
    ids, mask = pad_token_ids(make_rows([3, 5, 1], tokens=False))
    assert ids.shape == mask.shape == (3, 5)
    assert mask.sum(1).tolist() == [3, 5, 1]
    assert not ids[mask == 0].any()


# --- measuring


def test_a_model_that_always_names_one_class_scores_that_classs_share():
    notes = [
        make_deidentified_note("the patient has cough", labels=[LABELS[n]]) for n in (0, 0, 0, 1)
    ]
    task = make_learning_task()
    encoded = encode_notes(notes, task, TOKENIZER)
    model = make_model()
    with torch.no_grad():
        model.trunk.head.bias.copy_(torch.tensor([1.0, 0.0, 0.0]))
    hidden = ComputedHiddenStates(model.stem, encoded.rows, CPU)
    found = measure(model, encoded, hidden, CPU, task)
    assert found["accuracy"] == pytest.approx(3 / 4)
    assert found["macro_f1"] == pytest.approx((6 / 7 + 0) / 2)


def test_entities_are_measured_over_all_windows_of_a_note():
    text = "cough " * 40
    gold = Span(30 * 6, 30 * 6 + 5, "Disease")
    task = make_token_task(max_tokens=16)
    encoded = encode_notes(
        [make_deidentified_note(text, entities=[gold]), make_deidentified_note("fever")],
        task,
        TOKENIZER,
    )
    model = make_model(5, pooled=False)
    with torch.no_grad():
        model.trunk.head.bias[1] = 1.0
    hidden = ComputedHiddenStates(model.stem, encoded.rows, CPU)
    found = measure(model, encoded, hidden, CPU, task)
    assert found["recall"] == 1.0
    assert found["precision"] == pytest.approx(1 / 41)


def test_measuring_changes_no_weight():
    notes = notes_of_windows()
    local = make_local_round(notes)
    before = {name: p.detach().clone() for name, p in local.model.trained()}
    measure(local.model, notes, local.hidden, CPU, make_token_task())
    assert all(torch.equal(p, before[name]) for name, p in local.model.trained())
    assert any((row.targets != IGNORED).any() for row in notes.rows)
