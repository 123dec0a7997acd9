"""The page of a federation over time: every run, the budgets that remain, bad news first."""

import pytest

from fedclinic.errors import EvidenceError
from fedclinic.evidence.federation_report import render_federation_report
from fedclinic.evidence.findings import failed
from tests.fedclinic.evidence.run_factory import SITES, make_plan, make_run_evidence

FIRST = make_run_evidence(run="demo-0001")
SECOND = make_run_evidence(run="demo-0002", generated_at="1 December 2026")


def render(*runs) -> str:
    return render_federation_report(runs, generated_at="2 December 2026")


def test_every_run_has_its_row_and_every_site_its_budget():
    page = render(FIRST, SECOND)
    assert page.index(">demo-0001<") < page.index(">demo-0002<")
    assert page.count("<svg") == len(SITES)
    assert "After 2 runs, 6 of 8 is spent." in page
    assert "The evidence of every run was verified." in page


def test_a_run_that_contradicts_itself_comes_first():
    finding = failed("seal.root", "log", "changed")
    verification = SECOND.verification.model_copy(update={"findings": (finding,)})
    bad = SECOND.model_copy(update={"verification": verification})
    page = render(FIRST, bad)
    assert "The evidence of demo-0002 contradicts itself." in page
    assert "every run was verified" not in page


def test_a_run_that_was_not_verified_is_said_to_be_so():
    assert "Not verified: demo-0001." in render(
        FIRST.model_copy(update={"verification": None}), SECOND
    )


def test_a_page_is_about_one_federation():
    other = make_run_evidence(plan=make_plan(federation="another"))
    for runs in ((), (FIRST, other)):
        with pytest.raises(EvidenceError, match="one federation"):
            render(*runs)


def test_without_evidence_there_are_gaps():
    bare = make_run_evidence(rounds=(), outputs=(), verification=None)
    page = render(bare)
    assert page.count('class="gap"') == 2
    assert "No output was registered." in page
