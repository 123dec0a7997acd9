"""What a plan's configurator chose and learnt, as functions of the state and of stated rewards.

The coordinator and whoever replays its log compute the same: a choice follows from the state before
the round and the plan's seed, and what is learnt from the rewards that the coordinator states.
"""

from collections.abc import Mapping, Sequence

from fedclinic.errors import EvidenceError
from fedclinic.method_parts import LayerDropout
from fedclinic.method_plan import Method, configurator_of, training_of
from fedclinic.methods.bandit import MEMORY, choose, dropout_of, learn
from fedclinic.methods.method import ServerState

Rewards = Mapping[str, float]
"""What each arm that was used was worth in a round, by the arm's number as text."""


def chosen_arms(
    method: Method, sites: Sequence[str], state: ServerState, round_number: int
) -> dict[str, int]:
    """The number of each site's arm in the round after a state; empty without a configurator."""
    bandit = configurator_of(method)
    if bandit is None or training_of(method).dropout is None:
        return {}
    return choose(state.memory[MEMORY], bandit, sites, round_number)


def chosen_dropouts(
    method: Method, sites: Sequence[str], state: ServerState, round_number: int
) -> dict[str, LayerDropout]:
    """The layer dropout of each site in the round after a state; empty without a configurator."""
    start = training_of(method).dropout
    arms = chosen_arms(method, sites, state, round_number)
    if start is None:
        return {}
    return {site: dropout_of(state.memory[MEMORY], arm, start) for site, arm in arms.items()}


def with_rewards(
    method: Method, before: ServerState, after: ServerState, rewards: Rewards
) -> ServerState:
    """The state after a round, in which the configurator has learnt from its rewards.

    Raises:
        EvidenceError: if a reward is of no arm.
    """
    bandit = configurator_of(method)
    if bandit is None:
        return after
    by_arm = {int(arm): value for arm, value in rewards.items() if arm.isdecimal()}
    if len(by_arm) != len(rewards) or any(arm >= bandit.arms for arm in by_arm):
        raise EvidenceError("a reward is of no arm of the configurator")
    ordered = dict(sorted(by_arm.items()))
    learnt = learn(before.memory[MEMORY], bandit, ordered, after.round_number)
    return ServerState(after.round_number, after.change, {**after.memory, MEMORY: learnt})
