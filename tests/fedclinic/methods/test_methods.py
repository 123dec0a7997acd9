"""The federated methods: what each does to the state, on cases small enough to check by hand."""

import numpy as np
import pytest
from pydantic import TypeAdapter

from fedclinic import plan
from fedclinic.errors import AdmissionError
from fedclinic.methods import Method, ServerState, decode_state, encode_state, make_method
from fedclinic.updates.codec import encode

SCHEMA = {"w": (2,), "b": (1,)}
SITES = ("alder", "oak")
WEIGHTS = {"alder": 0.25, "oak": 0.75}
NAMES = ("fedavg", "local_only", "fedadam", "fedyogi", "fedtlu", "fedprox", "droppeft", "lora")
NEEDED = {
    "fedadam": {"server_learning_rate": 0.1},
    "fedyogi": {"server_learning_rate": 0.1},
    "fedtlu": {"keep": 1},
    "fedprox": {"mu": 0.1},
    "droppeft": {"rate": 0.5},
    "lora": {"rank": 2, "alpha": 2},
}


def method_named(name: str, **parameters: float) -> Method:
    chosen = TypeAdapter(plan.Method).validate_python(
        {"name": name} | NEEDED.get(name, {}) | parameters
    )
    return make_method(chosen, SITES)


def update(w0: float, w1: float, b: float) -> dict[str, np.ndarray]:
    return {"w": np.array([w0, w1], np.float32), "b": np.array([b], np.float32)}


UPDATES = {"alder": update(4, 0, 1), "oak": update(0, 8, 1)}


def play(method: Method, rounds: int) -> ServerState:
    state = method.init(SCHEMA)
    for _ in range(rounds):
        state, _ = method.apply(state, UPDATES, WEIGHTS)
    return state


@pytest.mark.parametrize("name", NAMES)
def test_a_run_starts_without_any_change(name):
    state = method_named(name).init(SCHEMA)
    assert state.round_number == 0
    for site in SITES:
        assert not any(
            tensor.any() for tensor in method_named(name).state_for(state, site).values()
        )


@pytest.mark.parametrize("name", NAMES)
def test_a_round_leaves_the_state_before_it_as_it_was(name):
    method = method_named(name)
    before = play(method, 1)
    kept = encode_state(before)
    method.apply(before, UPDATES, WEIGHTS)
    assert encode_state(before) == kept


@pytest.mark.parametrize("name", NAMES)
def test_a_checkpoint_resumes_to_the_same_bits(name):
    method = method_named(name)
    resumed = decode_state(encode_state(play(method, 2)), method.init(SCHEMA))
    resumed, _ = method.apply(resumed, UPDATES, WEIGHTS)
    assert encode_state(resumed) == encode_state(play(method, 3))


def test_a_checkpoint_of_another_method_is_refused():
    blob = encode_state(play(method_named("fedavg"), 1))
    with pytest.raises(AdmissionError):
        decode_state(blob, method_named("local_only").init(SCHEMA))


def test_fedavg_adds_the_weighted_mean_every_round():
    state = play(method_named("fedavg"), 2)
    assert state.round_number == 2
    np.testing.assert_array_equal(state.change["w"], [2.0, 12.0])
    np.testing.assert_array_equal(state.change["b"], [2.0])


def test_fedavg_sends_every_site_the_same_model():
    method = method_named("fedavg")
    state = play(method, 1)
    sent = [encode(method.state_for(state, site), "F32") for site in SITES]
    assert sent[0] == sent[1]


def test_fedavg_scales_its_step_by_the_server_learning_rate():
    state = play(method_named("fedavg", server_learning_rate=0.5), 1)
    np.testing.assert_array_equal(state.change["w"], [0.5, 3.0])


def test_diagnostics_say_the_weights_used_and_the_length_of_the_step():
    method = method_named("fedavg")
    _, diagnostics = method.apply(method.init(SCHEMA), {"oak": update(3, 0, 4)}, WEIGHTS)
    assert diagnostics.weights == {"oak": 1.0}
    assert diagnostics.change_norm == 5.0
    assert diagnostics.round_number == 1


def test_local_only_gives_each_site_its_own_sum():
    method = method_named("local_only")
    state = play(method, 3)
    np.testing.assert_array_equal(method.state_for(state, "alder")["w"], [12.0, 0.0])
    np.testing.assert_array_equal(method.state_for(state, "oak")["w"], [0.0, 24.0])


def test_local_only_keeps_the_model_of_an_absent_site():
    method = method_named("local_only")
    state, _ = method.apply(play(method, 1), {"oak": UPDATES["oak"]}, WEIGHTS)
    np.testing.assert_array_equal(method.state_for(state, "alder")["w"], [4.0, 0.0])


def test_local_only_refuses_a_site_that_is_not_in_the_plan():
    method = method_named("local_only")
    with pytest.raises(AdmissionError, match="site elm"):
        method.apply(method.init(SCHEMA), {"elm": UPDATES["oak"]}, WEIGHTS | {"elm": 1.0})
