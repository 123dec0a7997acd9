"""What a model remembers, on models whose memory is known."""

import math

import numpy as np
import pytest
from scipy import stats

from fedclinic.errors import PolicyError
from fedclinic.privacy.audit_messages import PlantedScores
from fedclinic.privacy.memorisation import (
    Measurements,
    MemorisationLimits,
    assess,
    beam_completions,
    check_prompts,
    check_release,
    count_extracted,
    exposure_alarm_bits,
    exposure_bits,
    extrapolated_exposures_bits,
    greedy_completion,
    membership_auc,
    pool,
    tpr_at_fpr,
)

LIMITS = MemorisationLimits(
    exposure_margin_bits=7,
    planted=8,
    unplanted=200,
    max_membership_auc=0.6,
    max_tpr_at_one_percent_fpr=0.05,
    max_extracted=0,
    min_prompts=2,
    max_named_share=0.1,
)
RNG = np.random.default_rng(0)
UNSEEN = RNG.normal(size=4000)


def test_the_least_perplexing_secret_is_fully_exposed():
    candidates = np.arange(1024.0)
    assert exposure_bits(0.0, candidates) == 10.0
    assert exposure_bits(1.0, candidates) == 9.0
    assert exposure_bits(1023.0, candidates) == 0.0


def test_an_unremembered_secret_is_exposed_by_about_a_bit():
    candidates = RNG.normal(size=10_000)
    exposures = [exposure_bits(value, candidates) for value in candidates[:2000]]
    assert np.mean(exposures) == pytest.approx(1 / math.log(2), abs=0.1)


def test_extrapolation_agrees_with_the_rank_where_both_can_be_had():
    candidates = RNG.normal(20, 3, size=100_000)
    planted = float(np.sort(candidates)[9])
    by_rank = exposure_bits(planted, candidates)
    (sampled,) = extrapolated_exposures_bits(np.array([planted]), candidates[::40])
    assert sampled == pytest.approx(by_rank, abs=1.5)


def test_the_alarm_grows_with_the_number_of_secrets():
    assert exposure_alarm_bits(32, 7) == 12.0


def test_membership_measures_match_their_closed_forms():
    members, others = RNG.normal(1, 1, 20_000), RNG.normal(0, 1, 20_000)
    assert membership_auc(members, others) == pytest.approx(stats.norm.cdf(1 / 2**0.5), abs=0.01)
    expected = stats.norm.sf(stats.norm.isf(0.01) - 1)
    assert tpr_at_fpr(members, others) == pytest.approx(expected, abs=0.02)


def test_equal_scores_are_no_evidence():
    same = np.zeros(50)
    assert membership_auc(same, same) == 0.5
    assert tpr_at_fpr(same, same) == 0.0


SECRET = (3, 1, 4)


def remembering(tokens: tuple[int, ...]) -> np.ndarray:
    """A model that continues (9,) with the secret, but likes token 7 better as the first step."""
    position = len(tokens) - 1
    scores = np.full(10, -5.0)
    if tokens[1:] == SECRET[:position]:
        scores[SECRET[position]] = -0.6 if position == 0 else -0.01
    if position == 0:
        scores[7] = -0.5
    return scores


def test_beam_search_finds_what_greedy_search_misses():
    assert greedy_completion(remembering, (9,), 3) != SECRET
    assert beam_completions(remembering, (9,), 3, beams=3)[0] == SECRET
    assert count_extracted(remembering, [((9,), SECRET)], beams=3) == 1
    assert count_extracted(remembering, [((9,), (5, 5, 5))], beams=3) == 0


def test_fewer_prompts_than_the_policy_asks_for_are_refused():
    check_prompts(["{name} came.", "{name} left."], LIMITS)
    with pytest.raises(PolicyError, match="1 prompts"):
        check_prompts(["{name} came."], LIMITS)


def measured(**changes) -> Measurements:
    values = {
        "exposures_bits": [1.0, 3.0],
        "member_scores": UNSEEN[:2000],
        "other_scores": UNSEEN[2000:],
        "extracted": 0,
        "named": None,
        "unnamed": None,
    }
    return Measurements(**{**values, **changes})


def test_a_model_that_remembers_nothing_is_released():
    report = assess(measured(), LIMITS)
    assert report.verdict == "pass"
    check_release(report)


@pytest.mark.parametrize(
    ("changes", "failure"),
    [
        ({"exposures_bits": [19.5]}, "exposure"),
        ({"member_scores": UNSEEN[:2000] + 1}, "membership AUC"),
        ({"extracted": 1}, "extraction"),
        ({"member_scores": np.append(UNSEEN[:90], [9.0] * 20)}, "TPR at 1 % FPR"),
        ({"named": np.full(8, 0.6), "unnamed": np.full(8, 0.3)}, "planted names"),
    ],
)
def test_a_model_that_remembers_is_not_released(changes, failure):
    report = assess(measured(**changes), LIMITS)
    assert failure in report.failures
    with pytest.raises(PolicyError, match=failure):
        check_release(report)


def scores_of_sites(shift: float, sites: int = 4, planted: int = 8) -> list[PlantedScores]:
    """What sites would answer of a model under which planted patients stand out by `shift`."""
    return [
        PlantedScores(
            members=tuple(RNG.normal(shift, 1, planted)), others=tuple(RNG.normal(0, 1, 200))
        )
        for _ in range(sites)
    ]


def test_chance_alone_is_no_finding_even_with_few_planted_patients():
    for sites in (1, 4):
        verdicts = [assess(pool(scores_of_sites(0, sites)), LIMITS).verdict for _ in range(40)]
        assert verdicts.count("fail") <= 4


def test_planted_patients_that_stand_out_are_found_by_all_sites_together():
    report = assess(pool(scores_of_sites(3)), LIMITS)
    assert report.verdict == "fail"
    assert {"membership AUC", "TPR at 1 % FPR"} <= set(report.failures)
    assert report.planted == 32
    assert report.others == 800
