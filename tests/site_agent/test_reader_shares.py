"""Which rows of a common file are a site's own."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fedclinic.errors import DataError
from tests.factories import note_row, write_jsonl
from tests.site_agent.notes_files import complaint, read, source_of


def make_shares(path: Path, parts: int, by: str) -> Iterator[list[str]]:
    for index in range(parts):
        share = {"by": by, "parts": parts, "index": index}
        try:
            yield [note.note_id for note in read(path, share=share)]
        except DataError as error:
            assert "no note belongs to this site" in str(error)
            yield []


@pytest.mark.parametrize("parts", [1, 2, 3, 7])
def test_shares_give_every_row_to_exactly_one_part(tmp_path, parts):
    rows = [note_row(number, patient_id=number // 3) for number in range(60)]
    path = write_jsonl(tmp_path / "notes.jsonl", rows)
    found = [note for share in make_shares(path, parts, "patient_id") for note in share]
    assert sorted(found) == sorted(row["id"] for row in rows)


def test_all_notes_of_a_patient_fall_to_one_part(tmp_path):
    rows = [note_row(number, patient_id=number // 5) for number in range(100)]
    path = write_jsonl(tmp_path / "notes.jsonl", rows)
    parts_of: dict[int, set[int]] = {}
    for part, notes in enumerate(make_shares(path, 4, "patient_id")):
        for note in notes:
            parts_of.setdefault(int(note.removeprefix("note-")) // 5, set()).add(part)
    assert all(len(parts) == 1 for parts in parts_of.values())
    assert len({part for parts in parts_of.values() for part in parts}) == 4


def test_a_row_without_the_field_that_shares_are_made_by_is_refused(tmp_path):
    path = write_jsonl(tmp_path / "notes.jsonl", [note_row(0)])
    message = complaint(path, share={"by": "doc_id", "parts": 2, "index": 0})
    assert f"{path}:1: field 'doc_id' is missing, and notes.share needs it" in message


@given(st.lists(st.sampled_from(["icu", "ward", "clinic"]), min_size=1, max_size=12))
def test_sites_that_name_different_values_partition_the_rows(tmp_path_factory, departments):
    rows = [note_row(number, department=name) for number, name in enumerate(departments)]
    path = write_jsonl(tmp_path_factory.mktemp("where") / "notes.jsonl", rows)
    found = []
    for wanted in ("icu", ["ward", "clinic"]):
        chosen = [wanted] if isinstance(wanted, str) else wanted
        if set(chosen) & set(departments):
            found += [note.note_id for note in read(path, where={"department": wanted})]
    assert sorted(found) == sorted(row["id"] for row in rows)


def test_an_identifier_may_return_at_another_site(tmp_path):
    rows = [note_row(0, department="icu"), note_row(0, department="ward")]
    path = write_jsonl(tmp_path / "notes.jsonl", rows)
    assert len(read(path, where={"department": "icu"})) == 1


def test_a_share_outside_its_parts_is_refused():
    with pytest.raises(ValueError, match="index 2 is not below parts 2"):
        source_of(Path("notes.jsonl"), share={"by": "id", "parts": 2, "index": 2})
