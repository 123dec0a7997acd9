"""SplitNN is training in turns, and what it sends are the notes' hidden states."""

from pathlib import Path

import numpy as np
import pytest

from fedclinic.errors import ConfigError
from fedclinic.simulation.federation import run_rounds
from fedclinic.simulation.split_learning import below, run_split_rounds
from fedclinic.updates.codec import encode
from tests.factories import make_privacy, make_unprotected
from tests.fedclinic.simulation.simulations import make_simulation, make_tiny_work
from tests.tiny_models import HIDDEN
from tests.tiny_rounds import one_note_each

TOKENS = sum(len(row.token_ids) for row in one_note_each(12).rows)
ONE = ((0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11),)


def test_every_token_of_every_pass_goes_up_and_nothing_comes_down_to_a_frozen_part(tmp_path: Path):
    work = make_tiny_work(privacy=make_unprotected(epochs_per_round=2))
    first, second = run_split_rounds(make_simulation(tmp_path, top=1, work=work), cut=2)
    assert first.bytes_up == second.bytes_up == 2 * TOKENS * HIDDEN * 4
    assert first.bytes_down == 0


def test_a_part_that_trains_gets_gradients_and_is_handed_on(tmp_path: Path):
    first, _ = run_split_rounds(make_simulation(tmp_path, top=2), cut=2)
    own = {
        name: values
        for name, values in first.state.change.items()
        if name.startswith("encoder.layer.1.")
    }
    part = len(encode(own, "F32"))
    assert first.bytes_up == first.bytes_down == TOKENS * HIDDEN * 4 + 3 * part


def test_with_one_site_it_is_training_at_that_site(tmp_path: Path):
    split = list(run_split_rounds(make_simulation(tmp_path / "a", parts=ONE), cut=2))[-1]
    plain = list(run_rounds(make_simulation(tmp_path / "b", parts=ONE)))[-1]
    for name, values in plain.state.change.items():
        np.testing.assert_allclose(split.state.change[name], values, atol=1e-6, err_msg=name)


def test_the_sites_part_is_what_is_below_the_cut():
    schema = dict.fromkeys(("wte.weight", "h.0.a", "h.1.a", "h.2.a", "head.weight"), (1,))
    assert below(schema, 2) == ("wte.weight", "h.0.a", "h.1.a")


def test_a_cut_that_does_not_exist_is_refused_with_those_that_do(tmp_path: Path):
    with pytest.raises(ConfigError, match="no cut at block 4: the model's are 0 to 3"):
        next(run_split_rounds(make_simulation(tmp_path), cut=4))


def test_there_is_no_privacy_to_ask_for(tmp_path: Path):
    work = make_tiny_work(privacy=make_privacy())
    with pytest.raises(ConfigError, match="activations of notes leave the site without noise"):
        next(run_split_rounds(make_simulation(tmp_path, work=work), cut=1))
