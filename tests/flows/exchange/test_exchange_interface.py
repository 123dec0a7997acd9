"""The published interface is the served one, and every answer is one that it describes."""

import base64
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import quote

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from fedclinic.digest import digest_bytes
from fedclinic.exchange_protocol import BlobRef, Join, Rotate, join_message, rotate_message
from flows.exchange.blob_store import TASKS_AREA
from flows.exchange.openapi import interface
from tests.factories import make_signing_key
from tests.flows.exchange.desk import (
    CONTENT,
    SESSION,
    SITE_KEYS,
    Desk,
    asking,
    make_answer,
    make_task_envelope,
)
from tests.flows.exchange.interface import Operation, operations_of

OPERATIONS = operations_of(json.loads(interface()))
BLOB = digest_bytes(CONTENT).removeprefix("sha256:")
ANYTHING = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=20),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner),
    max_leaves=8,
)
OFTEN = settings(max_examples=40, suppress_health_check=[HealthCheck.function_scoped_fixture])


def call(desk: Desk, operation: Operation, target: str, body: bytes) -> None:
    """Make a call that north signed, and compare what comes back with the interface."""
    desk.clock.now += 1
    response = desk.send(operation.method, target, body)
    is_json = response.headers.get("content-type", "").startswith("application/json")
    operation.check(response.status_code, response.json() if is_json else None)
    assert response.status_code < 500


def target_of(operation: Operation, words: dict[str, Any], query: dict[str, Any]) -> str:
    path = operation.path
    for name, word in words.items():
        path = path.replace(f"{{{name}}}", quote(str(word), safe=""))
    asked = "&".join(f"{name}={quote(str(value))}" for name, value in query.items())
    return f"{path}?{asked}" if asked else path


@pytest.mark.parametrize("operation", OPERATIONS, ids=str)
@given(st.data())
@OFTEN
def test_what_the_interface_allows_is_answered_as_it_says(desk, operation, data):
    words = data.draw(st.fixed_dictionaries(operation.parameters("path")))
    query = data.draw(st.fixed_dictionaries(operation.parameters("query")))
    body = operation.body()
    message = b"" if body is None else json.dumps(data.draw(body)).encode()
    call(desk, operation, target_of(operation, words, query), message)


@pytest.mark.parametrize("operation", OPERATIONS, ids=str)
@given(st.data())
@OFTEN
def test_what_the_interface_does_not_allow_is_answered_as_it_says(desk, operation, data):
    """One part of a good call is missing, or is anything at all."""
    words = data.draw(st.fixed_dictionaries(operation.parameters("path")))
    query = data.draw(st.fixed_dictionaries(operation.parameters("query")))
    body = operation.body()
    message = None if body is None else data.draw(body)
    parts = [part for part in (words, query, message) if isinstance(part, dict) and part]
    if parts:
        part = data.draw(st.sampled_from(parts))
        name = data.draw(st.sampled_from(sorted(part)))
        part[name] = data.draw(ANYTHING if part is message else st.text(max_size=60))
        if part is not words and data.draw(st.booleans()):
            del part[name]
    target = target_of(operation, words, query)
    if len(target) <= 400:
        call(desk, operation, target, b"" if message is None else json.dumps(message).encode())


def proof(key: Any, message: bytes) -> str:
    return base64.b64encode(key.sign(message)).decode()


def joining(desk: Desk) -> bytes:
    key = make_signing_key(9)
    secret, _ = desk.exchange.registry.invite("east", hours=1)
    signed = proof(key, join_message("east", secret))
    asked = Join(site="east", secret=secret, public_key=key.public.raw.hex(), proof=signed)
    return asked.model_dump_json().encode()


def rotating() -> bytes:
    fresh, old = make_signing_key(8), SITE_KEYS["north"]
    signed = proof(fresh, rotate_message("north", old.public.key_id))
    return Rotate(public_key=fresh.public.raw.hex(), proof=signed).model_dump_json().encode()


def life_of_a_task(desk: Desk) -> Iterator[tuple[str, str, bytes]]:
    """Every call in good order, as a site makes it."""
    ask = asking().model_dump_json().encode()
    yield "GET", "/v1/hello", b""
    yield "GET", "/v1/authority", b""
    yield "POST", "/v1/join", joining(desk)
    yield "POST", "/v1/lease", ask
    desk.exchange.store.put(TASKS_AREA, f"sha256:{BLOB}", [CONTENT])
    blobs = [BlobRef(digest=f"sha256:{BLOB}", bytes=len(CONTENT))]
    until = desk.clock.now + 600
    task = desk.exchange.queue.submit("north", make_task_envelope(), blobs, until)
    leased = desk.lease()
    upload = f"/v1/tasks/{task}/uploads/{BLOB}?lease={leased.lease}"
    yield "GET", f"/v1/tasks/{task}/blobs/{BLOB}", b""
    yield "POST", f"/v1/tasks/{task}/heartbeat", f'{{"lease": "{leased.lease}"}}'.encode()
    yield "POST", f"{upload}&total={len(CONTENT)}", b""
    yield "PUT", f"{upload}&offset=0", CONTENT
    statement = make_answer().statements[0].model_dump_json()
    yield (
        "POST",
        f"/v1/tasks/{task}/done",
        f'{{"lease": "{leased.lease}", "statements": [{statement}]}}'.encode(),
    )
    desk.submit(round_number=2)
    yield "POST", "/v1/lease", ask
    yield "POST", "/v1/leave", f'{{"session": "{SESSION}"}}'.encode()
    yield "POST", "/v1/rotate", rotating()


def statuses_of(desk: Desk) -> dict[str, set[str]]:
    """Every status that comes back from each call: in good order, and from strangers."""
    found: dict[str, set[str]] = {str(operation): set() for operation in OPERATIONS}

    def note(method: str, target: str, status: int) -> None:
        for operation in OPERATIONS:
            parts = zip(
                operation.path.split("/"), target.partition("?")[0].split("/"), strict=False
            )
            same = all(ours == theirs or ours.startswith("{") for ours, theirs in parts)
            if (
                operation.method == method
                and same
                and operation.path.count("/") == target.count("/")
            ):
                found[str(operation)].add(str(status) if status < 400 else "4XX")

    for method, target, body in life_of_a_task(desk):
        if "/blobs/" in target:
            tail = {"range": "bytes=10-"}
            note(method, target, desk.send(method, target, headers=tail).status_code)
        strange = desk.http.request(method, target, content=b"{}")
        note(method, target, strange.status_code)
        note(method, target, desk.send(method, target, body).status_code)
    return found


def test_every_answer_that_the_interface_describes_is_given(tmp_path):
    with_authority = statuses_of(Desk(tmp_path / "one", authority="-----BEGIN CERTIFICATE-----"))
    without = statuses_of(Desk(tmp_path / "two"))
    for operation in OPERATIONS:
        wanted = {status for status in operation.statuses if status != "5XX"}
        if operation.path == "/v1/hello":
            wanted.remove("4XX")  # it asks for nothing
        assert with_authority[str(operation)] | without[str(operation)] == wanted, str(operation)


def test_the_published_interface_is_the_served_one():
    published = Path(__file__).resolve().parents[3] / "docs" / "exchange-openapi.json"
    assert published.read_text(encoding="utf-8") == interface()


def test_the_interface_has_no_field_for_free_text(desk):
    """Every text that a site may send is bound by a pattern, a list of words or a fixed value."""
    schemas = desk.http.get("/v1/openapi.json").json()["components"]["schemas"]
    free = []

    def look(where: str, node: object) -> None:
        if isinstance(node, dict):
            bound = {"pattern", "enum", "const"} & node.keys()
            if node.get("type") == "string" and not bound:
                free.append(where)
            for key, value in node.items():
                look(f"{where}.{key}", value)
        elif isinstance(node, list):
            for value in node:
                look(where, value)

    for name in ("Join", "Lease", "Heartbeat", "Done", "Leave", "Rotate"):
        look(name, schemas[name])
    assert free == []
