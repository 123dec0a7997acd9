"""The coordinator's side of a configurator: what each site is asked, and what came of it."""

import time
from collections import defaultdict
from collections.abc import Callable, Sequence

from fedclinic.method_parts import LayerDropout
from fedclinic.method_plan import configurator_of, training_of
from fedclinic.methods import ServerState
from fedclinic.methods.bandit import MEMORY, choose, dropout_of, learn, main_quality, reward
from fedclinic.plan import FederationPlan
from fedclinic.rounds import EvaluationReport
from flows.rounds import Federation, fold_in
from flows.run_store import SiteOutcome

Measure = Callable[[ServerState, str], EvaluationReport]
"""Measures a state on the evaluation notes, under a name."""


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
    admitted = {each.site: each for each in outcomes if each.verdict == "admitted"}
    uses: dict[int, list[str]] = defaultdict(list)
    for site in admitted:
        uses[arms[site]].append(site)

    def quality(arm: int, sites: Sequence[str]) -> float:
        alone, _ = fold_in(federation, before, tuple(admitted[site] for site in sites))
        return main_quality(measure(alone, f"arm-{arm}").metrics)

    rewards = reward(
        uses,
        base=main_quality(measure(before, "before").metrics),
        quality=quality,
        seconds={site: outcome.seconds for site, outcome in admitted.items()},
    )
    learnt = learn(memory, bandit, rewards, number)
    return ServerState(number, after.change, {**after.memory, MEMORY: learnt})


def stopwatch() -> Callable[[], float]:
    """Seconds since the call, never zero."""
    began = time.monotonic()
    return lambda: max(time.monotonic() - began, 1e-3)
