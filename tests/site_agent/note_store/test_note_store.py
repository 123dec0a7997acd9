"""The store holds de-identified notes, encrypted, and refuses what was altered or is another's."""

import sqlite3

import pytest

from fedclinic.deid.deidentify import Deidentification
from fedclinic.deid.offsets import OffsetMap
from fedclinic.deid.policy import DeidentificationCounts
from fedclinic.errors import DataError
from fedclinic.notes import DeidentifiedNote, Span
from site_agent.note_store import NoteStore
from tests.factories import make_deidentified_note, make_note
from tests.site_agent.note_store.stores import KEY, update, write_rows

POLICY = "sha256:" + "1" * 64


def put(store: NoteStore, treated: DeidentifiedNote) -> None:
    counts = DeidentificationCounts(
        replaced={}, entities_total=0, entities_survived=0, characters=9, replaced_characters=0
    )
    result = Deidentification(treated, counts, OffsetMap(()), ())
    store.put(make_note(), result, position=0, treatment=POLICY)


def test_a_stored_note_comes_back_as_it_was(store):
    spans = (Span(4, 11, "Disease", 0.5), Span(12, 15, "Drug"))
    treated = make_deidentified_note(
        "the patient has Ångström ☤", entities=spans, labels=("a", "b")
    )
    put(store, treated)
    assert list(store.notes()) == [treated]


def test_neither_text_nor_names_nor_identifiers_are_in_the_files_bytes(path, store, notes_file):
    update(store, notes_file)
    store.close()
    content = b"".join(file.read_bytes() for file in path.parent.iterdir())
    assert len(content) > 1000
    for secret in (b"cough", b"Name-3", b"patient-3", b"note-3", b"cardiology"):
        assert secret not in content


def test_a_store_is_refused_with_another_key(path, store):
    store.close()
    with pytest.raises(DataError, match=r"written with another key; restore keys/store\.key"):
        NoteStore.open(path, b"x" * 32)


def test_a_file_that_is_no_store_is_refused_and_left_alone(path):
    path.parent.mkdir()
    path.write_bytes(b"something else entirely, and long enough to be read as a header" * 20)
    before = path.read_bytes()
    with pytest.raises(DataError, match="is not a note store; move it away"):
        NoteStore.open(path, KEY)
    assert path.read_bytes() == before


def test_a_note_that_was_altered_is_refused(path, store):
    put(store, make_deidentified_note())
    with sqlite3.connect(path) as database:
        ((content,),) = database.execute("SELECT content FROM note")
        altered = content[:-1] + bytes([content[-1] ^ 1])
        database.execute("UPDATE note SET content = ?", (altered,))
    with pytest.raises(DataError, match="a stored note was altered; run prepare again"):
        list(store.notes())


def test_a_store_without_offset_maps_keeps_its_patients_and_treats_notes_again(path):
    path.parent.mkdir()
    with sqlite3.connect(path) as database:
        database.execute("CREATE TABLE note (id TEXT PRIMARY KEY, policy TEXT)")
        database.execute("INSERT INTO note VALUES ('old', 'policy')")
    store = NoteStore.open(path, KEY)
    assert store.measures.counts().notes == 0


def test_two_processes_never_write_at_once(path, store, monkeypatch):
    monkeypatch.setattr("site_agent.note_store.WAIT_SECONDS", 0.01)
    second = NoteStore.open(path, KEY)
    store.begin()
    with pytest.raises(DataError, match="another process"):
        second.begin()


def test_a_patient_stays_in_the_cohort_of_the_first_time_they_were_seen(store):
    store.see_patient("p", "2024")
    store.see_patient("p", "2025")
    store.see_patient("q", "2025")
    assert store.cohorts() == ["2024", "2025"]
    assert store.measures.counts().patients == 2


def test_fingerprints_of_equal_stores_are_equal_and_of_different_ones_differ(tmp_path, notes_file):
    def fingerprint(name: str) -> str:
        store = NoteStore.open(tmp_path / name, KEY)
        update(store, notes_file)
        return store.fingerprint()

    first = fingerprint("a.sqlite")
    assert fingerprint("b.sqlite") == first
    write_rows(notes_file, [1, 0, 2, 3, 4, 5])
    assert fingerprint("c.sqlite") != first


def test_the_same_note_is_never_encrypted_to_the_same_bytes(path, store):
    contents = []
    for _ in range(2):
        put(store, make_deidentified_note())
        with sqlite3.connect(path) as database:
            ((content,),) = database.execute("SELECT content FROM note")
        contents.append(content)
    assert contents[0] != contents[1]
