"""The report: complete, honest about gaps, readable for everybody, and without requests."""

import re
import shutil
import subprocess
from html.parser import HTMLParser
from itertools import pairwise
from pathlib import Path

import pytest

from fedclinic.evidence.findings import failed
from fedclinic.evidence.model_card import render_model_card
from fedclinic.evidence.report import CONTENTS, render_report
from fedclinic.evidence.run_evidence import SiteRound
from tests.fedclinic.evidence.factory import digest
from tests.fedclinic.evidence.run_factory import (
    RUN,
    SITES,
    make_plan,
    make_round,
    make_run_evidence,
)

HONEST = render_report(make_run_evidence())


class Outline(HTMLParser):
    """The parts of a page that a screen reader or a network monitor would meet."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.stack: list[str] = []
        self.feed(page)

    def handle_starttag(self, tag, attrs) -> None:
        self.tags.append((tag, dict(attrs)))

    def named(self, tag: str) -> list[dict[str, str | None]]:
        return [attributes for name, attributes in self.tags if name == tag]


def test_the_same_evidence_gives_the_same_bytes():
    assert render_report(make_run_evidence()) == HONEST


def test_a_report_asks_nothing_of_any_network_and_runs_no_script():
    outline = Outline(HONEST)
    assert not {"script", "link", "img", "iframe", "object", "form"} & {t for t, _ in outline.tags}
    assert "url(" not in HONEST
    assert "@import" not in HONEST
    for _, attributes in outline.tags:
        assert "src" not in attributes
        assert str(attributes.get("href", "#")).startswith("#")
        assert not any(name.startswith("on") for name in attributes)
    policies = [m for m in outline.named("meta") if "http-equiv" in m]
    assert str(policies[0]["content"]).startswith("default-src 'none'")


def test_every_section_is_in_the_contents_and_every_link_has_its_target():
    outline = Outline(HONEST)
    ids = {str(attributes["id"]) for _, attributes in outline.tags if "id" in attributes}
    assert {section for section, _ in CONTENTS} <= ids
    links = {str(a["href"]).removeprefix("#") for a in outline.named("a")}
    assert links <= ids


def test_every_table_has_a_caption_and_every_header_its_direction():
    outline = Outline(HONEST)
    assert len(outline.named("table")) == len(outline.named("caption"))
    assert all("scope" in attributes for attributes in outline.named("th"))


def test_every_chart_says_in_words_what_it_shows():
    outline = Outline(HONEST)
    charts = outline.named("svg")
    assert len(charts) == len(SITES) + 2
    assert all(chart["role"] == "img" for chart in charts)
    assert HONEST.count("<desc>") == len(charts)
    assert "After round 10, epsilon 6 of 8 is spent." in HONEST


def test_headings_skip_no_level():
    levels = [int(level) for level in re.findall(r"<h([1-6])", HONEST)]
    assert levels[0] == 1
    assert all(after - before <= 1 for before, after in pairwise(levels))


def test_the_page_says_what_happened_to_every_update_that_was_not_used():
    assert "below the noise floor 1.62" in HONEST
    assert "no answer by the deadline" in HONEST


def test_hostile_text_in_a_reason_stays_text():
    hostile = "<script>alert(1)</script>\" onload='x'"
    sites = (SiteRound(site="mercy", verdict="refused", reason=hostile),)
    data = make_run_evidence()
    rounds = (data.rounds[0], make_round(1, data.plan).model_copy(update={"sites": sites}))
    page = render_report(data.model_copy(update={"rounds": rounds}))
    assert "<script" not in page
    assert "&lt;script&gt;" in page


def test_a_run_whose_evidence_contradicts_itself_says_so_first():
    data = make_run_evidence()
    finding = failed(
        "store.metric", "MLflow run x, metric 'dp.epsilon', step 7", "signed 2, shown 1"
    )
    verification = data.verification.model_copy(update={"findings": (finding,)})
    page = render_report(data.model_copy(update={"verification": verification}))
    assert page.index("contradicts itself") < page.index('id="summary"')
    assert "signed 2, shown 1" in page
    assert "evidence was verified" not in page


def test_a_failed_audit_is_never_a_good_run():
    data = make_run_evidence()
    audits = (data.audits[0].model_copy(update={"verdict": "fail"}), *data.audits[1:])
    assert "An audit failed" in render_report(data.model_copy(update={"audits": audits}))


def test_what_is_missing_is_a_gap_and_never_prose():
    bare = make_run_evidence(
        rounds=(),
        audits=(),
        model=None,
        outputs=(),
        alternatives=(),
        verification=None,
    )
    page = render_report(bare)
    assert page.count('class="gap"') >= 10
    assert "its evidence was not verified" in page


def test_a_run_without_protection_promises_nothing():
    plan = make_plan(
        privacy={"protection": "none", "epochs_per_round": 1, "batch_notes": 8, "seed": 0}
    )
    data = make_run_evidence(plan=plan, model=None, audits=())
    for page in (render_report(data), render_model_card(data)):
        assert "nothing bounds what" in page
        assert "times surer" not in page


@pytest.mark.skipif(shutil.which("chromium") is None, reason="needs Chromium")
def test_a_browser_shows_the_page_as_it_was_written(tmp_path: Path):
    path = tmp_path / "report.html"
    path.write_text(HONEST)
    command = ["chromium", "--headless", "--no-sandbox", "--disable-gpu", "--dump-dom"]
    shown = subprocess.run(
        [*command, path.as_uri()], capture_output=True, text=True, check=True, timeout=120
    ).stdout
    written = [tag for tag, _ in Outline(HONEST).tags]
    assert [tag for tag, _ in Outline(shown).tags] == written


def test_a_model_card_has_the_numbers_and_marks_its_gaps():
    card = render_model_card(make_run_evidence())
    assert card.startswith("# discharge-letters, version 3\n")
    assert f"| run | {RUN} |" in card
    assert "epsilon 3, delta 1e-05" in card
    assert "| round 10 | 800 | 0.720 (0.69 to 0.75) | 0.820 (0.79 to 0.85) |" in card
    assert "| university | withheld |  |  |" in card
    assert "Gap: who may use it" in card


def test_quality_is_told_with_its_interval_for_each_hospital_and_what_the_interval_assumes():
    assert "0.720 (0.69 to 0.75)" in HONEST
    assert "The last model, by part of these notes" in HONEST
    assert "takes the patients of these notes for a random sample" in HONEST
    data = make_run_evidence()
    bare = [
        r.model_copy(update={"evaluations": tuple(e.model_copy(update={"groups": ()})
                                                  for e in r.evaluations)})
        for r in data.rounds
    ]  # fmt: skip
    page = render_report(data.model_copy(update={"rounds": tuple(bare)}))
    assert "Gap: quality in parts of these notes" in page


def test_recall_is_told_with_its_interval_and_for_what_it_holds():
    assert "at least 99% (98% to 100%)" in HONEST
    assert "not for kinds that nobody planted" in HONEST


def test_the_policies_that_were_in_force_are_named_by_their_digests():
    assert f"privacy policy of {', '.join(SITES)}" in HONEST
    assert digest("privacy") in HONEST


def test_a_site_that_told_nothing_of_its_de_identification_is_named_as_a_gap():
    assert "No counts of their de-identification were let out by mercy." in HONEST
