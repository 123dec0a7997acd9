"""The coordinator's side of a configurator: what came of each choice, measured as a reward."""

import time
from collections import defaultdict
from collections.abc import Callable, Sequence

from fedclinic.methods import ServerState
from fedclinic.methods.bandit import main_quality, reward
from fedclinic.methods.configured import chosen_arms
from fedclinic.rounds import EvaluationReport
from flows.rounds import Federation, fold_in
from flows.run_store import SiteOutcome

Measure = Callable[[ServerState, str], EvaluationReport]
"""Measures a state on the evaluation notes, under a name."""


def rewards_of_round(
    federation: Federation,
    before: ServerState,
    outcomes: tuple[SiteOutcome, ...],
    measure: Measure,
) -> dict[str, float]:
    """The reward of each arm that was used: gain of its sites' mean on public notes, over seconds.

    Empty without a configurator.
    """
    plan, number = federation.plan, before.round_number + 1
    arms = chosen_arms(plan.method, plan.site_names(), before, number)
    admitted = {each.site: each for each in outcomes if each.verdict == "admitted"}
    if not arms or not admitted:
        return {}
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
    return {str(arm): value for arm, value in rewards.items()}


def stopwatch() -> Callable[[], float]:
    """Seconds since the call, never zero."""
    began = time.monotonic()
    return lambda: max(time.monotonic() - began, 1e-3)
