"""Hidden states are computed once, read again as they were, and never taken for others'."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch

from fedclinic.learning.finetune import LocalRound
from site_agent.activation_store import ActivationKey, cached_hidden_states
from tests.fakes import FakeProgress
from tests.tiny_rounds import CPU, make_local_round, one_note_each

KEY = ActivationKey(notes="n", base_model="b", first_trained=2, max_tokens=32, bf16=False)


@pytest.fixture
def local() -> LocalRound:
    return make_local_round(one_note_each(70))


def open_cache(folder: Path, local: LocalRound, key: ActivationKey = KEY) -> FakeProgress:
    """Open the cache and say what was computed for it."""
    progress = FakeProgress()
    cache = cached_hidden_states(folder, key, local.model, local.notes, CPU, progress)
    rows = [0, 33, 69, 5]
    cached, mask = cache.batch(rows)
    computed, _ = local.hidden.batch(rows)
    difference = ((cached - computed) * mask.unsqueeze(-1)).abs().max()
    assert difference < 2e-3 * computed.abs().max()
    return progress


def test_a_cache_is_computed_once_and_then_read(tmp_path, local):
    assert open_cache(tmp_path / "cache", local).reports == [(32, 70), (64, 70), (70, 70)]
    assert open_cache(tmp_path / "cache", local).reports == []


@pytest.mark.parametrize(
    "change",
    [{"notes": "m"}, {"base_model": "c"}, {"first_trained": 1}, {"max_tokens": 64}, {"bf16": True}],
)
def test_whatever_the_hidden_states_depend_on_makes_another_cache(tmp_path, local, change):
    open_cache(tmp_path / "cache", local)
    assert open_cache(tmp_path / "cache", local, replace(KEY, **change)).reports
    assert len(list((tmp_path / "cache").iterdir())) == 1


def test_a_cache_that_was_not_finished_is_computed_anew(tmp_path, local):
    def stop(done: int, total: int) -> None:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        cached_hidden_states(tmp_path / "cache", KEY, local.model, local.notes, CPU, stop)
    assert open_cache(tmp_path / "cache", local).reports


def test_the_cache_holds_half_precision_of_every_token_and_no_padding(tmp_path, local):
    open_cache(tmp_path / "cache", local)
    (file,) = (tmp_path / "cache").rglob("*.npy")
    values = np.load(file)
    assert values.dtype == np.float16
    assert values.shape == (sum(len(row.token_ids) for row in local.notes.rows), 16)
    assert torch.isfinite(torch.from_numpy(values.astype(np.float32))).all()
