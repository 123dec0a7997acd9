"""What crosses a process is checked on arrival: nothing unknown, nothing of another kind."""

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from fedclinic.answers import Answer
from fedclinic.errors import ErrorCode, FedclinicError
from fedclinic.evidence.statement import sign
from fedclinic.local_protocol import REPLY, Answered, Ask, Counted, Problem, Progress
from fedclinic.rounds import RoundTask, SitePrepared, SiteReport, TaskDeclined
from tests.factories import (
    make_evaluation_task,
    make_prepare_task,
    make_report,
    make_round_task,
    make_signing_key,
)

ENVELOPE = sign(make_round_task(), "round-task", make_signing_key())
ASK = Ask(task=ENVELOPE)
REPLIES = [
    Progress(stage="train", done=1, total=2),
    Counted(notes=3, quarantined=0, patients=2),
    Answered(key="a" * 64, answer=Answer(statements=(ENVELOPE,), problem="why")),
    Problem(code=ErrorCode.DATA, message="no notes"),
]
TASKS = [make_round_task(), make_prepare_task(), make_evaluation_task()]


def test_a_request_arrives_as_it_was_sent():
    assert Ask.model_validate_json(ASK.model_dump_json()) == ASK


@pytest.mark.parametrize("reply", REPLIES, ids=lambda value: value.say)
def test_a_reply_arrives_as_it_was_sent(reply):
    assert REPLY.validate_json(reply.model_dump_json()) == reply


@pytest.mark.parametrize("reply", REPLIES, ids=lambda value: value.say)
def test_a_reply_is_one_line(reply):
    assert "\n" not in reply.model_dump_json()


@given(st.binary(max_size=60))
def test_bytes_that_are_no_message_are_refused(content):
    for read in (Ask.model_validate_json, REPLY.validate_json):
        with pytest.raises(ValidationError):
            read(content)


def test_a_field_that_nobody_knows_is_refused():
    text = REPLIES[0].model_dump_json().removesuffix("}") + ',"note":"text"}'
    with pytest.raises(ValidationError, match="note"):
        REPLY.validate_json(text)


@pytest.mark.parametrize("record", [*TASKS, make_report(make_round_task())])
def test_records_of_a_round_are_frozen_and_refuse_unknown_fields(record):
    with pytest.raises(ValidationError, match="frozen"):
        record.site = "south"
    with pytest.raises(ValidationError, match="extra"):
        type(record).model_validate(record.model_dump() | {"note": "text"})


@pytest.mark.parametrize("record", [SiteReport, SitePrepared, TaskDeclined])
def test_an_answer_has_no_field_that_could_hold_free_text(record):
    """Everything a site says of itself is a number, a digest, a name or one of a few words."""
    schema = record.model_json_schema()
    free = []

    def look(where: str, node: object) -> None:
        if isinstance(node, dict):
            bound = {"pattern", "enum", "const", "format"} & node.keys()
            if node.get("type") == "string" and not bound:
                free.append(where)
            for key, value in node.items():
                look(f"{where}.{key}", value)
        elif isinstance(node, list):
            for value in node:
                look(where, value)

    look("report", schema)
    assert free == []


@pytest.mark.parametrize("nonce", ["", "0" * 31, "0" * 33, "G" * 32, "A" * 32])
def test_a_nonce_is_32_hexadecimal_digits(nonce):
    with pytest.raises(ValidationError):
        RoundTask.model_validate(make_round_task().model_dump() | {"nonce": nonce})


def test_every_error_has_a_code_of_its_own():
    kinds = FedclinicError.__subclasses__()
    codes = {kind.code for kind in kinds}
    assert len(codes) == len(kinds)
    assert ErrorCode.UNEXPECTED not in codes
