"""Skipped blocks compute nothing, change by noise alone, and are chosen by lot alone."""

import math
from dataclasses import replace

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from fedclinic.learning.finetune import LocalRound, train_privately, train_unprotected
from fedclinic.learning.layer_dropout import (
    BlockSkipper,
    SeededDraws,
    active_blocks,
    draw_mask,
    drop_rates,
)
from fedclinic.learning.layers import split
from fedclinic.method_parts import MAX_DROP_RATE, LayerDropout, Training
from fedclinic.plan import Layers
from fedclinic.privacy.random_stream import RandomStream
from tests.factories import make_privacy, make_unprotected
from tests.tiny_models import BLOCKS, FAMILIES, make_network
from tests.tiny_rounds import make_local_round, one_note_each

KEY = b"\x07" * 32
SHAPES = ("uniform", "incremental", "decay")


def draws(seed: int = 0) -> SeededDraws:
    return SeededDraws(np.random.default_rng(seed))


def dropping(rate: float, masks: str = "exact", shape: str = "uniform") -> LayerDropout:
    return LayerDropout.model_validate({"rate": rate, "masks": masks, "shape": shape})


def round_with(rate: float, masks: str = "exact", patients: int = 12) -> LocalRound:
    local = make_local_round(one_note_each(patients), top=BLOCKS)
    return replace(local, training=Training(dropout=dropping(rate, masks)))


def same(a: dict[str, np.ndarray], b: dict[str, np.ndarray]) -> bool:
    return a.keys() == b.keys() and all(np.array_equal(a[name], b[name]) for name in a)


# --- rates and masks


@given(st.sampled_from(SHAPES), st.floats(0, MAX_DROP_RATE), st.integers(1, 40))
def test_rates_keep_their_mean_and_their_cap(shape, rate, blocks):
    rates = drop_rates(shape, rate, blocks)
    assert rates.mean() == pytest.approx(rate, abs=1e-9)
    assert rates.max() <= MAX_DROP_RATE
    assert rates.min() >= 0


def test_a_shape_says_which_end_is_skipped_more():
    assert drop_rates("uniform", 0.4, 4).tolist() == [0.4] * 4
    assert drop_rates("incremental", 0.4, 3) == pytest.approx([0.2, 0.4, 0.6])
    assert drop_rates("decay", 0.4, 3) == pytest.approx([0.6, 0.4, 0.2])


@given(st.sampled_from(SHAPES), st.floats(0, MAX_DROP_RATE), st.integers(1, 30), st.integers(0, 9))
def test_an_exact_mask_always_has_the_same_number_of_active_blocks(shape, rate, blocks, seed):
    dropout = dropping(rate, "exact", shape)
    expected = active_blocks(drop_rates(shape, rate, blocks))
    source = draws(seed)
    for _ in range(5):
        assert draw_mask(dropout, blocks, source).sum() == expected


@pytest.mark.parametrize("shape", SHAPES)
@pytest.mark.parametrize("masks", ["exact", "bernoulli"])
def test_each_block_runs_as_often_as_its_rate_says(shape, masks):
    blocks, steps = 10, 4000
    source = draws(1)
    drawn = np.array([draw_mask(dropping(0.4, masks, shape), blocks, source) for _ in range(steps)])
    chance = 1 - drop_rates(shape, 0.4, blocks)
    error = np.sqrt(chance * (1 - chance) / steps)
    assert (np.abs(drawn.mean(0) - chance) < 4 * error).all()
    spread = math.sqrt(float((chance * (1 - chance)).sum()) / steps)
    assert abs(drawn.sum(1).mean() - chance.sum()) < 3 * spread


def test_a_step_in_which_every_block_would_be_skipped_is_drawn_again():
    source = draws(2)
    drawn = [draw_mask(dropping(0.9, "bernoulli"), 2, source) for _ in range(300)]
    assert all(mask.any() for mask in drawn)


# --- what a skipped block does


@pytest.mark.parametrize("family", FAMILIES)
def test_a_model_with_a_skipped_block_is_the_model_without_it(family):
    model, shorter = (
        split(make_network(family), Layers(top=BLOCKS), outputs=3, pooled=False) for _ in range(2)
    )
    kept = [block for number, block in enumerate(shorter.trunk_blocks()) if number != 1]
    parent, _, name = shorter.blocks_path.rpartition(".")
    setattr(shorter.trunk.base.get_submodule(parent), name, torch.nn.ModuleList(kept))
    shorter.trunk.base.config.num_hidden_layers = BLOCKS - 1
    ids = torch.randint(2, 50, (3, 7), generator=torch.Generator().manual_seed(1))
    mask = torch.ones_like(ids)
    hidden = model.stem(ids, mask)
    skipper = BlockSkipper(model.trunk_blocks(), model.blocks_return_pairs, dropping(0.3))
    source, active = draws(), np.ones(BLOCKS, dtype=bool)
    with torch.no_grad():
        while active[1]:
            with skipper.step(source) as active:
                found = model.trunk.base(inputs_embeds=hidden, attention_mask=mask)
        expected = shorter.trunk.base(inputs_embeds=hidden, attention_mask=mask)
        whole = model.trunk.base(inputs_embeds=hidden, attention_mask=mask)
    assert torch.equal(found.last_hidden_state, expected.last_hidden_state)
    assert not torch.allclose(found.last_hidden_state, whole.last_hidden_state, atol=1e-4)


def test_skipped_blocks_run_nothing_at_all():
    local = make_local_round(one_note_each(4), top=BLOCKS)
    calls: list[int] = []
    for number, block in enumerate(local.model.trunk_blocks()):
        block.attention.register_forward_hook(lambda *_, number=number: calls.append(number))
    skipper = replace(local, training=Training(dropout=dropping(0.5))).skipper()
    hidden, mask = local.hidden.batch([0, 1])
    with skipper.step(draws(3)) as active:
        local.model.trunk(hidden, mask)
    assert calls == np.flatnonzero(active).tolist()
    calls.clear()
    local.model.trunk(hidden, mask)
    assert calls == list(range(BLOCKS))


def test_a_skipped_block_has_no_gradient_and_no_optimiser_moves_it():
    local = round_with(0.6)
    blocks = local.model.trunk_blocks()
    optimizer = torch.optim.AdamW(local.model.trunk.parameters(), lr=0.1, weight_decay=0.5)
    hidden, mask = local.hidden.batch([0, 1, 2])
    with local.skipper().step(draws(5)) as active:
        local.model.trunk(hidden, mask).square().sum().backward()
    before = [[p.detach().clone() for p in block.parameters()] for block in blocks]
    optimizer.step()
    for block, runs, old in zip(blocks, active, before, strict=True):
        if runs:
            assert any(p.grad is not None for p in block.parameters())
            continue
        for parameter, value in zip(block.parameters(), old, strict=True):
            assert parameter.grad is None
            assert torch.equal(parameter, value)
            assert parameter not in optimizer.state


def test_no_dropout_and_a_rate_of_zero_are_the_same_training_bit_for_bit():
    unprotected, private = make_unprotected(epochs_per_round=2), make_privacy(sampling_rate=1.0)
    for masks in ("exact", "bernoulli"):
        plain = make_local_round(one_note_each(12), top=BLOCKS)
        assert same(
            train_unprotected(round_with(0.0, masks), unprotected),
            train_unprotected(plain, unprotected),
        )
        plain = make_local_round(one_note_each(12), top=BLOCKS)
        assert same(
            train_privately(round_with(0.0, masks), private, RandomStream(KEY)),
            train_privately(plain, private, RandomStream(KEY)),
        )


def test_dropout_changes_training_and_can_be_repeated():
    plan = make_unprotected(epochs_per_round=2)
    first = train_unprotected(round_with(0.5), plan)
    assert same(first, train_unprotected(round_with(0.5), plan))
    assert not same(first, train_unprotected(round_with(0.0), plan))


# --- under differential privacy


def test_masks_come_from_the_secret_stream_and_not_from_the_notes():
    """Two sites with other notes and as many patients skip the same blocks under the same key."""

    def masks(patients: int) -> list[list[bool]]:
        local = round_with(0.5, "bernoulli", patients)
        seen: list[list[bool]] = []
        ran = [False] * BLOCKS
        for number, block in enumerate(local.model.trunk_blocks()):
            block.attention.register_forward_hook(
                lambda *_, number=number: ran.__setitem__(number, True)
            )

        def progress(done: int, planned: int) -> None:
            seen.append(list(ran))
            ran[:] = [False] * BLOCKS

        train_privately(
            replace(local, progress=progress),
            make_privacy(sampling_rate=1.0, steps_per_round=8),
            RandomStream(KEY),
        )
        return seen

    assert masks(6) == masks(9)
    assert len({tuple(mask) for mask in masks(6)}) > 1


def test_every_tensor_of_a_skipped_block_is_noised_like_all_others():
    """Nobody joins: what is left is noise, of the plan's deviation, in every block."""
    privacy = make_privacy(sampling_rate=1e-12, steps_per_round=1)
    update = train_privately(round_with(0.6), privacy, RandomStream(KEY))
    planned = 0.5 * 2.0 * privacy.clipping_norm / privacy.expected_patients
    for block in range(BLOCKS):
        values = np.concatenate(
            [t.ravel() for n, t in update.items() if n.startswith(f"encoder.layer.{block}.")]
        )
        assert np.count_nonzero(values) == values.size
        assert values.std() == pytest.approx(planned, rel=0.1)


def test_a_patient_moves_a_step_by_no_more_than_the_clipping_norm_under_any_mask():
    """With all noise the same, leaving a patient out changes the sum by at most C."""
    privacy = make_privacy(
        sampling_rate=1.0, steps_per_round=1, clipping_norm=0.05, noise_multiplier=1e-6
    )
    for key in (b"\x01" * 32, b"\x02" * 32, b"\x03" * 32):
        full = train_privately(round_with(0.5, patients=8), privacy, RandomStream(key))
        fewer_round = round_with(0.5, patients=8)
        notes = fewer_round.notes
        fewer_round = replace(
            fewer_round, notes=replace(notes, notes_of_patient=notes.notes_of_patient[:-1])
        )
        fewer = train_privately(fewer_round, privacy, RandomStream(key))
        moved = math.sqrt(
            sum(float(np.square(full[n] - fewer[n], dtype=float).sum()) for n in full)
        )
        limit = 0.5 * privacy.clipping_norm / privacy.expected_patients
        assert 0 < moved <= limit * 1.01
