"""Which blocks a site keeps, and what it then sends."""

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from fedclinic.errors import AdmissionError
from fedclinic.learning.importance import GradientWatch, noised_importance, personal_blocks
from fedclinic.method_parts import Training
from fedclinic.updates.shared import shared_schema, split_update

BLOCKS = tuple(f"encoder.layer.{number}" for number in range(4))
SCHEMA = {f"{block}.w": (2,) for block in BLOCKS} | {"head.weight": (2,)}
IMPORTANCE = dict(zip(BLOCKS, (3.0, 1.0, 4.0, 2.0), strict=True))


def parameter(gradient: float | None) -> torch.nn.Parameter:
    made = torch.nn.Parameter(torch.zeros(1))
    made.grad = None if gradient is None else torch.tensor([gradient])
    return made


def test_the_most_important_blocks_stay_at_the_site():
    assert personal_blocks(IMPORTANCE, Training(share=0.5)) == (0, 2)
    assert personal_blocks(IMPORTANCE, Training(share=0.1)) == (0, 2, 3)
    assert personal_blocks(IMPORTANCE, Training(share=1.0)) == ()


def test_a_block_that_the_plan_calls_personal_stays_whatever_its_importance():
    assert personal_blocks(IMPORTANCE, Training(personal=(1,))) == (1,)
    assert personal_blocks(IMPORTANCE, Training(share=0.5, personal=(1,))) == (1, 2)


def test_importance_is_the_mean_over_the_steps_in_which_a_block_ran():
    watch = GradientWatch()
    a, b = "encoder.layer.0.w", "encoder.layer.1.w"
    watch.step({a: parameter(2.0), b: parameter(None), "head.weight": parameter(9.0)})
    watch.step({a: parameter(4.0), b: parameter(5.0), "head.weight": parameter(9.0)})
    assert watch.importance(BLOCKS[:3]) == {BLOCKS[0]: 3.0, BLOCKS[1]: 5.0, BLOCKS[2]: 0.0}


def test_under_privacy_importance_is_a_function_of_the_noised_update_alone():
    update = {f"{BLOCKS[0]}.w": np.array([3.0, 4.0], np.float32), "head.weight": np.ones(2)}
    assert noised_importance(update) == {BLOCKS[0]: 5.0}


def test_the_coordinator_accepts_just_the_blocks_that_the_plan_lets_a_site_send():
    training = Training(share=0.5)
    sent = shared_schema(SCHEMA, training, (0, 3))
    assert set(sent) == {f"{BLOCKS[1]}.w", f"{BLOCKS[2]}.w", "head.weight"}
    assert shared_schema(SCHEMA, Training(), ()) == SCHEMA


@pytest.mark.parametrize(
    ("training", "personal", "reason"),
    [
        (Training(), (0,), "1 personal blocks, where the plan has 0"),
        (Training(share=0.5), (), "0 personal blocks, where the plan has 2"),
        (Training(share=0.5), (0, 0), "2 personal blocks"),
        (Training(share=0.5), (0, 9), "not in the plan"),
        (Training(personal=(1,)), (2,), "calls personal was sent"),
    ],
)
def test_any_other_choice_is_refused(training, personal, reason):
    with pytest.raises(AdmissionError, match=reason):
        shared_schema(SCHEMA, training, personal)


@given(st.sets(st.integers(0, 3), max_size=3), st.sets(st.integers(0, 3), max_size=3))
def test_what_is_sent_and_kept_adds_up_to_the_sites_model(before, after):
    generator = np.random.default_rng(0)

    def draw() -> dict[str, np.ndarray]:
        return {name: generator.normal(size=2).astype(np.float32) for name in SCHEMA}

    update, global_change, own = draw(), draw(), draw()
    began = {f"{BLOCKS[number]}.w": own[f"{BLOCKS[number]}.w"] for number in before}
    sent, kept = split_update(
        update, began_personal=began, global_change=global_change, personal=after
    )
    assert sent.keys() | kept.keys() == SCHEMA.keys()
    assert kept.keys() == {f"{BLOCKS[number]}.w" for number in after}
    for name in SCHEMA:
        model = began.get(name, global_change[name]) + update[name]
        found = kept[name] if name in kept else global_change[name] + sent[name]
        np.testing.assert_allclose(found, model, atol=1e-6)
    untouched = sent.keys() - began.keys()
    assert all(np.array_equal(sent[name], update[name]) for name in untouched)
