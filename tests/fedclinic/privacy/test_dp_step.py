"""Noise on everything, always."""

import math

import numpy as np
import pytest
import torch
from scipy import stats

from fedclinic.privacy.dp_step import noised_mean
from fedclinic.privacy.random_stream import RandomStream


def noised(clipped, *, sigma=2.0, clipping_norm=0.5, expected=10.0, key=b"\x01" * 32):
    return noised_mean(
        clipped,
        noise_multiplier=sigma,
        clipping_norm=clipping_norm,
        expected_patients=expected,
        stream=RandomStream(key),
    )


def test_every_tensor_gets_noise_of_the_planned_size_also_where_the_sum_is_zero():
    sums = {"skipped.weight": torch.zeros(200, 100), "head.bias": torch.zeros(5000)}
    for values in noised(sums).values():
        scaled = values.numpy().ravel() * 10.0 / (2.0 * 0.5)
        squares = float((scaled.astype(np.float64) ** 2).sum())
        assert 1e-4 < stats.chi2.cdf(squares, scaled.size) < 1 - 1e-4
        assert stats.kstest(scaled, "norm").pvalue > 1e-4


def test_tensors_of_a_step_and_steps_of_a_stream_get_different_noise():
    zeros = {"a": torch.zeros(50), "b": torch.zeros(50)}
    stream = RandomStream(b"\x02" * 32)

    def step() -> dict[str, torch.Tensor]:
        return noised_mean(
            zeros, noise_multiplier=1.0, clipping_norm=1.0, expected_patients=1.0, stream=stream
        )

    first, second = step(), step()
    drawn = [first["a"], first["b"], second["a"], second["b"]]
    for i, one in enumerate(drawn):
        assert all(not torch.equal(one, other) for other in drawn[i + 1 :])


def test_the_sum_is_divided_by_the_plans_constant():
    total = {"w": torch.full((3,), 7.0)}
    assert noised(total, sigma=1e-12)["w"].tolist() == pytest.approx([0.7] * 3)


def test_the_result_keeps_the_sums_type_and_shape():
    total = {"w": torch.zeros(2, 3, dtype=torch.float64), "b": torch.zeros(4)}
    result = noised(total)
    assert result["w"].dtype == torch.float64
    assert result["w"].shape == (2, 3)
    assert result["b"].dtype == torch.float32


def test_the_order_of_names_does_not_matter():
    left = noised({"a": torch.zeros(3), "b": torch.ones(2)})
    right = noised({"b": torch.ones(2), "a": torch.zeros(3)})
    assert all(torch.equal(left[name], right[name]) for name in left)


@pytest.mark.parametrize("field", ["sigma", "clipping_norm", "expected"])
@pytest.mark.parametrize("value", [0.0, -1.0, math.inf, math.nan])
def test_a_step_that_protects_nobody_is_refused(field, value):
    with pytest.raises(ValueError, match="positive and finite"):
        noised({"w": torch.zeros(2)}, **{field: value})
