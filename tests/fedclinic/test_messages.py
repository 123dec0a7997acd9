"""What crosses a process is checked on arrival: nothing unknown, nothing of another kind."""

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from fedclinic.errors import ErrorCode, FedclinicError
from fedclinic.evidence.statement import sign
from fedclinic.local_protocol import (
    REPLY,
    REQUEST,
    Evaluate,
    Prepare,
    Prepared,
    Problem,
    Progress,
    Train,
    Trained,
)
from fedclinic.rounds import EvaluationTask, RoundTask, SiteReport
from tests.factories import (
    DIGEST,
    make_plan,
    make_report,
    make_round_task,
    make_signing_key,
    make_work,
)

PLAN = make_plan()
ENVELOPE = sign(make_round_task(), "round-task", make_signing_key())
REQUESTS = [
    Prepare(task=PLAN.task, base_model=PLAN.base_model, layers=PLAN.layers),
    Train(task=ENVELOPE),
    Evaluate(
        task=EvaluationTask(
            run="run-a", round_number=0, subject="global", work=make_work(), state=None
        )
    ),
]
REPLIES = [
    Progress(stage="train", done=1, total=2),
    Prepared(
        key="pem",
        base_model=DIGEST,
        shapes={"head.bias": (3,)},
        model_parameters=5,
        notes=3,
        quarantined=0,
        patients=2,
    ),
    Trained(report=ENVELOPE, problem="why"),
    Problem(code=ErrorCode.DATA, message="no notes"),
]


@pytest.mark.parametrize("request_", REQUESTS, ids=lambda value: value.do)
def test_a_request_arrives_as_it_was_sent(request_):
    assert REQUEST.validate_json(request_.model_dump_json()) == request_


@pytest.mark.parametrize("reply", REPLIES, ids=lambda value: value.say)
def test_a_reply_arrives_as_it_was_sent(reply):
    assert REPLY.validate_json(reply.model_dump_json()) == reply


@pytest.mark.parametrize("reply", REPLIES, ids=lambda value: value.say)
def test_a_reply_is_one_line(reply):
    assert "\n" not in reply.model_dump_json()


@given(st.binary(max_size=60))
def test_bytes_that_are_no_message_are_refused(content):
    for kind in (REQUEST, REPLY):
        with pytest.raises(ValidationError):
            kind.validate_json(content)


def test_a_field_that_nobody_knows_is_refused():
    text = REPLIES[0].model_dump_json().removesuffix("}") + ',"note":"text"}'
    with pytest.raises(ValidationError, match="note"):
        REPLY.validate_json(text)


@pytest.mark.parametrize("record", [make_round_task(), make_report(make_round_task())])
def test_records_of_a_round_are_frozen_and_refuse_unknown_fields(record):
    with pytest.raises(ValidationError, match="frozen"):
        record.site = "south"
    with pytest.raises(ValidationError, match="extra"):
        type(record).model_validate(record.model_dump() | {"note": "text"})


def test_a_report_has_no_field_that_could_hold_free_text():
    """Everything a site says of itself is a number, a digest, a name or one of a few words."""
    schema = SiteReport.model_json_schema()
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
