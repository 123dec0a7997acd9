"""Personal layers: the hand-checkable case of three sites and four layers, and its limits."""

import math

import numpy as np
import pytest

from fedclinic.methods import fedavg, fedopt, fedtlu
from fedclinic.updates.aggregate import mean_by_senders, norm_bounded_mean
from fedclinic.updates.codec import encode

SCHEMA = {f"layer.{number}.w": (1,) for number in range(4)}
WEIGHTS = {"alder": 1.0, "elm": 2.0, "oak": 1.0}
ADAM = fedopt("fedadam", server_learning_rate=0.1)
TARGETED = fedtlu(server_learning_rate=1.0, keep=4, guarded=True)


def update(**layers: float) -> dict[str, np.ndarray]:
    return {f"layer.{name[1:]}.w": np.array([value], np.float32) for name, value in layers.items()}


def test_each_layer_is_averaged_over_the_sites_that_sent_it():
    method = fedavg(server_learning_rate=1.0)
    updates = {
        "alder": update(l0=4.0, l1=3.0),
        "elm": update(l0=8.0, l2=5.0),
        "oak": update(l1=1.0),
    }
    state, _ = method.apply(method.init(SCHEMA), updates, WEIGHTS)
    changes = [float(state.change[f"layer.{number}.w"][0]) for number in range(4)]
    # layer 0: (1*4 + 2*8) / 3; layer 1: (3 + 1) / 2; layer 2: one sender; layer 3: none
    np.testing.assert_allclose(changes, [20 / 3, 2.0, 5.0, 0.0], rtol=1e-6)


def test_sharing_every_layer_is_the_plain_weighted_mean_bit_for_bit():
    updates = {
        site: {name: np.array([value], np.float32) for name in SCHEMA}
        for site, value in zip(WEIGHTS, (0.1, 0.7, -3.3), strict=True)
    }
    mean = mean_by_senders(updates, WEIGHTS)
    plain = norm_bounded_mean(updates, WEIGHTS, max_norm=math.inf)
    assert encode(mean, "F32") == encode(plain, "F32")


@pytest.mark.parametrize("method", [fedavg(server_learning_rate=1.0), ADAM, TARGETED])
def test_a_layer_that_nobody_sent_stays_as_it_was_under_every_rule(method):
    state, _ = method.apply(method.init(SCHEMA), {"oak": update(l0=1.0, l1=2.0)}, WEIGHTS)
    after, _ = method.apply(state, {"oak": update(l0=1.0, l2=5.0)}, WEIGHTS)
    np.testing.assert_array_equal(after.change["layer.1.w"], state.change["layer.1.w"])
    np.testing.assert_array_equal(after.change["layer.3.w"], [0.0])
    assert after.change["layer.2.w"] != state.change["layer.2.w"]
