"""IQ, OQ and PQ of an installation: versions as installed against those that were tested, and what
the tests said. Made from pytest's own JUnit file; what was not run is a gap.
"""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from xml.etree import ElementTree

from fedclinic.errors import EvidenceError
from fedclinic.evidence import plain_words

MAX_BYTES = 50_000_000
PERFORMANCE = ("tests.end_to_end", "tests.promises")
"""Tests of the whole in use; the others are of its parts."""


@dataclass(frozen=True)
class TestCase:
    """One test and what became of it."""

    __test__ = False

    name: str
    outcome: str
    """`passed`, `failed` or `skipped`."""


def read_junit(content: bytes) -> tuple[str, list[TestCase]]:
    """When the tests ran, and each of them.

    Raises:
        EvidenceError: if it is not what `pytest --junitxml` writes.
    """
    if len(content) > MAX_BYTES:
        raise EvidenceError("the file of test results is too large")
    try:
        root = ElementTree.fromstring(content)  # noqa: S314
    except ElementTree.ParseError:
        raise EvidenceError("the file of test results is not XML") from None
    suites = list(root.iter("testsuite"))
    if not suites:
        raise EvidenceError("the file of test results has no test suite")
    cases = [_case(element) for suite in suites for element in suite.iter("testcase")]
    return suites[0].get("timestamp", ""), cases


def _case(element: ElementTree.Element) -> TestCase:
    name = f"{element.get('classname', '')}.{element.get('name', '')}"
    children = {child.tag for child in element}
    if children & {"failure", "error"}:
        return TestCase(name, "failed")
    return TestCase(name, "skipped" if "skipped" in children else "passed")


def render_qualification(
    *,
    made: str,
    machine: str,
    installed: Mapping[str, str],
    pinned: Mapping[str, str],
    ran: str,
    cases: Sequence[TestCase],
) -> str:
    """Write the three parts as Markdown.

    Args:
        made: when, as printed.
        machine: operating system and Python, in words.
        installed: version by package, on this machine.
        pinned: the versions that the project was tested with; empty if they are not at hand.
        ran: when the tests ran; empty if they were not run.
        cases: the tests.
    """
    whole = [case for case in cases if case.name.startswith(PERFORMANCE)]
    parts = [case for case in cases if not case.name.startswith(PERFORMANCE)]
    sections = [
        "# Installation, operational and performance qualification (IQ, OQ, PQ)",
        f"Made {made} on {machine}. {plain_words.NOT_A_CERTIFICATE}",
        "## IQ: what is installed",
        _installed(installed, pinned),
        "## OQ: the parts do what their tests say",
        _results(parts, ran),
        "## PQ: the whole, in use",
        _results(whole, ran),
        "## Approval",
        "**Gap: name, role, date and signature of whoever accepts this qualification.**",
    ]
    return "\n\n".join(sections) + "\n"


def read_pins(text: str) -> dict[str, str]:
    """Versions by package of a constraints file."""
    found = re.findall(r"^([A-Za-z0-9._-]+)==([^\s;]+)", text, flags=re.MULTILINE)
    return {canonical(name): version for name, version in found}


def canonical(name: str) -> str:
    """A package's name as indexes compare it."""
    return re.sub(r"[-_.]+", "-", name).lower()


def _installed(installed: Mapping[str, str], pinned: Mapping[str, str]) -> str:
    if not pinned:
        return "**Gap: no constraints file was given, so versions cannot be compared.**"
    rows = ["| package | installed | tested with | same |", "| --- | --- | --- | --- |"]
    different = 0
    for name in sorted(pinned.keys() & installed.keys()):
        same = installed[name] == pinned[name]
        different += not same
        word = "yes" if same else "**no**"
        rows.append(f"| {name} | {installed[name]} | {pinned[name]} | {word} |")
    count = len(pinned.keys() & installed.keys())
    return f"{count - different} of {count} packages are as tested.\n\n" + "\n".join(rows)


def _results(cases: Sequence[TestCase], ran: str) -> str:
    if not cases:
        return "**Gap: no such test is in the file of results.**"
    count = {
        word: sum(c.outcome == word for c in cases) for word in ("passed", "failed", "skipped")
    }
    head = (
        f"Run {ran or 'at a time that is not recorded'}: {count['passed']} passed, "
        f"{count['failed']} failed, {count['skipped']} skipped."
    )
    modules: dict[str, list[TestCase]] = {}
    for case in cases:
        modules.setdefault(".".join(case.name.split(".")[:-1]), []).append(case)
    rows = ["| tests | passed | failed | skipped |", "| --- | --- | --- | --- |"]
    for module, own in sorted(modules.items()):
        numbers = (str(sum(c.outcome == w for c in own)) for w in ("passed", "failed", "skipped"))
        rows.append(f"| {module} | {' | '.join(numbers)} |")
    failures = [f"- **failed: {case.name}**" for case in cases if case.outcome == "failed"]
    return "\n\n".join([head, "\n".join(rows), *(["\n".join(failures)] if failures else [])])
