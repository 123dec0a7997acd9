"""Several labels a document, the next token, and decoders that see ahead."""

import math
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
import torch

from fedclinic.errors import DataError, ModelError
from fedclinic.learning.evaluate import measure
from fedclinic.learning.finetune import (
    LocalRound,
    clipped_sum,
    row_losses,
    train_privately,
    train_unprotected,
)
from fedclinic.learning.hidden_states import ComputedHiddenStates
from fedclinic.learning.layers import SplitModel, split_for
from fedclinic.learning.metrics import label_tally
from fedclinic.learning.tasks import IGNORED, Row, encode_notes
from fedclinic.plan import Layers, Optimizer
from fedclinic.privacy.engines import make_engine
from fedclinic.privacy.random_stream import RandomStream
from site_agent.readers.rows import Row as FileRow
from site_agent.readers.rows import note_of
from site_agent.settings import SiteConfig
from tests.factories import (
    LABELS,
    make_deidentified_note,
    make_learning_task,
    make_privacy,
    make_unprotected,
    note_row,
    site_values,
)
from tests.tiny_models import BLOCKS, make_network, make_tokenizer
from tests.tiny_rounds import CPU, make_encoded, make_local_round

SEVERAL = make_learning_task(kind="multilabel_classification")
NEXT = make_learning_task(kind="language_modelling", labels=())
TOKENS = make_learning_task(kind="token_classification", labels=("Disease",))
ADAM = Optimizer(name="adam", learning_rate=0.01)


def make_round(model: SplitModel, rows: tuple[Row, ...], **changes: Any) -> LocalRound:
    each = [[n] for n in range(len(rows))]
    notes = replace(make_encoded(rows, each, each), several_labels=changes.pop("several", False))
    hidden = ComputedHiddenStates(model.stem, rows, CPU)
    return make_local_round(notes, model=model, hidden=hidden, optimizer=ADAM, **changes)


def sentences(count: int = 8) -> tuple[Row, ...]:
    """Token ids that count upwards, so that the next one is sure."""
    made = []
    for start in range(count):
        ids = (np.arange(start, start + 10) % 12) + 3
        made.append(Row(ids, np.append(ids[1:], IGNORED), np.full(10, -1), np.full(10, -1)))
    return tuple(made)


def labelled(count: int = 16) -> tuple[Row, ...]:
    """Documents whose tokens tell which of two labels hold: none, one, or both."""
    random = np.random.default_rng(0)
    nowhere = np.full(6, -1)
    made = []
    for number in range(count):
        first, second = number % 2, number // 2 % 2
        ids = np.where(np.arange(6) % 2 == 0, 5 + 10 * first, 25 + 10 * second)
        made.append(
            Row(ids + random.integers(0, 3, 6), np.array([first, second]), nowhere, nowhere)
        )
    return tuple(made)


# --- several labels


def test_targets_say_yes_or_no_to_every_label_of_the_plan():
    notes = [
        make_deidentified_note(labels=LABELS[:2]),
        make_deidentified_note(note_id="b", patient="b", labels=()),
    ]
    encoded = encode_notes(notes, SEVERAL, make_tokenizer())
    assert encoded.several_labels
    assert [row.targets.tolist() for row in encoded.rows] == [[1, 1, 0], [0, 0, 0]]


def test_training_learns_every_label_by_itself():
    task = make_learning_task(kind="multilabel_classification", labels=("a", "b"))
    model = split_for(make_network("bert"), Layers(top=1), task, "own")
    local = make_round(model, labelled(), several=True)
    train_unprotected(local, make_unprotected(epochs_per_round=40, batch_notes=8))
    found = measure(model, local.notes, local.hidden, CPU, task)
    assert found == {"micro_f1": 1.0, "macro_f1": 1.0, "exact": 1.0}


def test_metrics_of_several_labels_are_counted_by_decision_and_by_label():
    actual = np.array([[1, 0, 0], [1, 1, 0], [0, 1, 0]])
    predicted = np.array([[1, 0, 0], [1, 0, 0], [1, 1, 0]])
    found = label_tally(predicted, actual).metrics()
    assert found["micro_f1"] == pytest.approx(2 * 3 / (4 + 4))
    assert found["macro_f1"] == pytest.approx((0.8 + 2 / 3) / 2)
    assert found["exact"] == pytest.approx(1 / 3)


def test_a_file_may_give_several_labels_and_none_but_not_leave_them_out(tmp_path):
    source = SiteConfig.model_validate(site_values(tmp_path / "notes.jsonl")).notes

    def labels(value: object) -> tuple[str, ...]:
        note = note_of(FileRow("notes:1", note_row(0, label=value)), source, SEVERAL)
        assert note is not None
        return note.labels

    assert labels(list(LABELS[:2])) == LABELS[:2]
    assert labels([]) == ()
    with pytest.raises(DataError, match="'label' is missing"):
        labels(None)


# --- the next token


@pytest.mark.parametrize("family", ["gpt2", "llama"])
def test_a_language_model_learns_what_comes_next(family):
    network = make_network(family)
    network.config.tie_word_embeddings = True
    model = split_for(network, Layers(top=2), NEXT, "own")
    local = make_round(model, sentences())
    before = measure(model, local.notes, local.hidden, CPU, NEXT)
    train_unprotected(local, make_unprotected(epochs_per_round=30, batch_notes=8))
    after = measure(model, local.notes, local.hidden, CPU, NEXT)
    assert after["perplexity"] < before["perplexity"] / 2
    assert after["loss"] == pytest.approx(math.log(after["perplexity"]))
    assert not any(name.startswith("head.") for name in model.shapes())


def test_perplexity_is_over_tokens_and_not_over_rows():
    model = split_for(make_network("gpt2"), Layers(top=1), NEXT, "own")
    local = make_round(model, sentences())
    hidden, mask = local.hidden.batch(list(range(8)))
    with torch.no_grad():
        scores = model.trunk(hidden, mask).double().log_softmax(-1)
    losses = [
        -float(scores[row, place, target])
        for row, each in enumerate(local.notes.rows)
        for place, target in enumerate(each.targets)
        if target != IGNORED
    ]
    found = measure(model, local.notes, local.hidden, CPU, NEXT)["perplexity"]
    assert found == pytest.approx(math.exp(np.mean(losses)), rel=1e-4)


@pytest.mark.parametrize("clipping_norm", [0.05, 1e9])
def test_embeddings_that_are_the_output_layer_too_are_clipped_as_the_one_tensor_that_they_are(
    clipping_norm,
):
    whole = Layers(top=BLOCKS, embeddings=True)
    model, rows = split_for(make_network("gpt2"), whole, NEXT, "own"), sentences()
    local = make_round(model, rows)
    engine = make_engine("book_keeping", local.network())
    ours = clipped_sum(local, engine, np.arange(len(rows)), clipping_norm).gradients
    engine.detach()
    trained = dict(model.trunk.named_parameters())
    total = {name: torch.zeros_like(tensor) for name, tensor in trained.items()}
    for number in range(len(rows)):
        loss = row_losses(local, np.array([number]), shares=torch.ones(1)).sum()
        gradients = torch.autograd.grad(loss, list(trained.values()))
        norm = math.sqrt(sum(float(gradient.square().sum()) for gradient in gradients))
        for name, gradient in zip(trained, gradients, strict=True):
            total[name] += min(1.0, clipping_norm / norm) * gradient
    assert "base.wte.weight" in total
    for name, gradient in total.items():
        torch.testing.assert_close(ours[name], gradient, rtol=1e-4, atol=1e-7)


def test_a_language_model_trains_privately_and_its_head_stays_frozen():
    model = split_for(make_network("gpt2"), Layers(top=1), NEXT, "own")
    head = model.trunk.head.weight.detach().clone()
    privacy = make_privacy(sampling_rate=1.0)
    update = train_privately(make_round(model, sentences()), privacy, RandomStream(b"\x07" * 32))
    assert update.keys() == model.shapes().keys()
    assert all(np.any(values) for values in update.values())
    assert torch.equal(model.trunk.head.weight, head)


def test_a_model_that_cannot_predict_is_refused():
    with pytest.raises(ModelError, match="needs a decoder"):
        split_for(make_network("bert"), Layers(top=1), NEXT, "own")
    with pytest.raises(ModelError, match="output layer is its embedding"):
        network = make_network("llama")
        network.config.tie_word_embeddings = False
        split_for(network, Layers(top=1), NEXT, "own")


def test_a_language_model_has_no_labels_and_a_classifier_some():
    with pytest.raises(ValueError, match="language_modelling has none"):
        make_learning_task(kind="language_modelling", labels=("a",))
    with pytest.raises(ValueError, match="token_classification has at least 1"):
        make_learning_task(kind="token_classification", labels=())


# --- seeing ahead


@pytest.mark.parametrize("family", ["gpt2", "llama"])
@pytest.mark.parametrize("attention", ["own", "bidirectional"])
def test_a_decoders_first_token_sees_the_last_only_when_the_plan_says_so(family, attention):
    model = split_for(make_network(family), Layers(top=2), TOKENS, attention)
    mask = torch.ones(1, 6, dtype=torch.long)
    ids = torch.arange(3, 9)[None]
    other = ids.clone()
    other[0, -1] = 40
    with torch.no_grad():
        model.trunk.head.weight.normal_(generator=torch.Generator().manual_seed(0))
        first, second = (model.trunk(model.stem(each, mask), mask)[0, 0] for each in (ids, other))
    assert torch.allclose(first, second, atol=1e-6) == (attention == "own")


@pytest.mark.parametrize("family", ["gpt2", "llama"])
def test_padding_is_seen_by_nobody_in_two_way_attention(family):
    model = split_for(make_network(family), Layers(top=2), TOKENS, "bidirectional")
    ids = torch.arange(3, 9)[None]
    padded = torch.cat([ids, torch.zeros(1, 3, dtype=torch.long)], 1)
    with torch.no_grad():
        model.trunk.head.weight.normal_(generator=torch.Generator().manual_seed(0))
        mask = torch.ones_like(ids)
        alone = model.trunk(model.stem(ids, mask), mask)
        wide = (padded > 0).long()
        together = model.trunk(model.stem(padded, wide), wide)[:, :6]
    assert torch.allclose(alone, together, atol=1e-4)


def test_an_encoder_is_not_told_to_see_both_ways():
    with pytest.raises(ModelError, match="only a decoder's"):
        split_for(make_network("bert"), Layers(top=1), TOKENS, "bidirectional")
