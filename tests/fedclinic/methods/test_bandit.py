"""The configurator finds a good arm, follows a change, and resumes where it stopped."""

from collections.abc import Callable, Sequence

import numpy as np
import pytest
from pydantic import TypeAdapter

from fedclinic import plan
from fedclinic.method_parts import Bandit, LayerDropout
from fedclinic.methods import decode_state, encode_state, make_method
from fedclinic.methods.bandit import MEMORY, choose, dropout_of, first_arms, learn, reward

SITES = tuple(f"site{number}" for number in range(12))
START = LayerDropout(rate=0.3)
Reward = Callable[[LayerDropout, int], float]


def gain(dropout: LayerDropout, best_rate: float, best_shape: str) -> float:
    """Quality gained a second: one peak, and a loss for the wrong shape."""
    worse = 0.0 if dropout.shape == best_shape else 0.1
    return 1.0 - abs(dropout.rate - best_rate) - worse


def play(
    reward: Reward, bandit: Bandit, rounds: int, sites: tuple[str, ...] = SITES
) -> list[float]:
    """Mean reward of the sites in each round; noise of a tenth, and gains that shrink."""
    memory, earned = first_arms(bandit, START), []
    random = np.random.default_rng(7)
    for number in range(1, rounds + 1):
        arms = choose(memory, bandit, sites, number)
        true = {arm: reward(dropout_of(memory, arm, START), number) for arm in set(arms.values())}
        earned.append(float(np.mean([true[arms[site]] for site in sites])))
        shrink = 1 / (1 + 0.02 * number)
        seen = {arm: shrink * (value + 0.1 * random.normal()) for arm, value in true.items()}
        memory = learn(memory, bandit, seen, number)
    return earned


def best_fixed(reward: Reward, bandit: Bandit, rounds: int) -> float:
    memory = first_arms(bandit, START)
    arms = [dropout_of(memory, arm, START) for arm in range(bandit.arms)]
    return max(float(np.mean([reward(a, n) for n in range(1, rounds + 1)])) for a in arms)


@pytest.mark.parametrize("seed", range(5))
@pytest.mark.parametrize(("rate", "shape"), [(0.6, "incremental"), (0.2, "uniform")])
def test_regret_on_drifting_arms_is_within_a_tenth_of_the_best_fixed_arm(rate, shape, seed):
    bandit = Bandit(seed=seed)

    def reward(dropout: LayerDropout, number: int) -> float:
        return gain(dropout, rate + 0.001 * number, shape)

    earned = np.mean(play(reward, bandit, 100))
    assert earned >= 0.9 * best_fixed(reward, bandit, 100)


@pytest.mark.parametrize("seed", range(5))
def test_it_recovers_after_a_switch(seed):
    bandit = Bandit(seed=seed)

    def reward(dropout: LayerDropout, number: int) -> float:
        return gain(dropout, 0.1 if number <= 60 else 0.7, "uniform")

    earned = play(reward, bandit, 160)
    fixed_after = max(
        gain(dropout_of(first_arms(bandit, START), arm, START), 0.7, "uniform")
        for arm in range(bandit.arms)
    )
    assert np.mean(earned[120:]) >= 0.85 * fixed_after


def test_an_explored_arm_gets_two_sites_where_there_are_enough():
    bandit = Bandit()
    memory = first_arms(bandit, START)
    for number in range(1, 30):
        chosen = choose(memory, bandit, SITES, number)
        counts = np.bincount(list(chosen.values()))
        assert set(counts[counts > 0]) - {2} <= {counts.max()}
        assert len(set(chosen.values())) > 1
    assert set(choose(memory, bandit, SITES[:1], 1).values()) == {0}


def test_arms_stay_within_what_the_plan_allows():
    bandit = Bandit(min_rate=0.4, max_rate=0.6)
    memory = first_arms(bandit, LayerDropout(rate=0.5))
    for number in range(1, 60):
        memory = learn(memory, bandit, {0: 1.0, 1: 0.0, 2: 0.5}, number)
        for arm in range(bandit.arms):
            assert 0.4 <= dropout_of(memory, arm, START).rate <= 0.6


@pytest.mark.parametrize("seed", range(3))
def test_a_site_with_little_memory_gets_only_arms_that_fit(seed):
    bandit = Bandit(seed=seed, min_rates={"site3": 0.6, "site7": 0.25})
    memory = first_arms(bandit, START)
    for number in range(1, 60):
        arms = choose(memory, bandit, SITES, number)
        assert dropout_of(memory, arms["site3"], START).rate >= 0.6
        assert dropout_of(memory, arms["site7"], START).rate >= 0.25
        rewards = {arm: -float(memory["rate"][arm]) for arm in set(arms.values())}
        memory = learn(memory, bandit, rewards, number)  # low rates are best, and still some fit
    assert any(dropout_of(memory, arm, START).rate < 0.25 for arm in set(arms.values()))


def test_a_reward_is_the_gain_of_an_arms_own_sites_over_their_mean_seconds():
    asked = []

    def quality(arm: int, sites: Sequence[str]) -> float:
        asked.append((arm, tuple(sites)))
        return 0.5 + 0.1 * arm

    seconds = {"elm": 1.0, "oak": 3.0, "ash": 4.0}
    found = reward({2: ["ash"], 1: ["elm", "oak"]}, base=0.5, quality=quality, seconds=seconds)
    assert asked == [(1, ("elm", "oak")), (2, ("ash",))]
    assert found == pytest.approx({1: 0.1 / 2.0, 2: 0.2 / 4.0})


def test_rewards_count_against_those_of_their_round_only():
    bandit = Bandit(window_rounds=100)
    memory = first_arms(bandit, START)
    high = learn(memory, bandit, {0: 100.0, 1: 101.0}, 1)
    low = learn(memory, bandit, {0: 0.0, 1: 1.0}, 1)
    np.testing.assert_array_equal(high["total"], low["total"])


def test_a_run_that_is_resumed_goes_on_with_what_was_learnt():
    method_plan = TypeAdapter(plan.Method).validate_python(
        {"name": "droppeft", "rate": 0.3, "configurator": {"kind": "bandit"}}
    )
    method = make_method(method_plan, SITES)
    updates = {site: {"layer.0.w": np.ones(2, np.float32)} for site in SITES}
    weights = dict.fromkeys(SITES, 1.0)
    state, _ = method.apply(method.init({"layer.0.w": (2,)}), updates, weights)
    bandit = Bandit()
    learnt = learn(state.memory[MEMORY], bandit, {0: 0.0, 2: 5.0}, 1)
    state = type(state)(1, state.change, {**state.memory, MEMORY: learnt})
    resumed = decode_state(encode_state(state), method.init({"layer.0.w": (2,)}))
    assert choose(resumed.memory[MEMORY], bandit, SITES, 2) == choose(learnt, bandit, SITES, 2)
    after, _ = method.apply(resumed, updates, weights)
    np.testing.assert_array_equal(after.memory[MEMORY]["total"], learnt["total"])
    np.testing.assert_array_equal(after.change["layer.0.w"], [2.0, 2.0])
