"""FedTLU: the score's identity, the choice of blocks, and what the guard repairs."""

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from fedclinic.methods import encode_state, fedavg, fedtlu
from fedclinic.methods.agreement import agreement, contrary_sites
from fedclinic.methods.fedtlu import block_score, blocks_of, tensor_score_excess

SITES = tuple(f"site{number}" for number in range(6))
WEIGHTS = dict.fromkeys(SITES, 1.0)
SCHEMA = {
    "head.weight": (3, 4),
    **{f"encoder.layer.{layer}.dense.weight": (30, 20) for layer in range(4)},
    **{f"encoder.layer.{layer}.dense.bias": (20,) for layer in range(4)},
}


def make_updates(seed: int = 0) -> dict[str, dict[str, np.ndarray]]:
    generator = np.random.default_rng(seed)
    return {
        site: {
            name: generator.standard_normal(shape).astype(np.float32)
            for name, shape in SCHEMA.items()
        }
        for site in SITES
    }


def play(method, updates, rounds: int = 1):
    state = method.init(SCHEMA)
    for _ in range(rounds):
        state, diagnostics = method.apply(state, updates, WEIGHTS)
    return state, diagnostics


@given(st.integers(0, 1000), st.floats(-3, 3), st.floats(0.1, 10))
def test_the_score_is_the_papers_ratio(seed, mean, spread):
    change = mean + spread * np.random.default_rng(seed).standard_normal(500)
    paper = np.linalg.norm(change) / (math.sqrt(change.size) * change.std())
    assert 1 + tensor_score_excess(change) == pytest.approx(paper, rel=1e-12)


def test_a_change_without_spread_is_scored_by_its_mean():
    assert tensor_score_excess(np.zeros(5, np.float32)) == 0
    assert tensor_score_excess(np.ones(5, np.float32)) == math.inf
    assert tensor_score_excess(np.ones(1, np.float32)) == 0


def test_blocks_are_found_by_their_number():
    assert list(blocks_of(SCHEMA)) == [f"encoder.layer.{layer}" for layer in range(4)]


@pytest.mark.parametrize("guarded", [False, True])
def test_keeping_all_blocks_is_fedavg_bit_for_bit(guarded):
    updates = make_updates()
    all_kept, _ = play(fedtlu(server_learning_rate=0.7, keep=4, guarded=guarded), updates, 2)
    averaged, _ = play(fedavg(server_learning_rate=0.7), updates, 2)
    assert encode_state(all_kept) == encode_state(averaged)


def test_only_the_best_blocks_and_what_is_in_no_block_change():
    updates = make_updates()
    for update in updates.values():
        update["encoder.layer.2.dense.weight"] += 1.0
    state, diagnostics = play(fedtlu(server_learning_rate=1.0, keep=1, guarded=False), updates)
    assert diagnostics.selected == ("encoder.layer.2",)
    changed = {name for name, tensor in state.change.items() if tensor.any()}
    assert changed == {"head.weight"} | {n for n in SCHEMA if n.startswith("encoder.layer.2.")}


def test_scaling_a_round_does_not_change_the_choice():
    updates = make_updates()
    doubled = {s: {n: 2 * t for n, t in u.items()} for s, u in updates.items()}
    method = fedtlu(server_learning_rate=1.0, keep=2, guarded=False)
    assert play(method, updates)[1].selected == play(method, doubled)[1].selected


def test_agreement_is_one_for_equal_changes_and_none_for_opposite_ones():
    update = {"w": np.array([3.0, 4.0], np.float32)}
    opposite = {"w": -update["w"]}
    shares = {"alder": 0.5, "oak": 0.5}
    assert agreement({"alder": update, "oak": update}, shares, ["w"]) == pytest.approx(1.0)
    assert agreement({"alder": update, "oak": opposite}, shares, ["w"]) == 0.0
    assert agreement({"oak": update}, {"oak": 1.0}, ["w"]) == 1.0


def test_agreement_is_the_mean_cosine_between_sites():
    updates, shares = make_updates(), dict.fromkeys(SITES, 1 / 6)
    name = "head.weight"
    flat = [updates[site][name].reshape(-1) for site in SITES]
    cosines = [
        a @ b / np.linalg.norm(a) / np.linalg.norm(b)
        for i, a in enumerate(flat)
        for b in flat[i + 1 :]
    ]
    expected = max(0.0, float(np.mean(cosines)))
    assert agreement(updates, shares, [name]) == pytest.approx(expected, abs=1e-6)


def test_one_site_cannot_draw_the_choice_to_a_block_when_it_is_guarded():
    """A constant shift by one attacker scores high; the sites' agreement on that block is low."""
    updates = make_updates()
    for site, update in updates.items():
        update["encoder.layer.1.dense.weight"] *= 0.3
        update["encoder.layer.1.dense.weight"][:15] += 1.0
        update["encoder.layer.1.dense.weight"][15:] -= 1.0
        if site == "site0":
            update["encoder.layer.3.dense.weight"] += 50.0
    plain = play(fedtlu(server_learning_rate=1.0, keep=1, guarded=False), updates)[1]
    guarded = play(fedtlu(server_learning_rate=1.0, keep=1, guarded=True), updates)[1]
    assert plain.selected == ("encoder.layer.3",)
    assert guarded.selected == ("encoder.layer.1",)


def test_a_tensor_score_sums_over_the_block():
    change = {"a": np.array([1.0, 2.0]), "b": np.array([3.0, 5.0])}
    total = tensor_score_excess(change["a"]) + tensor_score_excess(change["b"])
    assert block_score(change, ["a", "b"]) == pytest.approx(total)


def agreeing_updates(noise: float = 1.0) -> dict[str, dict[str, np.ndarray]]:
    """Changes that have half of their length in common."""
    common = make_updates(seed=9)["site0"]
    return {
        site: {name: common[name] + noise * update[name] for name in update}
        for site, update in make_updates().items()
    }


def test_a_site_that_flips_its_signs_is_left_out_of_every_block_and_nobody_else_is():
    honest = agreeing_updates()
    flipped = honest | {"site2": {name: -tensor for name, tensor in honest["site2"].items()}}
    shares = dict.fromkeys(SITES, 1 / 6)
    for names in blocks_of(SCHEMA).values():
        assert contrary_sites(honest, shares, names) == frozenset()
        assert contrary_sites(flipped, shares, names) == {"site2"}
    guarded = fedtlu(server_learning_rate=1.0, keep=4, guarded=True)
    others = {site: update for site, update in honest.items() if site != "site2"}
    after, without = (play(guarded, given)[0].change for given in (flipped, others))
    block = "encoder.layer.1.dense.weight"
    np.testing.assert_array_equal(after[block], without[block])


def test_half_of_the_sites_cannot_have_the_others_left_out():
    honest = agreeing_updates()
    half = {
        site: {name: -tensor for name, tensor in update.items()} if site in SITES[:3] else update
        for site, update in honest.items()
    }
    names = blocks_of(SCHEMA)["encoder.layer.0"]
    assert contrary_sites(half, dict.fromkeys(SITES, 1 / 6), names) == frozenset()


def test_changes_that_have_nothing_in_common_are_noise_and_not_contrary():
    for seed in range(20):
        updates = make_updates(seed)
        for names in blocks_of(SCHEMA).values():
            assert contrary_sites(updates, dict.fromkeys(SITES, 1 / 6), names) == frozenset()
