"""Labels and entities of notes: what fits the plan is taken over, what does not is named."""

import io
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fedclinic.errors import DataError
from fedclinic.notes import Note, Span
from site_agent.readers.rows import Row, note_of
from tests.factories import LABELS, make_token_task, note_row, write_jsonl
from tests.site_agent.notes_files import (
    SECRET,
    TOKEN_FIELDS,
    WRITERS,
    complaint,
    note_from_tokens,
    read,
    source_of,
)


def test_a_note_shows_neither_text_nor_patient():
    note = note_from_tokens([SECRET], ["O"])
    assert SECRET not in io.StringIO(repr(note)).getvalue()
    assert "'p'" not in repr(note)


def test_a_label_that_is_not_in_the_plan_is_refused_with_the_plans_labels(tmp_path, format_name):
    rows = [note_row(0), note_row(1, label="cardiologie")]
    message = complaint(WRITERS[format_name](tmp_path / f"notes.{format_name}", rows))
    assert "did you mean 'cardiology'?" in message
    assert ", ".join(LABELS) in message


def test_a_column_of_text_mistaken_for_the_label_is_refused_without_its_text(tmp_path):
    path = write_jsonl(tmp_path / "notes.jsonl", [note_row(0, text=f"Mr {SECRET} was seen.")])
    assert "not in the plan" in complaint(path, fields={"label": "text"})


def test_a_label_field_that_holds_several_labels_is_refused(tmp_path):
    path = write_jsonl(tmp_path / "notes.jsonl", [note_row(0, label=list(LABELS[:2]))])
    assert "holds 2 labels, and a document has one" in complaint(path)


def test_a_list_with_one_label_is_that_label(tmp_path):
    path = write_jsonl(tmp_path / "notes.jsonl", [note_row(0, label=[LABELS[1]])])
    assert read(path)[0].labels == (LABELS[1],)


@pytest.mark.parametrize("label", [None, "", []])
def test_a_note_without_a_label_is_refused_unless_the_site_skips_such_notes(tmp_path, label):
    path = write_jsonl(tmp_path / "notes.jsonl", [note_row(0, label=label), note_row(1)])
    assert "set notes.skip_unlabelled" in complaint(path)
    assert [note.note_id for note in read(path, skip_unlabelled=True)] == ["note-1"]


words = st.text(st.characters(whitelist_categories=["Lu", "Ll", "Nd", "Po"]), min_size=1)


@st.composite
def tagged_tokens(draw: st.DrawFn) -> list[tuple[list[str], str]]:
    """Stretches of tokens, each an entity of a kind or, with "O", none."""
    stretches = st.tuples(
        st.lists(words, min_size=1, max_size=4), st.sampled_from(["O", "Disease", "Drug"])
    )
    return draw(st.lists(stretches, min_size=1, max_size=6))


@given(tagged_tokens())
def test_bio_tags_become_the_character_spans_of_their_tokens(stretches):
    tokens, tags = [], []
    for stretch, kind in stretches:
        tokens += stretch
        tags += (
            ["O"] * len(stretch)
            if kind == "O"
            else [f"B-{kind}"] + [f"I-{kind}"] * (len(stretch) - 1)
        )
    note = note_from_tokens(tokens, tags)
    assert note is not None
    assert note.text == " ".join(tokens)
    expected = [(" ".join(stretch), kind) for stretch, kind in stretches if kind != "O"]
    found = [(note.text[span.start : span.end], span.label) for span in note.entities]
    assert found == expected


def test_two_entities_of_one_kind_side_by_side_stay_two():
    note = note_from_tokens(["flu", "measles"], ["B-Disease", "B-Disease"])
    assert note is not None
    assert note.entities == (Span(0, 3, "Disease"), Span(4, 11, "Disease"))


def test_an_inside_tag_that_follows_nothing_opens_an_entity():
    note = note_from_tokens(["no", "flu", "today"], ["O", "I-Disease", "I-Drug"])
    assert note is not None
    assert note.entities == (Span(3, 6, "Disease"), Span(7, 12, "Drug"))


@pytest.mark.parametrize(
    ("tokens", "tags"),
    [
        (["a", "b"], ["O"]),
        ("ab", ["O", "O"]),
        (["a"], None),
        ([], []),
        (["a", None], ["O", "O"]),
        (["a", 7], ["O", "O"]),
        (["a", ""], ["O", "B-Disease"]),
        (["a"], ["X-Disease"]),
        (["a"], ["B-"]),
        (["a"], ["B"]),
        (["a"], ["B-Symptom"]),
        (["a\ud800"], ["O"]),
    ],
)
def test_tokens_and_tags_that_do_not_fit_are_refused(tokens, tags):
    with pytest.raises(DataError, match=r"^notes\.jsonl:1: "):
        note_from_tokens(tokens, tags)


def note_from_entities(entities: Any) -> Note | None:
    row = Row(
        "notes.jsonl:1", {"id": "a", "patient_id": "p", "text": "no flu today", "e": entities}
    )
    return note_of(row, source_of(Path("n.jsonl"), fields={"entities": "e"}), make_token_task())


def test_entities_in_characters_are_taken_over_in_order():
    note = note_from_entities(
        [{"start": 7, "end": 12, "label": "Drug"}, {"start": 3, "end": 6, "label": "Disease"}]
    )
    assert note is not None
    assert note.entities == (Span(3, 6, "Disease"), Span(7, 12, "Drug"))


@pytest.mark.parametrize(
    "entities",
    [
        None,
        "flu",
        ["flu"],
        [[3, 6, "Disease"]],
        [{"start": 3, "end": 6}],
        [{"start": "x", "end": 6, "label": "Disease"}],
        [{"start": 6, "end": 3, "label": "Disease"}],
        [{"start": -1, "end": 3, "label": "Disease"}],
        [{"start": 3, "end": 99, "label": "Disease"}],
        [{"start": 3, "end": 3, "label": "Disease"}],
        [{"start": 3, "end": 6, "label": "flu"}],
    ],
)
def test_entities_that_do_not_fit_the_text_are_refused(entities):
    with pytest.raises(DataError, match=r"^notes\.jsonl:1: "):
        note_from_entities(entities)


OWN = make_token_task().model_copy(update={"own_labels": {"Problem": "Disease", "Sign": "Disease"}})


def test_a_sites_own_names_are_read_as_the_labels_that_they_stand_for():
    values = {"id": "a", "patient_id": "p", "tokens": ["chest", "pain", "fever"]}
    source = source_of(Path("notes.jsonl"), fields=TOKEN_FIELDS)
    row = Row("notes.jsonl:1", values | {"tags": ["B-Problem", "I-Problem", "I-Sign"]})
    note = note_of(row, source, OWN)
    assert note is not None
    assert note.entities == (Span(0, 10, "Disease"), Span(11, 16, "Disease"))


def test_a_label_that_is_not_among_a_sites_own_is_refused_with_those_that_are():
    values = {"id": "a", "patient_id": "p", "text": "fever", "e": [[0, 5]]}
    source = source_of(Path("notes.jsonl"), fields={"text": "text", "entities": "e"})
    marked = [{"start": 0, "end": 5, "label": "Problems"}]
    row = Row("notes.jsonl:1", values | {"e": marked})
    with pytest.raises(DataError, match="did you mean 'Problem'\\? it has Problem, Sign"):
        note_of(row, source, OWN)
