"""A document that a person wrote is read whole, or the mistake is named with its line."""

import textwrap
from typing import Any

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from fedclinic.config import parse_document
from fedclinic.errors import ConfigError
from fedclinic.plan import FederationPlan
from fedclinic.records import Name, Record
from site_agent.settings import SiteConfig
from tests.factories import plan_values

PLAN = yaml.safe_dump(plan_values(), sort_keys=False)


def parse_plan(text: str) -> FederationPlan:
    return parse_document(text, FederationPlan, source="federation.yaml")


def complaint_about(text: str) -> str:
    with pytest.raises(ConfigError) as caught:
        parse_plan(text)
    message = str(caught.value)
    assert "\n" not in message
    return message


def line_of(text: str, beginning: str) -> int:
    lines = [line.strip() for line in text.splitlines()]
    return 1 + next(n for n, line in enumerate(lines) if line.startswith(beginning))


def test_a_valid_plan_is_read():
    assert parse_plan(PLAN) == FederationPlan.model_validate(plan_values())


def test_an_unknown_field_is_named_with_its_line_and_what_is_allowed():
    text = PLAN.replace("max_tokens: 32", "max_tokns: 32")
    message = complaint_about(text)
    line = line_of(text, "max_tokns")
    assert f"federation.yaml:{line}: unknown field 'task.max_tokns'" in message
    assert "did you mean 'max_tokens'? allowed: kind, label_weights, labels, max_tokens" in message


def test_an_unknown_field_of_a_listed_item_is_named_with_the_items_line():
    text = PLAN.replace("- name: south\n  weight: 3", "- name: south\n  wieght: 3")
    message = complaint_about(text)
    assert f"federation.yaml:{line_of(text, 'wieght')}: unknown field 'sites.1.wieght'" in message
    assert "did you mean 'weight'? allowed: labels, name, weight" in message


def test_an_unknown_field_of_a_chosen_kind_is_told_that_kinds_fields_only():
    text = PLAN.replace("delta: 1.0e-05", "dleta: 1.0e-05")
    message = complaint_about(text)
    line = line_of(text, "dleta")
    assert (
        f"federation.yaml:{line}: unknown field 'privacy.dleta'; did you mean 'delta'?" in message
    )
    assert "sampling_rate" in message
    assert "epochs_per_round" not in message


def test_a_missing_field_is_named_with_the_line_of_what_lacks_it():
    text = PLAN.replace("  delta: 1.0e-05\n", "")
    line = line_of(text, "privacy:")
    assert complaint_about(text) == f"federation.yaml:{line}: field 'privacy.delta' is missing"


def test_a_value_out_of_range_is_named_with_its_line():
    text = PLAN.replace("rounds: 2", "rounds: 0")
    assert f"federation.yaml:{line_of(text, 'rounds: 0')}: rounds: " in complaint_about(text)


def test_a_wrong_choice_is_told_the_allowed_values():
    text = PLAN.replace("name: fedavg", "name: fedawg")
    message = complaint_about(text)
    assert f"federation.yaml:{line_of(text, 'name: fedawg')}" in message
    assert "did you mean 'fedavg'?" in message
    assert "local_only" in message


def test_an_unknown_kind_of_privacy_is_told_the_allowed_kinds():
    message = complaint_about(PLAN.replace("protection: patient_dp", "protection: lots"))
    assert f"federation.yaml:{line_of(PLAN, 'protection:')}: privacy.protection: " in message
    assert "allowed: patient_dp, none" in message


def test_a_quorum_above_the_number_of_sites_is_refused():
    assert "quorum: 3 is larger than the 2 sites" in complaint_about(
        PLAN.replace("quorum: 1", "quorum: 3")
    )


def test_a_site_that_has_the_name_of_the_evaluation_notes_is_refused():
    message = complaint_about(PLAN.replace("name: south", "name: evaluation"))
    assert "sites: none is called 'evaluation'" in message


def test_a_site_or_label_listed_twice_is_refused():
    assert "sites: a site is listed twice" in complaint_about(
        PLAN.replace("name: south", "name: north")
    )
    assert "a label is listed twice" in complaint_about(PLAN.replace("oncology", "cardiology"))


def test_a_weight_of_something_that_is_no_label_is_refused():
    text = PLAN.replace("max_tokens:", "label_weights: {cardiologie: 2}\n  max_tokens:")
    assert "label_weights: 'cardiologie' is no label of this task" in complaint_about(text)


def test_a_weight_of_nothing_is_refused():
    text = PLAN.replace("max_tokens:", "label_weights: {cardiology: 0}\n  max_tokens:")
    assert "label_weights.cardiology" in complaint_about(text)


def test_only_documents_of_one_label_are_weighed_by_it():
    text = PLAN.replace("max_tokens:", "label_weights: {cardiology: 2}\n  max_tokens:")
    message = complaint_about(text.replace("document_classification", "multilabel_classification"))
    assert "label_weights are for document_classification" in message


def test_a_field_given_twice_is_refused_with_the_second_line():
    text = PLAN + "rounds: 7\n"
    line = len(text.splitlines())
    assert complaint_about(text) == f"federation.yaml:{line}: field 'rounds' is given twice"


def test_a_nested_field_given_twice_is_refused():
    text = PLAN.replace("max_tokens: 32", "max_tokens: 32\n  max_tokens: 64")
    assert "field 'max_tokens' is given twice" in complaint_about(text)


@pytest.mark.parametrize("text", ["", "\n\n", "# only a comment\n", "---\n...\n"])
def test_an_empty_document_is_refused(text):
    assert "empty" in complaint_about(text) or "mapping" in complaint_about(text)


@pytest.mark.parametrize("text", ["- one\n- two\n", "just words\n", "42\n", "null\n"])
def test_a_document_that_is_no_mapping_is_refused(text):
    assert complaint_about(text).startswith("federation.yaml: expected a mapping of fields")


@pytest.mark.parametrize(
    "text",
    [
        "a: [1, 2\n",
        "a: b: c\n",
        "\tfederation: x\n",
        "a: *nowhere\n",
        "a: !!python/object:os.system x\n",
        "a: 1\n---\nb: 2\n",
        "a: \x00\n",
        "? [a, b]\n: c\n",
        "? {a: b}\n: c\n",
        "deadline: 2026-13-45\n",
        "a: !!int seven\n",
        "a: !!timestamp never\n",
        "a: !!binary '~'\n",
        "a: &a [*a]\n",
        "a: &a {b: *a}\n",
        "a: " + "[" * 1200 + "\n",
        "a: " + "[" * 1200 + "]" * 1200 + "\n",
    ],
)
def test_whatever_is_wrong_with_the_yaml_the_complaint_is_one_line(text):
    assert complaint_about(text).startswith("federation.yaml")


def test_at_most_five_mistakes_are_told_at_once():
    extra = "".join(f"unknown_{n}: 1\n" for n in range(9))
    assert complaint_about(PLAN + extra).count("unknown field") == 5


@given(st.text(max_size=60))
def test_no_text_makes_the_parser_fail_in_another_way(text):
    try:
        parse_plan(text)
    except ConfigError as error:
        assert "\n" not in str(error)


@given(
    st.recursive(
        st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8),
        lambda inner: (
            st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3)
        ),
        max_leaves=8,
    ),
    st.sampled_from(sorted(plan_values())),
)
def test_no_value_in_any_field_makes_the_parser_fail_in_another_way(value, field):
    text = yaml.safe_dump(plan_values() | {field: value})
    try:
        parse_plan(text)
    except ConfigError as error:
        assert "\n" not in str(error)


class Place(Record):
    site: Name
    folders: list[str]
    nested: dict[str, dict[str, str]]
    number: int


def test_substitutions_reach_every_text_value_and_no_key():
    text = textwrap.dedent(
        """
        site: "{site}"
        folders: ["{data}/{site}", plain, "{other}"]
        nested: {"{site}": {a: "x{site}x"}}
        number: 3
        """
    )
    place = parse_document(
        text, Place, source="site.yaml", substitutions={"site": "north", "data": "/notes"}
    )
    assert place.site == "north"
    assert place.folders == ["/notes/north", "plain", "{other}"]
    assert place.nested == {"{site}": {"a": "xnorthx"}}


def test_a_substitution_is_checked_like_any_other_value():
    with pytest.raises(ConfigError, match=r"site\.yaml:1: site: "):
        parse_document(
            'site: "{site}"\nfolders: []\nnested: {}\nnumber: 1\n',
            Place,
            source="site.yaml",
            substitutions={"site": "../escape"},
        )


def test_a_substitution_is_text_and_cannot_add_fields():
    place: Any = parse_document(
        'site: north\nfolders: ["{data}"]\nnested: {}\nnumber: 1\n',
        Place,
        source="site.yaml",
        substitutions={"data": "x]\nnumber: 9"},
    )
    assert place.folders == ["x]\nnumber: 9"]
    assert place.number == 1


def test_metrics_may_leave_only_where_notes_are_declared_public():
    text = textwrap.dedent(
        """
        site: north
        notes: {path: notes.jsonl, format: jsonl}
        deidentification: {mode: safe_harbor, profile: fast}
        permissions:
          coordinators: [x]
          models: {tiny: tiny}
          max_trained_blocks: 1
          unprotected: false
          evaluation: true
        min_patients: 1
        """
    )
    with pytest.raises(ConfigError, match="metrics leave without noise: it needs unprotected"):
        parse_document(text, SiteConfig, source="site.yaml")
