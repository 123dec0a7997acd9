"""FedAdam and FedYogi against the paper's algorithm, written out for one number."""

import math

import numpy as np
import pytest

from fedclinic.methods import Method, ServerState, decode_state, encode_state, fedopt

SCHEMA = {"x": (1,)}
GRADIENTS = (0.5, -2.0, 0.001, 3.0)


def play(method: Method) -> ServerState:
    state = method.init(SCHEMA)
    for gradient in GRADIENTS:
        update = {"x": np.array([gradient], np.float32)}
        state, _ = method.apply(state, {"oak": update}, {"oak": 1.0})
    return state


@pytest.mark.parametrize("name", ["fedadam", "fedyogi"])
def test_the_server_steps_are_those_of_algorithm_2(name):
    eta, beta1, beta2, tau = 0.1, 0.8, 0.95, 0.01
    x, m, v = 0.0, 0.0, tau**2
    for gradient in GRADIENTS:
        m = beta1 * m + (1 - beta1) * gradient
        if name == "fedadam":
            v = beta2 * v + (1 - beta2) * gradient**2
        else:
            v = v - (1 - beta2) * gradient**2 * math.copysign(1, v - gradient**2)
        x += eta * m / (math.sqrt(v) + tau)
    method = fedopt(
        name, server_learning_rate=eta, first_decay=beta1, second_decay=beta2, adaptivity=tau
    )
    assert play(method).change["x"][0] == pytest.approx(x, rel=1e-5)


def test_the_moments_are_part_of_the_checkpoint():
    method = fedopt("fedadam", server_learning_rate=0.1)
    state = play(method)
    assert encode_state(decode_state(encode_state(state), method.init(SCHEMA))) == encode_state(
        state
    )


def test_adam_and_yogi_differ():
    states = [play(fedopt(name, server_learning_rate=0.1)) for name in ("fedadam", "fedyogi")]
    assert states[0].change["x"] != states[1].change["x"]
