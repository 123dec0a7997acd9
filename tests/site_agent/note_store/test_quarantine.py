"""Notes that cannot be de-identified, or are blocked, are not used until a person releases them."""

import pytest

from fedclinic.errors import DataError
from tests.factories import note_row, write_jsonl
from tests.site_agent.note_store.stores import stored_ids, update


def test_a_released_note_is_treated_again_and_stays_released(store, tmp_path):
    text = (
        "Name-1 tiene tos y fiebre, y la paciente no ha tomado las medicinas que le dieron en la "
    )
    rows = [note_row(0), note_row(1, text=text + "clínica de su barrio, por lo que vuelve hoy.")]
    notes_file = write_jsonl(tmp_path / "two.jsonl", rows)
    update(store, notes_file)
    (refused,) = store.refused.listed()
    assert "another language" in refused.reason
    store.refused.release(refused.name, by="Dr. Reader", why="read and found harmless")
    for _ in range(2):
        assert update(store, notes_file).quarantined == 0
    assert "Name-1" not in "".join(note.text for note in store.notes())


def test_a_release_holds_for_the_text_that_was_read_only(store, tmp_path):
    spanish = "el paciente tiene tos y fiebre y no ha tomado las medicinas que le dieron en la "
    notes_file = write_jsonl(tmp_path / "two.jsonl", [note_row(0), note_row(1, text=spanish * 2)])
    update(store, notes_file)
    store.refused.release(store.refused.listed()[0].name, by="Reader", why="harmless")
    write_jsonl(notes_file, [note_row(0), note_row(1, text=spanish * 3)])
    assert update(store, notes_file).quarantined == 1


@pytest.mark.parametrize("name", ["", "nobody"])
def test_a_release_of_no_note_in_quarantine_is_refused(store, notes_file, name):
    update(store, notes_file)
    with pytest.raises(DataError, match="no note in quarantine is named"):
        store.refused.release(name, by="Reader", why="harmless")


def test_a_blocked_note_is_used_no_more(store, notes_file):
    update(store, notes_file)
    first = next(store.stored())
    store.refused.block(first.name, "a known value was left")
    assert store.measures.counts().quarantined == 1
    assert first.note.note_id not in stored_ids(store)


def test_a_note_that_cannot_be_deidentified_is_quarantined_and_not_used(store, notes_file):
    rows = [note_row(n, text=f"Name-{n} was seen.") for n in range(3)]
    rows.append(note_row(3, text="Пациент поступил в отделение с жалобами на кашель"))
    write_jsonl(notes_file, rows)
    counts = update(store, notes_file)
    assert (counts.notes, counts.quarantined) == (3, 1)
    assert stored_ids(store) == ["note-0", "note-1", "note-2"]


def test_a_quarantined_note_that_is_corrected_is_used(store, notes_file):
    write_jsonl(notes_file, [note_row(0), note_row(1, text="Пациент поступил в отделение")])
    assert update(store, notes_file).quarantined == 1
    write_jsonl(notes_file, [note_row(0), note_row(1, text="Name-1 was seen.")])
    assert update(store, notes_file).quarantined == 0
