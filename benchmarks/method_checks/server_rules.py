"""Checks 7 to 9: the bandit, personal layers and targeted layers do what their equations say."""

import math
from collections.abc import Callable, Iterator

import numpy as np

from benchmarks.method_checks.verdict import Verdict, judge
from fedclinic.method_parts import Bandit, LayerDropout
from fedclinic.methods import encode_state, fedavg, fedtlu
from fedclinic.methods.bandit import choose, dropout_of, first_arms, learn
from fedclinic.methods.fedtlu import blocks_of, tensor_score_excess
from fedclinic.updates.codec import Array

SITES = tuple(f"site{number}" for number in range(12))
START = LayerDropout(rate=0.3)
SEEDS = range(5)
Gain = Callable[[LayerDropout, int], float]


def check_bandit() -> Iterator[Verdict]:
    """On arms whose gain drifts, and on arms that change places half-way."""
    drifting = [_played(_drifting, 100, seed) for seed in SEEDS]
    yield judge(
        "7 bandit on drifting arms, of the best fixed arm",
        min(drifting) >= 0.9,
        f"worst of {len(drifting)} seeds {min(drifting):.3f}, mean {np.mean(drifting):.3f}",
    )
    switched = [_played(_switching, 160, seed, last=40) for seed in SEEDS]
    yield judge(
        "7 bandit after a switch, of the best arm then",
        min(switched) >= 0.85,
        f"worst of {len(switched)} seeds {min(switched):.3f}, over the last 40 of 160 rounds",
    )


def _drifting(dropout: LayerDropout, number: int) -> float:
    return _gain(dropout, 0.6 + 0.001 * number, "incremental")


def _switching(dropout: LayerDropout, number: int) -> float:
    return _gain(dropout, 0.1 if number <= 60 else 0.7, "uniform")


def _gain(dropout: LayerDropout, best_rate: float, best_shape: str) -> float:
    worse = 0.0 if dropout.shape == best_shape else 0.1
    return 1.0 - abs(dropout.rate - best_rate) - worse


def _played(gain: Gain, rounds: int, seed: int, last: int | None = None) -> float:
    """Mean gain of the sites over that of the best of the first arms, over the last rounds."""
    bandit = Bandit(seed=seed)
    memory, earned = first_arms(bandit, START), []
    fixed = [dropout_of(memory, arm, START) for arm in range(bandit.arms)]
    random = np.random.default_rng([seed, 7])
    for number in range(1, rounds + 1):
        arms = choose(memory, bandit, SITES, number)
        true = {arm: gain(dropout_of(memory, arm, START), number) for arm in set(arms.values())}
        earned.append(float(np.mean([true[arms[site]] for site in SITES])))
        seen = {arm: value + 0.1 * random.normal() for arm, value in true.items()}
        memory = learn(memory, bandit, seen, number)
    counted = range(rounds - (last or rounds), rounds)
    best = max(float(np.mean([gain(arm, n + 1) for n in counted])) for arm in fixed)
    return float(np.mean([earned[n] for n in counted])) / best


def check_personal_layers() -> Iterator[Verdict]:
    """Three sites, four layers, by hand; and sharing all is plain averaging."""
    method = fedavg(server_learning_rate=1.0)
    schema = {f"layer.{n}.w": (1,) for n in range(4)}
    weights = {"alder": 1.0, "elm": 2.0, "oak": 1.0}
    sent = {"alder": (4.0, 3.0), "elm": (8.0, None, 5.0), "oak": (None, 1.0)}
    updates = {
        site: {
            f"layer.{n}.w": np.array([value], np.float32)
            for n, value in enumerate(values)
            if value is not None
        }
        for site, values in sent.items()
    }
    state, _ = method.apply(method.init(schema), updates, weights)
    found = [float(state.change[f"layer.{n}.w"][0]) for n in range(4)]
    by_hand = [20 / 3, 2.0, 5.0, 0.0]
    yield judge(
        "8 three sites and four layers by hand",
        np.allclose(found, by_hand, rtol=1e-6),
        ", ".join(f"{value:.4f}" for value in found),
    )


def check_targeted() -> Iterator[Verdict]:
    """The score's identity, what scaling does, K = all, and blocks that were not chosen."""
    random = np.random.default_rng(0)
    worst = 0.0
    for _ in range(100):
        change = random.normal(random.normal(), 1.0, 500).astype(np.float64)
        score = np.linalg.norm(change) / (math.sqrt(change.size) * change.std())
        worst = max(worst, abs(1 + tensor_score_excess(change) - score))
    yield judge("9 score identity", worst < 1e-12, f"largest difference {worst:.1e}")
    updates = {site: _change(random) for site in SITES[:3]}
    weights = dict.fromkeys(updates, 1.0)
    yield _keeps_all(updates, weights)
    yield _scaled(updates, weights)
    method = fedtlu(server_learning_rate=1.0, keep=1, guarded=False)
    start = method.init(shapes_of(updates))
    after, said = method.apply(start, updates, weights)
    still = [
        name
        for block, names in blocks_of(shapes_of(updates)).items()
        if block not in (said.selected or ())
        for name in names
    ]
    unchanged = all(not after.change[name].any() for name in still)
    yield judge(
        "9 blocks that were not chosen", unchanged, f"{len(still)} tensors stay as they were"
    )


def shapes_of(updates: dict[str, dict[str, Array]]) -> dict[str, tuple[int, ...]]:
    return {name: tensor.shape for name, tensor in updates["site0"].items()}


def _keeps_all(updates: dict[str, dict[str, Array]], weights: dict[str, float]) -> Verdict:
    states = []
    for method in (
        fedavg(server_learning_rate=1.0),
        fedtlu(server_learning_rate=1.0, keep=6, guarded=False),
    ):
        state, _ = method.apply(method.init(shapes_of(updates)), updates, weights)
        states.append(encode_state(state))
    same = states[0] == states[1]
    return judge("9 K = all is FedAvg", same, "states of equal bytes" if same else "states differ")


def _scaled(updates: dict[str, dict[str, Array]], weights: dict[str, float]) -> Verdict:
    method = fedtlu(server_learning_rate=1.0, keep=2, guarded=False)
    chosen = []
    for factor in (1.0, 1e-3, 1e3):
        scaled = {
            site: {name: np.float32(factor) * tensor for name, tensor in update.items()}
            for site, update in updates.items()
        }
        _, said = method.apply(method.init(shapes_of(updates)), scaled, weights)
        chosen.append(said.selected)
    return judge("9 scaling changes no choice", len(set(chosen)) == 1, f"{chosen[0]}")


def _change(random: np.random.Generator) -> dict[str, Array]:
    """Six blocks of two tensors, and a head."""
    names = [f"layer.{block}.{part}" for block in range(6) for part in ("w", "b")]
    made = {name: random.normal(0.01, 1, (8, 8)).astype(np.float32) for name in names}
    return made | {"head.weight": random.normal(0, 1, (4, 8)).astype(np.float32)}
