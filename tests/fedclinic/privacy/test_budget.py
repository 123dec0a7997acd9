"""The arithmetic of a cohort's budget: rounded against us, and never below what was spent."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from fedclinic.privacy.accounting import epsilon, epsilon_by_rdp, renyi_divergences
from fedclinic.privacy.budget import (
    NANO,
    NOTHING,
    ORDERS,
    caps_of,
    demand_of,
    fits,
    plus,
    spent_epsilon,
    within,
)
from fedclinic.privacy.mechanism import Mechanism

MECHANISMS = st.builds(
    Mechanism,
    noise_multiplier=st.floats(0.4, 20),
    sampling_rate=st.floats(0.001, 1.0),
    steps=st.integers(1, 500),
)


@given(MECHANISMS)
def test_a_demand_is_never_less_than_the_divergence(mechanism):
    exact = renyi_divergences(mechanism, ORDERS)
    rounded = demand_of(mechanism)
    assert all(
        amount >= min(value * NANO, 10**15) for amount, value in zip(rounded, exact, strict=True)
    )


@given(
    st.floats(0.1, 50),
    st.floats(1e-9, 1e-3),
    st.lists(st.integers(0, 10**11), min_size=16, max_size=16),
)
def test_what_fits_is_reported_within_the_budget_and_what_does_not_above_it(cap, delta, used):
    amounts = tuple(used)
    if fits(amounts, caps_of(cap, delta)):
        assert spent_epsilon(amounts, delta) <= cap
    else:
        assert spent_epsilon(amounts, delta) > cap - 2 / NANO


@settings(max_examples=8, deadline=None)
@given(MECHANISMS)
def test_the_ledger_never_reports_less_than_the_accountant_of_record(mechanism):
    assert spent_epsilon(demand_of(mechanism), 1e-5) >= epsilon([mechanism], delta=1e-5) - 1e-3


def test_the_ledgers_epsilon_is_within_a_third_of_the_renyi_accountants():
    mechanism = Mechanism(noise_multiplier=1.0, sampling_rate=0.02, steps=1000)
    by_rdp = epsilon_by_rdp([mechanism], delta=1e-5)
    assert by_rdp <= spent_epsilon(demand_of(mechanism), 1e-5) <= 1.33 * by_rdp


@given(MECHANISMS, MECHANISMS)
def test_two_rounds_cost_their_sum_at_every_order(one, other):
    both = plus(demand_of(one), demand_of(other))
    assert within(demand_of(one), both)
    assert spent_epsilon(both, 1e-5) >= spent_epsilon(demand_of(one), 1e-5)


@pytest.mark.parametrize("delta", [1e-9, 1e-5, 0.5])
def test_nothing_used_is_nothing_spent_and_always_fits(delta):
    assert spent_epsilon(NOTHING, delta) == 0.0
    assert fits(NOTHING, caps_of(0.001, delta))
