"""Which layer dropout each site uses in a round: a windowed epsilon-greedy bandit at the server.

Source: DropPEFT, arXiv 2503.10217, which states that a bandit chooses the configuration. Our
reading: arms are pairs of shape and rate; a reward is the gain in quality over the seconds that the
arm's sites took, compared within a round, since gains shrink as training goes on; exploration falls
over the window; an explored arm gets two sites where there are enough; at a window's end the lower
half retires and is refilled by perturbing the upper half, but for one arm that is drawn anew. A
site whose memory is short gets only arms whose rate is high enough, of which one is always left.

The quality is that of public or consented evaluation notes and the seconds are the coordinator's
own clock: no reward comes from a site's notes. The state is a part of the server's state, so that a
run that is resumed goes on choosing as if it had not stopped.
"""

from collections.abc import Callable, Mapping, Sequence

import numpy as np

from fedclinic.method_parts import Bandit, LayerDropout, Shape
from fedclinic.methods.method import Method, RoundDiagnostics, ServerState
from fedclinic.updates.codec import Array, Tensors
from fedclinic.updates.layout import TensorSchema

MEMORY = "bandit"
_SHAPES: tuple[Shape, ...] = ("uniform", "incremental", "decay")
_QUALITY = ("f1", "micro_f1", "macro_f1", "accuracy")
_LEAST_SITES_TO_PAIR = 4
_RATE_STEP = 0.15


def with_bandit(method: Method, plan: Bandit, start: LayerDropout) -> Method:
    """Let a method's state carry the bandit's memory from round to round."""

    def init(schema: TensorSchema) -> ServerState:
        state = method.init(schema)
        memory = {**state.memory, MEMORY: first_arms(plan, start)}
        return ServerState(state.round_number, state.change, memory)

    def apply(
        state: ServerState, updates: Mapping[str, Tensors], weights: Mapping[str, float]
    ) -> tuple[ServerState, RoundDiagnostics]:
        own = {name: part for name, part in state.memory.items() if name != MEMORY}
        before = ServerState(state.round_number, state.change, own)
        after, diagnostics = method.apply(before, updates, weights)
        memory = {**after.memory, MEMORY: state.memory[MEMORY]}
        return ServerState(after.round_number, after.change, memory), diagnostics

    return Method(init, apply, method.state_for)


def first_arms(plan: Bandit, start: LayerDropout) -> dict[str, Array]:
    """The plan's own dropout first, then rates spread over what is allowed, shapes in turn."""
    rates = np.linspace(plan.min_rate, plan.max_rate, plan.arms - 1)
    numbers = np.arange(plan.arms - 1)
    return {
        "rate": np.concatenate([[start.rate], rates]).astype(np.float32),
        "shape": np.concatenate([[_SHAPES.index(start.shape)], numbers % 3]).astype(np.float32),
        "total": np.zeros(plan.arms, np.float32),
        "count": np.zeros(plan.arms, np.float32),
    }


def choose(
    memory: Tensors, plan: Bandit, sites: Sequence[str], round_number: int
) -> dict[str, int]:
    """The number of each site's arm in a round; the same whenever it is asked."""
    order = np.random.default_rng([plan.seed, round_number]).permutation(len(sites))
    arms = np.full(len(sites), _best(memory))
    each = 2 if len(sites) >= _LEAST_SITES_TO_PAIR else 1
    wanted = _exploration(plan, round_number) * len(sites) / each
    pairs = min(max(1, round(wanted)), plan.arms - 1, (len(sites) - 1) // each)
    least_tried = np.argsort(memory["count"], kind="stable")
    explored = [arm for arm in least_tried if arm != arms[0]][: max(0, pairs)]
    for place, arm in enumerate(explored):
        arms[order[place * each : (place + 1) * each]] = arm
    return {
        site: _fitting(memory, int(arm), plan.min_rates.get(site, 0.0))
        for site, arm in zip(sites, arms, strict=True)
    }


def dropout_of(memory: Tensors, arm: int, start: LayerDropout) -> LayerDropout:
    """An arm as what a task asks of a site; masks are the plan's."""
    shape = _SHAPES[int(memory["shape"][arm])]
    rate = round(float(memory["rate"][arm]), 4)
    return LayerDropout(rate=rate, shape=shape, masks=start.masks)


def learn(
    memory: Tensors, plan: Bandit, rewards: Mapping[int, float], round_number: int
) -> dict[str, Array]:
    """Add a round's rewards, each less their mean; at a window's end, renew the lower half."""
    total, count = memory["total"].copy(), memory["count"].copy()
    mean = float(np.mean(list(rewards.values()))) if rewards else 0.0
    for arm, reward in rewards.items():
        total[arm] += reward - mean
        count[arm] += 1
    after = {"rate": memory["rate"], "shape": memory["shape"], "total": total, "count": count}
    return _renewed(after, plan, round_number) if round_number % plan.window_rounds == 0 else after


def main_quality(metrics: Mapping[str, float]) -> float:
    """The metric of which rewards come, the first that a task has; the larger, the better."""
    if "loss" in metrics:
        return -metrics["loss"]
    return next(metrics[name] for name in _QUALITY if name in metrics)


def reward(
    uses: Mapping[int, Sequence[str]],
    *,
    base: float,
    quality: Callable[[int, Sequence[str]], float],
    seconds: Mapping[str, float],
) -> dict[int, float]:
    """Gain in quality of each arm's own sites over the mean seconds that they took.

    Args:
        uses: the sites that used an arm and were admitted.
        base: quality of the model before the round.
        quality: of the model that an arm's sites alone would make of it.
    """
    return {
        arm: (quality(arm, sites) - base) / (sum(seconds[site] for site in sites) / len(sites))
        for arm, sites in sorted(uses.items())
    }


def _fitting(memory: Tensors, arm: int, least_rate: float) -> int:
    """The arm, or the best of those with so high a rate that a site's memory holds the rest."""
    fits = np.round(memory["rate"].astype(np.float64), 4) >= least_rate
    if fits[arm]:
        return arm
    return int(np.argmax(np.where(fits, _means(memory), -np.inf)))


def _renewed(memory: Tensors, plan: Bandit, round_number: int) -> dict[str, Array]:
    """Keep the upper half, best first, and perturb it; what was learnt counts once more.

    One new arm is drawn from all rates, so that the best may move far.
    """
    random = np.random.default_rng([plan.seed, round_number, 1])
    means = _means(memory)
    order = np.argsort(-means, kind="stable")
    kept = order[: (plan.arms + 1) // 2]
    parents = kept[np.arange(plan.arms - len(kept)) % len(kept)]
    rates = memory["rate"][parents] + random.uniform(-_RATE_STEP, _RATE_STEP, len(parents))
    shapes = np.where(
        random.random(len(parents)) < 0.5,
        memory["shape"][parents],
        random.integers(0, len(_SHAPES), len(parents)),
    )
    rates[-1] = random.uniform(plan.min_rate, plan.max_rate)
    rates = np.clip(rates, plan.min_rate, plan.max_rate)
    highest = max(plan.min_rates.values(), default=0.0)
    if memory["rate"][kept].max(initial=0.0) < highest:
        rates[-1] = max(rates[-1], highest)
    tried = np.concatenate([memory["count"][kept] > 0, np.zeros(len(parents), bool)])
    return {
        "rate": np.concatenate([memory["rate"][kept], rates]).astype(np.float32),
        "shape": np.concatenate([memory["shape"][kept], shapes]).astype(np.float32),
        "total": np.where(tried, np.concatenate([means[kept], means[parents]]), 0.0).astype(
            np.float32
        ),
        "count": tried.astype(np.float32),
    }


def _means(memory: Tensors) -> Array:
    """Mean reward of each arm; one that was never tried is as good as an average one."""
    means: Array = (memory["total"] / np.maximum(memory["count"], 1)).astype(np.float32)
    return means


def _best(memory: Tensors) -> int:
    return int(np.argmax(_means(memory)))


def _exploration(plan: Bandit, round_number: int) -> float:
    """Share of sites that explore, falling over each window."""
    place = (round_number - 1) % plan.window_rounds / max(1, plan.window_rounds - 1)
    return plan.exploration_start + place * (plan.exploration_end - plan.exploration_start)
