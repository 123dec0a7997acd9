"""Personal layers: the hand-checkable case of three sites and four layers, and its limits."""

import numpy as np

from fedclinic.methods import encode_state, fedavg, ptls

SCHEMA = {f"layer.{number}.w": (1,) for number in range(4)}
WEIGHTS = {"alder": 1.0, "elm": 2.0, "oak": 1.0}


def update(**layers: float) -> dict[str, np.ndarray]:
    return {f"layer.{name[1:]}.w": np.array([value], np.float32) for name, value in layers.items()}


def test_each_layer_is_averaged_over_the_sites_that_sent_it():
    method = ptls(server_learning_rate=1.0)
    updates = {
        "alder": update(l0=4.0, l1=3.0),
        "elm": update(l0=8.0, l2=5.0),
        "oak": update(l1=1.0),
    }
    state, _ = method.apply(method.init(SCHEMA), updates, WEIGHTS)
    changes = [float(state.change[f"layer.{number}.w"][0]) for number in range(4)]
    # layer 0: (1*4 + 2*8) / 3; layer 1: (3 + 1) / 2; layer 2: one sender; layer 3: none
    np.testing.assert_allclose(changes, [20 / 3, 2.0, 5.0, 0.0], rtol=1e-6)


def test_sharing_every_layer_is_fedavg_bit_for_bit():
    updates = {
        site: {name: np.array([value], np.float32) for name in SCHEMA}
        for site, value in zip(WEIGHTS, (0.1, 0.7, -3.3), strict=True)
    }
    states = []
    for method in (ptls(server_learning_rate=0.9), fedavg(server_learning_rate=0.9)):
        state, _ = method.apply(method.init(SCHEMA), updates, WEIGHTS)
        states.append(encode_state(state))
    assert states[0] == states[1]
