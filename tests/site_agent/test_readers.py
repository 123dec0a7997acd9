"""Notes are read from every format alike, or refused with the file and row and never their text."""

import csv
import io
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pyarrow
import pyarrow.parquet
import pytest
from hypothesis import given
from hypothesis import strategies as st

from fedclinic.errors import DataError
from fedclinic.notes import Note, Span
from fedclinic.plan import Task
from site_agent.readers import read_notes
from site_agent.readers.rows import Row, note_of
from site_agent.settings import NoteSource
from tests.factories import LABELS, make_learning_task, make_token_task, note_row, write_jsonl

SECRET = "Zebulon Quackenbush"


def source_of(path: Path, **changes: Any) -> NoteSource:
    values = {"path": str(path), "format": path.suffix[1:], "fields": {"label": "label"}}
    return NoteSource.model_validate(values | changes)


def read(path: Path, task: Task | None = None, **changes: Any) -> list[Note]:
    return list(read_notes(source_of(path, **changes), task or make_learning_task()))


def complaint(path: Path, task: Task | None = None, **changes: Any) -> str:
    with pytest.raises(DataError) as caught:
        read(path, task, **changes)
    message = str(caught.value)
    assert "\n" not in message
    assert SECRET not in message
    assert str(path) in message
    return message


def write_csv(path: Path, rows: list[dict[str, Any]]) -> Path:
    with path.open("w", encoding="utf-8", newline="") as file:
        writer = csv.DictWriter(file, fieldnames=list(rows[0]))
        writer.writeheader()
        writer.writerows(rows)
    return path


def write_parquet(path: Path, rows: list[dict[str, Any]]) -> Path:
    pyarrow.parquet.write_table(pyarrow.Table.from_pylist(rows), path)
    return path


WRITERS = {"jsonl": write_jsonl, "csv": write_csv, "parquet": write_parquet}

AWKWARD_TEXTS = [
    'He said "no pain", then left.',
    "first line\nsecond line\r\nthird",
    "Ångström, naïve, 発熱, 🩺",
    "commas, semicolons; and\ttabs",
    "  spaces kept at both ends  ",
]


@pytest.fixture(params=sorted(WRITERS))
def format_name(request: pytest.FixtureRequest) -> str:
    return str(request.param)


def test_the_same_notes_in_every_format_are_equal(tmp_path):
    rows = [note_row(number, text=text) for number, text in enumerate(AWKWARD_TEXTS)]
    expected = [
        Note(row["id"], row["patient_id"], row["text"], labels=(row["label"],)) for row in rows
    ]
    for name, write in WRITERS.items():
        assert read(write(tmp_path / f"notes.{name}", rows)) == expected


def test_numbers_as_identifiers_are_equal_in_every_format(tmp_path):
    rows = [note_row(0, id=7, patient_id=12345678901234567)]
    for name, write in WRITERS.items():
        (note,) = read(write(tmp_path / f"notes.{name}", rows))
        assert (note.note_id, note.patient) == ("7", "12345678901234567")


def test_a_missing_file_is_named_with_what_to_check(tmp_path, format_name):
    message = complaint(tmp_path / f"absent.{format_name}")
    assert message.endswith("check notes.path in site.yaml")


def test_a_folder_is_not_a_notes_file(tmp_path, format_name):
    (tmp_path / f"notes.{format_name}").mkdir()
    assert "no notes at" in complaint(tmp_path / f"notes.{format_name}")


def test_a_file_without_a_note_of_the_site_is_refused(tmp_path, format_name):
    path = WRITERS[format_name](tmp_path / f"notes.{format_name}", [note_row(0)])
    assert "no note belongs to this site" in complaint(path, where={"label": "nowhere"})


@pytest.mark.parametrize("name", ["jsonl", "csv"])
def test_an_empty_file_is_a_site_without_notes(tmp_path, name):
    path = tmp_path / f"notes.{name}"
    path.touch()
    assert "no note belongs to this site" in complaint(path)


def test_an_empty_parquet_file_is_not_readable(tmp_path):
    path = tmp_path / "notes.parquet"
    path.touch()
    assert "not a readable Parquet file" in complaint(path)


def test_a_note_identifier_that_occurs_twice_is_refused_at_the_second(tmp_path, format_name):
    rows = [note_row(0), note_row(1), note_row(0, text=f"Seen again, {SECRET}.")]
    message = complaint(WRITERS[format_name](tmp_path / f"notes.{format_name}", rows))
    assert "occurs a second time; make them unique" in message
    assert {"jsonl": ":3:", "csv": ":4:", "parquet": ": row 3:"}[format_name] in message


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


NO_TEXTS = [None, [], {}, 7.0, float("nan"), True, [SECRET]]


@pytest.mark.parametrize(
    ("field", "value"),
    [
        *((field, value) for field in ("id", "patient_id", "text") for value in NO_TEXTS),
        *((field, value) for field in ("id", "patient_id") for value in ("", " \n")),
    ],
)
def test_a_part_that_is_no_text_is_refused_with_its_row_and_field(tmp_path, field, value):
    path = write_jsonl(
        tmp_path / "notes.jsonl", [note_row(0), note_row(1, text=SECRET) | {field: value}]
    )
    message = complaint(path)
    assert message.startswith(f"{path}:2: field '{field}'")


@pytest.mark.parametrize("text", ["", " \n"])
def test_an_empty_note_is_read_so_that_it_can_go_to_quarantine(tmp_path, text):
    path = write_jsonl(tmp_path / "notes.jsonl", [note_row(0), note_row(1, text=text)])
    assert [note.text for note in read(path)][1] == text


@pytest.mark.parametrize("field", ["id", "patient_id", "text"])
def test_half_a_surrogate_pair_is_refused(tmp_path, field):
    path = tmp_path / "notes.jsonl"
    path.write_text(json.dumps(note_row(0, **{field: f"{SECRET} \ud83d"})), encoding="utf-8")
    assert complaint(path) == f"{path}:1: field '{field}' is not valid Unicode"


def test_bytes_in_a_parquet_column_are_not_taken_for_text(tmp_path):
    path = write_parquet(tmp_path / "notes.parquet", [note_row(0, text=SECRET.encode())])
    assert "field 'text' is a bytes and not a text" in complaint(path)


@pytest.mark.parametrize("name", ["jsonl", "csv"])
@pytest.mark.parametrize("encoding", ["latin-1", "utf-16"])
def test_a_note_that_is_not_utf8_is_refused_with_its_line(tmp_path, name, encoding):
    path = WRITERS[name](tmp_path / f"notes.{name}", [note_row(number) for number in range(9)])
    lines = path.read_bytes().splitlines(keepends=True)
    lines[6] = lines[6].replace(b"cough", f"{SECRET} Grüße".encode(encoding))
    path.write_bytes(b"".join(lines))
    assert complaint(path) == f"{path}:7: not UTF-8; convert the file to UTF-8"


def test_a_parquet_text_that_is_not_utf8_is_refused(tmp_path):
    table = pyarrow.table(
        {
            "id": ["a"],
            "patient_id": ["p"],
            "text": pyarrow.array([b"Gr\xfc\xdfe"]).cast(pyarrow.string(), safe=False),
            "label": [LABELS[0]],
        }
    )
    path = tmp_path / "notes.parquet"
    pyarrow.parquet.write_table(table, path)
    assert "is not UTF-8" in complaint(path)


@pytest.mark.parametrize("name", ["jsonl", "csv"])
def test_a_byte_order_mark_is_passed_over(tmp_path, name):
    path = WRITERS[name](tmp_path / f"notes.{name}", [note_row(0)])
    path.write_bytes(b"\xef\xbb\xbf" + path.read_bytes())
    assert [note.note_id for note in read(path)] == ["note-0"]


@pytest.mark.parametrize(
    "line", ['{"id": ', SECRET, "[" * 100_000, "[1]", "7", '{"id": 1}{"id": 2}', "1" * 9000]
)
def test_a_damaged_json_line_is_refused_with_its_number(tmp_path, line):
    path = write_jsonl(tmp_path / "notes.jsonl", [note_row(0)])
    path.write_text(path.read_text() + "\n" + line + "\n", encoding="utf-8")
    assert complaint(path).startswith(f"{path}:3: ")


@pytest.mark.parametrize(
    ("body", "reason"),
    [
        (f"n1,p1,{SECRET}\n", "number of cells"),
        (f"n1,p1,{SECRET},cardiology,more\n", "number of cells"),
        (f'n1,p1,"{SECRET}" tail,cardiology\n', "not valid CSV"),
        (f'n1,p1,"{SECRET}\n', "not valid CSV"),
    ],
)
def test_a_damaged_csv_record_is_refused_with_its_line(tmp_path, body, reason):
    path = tmp_path / "notes.csv"
    path.write_text(f"id,patient_id,text,label\nn0,p0,fine,cardiology\n{body}")
    message = complaint(path)
    assert message.startswith(f"{path}:3: ")
    assert reason in message


def test_a_csv_header_with_one_name_twice_is_refused(tmp_path):
    path = tmp_path / "notes.csv"
    path.write_text(f"id,patient_id,text,text,label\nn0,p0,{SECRET},other,cardiology\n")
    assert complaint(path) == f"{path}:1: a column is named twice in the header"


def test_a_field_larger_than_any_note_is_refused(tmp_path):
    path = tmp_path / "notes.csv"
    path.write_text("id,patient_id,text,label\nn,p," + "x" * 17_000_000 + ",cardiology\n")
    assert "not valid CSV: field larger than field limit" in complaint(path)


@pytest.mark.parametrize("keep", [0.0, 0.2, 0.5, 0.95])
def test_a_parquet_file_that_is_cut_off_is_refused(tmp_path, keep):
    path = write_parquet(tmp_path / "notes.parquet", [note_row(n) for n in range(50)])
    content = path.read_bytes()
    path.write_bytes(content[: int(keep * len(content))])
    assert "not a readable Parquet file" in complaint(path)


def test_a_parquet_file_with_damaged_pages_is_refused(tmp_path):
    rows = [note_row(number, text=f"{SECRET} {number}") for number in range(500)]
    path = write_parquet(tmp_path / "notes.parquet", rows)
    content = bytearray(path.read_bytes())
    content[4:400] = bytes(reversed(content[4:400]))
    path.write_bytes(bytes(content))
    complaint(path)


# --- which rows are the site's


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


# --- entities

TOKEN_FIELDS = {"tokens": "tokens", "tags": "tags", "text": None}


def note_from_tokens(tokens: Any, tags: Any) -> Note | None:
    row = Row("notes.jsonl:1", {"id": "a", "patient_id": "p", "tokens": tokens, "tags": tags})
    return note_of(row, source_of(Path("notes.jsonl"), fields=TOKEN_FIELDS), make_token_task())


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


@pytest.mark.parametrize(
    ("task", "fields"),
    [
        (make_learning_task(), {}),
        (make_token_task(), {}),
        (make_learning_task(), {"text": None, "label": "label"}),
    ],
)
def test_fields_that_do_not_serve_the_task_are_refused(tmp_path, task, fields):
    path = write_jsonl(tmp_path / "notes.jsonl", [note_row(0)])
    assert "notes.fields names n" in complaint(path, task, fields=fields)


@given(st.text(max_size=40), st.sampled_from(["jsonl", "csv"]))
def test_any_text_that_is_read_is_read_unchanged(tmp_path_factory, text, name):
    path = tmp_path_factory.mktemp("any") / f"notes.{name}"
    if not text.strip():
        return
    WRITERS[name](path, [note_row(0, text=text)])
    (note,) = read(path)
    assert note.text == text


@given(st.binary(max_size=80), st.sampled_from(["jsonl", "csv", "parquet"]))
def test_no_content_of_a_file_makes_a_reader_fail_in_another_way(tmp_path_factory, content, name):
    path = tmp_path_factory.mktemp("any") / f"notes.{name}"
    path.write_bytes(content)
    with pytest.raises(DataError):
        read(path)


def test_a_note_shows_neither_text_nor_patient():
    note = note_from_tokens([SECRET], ["O"])
    assert SECRET not in io.StringIO(repr(note)).getvalue()
    assert "'p'" not in repr(note)


# --- labels by other names

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
