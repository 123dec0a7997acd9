import json

import pytest

from fedclinic.deid.gold import parse_brat, parse_gold_jsonl, parse_i2b2
from fedclinic.errors import DataError
from fedclinic.notes import Span
from tests.fedclinic.deid.makers import shared

TEXT = "Seen by Alice Roe on 2020-01-02, aged 63, then 93."
I2B2 = f"""<?xml version="1.0" encoding="UTF-8" ?>
<deIdi2b2>
<TEXT><![CDATA[{TEXT}]]></TEXT>
<TAGS>
<NAME id="P0" start="8" end="17" text="Alice Roe" TYPE="DOCTOR" comment="" />
<DATE id="P1" start="21" end="31" text="2020-01-02" TYPE="DATE" comment="" />
<AGE id="P2" start="38" end="40" text="63" TYPE="AGE" comment="" />
<AGE id="P3" start="47" end="49" text="93" TYPE="AGE" comment="" />
</TAGS>
</deIdi2b2>
"""
REQUIRED = (Span(8, 17, "NAME"), Span(21, 31, "DATE"), Span(47, 49, "AGE"))


def test_an_i2b2_file_gives_its_identifiers_and_ignores_ages_under_90() -> None:
    gold = parse_i2b2(I2B2, document_id="110-01")
    assert (gold.text, gold.spans) == (TEXT, REQUIRED)
    assert gold.ignored == (Span(38, 40, "AGE"),)


def test_brat_annotations_give_the_same() -> None:
    annotations = (
        "T1\tDOCTOR 8 17\tAlice Roe\nT2\tDATE 21 31\t2020-01-02\nT3\tAGE 38 40\t63\n"
        "T4\tAGE 47 49\t93\n#1\tAnnotatorNotes T1\tsure\n"
    )
    assert parse_brat(TEXT, annotations, document_id="a").spans == REQUIRED


def test_the_parts_of_a_split_brat_span_count_one_by_one() -> None:
    gold = parse_brat(TEXT, "T1\tDOCTOR 8 13;14 17\tAlice Roe\n", document_id="a")
    assert gold.spans == (Span(8, 13, "NAME"), Span(14, 17, "NAME"))


def test_our_own_lines_give_the_same_and_the_task_labels() -> None:
    row = {
        "id": "a",
        "text": TEXT,
        "phi": [
            {"start": 8, "end": 17, "label": "PERSON"},
            {"start": 21, "end": 31, "label": "DATE_TIME"},
            {"start": 38, "end": 40, "label": "AGE"},
            {"start": 47, "end": 49, "label": "AGE"},
        ],
        "entities": [{"start": 0, "end": 4, "label": "test"}],
    }
    (gold,) = parse_gold_jsonl(json.dumps(row) + "\n\n")
    assert gold.spans == REQUIRED
    assert gold.entities == (Span(0, 4, "test"),)


@pytest.mark.parametrize(
    "line",
    [
        "no json",
        '{"id": "a"}',
        '{"id": "a", "text": "x", "spans": [{"start": 0, "end": 9, "label": "NAME"}]}',
        '{"id": "a", "text": "x", "spans": [{"start": 0, "end": 1, "label": "HAT"}]}',
        "[]",
    ],
)
def test_a_line_that_is_no_gold_document_is_refused(line: str) -> None:
    with pytest.raises(DataError):
        list(parse_gold_jsonl(line))


@pytest.mark.parametrize(
    "text",
    [
        "<deIdi2b2></deIdi2b2>",
        "no xml at all",
        I2B2.replace('start="8" ', ""),
        I2B2.replace('TYPE="DOCTOR"', 'TYPE="HAT"'),
    ],
)
def test_a_damaged_i2b2_file_is_refused(text: str) -> None:
    with pytest.raises(DataError):
        parse_i2b2(text, document_id="a")


def test_an_xml_file_that_declares_entities_is_refused() -> None:
    bomb = '<?xml version="1.0"?><!DOCTYPE a [<!ENTITY b "c">]><deIdi2b2/>'
    with pytest.raises(DataError, match="document type"):
        parse_i2b2(bomb, document_id="a")


def test_the_shared_i2b2_sample_is_read() -> None:
    text = shared("formats", "i2b2_2014", "110-01.xml").read_text()
    gold = parse_i2b2(text, document_id="110-01")
    assert [gold.text[s.start : s.end] for s in gold.spans][1:3] == ["John Doe", "Alice Roe"]


def test_the_shared_queries_are_read() -> None:
    text = shared("deid", "clinical_queries_dev.jsonl").read_text()
    assert len(list(parse_gold_jsonl(text))) == 525
