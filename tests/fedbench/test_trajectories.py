"""When a target is met and who is better, on curves that a person can check."""

import pytest

from fedbench.results import Point, Result
from fedbench.trajectories import curve_of, relative_gain, speed_up, work_until
from tests.fedbench.bench_results import make_result, make_test_cell


def curve(*accuracies: float, work: float = 1.0) -> Result:
    """A run whose rounds take `work` CPU seconds each."""
    points = tuple(
        Point(
            round_number=number,
            seconds=9.0,
            cpu_seconds=work * number,
            bytes_up=0,
            bytes_down=0,
            metrics={"accuracy": accuracy},
        )
        for number, accuracy in enumerate(accuracies, start=1)
    )
    return make_result(make_test_cell(), curve=points)


def test_work_counts_up_to_the_first_round_that_is_good_enough() -> None:
    run = curve(0.2, 0.6, 0.5, 0.9, work=2.0)
    assert work_until(run, 0.6) == 4.0
    assert work_until(run, 0.61) == 8.0
    assert work_until(run, 0.95) is None


def test_a_speed_up_compares_seeds_in_which_both_reach_the_target() -> None:
    plain = {0: curve(0.5, 0.8, work=3.0), 1: curve(0.5, 0.8, work=3.0), 2: curve(0.5, 0.8)}
    ours = {0: curve(0.8, work=2.0), 1: curve(0.1, 0.8, work=2.0), 2: curve(0.1, 0.2)}
    found = speed_up(ours, plain, share=1.0)
    assert found is not None
    assert found.seeds == 2
    assert found.value == pytest.approx((6 / 2 + 6 / 4) / 2)
    assert speed_up({0: curve(0.1)}, plain, share=1.0) is None


def test_a_gain_is_relative_and_seed_by_seed() -> None:
    gain = relative_gain({0: 90.0, 1: 80.0, 5: 1.0}, {0: 100.0, 1: 100.0})
    assert gain is not None
    assert gain.value == pytest.approx(0.15)
    assert relative_gain({0: 1.0}, {1: 1.0}) is None


def test_a_curve_is_the_mean_of_rounds_that_every_seed_measured() -> None:
    points = curve_of([curve(0.2, 0.4, 0.6), curve(0.4, 0.6)], "accuracy")
    assert [place for place, _ in points] == [1, 2]
    assert [mean.value for _, mean in points] == pytest.approx([0.3, 0.5])
    by_work = curve_of([curve(0.2, work=1.0), curve(0.4, work=3.0)], "accuracy", by_work=True)
    assert [place for place, _ in by_work] == [2.0]
