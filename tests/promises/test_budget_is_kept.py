"""What a hospital promises its patients: a budget of privacy that nothing can pass."""

from typing import Never

import pytest

from fedclinic.chosen_layers import Layers
from fedclinic.errors import SignatureError
from fedclinic.method_parts import LayerDropout, Training
from fedclinic.privacy.accounting import epsilon
from fedclinic.rounds import RoundTask, Work
from site_agent.site import fresh_noise_key
from tests.factories import make_plan, make_privacy, make_signing_key, make_unprotected, make_work
from tests.tiny_site import TinySite, installed_privacy_policy, make_tiny_site, make_tiny_task

HEAVY = make_work(make_plan(rounds=50), privacy=make_privacy(steps_per_round=10))
"""Of which a budget of epsilon 5 holds three rounds, and one of 6.5 seven."""


def never_read(task: RoundTask) -> Never:
    raise AssertionError("a note was read")


@pytest.fixture
def site(tmp_path, tiny_model_folder) -> TinySite:
    return make_tiny_site(tmp_path, tiny_model_folder)


def test_a_round_that_would_overspend_never_starts(tmp_path, tiny_model_folder):
    policy = installed_privacy_policy(epsilon=5.0, yearly_epsilon=5.0)
    site = make_tiny_site(tmp_path, tiny_model_folder, policy=policy)
    reports = [site.run(make_tiny_task(round_number=n, work=HEAVY)) for n in range(1, 7)]
    statuses = [report.status for report in reports]
    finished = statuses.index("refused")
    assert 0 < finished < 6
    assert set(statuses[finished:]) == {"refused"}
    assert {report.error for report in reports[finished:]} == {"budget"}
    assert site.spent() <= 5.0
    assert len(site.workbenches) == finished


def test_a_new_run_does_not_renew_the_budget(tmp_path, tiny_model_folder):
    policy = installed_privacy_policy(epsilon=5.0, yearly_epsilon=5.0)
    site = make_tiny_site(tmp_path, tiny_model_folder, policy=policy)
    for n in range(1, 7):
        site.run(make_tiny_task(round_number=n, work=HEAVY))
    site.change(workbench=never_read)
    assert site.run(make_tiny_task(run="run-b", work=HEAVY)).error == "budget"


def test_a_new_year_renews_the_years_budget_and_not_the_life_long_one(tmp_path, tiny_model_folder):
    policy = installed_privacy_policy(epsilon=6.5, yearly_epsilon=5.0)
    site = make_tiny_site(tmp_path, tiny_model_folder, policy=policy)
    numbers = iter(range(1, 50))

    def rounds_until_refused() -> int:
        for count, number in enumerate(numbers):
            if site.run(make_tiny_task(round_number=number, work=HEAVY)).status == "refused":
                return count
        raise AssertionError("never refused")

    by_year = []
    for _ in range(4):
        by_year.append(rounds_until_refused())
        site.clock.now += 366 * 86400
    assert by_year[:2] == [3, 3]
    assert by_year[2] < 3
    assert by_year[3] == 0
    assert site.spent() <= 6.5


def test_a_repeated_task_spends_nothing_again(site):
    task = make_tiny_task()
    first = site.run(task)
    spent = site.spent()
    site.change(workbench=never_read)
    assert [site.run(task) for _ in range(3)] == [first] * 3
    assert site.spent() == spent


def test_a_round_is_charged_in_full_before_the_first_note_is_read(site):
    charged = []

    def stop(task: RoundTask) -> Never:
        charged.append(site.spent())
        raise KeyboardInterrupt

    site.change(workbench=stop)
    with pytest.raises(KeyboardInterrupt):
        site.run(make_tiny_task())
    assert charged[0] > 0
    assert site.spent() == charged[0]


def test_a_plan_that_understates_its_epsilon_is_refused_by_the_sites_own_arithmetic(site):
    privacy = make_privacy()
    honest = epsilon([privacy.mechanism()], delta=privacy.delta)
    lying = make_work(privacy=make_privacy(target_epsilon=0.9 * honest))
    site.change(workbench=never_read)
    report = site.run(make_tiny_task(work=lying))
    assert (report.status, report.error) == ("refused", "policy")
    assert site.spent() == 0.0


def test_no_site_trains_without_privacy_unless_its_own_administrator_says_so(site):
    work = make_work(make_plan(privacy=make_unprotected().model_dump()))
    build = site.site.workbench
    site.change(workbench=never_read)
    assert site.run(make_tiny_task(work=work)).error == "policy"
    site.allow(unprotected=True)
    site.change(workbench=build)
    assert site.run(make_tiny_task(work=work)).status == "completed"


MASKS: dict[str, tuple[Training, Layers]] = {
    "no mask": (Training(), Layers(top=2)),
    "exact masks": (Training(dropout=LayerDropout(rate=0.5)), Layers(top=2)),
    "bernoulli masks": (
        Training(dropout=LayerDropout(rate=0.9, masks="bernoulli")),
        Layers(top=2),
    ),
    "other blocks": (Training(), Layers(blocks=(1,))),
    "personal blocks": (Training(share=0.5), Layers(top=2)),
}


@pytest.mark.parametrize("mask", MASKS)
def test_the_ledger_charges_the_same_whatever_blocks_are_skipped_or_kept(
    tmp_path, tiny_model_folder, mask
):
    training, layers = MASKS[mask]
    plain = make_work(make_plan(layers={"top": 1}))
    spent = []
    for name, work in (("plain", plain), ("masked", masked_work(training, layers))):
        site = make_tiny_site(tmp_path / name, tiny_model_folder)
        site.allow(max_trained_blocks=3)
        report = site.run(make_tiny_task(work=work))
        assert report.status == "completed"
        spent.append((report.privacy, site.spent(), site.site.ledger.spent_mechanisms("run-a")))
    assert spent[0] == spent[1]


def masked_work(training: Training, layers: Layers) -> Work:
    return make_work(make_plan(layers={"top": 1}), training=training, layers=layers)


def test_a_configurators_choice_for_a_round_costs_no_more(tmp_path, tiny_model_folder):
    site = make_tiny_site(tmp_path, tiny_model_folder)
    site.allow(max_trained_blocks=3)
    work = masked_work(Training(dropout=LayerDropout(rate=0.0)), Layers(top=2))
    reports = [
        site.run(make_tiny_task(round_number=number, work=work, dropout=LayerDropout(rate=rate)))
        for number, rate in ((1, 0.0), (2, 0.5))
    ]
    assert [report.status for report in reports] == ["completed"] * 2
    one, two = site.site.ledger.spent_mechanisms("run-a")
    assert one == two


def test_a_stranger_gets_no_answer(site):
    site.change(workbench=never_read)
    with pytest.raises(SignatureError):
        site.run(make_tiny_task(), key=make_signing_key(9))
    assert site.spent() == 0.0


def test_no_two_rounds_draw_the_same_noise():
    keys = {fresh_noise_key() for _ in range(100)}
    assert len(keys) == 100
    assert {len(key) for key in keys} == {32}
