"""The coordinator's side of a configurator: what each site is asked, and what came of it."""

import time
from collections import defaultdict
from collections.abc import Callable

from fedclinic.method_parts import LayerDropout
from fedclinic.method_plan import configurator_of, training_of
from fedclinic.methods import ServerState
from fedclinic.methods.bandit import MEMORY, choose, dropout_of, learn
from fedclinic.plan import FederationPlan
from fedclinic.rounds import EvaluationReport
from flows.rounds import Federation, fold_in
from flows.run_store import SiteOutcome

Measure = Callable[[ServerState, str], EvaluationReport]
"""Measures a state on the evaluation notes, under a name."""

_QUALITY = ("f1", "micro_f1", "macro_f1", "accuracy")
"""Metrics of which a reward may come, the first that a task has."""


def dropouts_of_round(
    plan: FederationPlan, state: ServerState, round_number: int
) -> dict[str, LayerDropout]:
    """The layer dropout of each site in a round; empty if nothing is configured."""
    bandit, start = configurator_of(plan.method), training_of(plan.method).dropout
    if bandit is None or start is None:
        return {}
    memory = state.memory[MEMORY]
    arms = choose(memory, bandit, plan.site_names(), round_number)
    return {site: dropout_of(memory, arm, start) for site, arm in arms.items()}


def learn_from_round(
    federation: Federation,
    before: ServerState,
    after: ServerState,
    outcomes: tuple[SiteOutcome, ...],
    measure: Measure,
) -> ServerState:
    """Reward each arm that was used: gain of its sites' mean on public notes, over its seconds."""
    plan = federation.plan
    bandit = configurator_of(plan.method)
    if bandit is None:
        return after
    memory, number = before.memory[MEMORY], after.round_number
    arms = choose(memory, bandit, plan.site_names(), number)
    by_arm: dict[int, list[SiteOutcome]] = defaultdict(list)
    for outcome in outcomes:
        if outcome.verdict == "admitted":
            by_arm[arms[outcome.site]].append(outcome)
    base = _quality(measure(before, "before"))
    rewards = {}
    for arm, used in sorted(by_arm.items()):
        alone, _ = fold_in(federation, before, tuple(used))
        gain = _quality(measure(alone, f"arm-{arm}")) - base
        rewards[arm] = gain / (sum(outcome.seconds for outcome in used) / len(used))
    learnt = learn(memory, bandit, rewards, number)
    return ServerState(number, after.change, {**after.memory, MEMORY: learnt})


def stopwatch() -> Callable[[], float]:
    """Seconds since the call, never zero."""
    began = time.monotonic()
    return lambda: max(time.monotonic() - began, 1e-3)


def _quality(report: EvaluationReport) -> float:
    if "loss" in report.metrics:
        return -report.metrics["loss"]
    return next(report.metrics[name] for name in _QUALITY if name in report.metrics)
