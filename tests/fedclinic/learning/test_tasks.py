"""Notes become rows and targets, and classes become entities again."""

import numpy as np
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from fedclinic.errors import DataError
from fedclinic.learning.tasks import (
    IGNORED,
    EncodedNotes,
    Row,
    encode_notes,
    encode_text,
    entities_from_classes,
    entities_of_note,
    output_count,
)
from fedclinic.notes import Span
from fedclinic.plan import Task
from tests.factories import (
    LABELS,
    make_deidentified_note,
    make_learning_task,
    make_note,
    make_token_task,
)
from tests.tiny_models import VOCABULARY, WORDS, make_byte_tokenizer, make_tokenizer

TOKENIZER = make_tokenizer()
BYTES = make_byte_tokenizer()
DOCUMENTS = make_learning_task()
TOKENS = make_token_task()
B_DISEASE, I_DISEASE, B_DRUG, I_DRUG = 1, 2, 3, 4


def encode_one(text: str, *entities: Span, task: Task = TOKENS) -> Row:
    note = make_deidentified_note(text, entities=entities)
    (row,) = encode_notes([note], task, TOKENIZER).rows
    return row


def tokens_of(row: Row) -> list[str]:
    return [VOCABULARY[index] for index in row.token_ids]


def at(text: str, part: str, label: str) -> Span:
    return Span(text.index(part), text.index(part) + len(part), label)


# --- documents


def test_the_weights_of_labels_stand_in_the_order_of_the_head_and_are_one_where_unnamed():
    task = make_learning_task(label_weights={LABELS[2]: 0.5, LABELS[0]: 4})
    encoded = encode_notes([make_deidentified_note()], task, TOKENIZER)
    assert encoded.weight_of_label is not None
    assert encoded.weight_of_label.tolist() == [4, 1, 0.5]
    assert encode_notes([make_deidentified_note()], DOCUMENTS, TOKENIZER).weight_of_label is None


def test_a_document_is_one_row_with_the_class_of_its_label():
    notes = [make_deidentified_note("the patient has cough", labels=[label]) for label in LABELS]
    encoded = encode_notes(notes, DOCUMENTS, TOKENIZER)
    assert [row.targets.tolist() for row in encoded.rows] == [[0], [1], [2]]
    assert tokens_of(encoded.rows[0]) == ["[CLS]", "the", "patient", "has", "cough", "[SEP]"]


def test_a_long_document_is_cut_off_at_the_plans_tokens():
    row = encode_one("cough " * 200, task=make_learning_task(max_tokens=16))
    assert len(row.token_ids) == 16


def test_a_document_task_has_a_class_a_label_and_a_token_task_two_and_o():
    assert output_count(DOCUMENTS) == 3
    assert output_count(TOKENS) == 5


def test_a_text_without_a_label_can_be_encoded_for_either_task():
    for task in (DOCUMENTS, TOKENS):
        (row,) = encode_text("the patient has cough", task, TOKENIZER)
        assert tokens_of(row)[1:3] == ["the", "patient"]


def test_no_notes_are_refused():
    with pytest.raises(DataError, match="holds no de-identified note"):
        encode_notes([], DOCUMENTS, TOKENIZER)


def test_a_note_without_a_token_is_refused():
    with pytest.raises(DataError, match="note 1 of the store has no token"):
        encode_notes([make_deidentified_note("")], DOCUMENTS, BYTES)


def test_notes_are_grouped_by_patient_in_order_of_appearance():
    patients = ["b", "a", "b", "c", "a"]
    notes = [make_deidentified_note("cough", patient=patient) for patient in patients]
    encoded = encode_notes(notes, DOCUMENTS, TOKENIZER)
    assert [notes.tolist() for notes in encoded.notes_of_patient] == [[0, 2], [1, 4], [3]]
    assert (encoded.patients, encoded.notes) == (3, 5)


@given(st.lists(st.tuples(st.integers(0, 4), st.integers(1, 60)), min_size=1, max_size=12))
def test_every_row_belongs_to_one_note_and_every_note_to_one_patient(shape):
    notes = [
        make_deidentified_note("cough " * length, patient=str(patient)) for patient, length in shape
    ]
    encoded = encode_notes(notes, make_token_task(max_tokens=16), TOKENIZER)
    rows = [row for rows in encoded.rows_of_note for row in rows]
    assert sorted(rows) == list(range(len(encoded.rows)))
    owned = [note for notes in encoded.notes_of_patient for note in notes]
    assert sorted(owned) == list(range(len(notes)))


def test_encoded_notes_show_no_tokens():
    encoded = encode_notes([make_deidentified_note("cough")], DOCUMENTS, TOKENIZER)
    assert repr(encoded) == "EncodedNotes()"
    assert repr(encoded.rows[0]) == "Row()"


# --- tokens


def test_the_first_token_of_each_word_carries_its_bio_class():
    text = "patient has influenza lung and zz pain"
    row = encode_one(text, at(text, "influenza lung", "Disease"), at(text, "zz", "Drug"))
    labelled = {
        tokens_of(row)[position]: int(target)
        for position, target in enumerate(row.targets)
        if target != IGNORED
    }
    assert labelled == {
        "patient": 0,
        "has": 0,
        "i": B_DISEASE,
        "lung": I_DISEASE,
        "and": 0,
        "z": B_DRUG,
        "pain": 0,
    }


def test_pieces_of_words_and_special_tokens_take_no_part_in_the_loss():
    row = encode_one("zzzz cough")
    assert tokens_of(row) == ["[CLS]", "z", "##z", "##z", "##z", "cough", "[SEP]"]
    assert row.targets.tolist() == [IGNORED, 0, IGNORED, IGNORED, IGNORED, 0, IGNORED]
    assert row.word_starts.tolist() == [-1, 0, -1, -1, -1, 5, -1]
    assert row.word_ends[[1, 5]].tolist() == [4, 10]


def test_two_entities_side_by_side_begin_twice():
    row = encode_one("cough fever", Span(0, 5, "Disease"), Span(6, 11, "Disease"))
    assert row.targets.tolist() == [IGNORED, B_DISEASE, B_DISEASE, IGNORED]


def test_a_long_note_is_split_into_windows_that_lose_no_token():
    text = " ".join(WORDS[n % len(WORDS)] for n in range(100))
    encoded = encode_notes(
        [make_deidentified_note(text), make_deidentified_note("cough")],
        make_token_task(max_tokens=16),
        TOKENIZER,
    )
    inner = [token for row in encoded.rows[:-1] for token in tokens_of(row)[1:-1]]
    assert inner == text.split()
    assert all(len(row.token_ids) <= 16 for row in encoded.rows)
    assert [rows.tolist() for rows in encoded.rows_of_note] == [list(range(8)), [8]]


def test_the_windows_of_a_note_keep_the_notes_characters():
    text = " ".join(WORDS[n % len(WORDS)] for n in range(60))
    encoded = encode_notes(
        [make_deidentified_note(text)], make_token_task(max_tokens=16), TOKENIZER
    )
    words = [
        text[start:end]
        for row in encoded.rows
        for start, end in zip(row.word_starts, row.word_ends, strict=True)
        if start >= 0
    ]
    assert words == text.split()


def test_a_word_that_a_windows_edge_runs_through_is_one_word_of_the_first():
    text = "cough " * 12 + "zzzzzz fever"
    encoded = encode_notes(
        [make_deidentified_note(text, entities=[at(text, "zzzzzz", "Drug")])],
        make_token_task(max_tokens=16),
        TOKENIZER,
    )
    first, second = encoded.rows
    assert tokens_of(first)[-3:] == ["z", "##z", "[SEP]"]
    assert tokens_of(second)[1:5] == ["##z", "##z", "##z", "##z"]
    assert text[first.word_starts[-3] : first.word_ends[-3]] == "zzzzzz"
    assert first.targets[-3] == B_DRUG
    assert second.targets[1:6].tolist() == [IGNORED] * 4 + [0]


@given(st.integers(8, 24), st.data())
def test_entities_come_back_across_windows_of_any_size(size, data):
    text, spans = data.draw(labelled_notes())
    task = make_token_task(max_tokens=size)
    note = make_deidentified_note(text, entities=spans)
    rows = encode_notes([note], task, TOKENIZER).rows
    classes = [np.where(row.targets == IGNORED, 0, row.targets) for row in rows]
    padded = [np.append(values, [I_DRUG] * 3) for values in classes]
    assert entities_of_note(rows, classes, task) == spans
    assert entities_of_note(rows, padded, task) == spans


@st.composite
def labelled_notes(draw: st.DrawFn) -> tuple[str, list[Span]]:
    """Words with entities that begin and end at words, at most a window long."""
    chosen = draw(st.lists(st.sampled_from([*WORDS, "zebra", "q"]), min_size=1, max_size=20))
    kinds = draw(
        st.lists(st.sampled_from(["O", "Disease", "Drug"]), min_size=len(chosen), max_size=20)
    )
    begins = draw(st.lists(st.booleans(), min_size=len(chosen), max_size=len(chosen)))
    spans: list[Span] = []
    position, last = 0, "O"
    for word, kind, begin in zip(chosen, kinds, begins, strict=False):
        end = position + len(word)
        if kind != "O" and (kind != last or begin):
            spans.append(Span(position, end, kind))
        elif kind != "O":
            spans[-1] = Span(spans[-1].start, end, kind)
        position, last = end + 1, kind
    return " ".join(chosen), spans


@given(labelled_notes())
def test_entities_come_back_from_their_own_targets(note):
    text, spans = note
    task = make_token_task(max_tokens=512)
    row = encode_one(text, *spans, task=task)
    classes = np.where(row.targets == IGNORED, 0, row.targets)
    assert entities_from_classes(row, classes, task) == spans


@given(labelled_notes())
def test_entities_come_back_with_a_tokenizer_that_joins_spaces_to_words(note):
    text, spans = note
    task = make_token_task(max_tokens=512)
    (row,) = encode_notes([make_deidentified_note(text, entities=spans)], task, BYTES).rows
    classes = np.where(row.targets == IGNORED, 0, row.targets)
    assert entities_from_classes(row, classes, task) == spans


@given(labelled_notes(), st.lists(st.integers(0, 4), min_size=120, max_size=120))
def test_whatever_classes_are_predicted_the_entities_are_whole_words(note, values):
    text, _ = note
    row = encode_one(text, task=make_token_task(max_tokens=512))
    assume(len(row.token_ids) <= len(values))
    found = entities_from_classes(row, np.array(values), TOKENS)
    ends = [0]
    for span in found:
        assert span.start >= ends[-1]
        assert text[span.start : span.end] == text[span.start : span.end].strip()
        ends.append(span.end)


def test_an_inside_class_that_follows_nothing_opens_an_entity():
    row = encode_one("cough fever pain")
    classes = np.array([0, I_DISEASE, I_DRUG, I_DRUG, 0])
    assert entities_from_classes(row, classes, TOKENS) == [
        Span(0, 5, "Disease"),
        Span(6, 16, "Drug"),
    ]


def test_classes_of_pieces_of_words_are_not_looked_at():
    row = encode_one("zzz cough")
    classes = np.array([4, 0, 4, 4, B_DISEASE, 4])
    assert entities_from_classes(row, classes, TOKENS) == [Span(4, 9, "Disease")]


def test_encoding_leaves_the_original_note_alone():
    note = make_note()
    assert isinstance(
        encode_notes([make_deidentified_note(note.text, labels=note.labels)], DOCUMENTS, TOKENIZER),
        EncodedNotes,
    )
    assert note == make_note()
