"""The federated methods by the name a plan gives them."""

from collections.abc import Callable, Sequence

from fedclinic import plan
from fedclinic.methods.fedavg import fedavg
from fedclinic.methods.fedopt import fedopt
from fedclinic.methods.fedprox import fedprox
from fedclinic.methods.fedtlu import fedtlu
from fedclinic.methods.local_only import local_only
from fedclinic.methods.method import (
    Method,
    RoundDiagnostics,
    ServerState,
    decode_state,
    encode_state,
)
from fedclinic.methods.ptls import ptls

__all__ = [
    "Method",
    "RoundDiagnostics",
    "ServerState",
    "decode_state",
    "encode_state",
    "fedavg",
    "fedopt",
    "fedprox",
    "fedtlu",
    "local_only",
    "make_method",
    "ptls",
]

_FACTORIES: dict[str, Callable[[plan.Method, Sequence[str]], Method]] = {
    "fedavg": lambda method, sites: fedavg(server_learning_rate=method.server_learning_rate),
    "local_only": lambda method, sites: local_only(sites=sites),
}


def make_method(method: plan.Method, sites: Sequence[str]) -> Method:
    """Make the method of a plan for the sites of that plan."""
    return _FACTORIES[method.name](method, sites)
