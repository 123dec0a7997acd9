import pytest

from fedclinic.deid.kinds import HIPAA_KINDS, EntityKind
from fedclinic.deid.policy import Action, Mode, Profile, parse_policy
from fedclinic.errors import ConfigError
from tests.fedclinic.deid.makers import POLICY_TEXT, make_policy


@pytest.mark.parametrize("mode", Mode)
@pytest.mark.parametrize("profile", Profile)
def test_each_mode_maps_every_kind_of_each_hipaa_item_to_an_action(
    mode: Mode, profile: Profile
) -> None:
    actions = make_policy(mode, profile).actions
    assert len(HIPAA_KINDS) == 18
    assert all(kind in actions for kinds in HIPAA_KINDS.values() for kind in kinds)


def test_the_hipaa_items_name_every_kind_once() -> None:
    named = [kind for kinds in HIPAA_KINDS.values() for kind in kinds]
    assert sorted(named) == sorted(EntityKind)


def test_a_safe_harbor_policy_never_shifts_dates() -> None:
    text = POLICY_TEXT.replace("DATE_TIME: year", "DATE_TIME: shift").replace(
        "date_shift: null", "date_shift: {max_days: 100, whole_weeks: false}"
    )
    with pytest.raises(ConfigError, match="not Safe Harbor"):
        parse_policy(text, mode="safe_harbor", profile="fast")


def test_a_kind_without_an_action_is_refused() -> None:
    with pytest.raises(ConfigError, match="no action for URL"):
        parse_policy(
            POLICY_TEXT.replace("      URL: tag\n", ""), mode="safe_harbor", profile="fast"
        )


def test_an_action_that_means_nothing_for_its_kind_is_refused() -> None:
    text = POLICY_TEXT.replace("PERSON: surrogate", "PERSON: year")
    with pytest.raises(ConfigError, match="means nothing for PERSON"):
        parse_policy(text, mode="safe_harbor", profile="fast")


def test_shifting_dates_without_saying_how_far_is_refused() -> None:
    text = POLICY_TEXT.replace(
        "    date_shift:\n      max_days: 364\n      whole_weeks: false\n", "    date_shift: null\n"
    )
    with pytest.raises(ConfigError, match="date_shift is not set"):
        parse_policy(text, mode="expert_determination", profile="fast")


def test_an_unknown_field_is_refused() -> None:
    with pytest.raises(ConfigError):
        parse_policy(POLICY_TEXT + "\nkeep_everything: true\n", mode="safe_harbor", profile="fast")


def test_a_text_that_is_no_yaml_is_refused() -> None:
    with pytest.raises(ConfigError):
        parse_policy("modes: [", mode="safe_harbor", profile="fast")


def test_an_unknown_mode_is_refused_with_the_known_ones() -> None:
    with pytest.raises(ConfigError, match="safe_harbor, expert_determination"):
        parse_policy(POLICY_TEXT, mode="pseudonyms", profile="fast")


def test_every_mode_and_profile_has_a_digest_of_its_own() -> None:
    digests = {make_policy(mode, profile).digest() for mode in Mode for profile in Profile}
    assert len(digests) == len(Mode) * len(Profile)


def test_another_action_makes_another_digest() -> None:
    changed = POLICY_TEXT.replace("URL: surrogate", "URL: tag")
    policy = parse_policy(changed, mode="expert_determination", profile="fast")
    assert policy.actions[EntityKind.URL] is Action.TAG
    assert policy.digest() != make_policy().digest()
