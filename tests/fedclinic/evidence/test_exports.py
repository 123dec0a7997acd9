"""Drafts for regulators: filled from records; every other answer is a gap that is counted."""

import re
from pathlib import Path

import pytest

from fedclinic.evidence.exports import EXPORTS, render_export
from fedclinic.evidence.hazards import HAZARDS
from tests.fedclinic.evidence.run_factory import make_run_evidence

BARE = make_run_evidence(
    rounds=(), audits=(), model=None, outputs=(), alternatives=(), verification=None
)


@pytest.mark.parametrize("name", EXPORTS)
@pytest.mark.parametrize("data", [make_run_evidence(), BARE], ids=["full", "bare"])
def test_the_number_of_gaps_is_the_number_that_it_says(name, data):
    text = render_export(name, data)
    said, questions = re.search(r"(\d+) of (\d+) answers are gaps", text).groups()
    assert text.count("**Gap: no record says it.**") == int(said)
    assert text.count("\n## ") == int(questions)


@pytest.mark.parametrize("name", EXPORTS)
def test_a_run_with_less_evidence_has_more_gaps(name):
    gaps = [render_export(name, data).count("**Gap") for data in (make_run_evidence(), BARE)]
    assert gaps[0] < gaps[1] or name in ("processing-record", "sp800-226")
    assert gaps[0] <= gaps[1]


def test_what_only_a_person_can_say_is_never_filled_in():
    text = render_export("processing-record", make_run_evidence())
    for asks in ("Legal basis", "Controllers and their contacts", "Time limits for erasure"):
        assert f"## {asks}\n\n**Gap" in text


def test_an_expert_gets_the_parameters_the_recall_and_the_limits_of_the_audits():
    text = render_export("expert-pack", make_run_evidence())
    assert "epsilon 3, delta 1e-05, for adding or removing one patient" in text
    assert "record number: northgate at least 100% (94% to 100%)" in text
    assert "The largest epsilon that this audit could have refuted is 5.78" in text
    assert "round 4, northgate: quarantined" in text
    assert "the verifier says: verified" in text


def test_every_hazard_has_an_answer_that_can_be_looked_up_or_is_a_gap():
    assert len(HAZARDS) == 25
    root = Path(__file__).parents[3]
    shown = [name for hazard in HAZARDS for name in hazard.shown_by.split("; ") if name]
    assert len(shown) > 20
    assert [name for name in shown if not (root / name).is_file()] == []


def test_the_publications_own_names_of_the_hazards_are_a_gap():
    text = render_export("sp800-226", make_run_evidence())
    assert text.startswith("# Ways to lose differential privacy, in our words")
    asked = text.partition("## ")[2].partition("## ")[0]
    assert "by its name and section" in asked
    assert "**Gap: no record says it.**" in asked


def test_accuracy_is_told_with_its_intervals_for_all_and_for_each_group():
    text = render_export("annex-iv", make_run_evidence())
    assert "- round 10: notes 800, macro f1 0.720 (0.69 to 0.75)" in text
    assert "- mercy: notes 200, macro f1 0.720 (0.66 to 0.78)" in text
    assert "- university: notes withheld" in text
    assert "takes the patients of these notes for a random sample" in text
