"""The store holds de-identified notes, encrypted, and treats each note as seldom as possible."""

import sqlite3
from pathlib import Path
from typing import Any

import pytest

from fedclinic.deid.deidentify import Deidentification
from fedclinic.deid.offsets import OffsetMap
from fedclinic.deid.policy import DeidentificationCounts
from fedclinic.errors import DataError
from fedclinic.notes import DeidentifiedNote, KnownIdentifiers, Span
from site_agent.note_store import NoteStore
from site_agent.prepare import update_store
from site_agent.roster import Roster
from site_agent.settings import SiteConfig
from site_agent.store_measures import StoreCounts
from tests.factories import (
    make_deidentified_note,
    make_learning_task,
    make_note,
    make_token_task,
    note_row,
    site_values,
    write_jsonl,
)
from tests.fakes import (
    FakeDetector,
    FakeProgress,
    installed_deidentification_policy,
    make_treatment,
)

KEY = b"k" * 32
POLICY = "sha256:" + "1" * 64
TASK = make_learning_task()


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "home" / "notes.sqlite"


@pytest.fixture
def store(path: Path) -> NoteStore:
    return NoteStore.open(path, KEY)


@pytest.fixture
def notes_file(tmp_path: Path) -> Path:
    return write_rows(tmp_path / "notes.jsonl", range(6))


def write_rows(path: Path, numbers: Any, **changes: Any) -> Path:
    rows = [note_row(n, text=f"Name-{n} was seen for cough.") | changes for n in numbers]
    return write_jsonl(path, rows)


def config_of(notes_file: Path, **changes: Any) -> SiteConfig:
    return SiteConfig.model_validate(site_values(notes_file, **changes))


def update(
    store: NoteStore,
    notes_file: Path,
    detector: FakeDetector | None = None,
    **changes: Any,
) -> StoreCounts:
    config = config_of(notes_file, **changes)
    treatment = make_treatment(detector or FakeDetector())
    return update_store(config, TASK, store, treatment, FakeProgress())


def put(store: NoteStore, treated: DeidentifiedNote) -> None:
    counts = DeidentificationCounts(
        replaced={}, entities_total=0, entities_survived=0, characters=9, replaced_characters=0
    )
    result = Deidentification(treated, counts, OffsetMap(()), ())
    store.put(make_note(), result, position=0, treatment=POLICY)


def stored_ids(store: NoteStore) -> list[str]:
    return [note.note_id for note in store.notes()]


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


def test_the_same_note_is_never_encrypted_to_the_same_bytes(path, store):
    contents = []
    for _ in range(2):
        put(store, make_deidentified_note())
        with sqlite3.connect(path) as database:
            ((content,),) = database.execute("SELECT content FROM note")
        contents.append(content)
    assert contents[0] != contents[1]
