"""Write the page of results from the JSON lines: what was run, and what was not."""

from collections import Counter
from collections.abc import Callable
from pathlib import Path

from fedbench import sections
from fedbench.curve_sections import targeted, time_to_accuracy
from fedbench.plots import draw_bars, draw_lines
from fedbench.published import PUBLISHED
from fedbench.results import Result, ResultsFile
from fedbench.runner import results_path
from fedbench.sections import Bars, Section, Table
from fedbench.suites import SUITES, Suite
from fedbench.summary import Measured

IMAGES = Path("images") / "results"

SECTIONS: dict[str, Callable[[Measured], Section]] = {
    "quality": sections.quality,
    "bytes": sections.byte_counts,
    "heterogeneity": sections.heterogeneity,
    "dp": sections.privacy,
    "robustness": sections.robustness,
    "fedtlu": targeted,
    "time_to_accuracy": time_to_accuracy,
    "scale": sections.scale,
}

HEAD = """# Results

Written by `fedclinic bench report` from the JSON lines in `benchmarks/results`; do not edit.

A number with ± is a mean over seeds and half of its 95 % interval (Student's t); one without is of
a single seed. Seeds decide how patients come to sites, the order of notes and the noise. All sites
are simulated in one process, one after the other: seconds are of that process, bytes are those of
the files that would travel.
"""


def write_page(page: Path, results: Path) -> None:
    """Write the page and its figures.

    Raises:
        DataError: if a file of results is damaged.
    """
    parts = [HEAD]
    measured: dict[str, Measured] = {}
    for suite in SUITES.values():
        found = _of_suite(suite, ResultsFile(results_path(results, suite.name, quick=False)))
        measured[suite.name] = Measured.of(found)
        parts.append(_suite_part(suite, found, page.parent))
    parts.insert(1, _published_part(measured))
    page.parent.mkdir(parents=True, exist_ok=True)
    page.write_text("\n".join(parts), encoding="utf-8")


def _of_suite(suite: Suite, file: ResultsFile) -> list[Result]:
    """The results of the suite's cells as they are now, in the suite's order."""
    found = {result.digest: result for result in file.read()}
    digests = [cell.digest() for cell in suite.cells(False)]
    return [found[digest] for digest in digests if digest in found]


def _suite_part(suite: Suite, found: list[Result], folder: Path) -> str:
    lines = [f"## {suite.name}", "", suite.question, "", f"`fedclinic bench run {suite.name}`", ""]
    if found:
        section = SECTIONS[suite.name](Measured.of(found))
        lines += [f"{remark}\n" for remark in section.remarks]
        lines += [_markdown(table) for table in section.tables]
        lines += _figures(section, folder)
        lines += [_measured_on(found), ""]
    lines += [_not_run(suite, found), ""]
    return "\n".join(lines)


def _published_part(measured: dict[str, Measured]) -> str:
    rows = tuple(
        (
            each.paper,
            each.what,
            each.figure,
            each.ours(measured[each.suite]) or "not run",
            each.differs,
        )
        for each in PUBLISHED
    )
    columns = ("paper", "what", "its figure", "ours", "what differs")
    return "## Beside the papers\n\n" + _markdown(Table(columns, rows))


def _figures(section: Section, folder: Path) -> list[str]:
    lines = []
    for figure in section.figures:
        path = IMAGES / f"{figure.name}.svg"
        if isinstance(figure, Bars):
            draw_bars(folder / path, figure.groups, figure.axes)
        else:
            draw_lines(folder / path, figure.lines, figure.axes)
        lines += [f"![{figure.name}]({path.as_posix()})", ""]
    return lines


def _markdown(table: Table) -> str:
    lines = [_row(table.columns), _row(tuple("---" for _ in table.columns))]
    lines += [_row(row) for row in table.rows]
    return "\n".join(lines) + "\n"


def _row(cells: tuple[str, ...]) -> str:
    return "| " + " | ".join(cells) + " |"


def _measured_on(found: list[Result]) -> str:
    kinds = Counter(
        f"{each.machine.processor}, {each.machine.threads} thread(s), {each.machine.precision}, "
        f"torch {each.machine.torch}"
        for each in found
    )
    minutes = sum(each.wall_seconds for each in found) / 60
    return f"Measured on {'; '.join(kinds)}; {minutes:.1f} minutes of wall time, beside other work."


def _not_run(suite: Suite, found: list[Result]) -> str:
    """Say how many cells of which seeds are missing; `bench list` names them."""
    cells, done = suite.cells(False), {result.digest for result in found}
    missing = [cell for cell in cells if cell.digest() not in done]
    if not missing:
        return "Every cell of the suite was run."
    if not found:
        return f"Not run: all {len(cells)} cells."
    asked, left = (Counter(cell.seed for cell in each) for each in (cells, missing))
    parts = [f"{left[seed]} of {asked[seed]} of seed {seed}" for seed in sorted(left)]
    return f"Not run, and named by `fedclinic bench list {suite.name}`: {', '.join(parts)}."
