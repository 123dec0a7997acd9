"""The noise source: what it is made of, and that it repeats itself nowhere."""

import numpy as np
import pytest
from cryptography.hazmat.primitives.ciphers import Cipher
from cryptography.hazmat.primitives.ciphers.algorithms import ChaCha20
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

from fedclinic.privacy.random_stream import RandomStream

KEY = bytes(range(32))


def stream(label: str = "test") -> RandomStream:
    return RandomStream(KEY).spawn(label)


def test_gaussians_follow_the_standard_normal_law_into_the_tails():
    drawn = stream().gaussian(1_000_000)
    assert stats.kstest(drawn[:200_000], "norm").pvalue > 1e-4
    assert abs(drawn.mean()) < 4e-3
    assert abs(drawn.var() - 1) < 6e-3
    for bound in (2.0, 3.0, 4.0):
        expected = 1e6 * 2 * stats.norm.sf(bound)
        assert abs((np.abs(drawn) > bound).sum() - expected) < 5 * np.sqrt(expected)


def test_gaussians_are_independent_of_their_neighbours():
    drawn = stream().gaussian(400_000)
    for lag in (1, 2, 65_536, 131_072):
        correlation = float(np.mean(drawn[lag:] * drawn[:-lag]))
        assert abs(correlation) < 5 / np.sqrt(len(drawn) - lag)


@pytest.mark.parametrize("count", [0, 1, 2, 3, 131_071])
def test_any_number_of_gaussians_can_be_drawn(count):
    drawn = stream().gaussian(count)
    assert drawn.shape == (count,)
    assert np.isfinite(drawn).all()


def test_uniforms_are_uniform_in_the_half_open_unit_interval():
    drawn = stream().uniform(500_000)
    assert drawn.min() >= 0.0
    assert drawn.max() < 1.0
    assert stats.kstest(drawn, "uniform").pvalue > 1e-4


def test_integers_are_unbiased_where_a_remainder_would_not_be():
    bound = 3 * 2**61
    drawn = stream().integers(np.full(200_000, bound))
    low = int((drawn < bound // 3).sum())
    assert stats.binomtest(low, 200_000, 1 / 3).pvalue > 1e-4


@given(st.lists(st.integers(1, 2**62), max_size=20))
def test_integers_stay_below_their_bounds(bounds):
    drawn = stream().integers(bounds)
    assert ((drawn >= 0) & (drawn < np.array(bounds, dtype=np.int64))).all()


def test_a_bound_of_nothing_is_refused():
    with pytest.raises(ValueError, match="at least 1"):
        stream().integers([3, 0])


def test_the_bits_are_chacha20():
    import hmac  # noqa: PLC0415

    key = hmac.digest(KEY, b"fedclinic stream", "sha256")
    keystream = Cipher(ChaCha20(key, bytes(16)), mode=None).encryptor().update(bytes(80))
    words = np.frombuffer(keystream, dtype="<u8") >> np.uint64(11)
    assert RandomStream(KEY).uniform(10).tolist() == (words * 2.0**-53).tolist()


def test_a_stream_never_repeats_a_draw():
    one = stream()
    draws = [one.gaussian(64).tobytes() for _ in range(50)]
    assert len(set(draws)) == 50


def test_the_same_key_repeats_and_another_does_not():
    other = RandomStream(bytes(32))
    assert (RandomStream(KEY).gaussian(9) == RandomStream(KEY).gaussian(9)).all()
    assert (RandomStream(KEY).gaussian(9) != other.gaussian(9)).all()


def test_spawned_streams_are_unrelated_to_each_other_and_to_their_parent():
    parent = RandomStream(KEY)
    draws = [s.gaussian(50_000) for s in (parent, parent.spawn("noise"), parent.spawn("sampling"))]
    for a, b in ((0, 1), (0, 2), (1, 2)):
        assert abs(np.corrcoef(draws[a], draws[b])[0, 1]) < 5 / np.sqrt(50_000)


def test_a_label_is_spawned_once():
    parent = RandomStream(KEY)
    parent.spawn("noise")
    with pytest.raises(ValueError, match="already spawned"):
        parent.spawn("noise")


def test_a_key_of_another_length_is_refused_and_none_is_shown():
    with pytest.raises(ValueError, match="32 bytes"):
        RandomStream(b"short")
    assert "0" not in repr(RandomStream(KEY))
