"""The published interface is the served one, and describes no answer that is never given."""

import base64
import json
from collections import defaultdict
from collections.abc import Iterator
from pathlib import Path
from typing import Any

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

OPERATIONS = {
    (method.upper(), path): set(described["responses"])
    for path, methods in json.loads(interface())["paths"].items()
    for method, described in methods.items()
}
"""Method and path of each call, with the statuses that may come back."""
BLOB = digest_bytes(CONTENT).removeprefix("sha256:")


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


def operation_of(method: str, target: str) -> tuple[str, str]:
    parts = target.partition("?")[0].split("/")
    for known, path in OPERATIONS:
        pairs = [*zip(path.split("/"), parts, strict=False)]
        same = all(ours == theirs or ours.startswith("{") for ours, theirs in pairs)
        if known == method and same and path.count("/") == len(parts) - 1:
            return known, path
    raise AssertionError(target)


def statuses_of(desk: Desk) -> dict[tuple[str, str], set[str]]:
    """Every status that comes back from each call: in good order, and from strangers."""
    found: dict[tuple[str, str], set[str]] = defaultdict(set)
    for method, target, body in life_of_a_task(desk):
        answers = [desk.http.request(method, target, content=b"{}")]
        if "/blobs/" in target:
            answers.append(desk.send(method, target, headers={"range": "bytes=10-"}))
        answers.append(desk.send(method, target, body))
        statuses = (answer.status_code for answer in answers)
        found[operation_of(method, target)] |= {str(s) if s < 400 else "4XX" for s in statuses}
    return found


def test_every_answer_that_the_interface_describes_is_given(tmp_path):
    with_authority = statuses_of(Desk(tmp_path / "one", authority="-----BEGIN CERTIFICATE-----"))
    without = statuses_of(Desk(tmp_path / "two"))
    for operation, described in OPERATIONS.items():
        wanted = described - {"5XX"}
        if operation[1] == "/v1/hello":
            wanted.remove("4XX")  # it asks for nothing
        assert with_authority[operation] | without[operation] == wanted, operation


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
