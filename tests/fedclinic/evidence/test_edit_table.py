"""The page of edits says what the verifiers do today."""

from pathlib import Path

from tests.fedclinic.evidence.edit_table import write_page

PAGE = Path(__file__).parents[3] / "docs" / "detected-edits.md"


def test_the_page_of_edits_is_the_one_that_the_verifiers_write():
    assert PAGE.read_text(encoding="utf-8") == write_page()
