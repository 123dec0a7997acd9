"""Every patient comes to exactly one site, the same one for the same seed."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from fedclinic.errors import ConfigError
from fedclinic.simulation.partition import by_group, dirichlet, iid

SEEDS = st.integers(0, 1000)


def assert_each_unit_is_at_one_site(parts: tuple[np.ndarray, ...], units: int) -> None:
    assert sorted(np.concatenate(parts).tolist()) == list(range(units))


@given(units=st.integers(1, 200), sites=st.integers(1, 40), seed=SEEDS)
def test_iid_sites_differ_by_one_patient_at_most(units: int, sites: int, seed: int) -> None:
    if units < sites:
        with pytest.raises(ConfigError, match="cannot be divided"):
            iid(units, sites=sites, seed=seed)
        return
    parts = iid(units, sites=sites, seed=seed)
    assert_each_unit_is_at_one_site(parts, units)
    sizes = [len(part) for part in parts]
    assert max(sizes) - min(sizes) <= 1


@given(
    labels=st.lists(st.integers(0, 4), min_size=40, max_size=120),
    sites=st.integers(1, 5),
    alpha=st.floats(0.3, 100),
    seed=SEEDS,
)
def test_dirichlet_sites_hold_every_patient_once_and_none_is_empty(
    labels: list[int], sites: int, alpha: float, seed: int
) -> None:
    parts = dirichlet(np.array(labels), sites=sites, alpha=alpha, seed=seed)
    assert_each_unit_is_at_one_site(parts, len(labels))
    assert min(len(part) for part in parts) >= 1


@given(groups=st.lists(st.sampled_from("abcdef"), min_size=1, max_size=60))
def test_natural_sites_are_the_groups_largest_first(groups: list[str]) -> None:
    parts = by_group(groups)
    assert_each_unit_is_at_one_site(parts, len(groups))
    assert len(parts) == len(set(groups))
    for part in parts:
        assert len({groups[unit] for unit in part}) == 1
    sizes = [len(part) for part in parts]
    assert sizes == sorted(sizes, reverse=True)


def skew(parts: tuple[np.ndarray, ...], labels: np.ndarray) -> float:
    """Mean total variation distance between a site's labels and all labels."""
    whole = np.bincount(labels) / len(labels)
    return float(
        np.mean(
            [
                np.abs(np.bincount(labels[part], minlength=len(whole)) / len(part) - whole).sum()
                / 2
                for part in parts
            ]
        )
    )


def test_a_smaller_alpha_makes_sites_more_different() -> None:
    labels = np.arange(2000) % 8
    skews = [
        np.mean([skew(dirichlet(labels, sites=4, alpha=a, seed=s), labels) for s in range(5)])
        for a in (0.1, 1.0, 100.0)
    ]
    assert skews[0] > skews[1] > skews[2]
    assert skews[2] < 0.1


def test_equal_seeds_give_equal_sites_and_other_seeds_others() -> None:
    labels = np.arange(100) % 3
    first, again, other = (dirichlet(labels, sites=3, alpha=1.0, seed=s) for s in (4, 4, 5))
    assert all(np.array_equal(a, b) for a, b in zip(first, again, strict=True))
    assert not all(np.array_equal(a, b) for a, b in zip(first, other, strict=True))


def test_a_division_that_would_leave_a_site_short_is_refused() -> None:
    with pytest.raises(ConfigError, match="50 patients cannot be divided over 10 sites"):
        dirichlet(np.zeros(50, dtype=int), sites=10, alpha=1.0, seed=0, at_least=6)
    with pytest.raises(ConfigError, match="larger alpha"):
        dirichlet(np.zeros(50, dtype=int), sites=10, alpha=0.001, seed=0)
    with pytest.raises(ConfigError, match="alpha"):
        dirichlet(np.zeros(50, dtype=int), sites=2, alpha=0.0, seed=0)
