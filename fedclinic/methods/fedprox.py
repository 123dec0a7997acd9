"""FedProx: the server is FedAvg's; what differs is the site's loss.

A site adds (mu / 2) ||w - w_t||^2 to its loss, which keeps it near the model that it was given.

Source: Li et al. 2020, "Federated Optimization in Heterogeneous Networks", arXiv 1812.06127,
algorithm 2.
"""

from fedclinic.methods.fedavg import fedavg
from fedclinic.methods.method import Method


def fedprox(*, server_learning_rate: float) -> Method:
    """Make the server's part of FedProx."""
    return fedavg(server_learning_rate=server_learning_rate)
