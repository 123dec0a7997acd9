"""The pages as a browser shows them: to a screen reader, a keyboard, a small screen and paper.

What WCAG 2.1 AA asks of a static page and a machine can measure. Skipped without a browser.
"""

from collections.abc import Iterator
from itertools import pairwise
from pathlib import Path

import pytest

from fedclinic.evidence.federation_report import render_federation_report
from fedclinic.evidence.findings import failed
from fedclinic.evidence.report import CONTENTS, render_report
from tests.devtools import BROWSER, Page, browser, opened
from tests.fedclinic.evidence.run_factory import make_run_evidence

pytestmark = pytest.mark.skipif(BROWSER is None, reason="no browser of the Chromium family")


def failing() -> str:
    data = make_run_evidence()
    finding = failed("store.metric", "MLflow run x, metric 'dp.epsilon', step 7", "signed 2")
    verification = data.verification.model_copy(update={"findings": (finding,) * 9})
    return render_report(data.model_copy(update={"verification": verification}))


def bare() -> str:
    return render_report(
        make_run_evidence(rounds=(), audits=(), model=None, outputs=(), verification=None)
    )


def federation() -> str:
    runs = [make_run_evidence(run=f"demo-000{number}") for number in (1, 2)]
    return render_federation_report(runs, generated_at="21 November 2026, 04:00 UTC")


PAGES = {
    "good": lambda: render_report(make_run_evidence()),
    "failing": failing,
    "bare": bare,
    "federation": federation,
}


@pytest.fixture(scope="module")
def address(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    with browser(tmp_path_factory.mktemp("profile")) as address:
        yield address


@pytest.fixture(params=PAGES)
def page(request: pytest.FixtureRequest, address: str, tmp_path: Path) -> Iterator[Page]:
    path = tmp_path / f"{request.param}.html"
    path.write_text(PAGES[request.param](), encoding="utf-8")
    with opened(address, path) as page:
        yield page


@pytest.fixture
def good(address: str, tmp_path: Path) -> Iterator[Page]:
    path = tmp_path / "good.html"
    path.write_text(PAGES["good"](), encoding="utf-8")
    with opened(address, path) as page:
        yield page


def test_nothing_is_asked_of_any_network(page):
    assert [url for url in page.requested() if not url.startswith("file:///")] == []
    assert len(page.requested()) == 1


def test_a_screen_reader_finds_its_way_by_landmarks_with_names(page):
    nodes = page.accessible()
    roles = [node["role"] for node in nodes]
    assert [roles.count(role) for role in ("banner", "main", "contentinfo")] == [1, 1, 1]
    named = [node for node in nodes if node["role"] in ("region", "navigation")]
    assert all(node["name"] for node in named)
    names = [node["name"] for node in named]
    assert len(names) == len(set(names))
    assert page.evaluate("document.documentElement.lang") == "en"
    assert page.evaluate("document.title")


def test_every_section_of_a_report_is_a_landmark(good):
    regions = [node["name"] for node in good.accessible() if node["role"] == "region"]
    assert {title for _, title in CONTENTS} <= set(regions)


def test_headings_begin_with_one_and_skip_none(page):
    levels = [node["level"] for node in page.accessible() if node["role"] == "heading"]
    assert levels.count(1) == 1
    assert levels[0] == 1
    assert all(after - before <= 1 for before, after in pairwise(levels))


def test_every_chart_has_a_name_and_is_told_in_words(page):
    charts = [node for node in page.accessible() if node["role"] in ("image", "img")]
    assert len(charts) == page.evaluate("document.querySelectorAll('svg').length")
    assert all(chart["name"] for chart in charts)
    assert all("." in chart["description"] for chart in charts)


def test_every_table_has_a_name_and_every_cell_a_header_in_its_row_and_column(page):
    tables = [node for node in page.accessible() if node["role"] == "table"]
    assert len(tables) == page.evaluate("document.querySelectorAll('table').length")
    assert all(table["name"] for table in tables)
    assert page.evaluate(
        "[...document.querySelectorAll('tbody tr')].every(row =>"
        " row.cells[0].matches('th[scope=row]')"
        " && row.cells.length === row.closest('table').tHead.rows[0].cells.length)"
    )
    assert page.evaluate(
        "[...document.querySelectorAll('thead th')].every(cell => cell.scope === 'col'"
        " && cell.textContent.trim())"
    )


CONTRASTS = """
(() => {
  const channel = c => (c /= 255) <= 0.03928 ? c / 12.92 : ((c + 0.055) / 1.055) ** 2.4;
  const parse = text => text.match(/[0-9.]+/g).map(Number);
  const light = ([r, g, b]) => 0.2126 * channel(r) + 0.7152 * channel(g) + 0.0722 * channel(b);
  const behind = element => {
    for (let e = element; e; e = e.parentElement) {
      const colour = parse(getComputedStyle(e).backgroundColor);
      if (colour.length === 3 || colour[3] === 1) return colour;
    }
    return [255, 255, 255];
  };
  const walker = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
  const found = [];
  while (walker.nextNode()) {
    const element = walker.currentNode.parentElement;
    if (!walker.currentNode.textContent.trim() || element.closest('title, desc, style')) continue;
    const style = getComputedStyle(element);
    const ink = element.closest('svg') ? style.fill : style.color;
    const [a, b] = [light(parse(ink)), light(behind(element))];
    const ratio = (Math.max(a, b) + 0.05) / (Math.min(a, b) + 0.05);
    const size = parseFloat(style.fontSize), bold = style.fontWeight >= 700;
    const least = size >= 24 || (bold && size >= 18.66) ? 3 : 4.5;
    if (ratio < least) found.push(`${ratio.toFixed(2)} ${element.outerHTML.slice(0, 80)}`);
  }
  return found;
})()
"""


def test_every_text_stands_out_from_what_is_behind_it(page):
    assert page.evaluate(CONTRASTS) == []


def test_the_measure_of_contrast_finds_text_that_does_not(good):
    good.evaluate("document.querySelector('h1').style.color = '#999'; 1")
    assert len(good.evaluate(CONTRASTS)) == 1


def test_every_link_and_table_is_reached_by_keyboard_in_order_and_seen_to_be(good):
    wanted = good.evaluate("document.querySelectorAll('a, [tabindex]').length")
    place = "[...document.querySelectorAll('a, [tabindex]')].indexOf(document.activeElement)"
    outline = "getComputedStyle(document.activeElement).outlineStyle"
    seen = []
    for _ in range(wanted):
        good.press_tab()
        seen.append((good.evaluate(place), good.evaluate(outline)))
    assert seen == [(number, "solid") for number in range(wanted)]


def test_on_a_narrow_screen_only_tables_scroll_sideways(page):
    page.call(
        "Emulation.setDeviceMetricsOverride",
        width=320, height=640, deviceScaleFactor=1, mobile=False,
    )  # fmt: skip
    assert page.evaluate("document.documentElement.scrollWidth") <= 320


def test_on_paper_there_is_no_menu_and_nothing_is_cut_off(page):
    page.call("Emulation.setEmulatedMedia", media="print")
    page.call(
        "Emulation.setDeviceMetricsOverride",
        width=673, height=1000, deviceScaleFactor=1, mobile=False,
    )  # fmt: skip
    shown = "[...document.querySelectorAll('nav')].map(e => getComputedStyle(e).display)"
    assert set(page.evaluate(shown)) <= {"none"}
    assert page.evaluate("document.documentElement.scrollWidth") <= 673
    assert page.evaluate(CONTRASTS) == []
    assert page.call("Page.printToPDF")["data"]
