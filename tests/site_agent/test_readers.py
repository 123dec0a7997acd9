"""Notes in any format are read alike, and a damaged file is refused by its line, never its text."""

import json

import pyarrow
import pyarrow.parquet
import pytest
from hypothesis import given
from hypothesis import strategies as st

from fedclinic.errors import DataError
from fedclinic.notes import Note
from tests.factories import LABELS, make_learning_task, make_token_task, note_row, write_jsonl
from tests.site_agent.notes_files import SECRET, WRITERS, complaint, read, write_parquet

AWKWARD_TEXTS = [
    'He said "no pain", then left.',
    "first line\nsecond line\r\nthird",
    "Ångström, naïve, 発熱, 🩺",
    "commas, semicolons; and\ttabs",
    "  spaces kept at both ends  ",
]


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
