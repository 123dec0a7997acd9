"""Aggregation: exact means, the same bits in every order, and robust ones that resist attackers."""

import math
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from fedclinic.errors import AdmissionError
from fedclinic.updates.aggregate import centred_clipping, norm_bounded_mean, trimmed_mean
from fedclinic.updates.codec import UpdateFile, encode, schema_of

SITES = ("alder", "birch", "cedar", "elm", "fir", "oak", "pine")


def make_updates(sites=SITES, size: int = 70_000, seed: int = 0) -> dict[str, dict]:
    generator = np.random.default_rng(seed)
    return {
        site: {
            "w": generator.standard_normal((size // 10, 10)).astype(np.float32),
            "b": generator.standard_normal(3).astype(np.float32),
        }
        for site in sites
    }


def make_weights(sites=SITES) -> dict[str, float]:
    return {site: float(position) for position, site in enumerate(sites, start=1)}


def test_the_mean_is_weighted_by_the_plan():
    updates, weights = make_updates(), make_weights()
    mean = norm_bounded_mean(updates, weights, max_norm=math.inf)
    for name in ("w", "b"):
        expected = np.average(
            np.stack([updates[site][name].astype(np.float64) for site in SITES]),
            axis=0,
            weights=list(weights.values()),
        )
        np.testing.assert_allclose(mean[name], expected, rtol=1e-6, atol=1e-7)


def test_a_sum_is_rounded_once_from_float64():
    generator = np.random.default_rng(5)
    updates = {s: {"w": generator.standard_normal((999, 1)).astype(np.float32)} for s in SITES}
    weights = make_weights()
    shares = {site: weights[site] / sum(weights.values()) for site in SITES}
    expected = np.zeros((999, 1))
    for site in SITES:
        expected += shares[site] * updates[site]["w"].astype(np.float64)
    measured = norm_bounded_mean(updates, weights, max_norm=math.inf)["w"]
    assert np.array_equal(measured, expected.astype(np.float32))


def test_weights_are_renormalised_over_the_sites_that_were_admitted():
    updates = make_updates(("alder", "oak"), size=10)
    mean = norm_bounded_mean(updates, make_weights(), max_norm=math.inf)
    expected = (1 * updates["alder"]["b"] + 6 * updates["oak"]["b"]) / 7
    np.testing.assert_allclose(mean["b"], expected, rtol=1e-6)


@given(st.permutations(SITES))
def test_the_order_of_arrival_does_not_change_one_bit(order):
    updates = make_updates(size=50)
    weights = make_weights()
    arrived = {site: updates[site] for site in order}
    for combine in (
        lambda u: norm_bounded_mean(u, weights, max_norm=2.0),
        lambda u: trimmed_mean(u, weights, trim=2),
        lambda u: centred_clipping(u, weights, iterations=3),
    ):
        assert encode(combine(arrived), "F32") == encode(combine(updates), "F32")


@pytest.mark.parametrize("dtype", ["F32", "BF16"])
def test_files_give_the_same_bits_as_memory(tmp_path: Path, dtype):
    schema = schema_of(make_updates()["oak"])
    files, loaded = {}, {}
    for site, update in make_updates().items():
        (tmp_path / site).write_bytes(encode(update, dtype))
        files[site] = UpdateFile(tmp_path / site, schema, dtype)
        loaded[site] = dict(files[site])
    for limit in (math.inf, 50.0):
        from_files = norm_bounded_mean(files, make_weights(), max_norm=limit)
        from_memory = norm_bounded_mean(loaded, make_weights(), max_norm=limit)
        assert encode(from_files, "F32") == encode(from_memory, "F32")


def test_a_long_update_is_scaled_to_the_bound():
    updates = {
        "alder": {"b": np.array([3.0, 4.0], np.float32)},
        "oak": {"b": np.array([300.0, 400.0], np.float32)},
    }
    mean = norm_bounded_mean(updates, {"alder": 1.0, "oak": 1.0}, max_norm=10.0)
    np.testing.assert_allclose(mean["b"], [4.5, 6.0])


def test_trimming_nothing_is_the_mean():
    updates, weights = make_updates(size=100), make_weights()
    mean = norm_bounded_mean(updates, weights, max_norm=math.inf)
    np.testing.assert_allclose(trimmed_mean(updates, weights, trim=0)["w"], mean["w"], atol=1e-6)


def test_a_trimmed_coordinate_ignores_its_extremes():
    updates = {
        site: {"b": np.array([value], np.float32)}
        for site, value in zip(SITES, [5, -1e9, 1, 2, 1e9, 3, 4], strict=True)
    }
    weights = dict.fromkeys(SITES, 1.0)
    assert trimmed_mean(updates, weights, trim=1)["b"] == [3.0]


def test_trimming_everyone_is_refused():
    with pytest.raises(AdmissionError, match="leaves none"):
        trimmed_mean(make_updates(("alder", "oak"), size=10), make_weights(), trim=1)


def cosine(left: dict, right: np.ndarray) -> float:
    flat = left["w"].reshape(-1)
    return float(flat @ right / np.linalg.norm(flat) / np.linalg.norm(right))


def attacked_round(dimension: int = 4000, sites: int = 30, attackers: int = 6):
    """One round of noisy honest updates, and attackers who send -20 times theirs."""
    generator = np.random.default_rng(0)
    truth = generator.standard_normal(dimension)
    truth /= np.linalg.norm(truth)
    noise = np.sqrt(1.0 + 3.0**2) / np.sqrt(dimension)
    rows = truth + noise * generator.standard_normal((sites, dimension))
    rows[:attackers] *= -20
    updates = {f"s{row:02d}": {"w": rows[row].astype(np.float32)} for row in range(sites)}
    return truth, updates, dict.fromkeys(updates, 1.0)


def test_attackers_who_scale_reverse_the_plain_mean_but_not_the_robust_ones():
    truth, updates, weights = attacked_round()
    honest_norm = math.sqrt(1 + 1 + 9)
    assert cosine(norm_bounded_mean(updates, weights, max_norm=math.inf), truth) < -0.4
    assert cosine(norm_bounded_mean(updates, weights, max_norm=honest_norm), truth) > 0.6
    assert cosine(trimmed_mean(updates, weights, trim=6), truth) > 0.6
    assert cosine(centred_clipping(updates, weights, iterations=5), truth) > 0.6


def test_sites_with_different_tensors_are_refused():
    updates = make_updates(("alder", "oak"), size=10)
    del updates["oak"]["b"]
    with pytest.raises(AdmissionError, match="same tensors"):
        norm_bounded_mean(updates, make_weights(), max_norm=math.inf)


def test_a_site_that_the_plan_does_not_weigh_is_refused():
    with pytest.raises(AdmissionError, match="site oak has no weight"):
        norm_bounded_mean(make_updates(("oak",), size=10), {"elm": 1.0}, max_norm=math.inf)


def test_a_round_without_updates_is_refused():
    with pytest.raises(AdmissionError, match="no update"):
        norm_bounded_mean({}, make_weights(), max_norm=math.inf)
