"""Preparation treats each note as seldom as possible, and an interrupted one loses nothing."""

import pytest

from fedclinic.errors import DataError
from fedclinic.notes import DeidentifiedNote, KnownIdentifiers
from site_agent.note_store import NoteStore
from site_agent.prepare import update_store
from site_agent.roster import Roster
from site_agent.store_measures import StoreCounts
from tests.factories import make_token_task, note_row, write_jsonl
from tests.fakes import (
    FakeDetector,
    FakeProgress,
    installed_deidentification_policy,
    make_treatment,
)
from tests.site_agent.note_store.stores import KEY, TASK, config_of, stored_ids, update, write_rows


def test_names_are_replaced_before_a_note_is_stored(store, notes_file):
    counts = update(store, notes_file)
    assert counts == StoreCounts(notes=6, quarantined=0, patients=6, replaced={"PERSON": 6})
    assert all("Name-" not in note.text and "cough" in note.text for note in store.notes())


def test_a_second_preparation_treats_nothing(store, notes_file):
    first, second = FakeDetector(), FakeDetector()
    before = update(store, notes_file, first), store.fingerprint()
    assert (update(store, notes_file, second), store.fingerprint()) == before
    assert (first.calls, second.calls) == (6, 0)


def test_only_new_and_changed_notes_are_treated(store, notes_file):
    update(store, notes_file)
    fingerprint = store.fingerprint()
    rows = [note_row(n, text=f"Name-{n} was seen for cough.") for n in range(7)]
    rows[2]["text"] = "Name-2 was seen for fever."
    write_jsonl(notes_file, rows)
    detector = FakeDetector()
    assert update(store, notes_file, detector).notes == 7
    assert detector.calls == 2
    assert store.fingerprint() != fingerprint
    assert "fever" in list(store.notes())[2].text


def test_a_note_of_another_patient_is_treated_again(store, notes_file):
    update(store, notes_file)
    write_rows(notes_file, range(6), patient_id="another")
    detector = FakeDetector()
    update(store, notes_file, detector, min_patients=1)
    assert detector.calls == 6


def test_a_changed_label_is_stored_without_a_second_treatment(store, notes_file):
    update(store, notes_file)
    fingerprint = store.fingerprint()
    write_rows(notes_file, range(6), label="oncology")
    detector = FakeDetector()
    update(store, notes_file, detector)
    assert detector.calls == 0
    assert {note.labels for note in store.notes()} == {("oncology",)}
    assert store.fingerprint() != fingerprint


def test_notes_read_without_a_task_keep_their_labels(store, notes_file):
    update(store, notes_file)
    before = list(store.notes())
    treatment = make_treatment(FakeDetector())
    update_store(config_of(notes_file), None, store, treatment, FakeProgress())
    assert list(store.notes()) == before


def test_what_is_newly_known_of_a_patient_treats_their_notes_again(store, notes_file):
    update(store, notes_file)
    known = {"patient-2": KnownIdentifiers("patient-2", (("PERSON", "Zorvath"),))}
    detector = FakeDetector()
    treatment = make_treatment(detector, roster=Roster(known, frozenset()))
    update_store(config_of(notes_file), TASK, store, treatment, FakeProgress())
    assert detector.calls == 1


def test_a_changed_policy_treats_every_note_again(store, notes_file):
    update(store, notes_file)
    policy = installed_deidentification_policy().model_copy(update={"version": 99})
    detector = FakeDetector()
    update_store(
        config_of(notes_file), TASK, store, make_treatment(detector, policy), FakeProgress()
    )
    assert detector.calls == 6


def test_notes_that_vanished_from_the_source_leave_the_store(store, notes_file):
    update(store, notes_file)
    write_rows(notes_file, [4, 1])
    assert update(store, notes_file).notes == 2
    assert stored_ids(store) == ["note-4", "note-1"]


def test_notes_come_in_the_order_of_the_source(store, notes_file):
    update(store, notes_file)
    write_rows(notes_file, [5, 3, 0, 1])
    update(store, notes_file)
    assert stored_ids(store) == ["note-5", "note-3", "note-0", "note-1"]


def test_too_few_patients_are_refused_before_anything_is_written(store, notes_file):
    update(store, notes_file)
    before = store.fingerprint(), store.measures.counts()
    write_rows(notes_file, range(4))
    detector = FakeDetector()
    with pytest.raises(DataError, match="site north has 4 patients and min_patients is 5"):
        update(store, notes_file, detector, min_patients=5)
    assert (store.fingerprint(), store.measures.counts(), detector.calls) == (*before, 0)


def test_a_bad_last_note_leaves_the_store_as_it_was(store, notes_file):
    update(store, notes_file)
    before = store.fingerprint(), store.measures.counts()
    rows = [note_row(n, text="Somebody was seen.") for n in range(5)]
    write_jsonl(notes_file, [*rows, note_row(0)])
    detector = FakeDetector()
    with pytest.raises(DataError, match="a second time"):
        update(store, notes_file, detector)
    assert (store.fingerprint(), store.measures.counts(), detector.calls) == (*before, 0)


def test_an_interrupted_preparation_goes_on_where_it_stopped(path, tmp_path):
    notes_file = write_rows(tmp_path / "many.jsonl", range(1100))
    store = NoteStore.open(path, KEY)
    with pytest.raises(KeyboardInterrupt):
        update(store, notes_file, FakeDetector(fail_from_call=700))
    store.close()
    store = NoteStore.open(path, KEY)
    rest = FakeDetector()
    assert update(store, notes_file, rest).notes == 1100
    assert rest.calls == 1100 - 699
    assert stored_ids(store) == [f"note-{n}" for n in range(1100)]


def test_an_interrupted_preparation_can_be_repeated_in_the_same_process(store, notes_file):
    with pytest.raises(KeyboardInterrupt):
        update(store, notes_file, FakeDetector(fail_from_call=3))
    assert store.measures.counts().notes == 2
    assert update(store, notes_file).notes == 6


def test_an_interrupted_preparation_leaves_the_notes_of_the_last_one(store, notes_file):
    update(store, notes_file)
    before = stored_ids(store)
    write_rows(notes_file, range(3, 12), text="Changed, all of them.")
    with pytest.raises(KeyboardInterrupt):
        update(store, notes_file, FakeDetector(fail_from_call=4))
    assert set(stored_ids(store)) >= set(before)


def test_progress_ends_at_the_number_of_notes(store, tmp_path):
    notes_file = write_rows(tmp_path / "many.jsonl", range(600))
    progress = FakeProgress()
    treatment = make_treatment(FakeDetector())
    update_store(config_of(notes_file), TASK, store, treatment, progress)
    assert progress.reports == [(500, 600), (600, 600)]


def test_entities_follow_the_text_through_the_store(store, tmp_path):
    row = note_row(
        0, text="Name-1 has influenza.", e=[{"start": 11, "end": 20, "label": "Disease"}]
    )
    notes_file = write_jsonl(tmp_path / "ner.jsonl", [row])
    config = config_of(
        notes_file,
        min_patients=1,
        notes={"path": str(notes_file), "format": "jsonl", "fields": {"entities": "e"}},
    )
    treatment = make_treatment(FakeDetector())
    update_store(config, make_token_task(labels=("Disease",)), store, treatment, FakeProgress())
    (note,) = store.notes()
    assert isinstance(note, DeidentifiedNote)
    (span,) = note.entities
    assert note.text[span.start : span.end] == "influenza"
