"""The page of sharp edges is kept true: every guard that it names exists."""

import re
from pathlib import Path

import pytest

from fedclinic.privacy.random_stream import RandomStream
from fedclinic.privacy.self_test import run_self_test
from tests.fedclinic.privacy.broken_trainers import ALL

ROOT = Path(__file__).parents[2]
PAGE = (ROOT / "docs" / "sharp-edges.md").read_text(encoding="utf-8")


def named_tests() -> list[tuple[str, str]]:
    """Pairs of file and test, where `::test` stands in the file named before it."""
    found, file = [], ""
    for code in re.findall(r"`([^`]+)`", PAGE):
        if "::" in code:
            given, test = code.split("::")
            file = given or file
            found.append((file, test))
    return found


@pytest.mark.parametrize(("file", "test"), named_tests())
def test_every_test_that_the_page_names_exists(file, test):
    path = ROOT / file if "/" in file else ROOT / "tests" / "fedclinic" / "privacy" / file
    assert f"def {test}(" in path.read_text(encoding="utf-8")


def test_every_broken_trainer_that_the_page_names_exists():
    rows = [line for line in PAGE.splitlines() if "broken trainer" in line]
    named = {name for row in rows for name in re.findall(r'"([^"]+)"', row)}
    assert len(named) > 15
    assert named <= set(ALL)


def test_every_check_of_the_self_test_that_the_page_names_is_made():
    def idle(site, privacy, stream, after_step) -> None:
        for _ in range(privacy.steps_per_round):
            after_step()

    made = {check.name for check in run_self_test(idle, RandomStream(bytes(32))).checks}
    named = set(re.findall(r"(?<!\*)\*([a-z][^*|]+)\*(?!\*)", PAGE)) - {"first seen"}
    assert named
    assert all(any(name.startswith(word) for name in made) for word in named)


def test_every_limit_that_nothing_guards_is_called_a_limit():
    assert PAGE.count("| none: a limit |") >= 4
