"""The federated methods by the name a plan gives them."""

from collections.abc import Sequence
from typing import assert_never

from fedclinic import plan
from fedclinic.method_parts import (
    AdaptiveRule,
    MeanRule,
    OwnRule,
    ServerRule,
    TargetedRule,
)
from fedclinic.method_plan import configurator_of, server_of, training_of
from fedclinic.methods.bandit import with_bandit
from fedclinic.methods.fedavg import fedavg
from fedclinic.methods.fedopt import fedopt
from fedclinic.methods.fedtlu import fedtlu
from fedclinic.methods.local_only import local_only
from fedclinic.methods.method import (
    Method,
    RoundDiagnostics,
    ServerState,
    decode_state,
    encode_state,
)

__all__ = [
    "Method",
    "RoundDiagnostics",
    "ServerState",
    "decode_state",
    "encode_state",
    "fedavg",
    "fedopt",
    "fedtlu",
    "local_only",
    "make_method",
]


def make_method(method: plan.Method, sites: Sequence[str]) -> Method:
    """Make the coordinator's part of a plan's method for the sites of that plan."""
    bandit, start = configurator_of(method), training_of(method).dropout
    made = _make_rule(server_of(method), sites)
    return made if bandit is None or start is None else with_bandit(made, bandit, start)


def _make_rule(rule: ServerRule, sites: Sequence[str]) -> Method:
    match rule:
        case MeanRule():
            return fedavg(server_learning_rate=rule.learning_rate)
        case AdaptiveRule():
            return fedopt(
                rule.rule,
                server_learning_rate=rule.learning_rate,
                first_decay=rule.first_decay,
                second_decay=rule.second_decay,
                adaptivity=rule.adaptivity,
            )
        case TargetedRule():
            return fedtlu(
                server_learning_rate=rule.learning_rate,
                keep=rule.keep,
                guarded=rule.guarded,
                choose=rule.choose,
                seed=rule.seed,
            )
        case OwnRule():
            return local_only(sites=sites)
    assert_never(rule)
