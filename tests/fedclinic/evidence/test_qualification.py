"""IQ, OQ and PQ: versions and results as they are, and gaps where nothing was run."""

import pytest

from fedclinic.errors import EvidenceError
from fedclinic.evidence.qualification import read_junit, read_pins, render_qualification

JUNIT = b"""<testsuites><testsuite name="pytest" timestamp="2026-11-26T20:00:00">
<testcase classname="tests.fedclinic.test_plan" name="test_a"/>
<testcase classname="tests.fedclinic.test_plan" name="test_b"><failure message="x"/></testcase>
<testcase classname="tests.promises.test_privacy" name="test_c"><skipped/></testcase>
</testsuite></testsuites>"""


def render(**changes: object) -> str:
    ran, cases = read_junit(JUNIT)
    values: dict = {
        "made": "today",
        "machine": "a machine",
        "installed": {"numpy": "2.1", "click": "8.1"},
        "pinned": {"numpy": "2.0", "click": "8.1", "torch": "2.5"},
        "ran": ran,
        "cases": cases,
    }
    return render_qualification(**(values | changes))


def test_results_are_counted_by_part_and_a_failure_is_named():
    text = render()
    assert "1 passed, 1 failed, 0 skipped" in text
    assert "0 passed, 0 failed, 1 skipped" in text
    assert "**failed: tests.fedclinic.test_plan.test_b**" in text


def test_another_version_than_was_tested_is_marked():
    text = render()
    assert "1 of 2 packages are as tested" in text
    assert "| numpy | 2.1 | 2.0 | **no** |" in text


def test_what_was_not_run_is_a_gap():
    text = render(cases=[], pinned={}, ran="")
    assert text.count("**Gap: no such test is in the file of results.**") == 2
    assert "no constraints file was given" in text


@pytest.mark.parametrize("content", [b"", b"{}", b"<a/>"])
def test_a_file_that_holds_no_results_is_refused(content):
    with pytest.raises(EvidenceError, match="test results"):
        read_junit(content)


def test_pins_are_compared_whatever_the_spelling_of_a_name():
    assert read_pins("Flask_Cors==6.0\n# x==1\nnumpy==2.0 ; python\n") == {
        "flask-cors": "6.0",
        "numpy": "2.0",
    }
