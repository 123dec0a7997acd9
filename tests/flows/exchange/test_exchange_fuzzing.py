"""Schemathesis over the published interface: what it allows, what it does not, and strangers.

Each call is signed as a site's client signs it, when all the rest of the request is settled.
"""

from itertools import count
from pathlib import Path
from tempfile import TemporaryDirectory

import schemathesis
from hypothesis import strategies as st
from requests import PreparedRequest
from requests.auth import AuthBase
from schemathesis import Case

from fedclinic.digest import digest_bytes
from fedclinic.exchange_protocol import BlobRef
from fedclinic.signed_request import sign_request
from flows.exchange.blob_store import TASKS_AREA
from tests.flows.exchange.desk import CONTENT, SITE_KEYS, Desk, make_task_envelope

FOLDER = TemporaryDirectory()
DESK = Desk(Path(FOLDER.name), authority="-----BEGIN CERTIFICATE-----")
BLOB = digest_bytes(CONTENT)
ROUNDS = count(1)

INTERFACE = schemathesis.openapi.from_asgi("/v1/openapi.json", DESK.http.app)
INTERFACE.config.generation.update(
    max_examples=30, deterministic=True, with_security_parameters=False
)
REFUSED_AS_IT_STANDS = ["401", "403", "404", "409", "413", "416", "426"]
"""How good calls are refused that the exchange's state, or what is proved in them, is against."""
INTERFACE.config.checks.positive_data_acceptance.expected_statuses = ["2xx", *REFUSED_AS_IT_STANDS]


class Signature(AuthBase):
    """North's signature of a request."""

    def __call__(self, request: PreparedRequest) -> PreparedRequest:
        body = request.body or b""
        signed = sign_request(
            method=str(request.method),
            target=request.path_url,
            site="north",
            at=DESK.clock.now,
            digest=digest_bytes(body if isinstance(body, bytes) else body.encode()),
            key=SITE_KEYS["north"],
        )
        request.headers.update(signed.headers())
        return request


def name_a_task(case: Case) -> None:
    """Let a call be about a task that its site holds, and about a blob of it."""
    DESK.exchange.store.put(TASKS_AREA, BLOB, [CONTENT])
    ref = BlobRef(digest=BLOB, bytes=len(CONTENT))
    envelope = make_task_envelope(round_number=next(ROUNDS))
    DESK.exchange.queue.submit("north", envelope, [ref], DESK.clock.now + 600)
    leased = DESK.lease()
    known = {"task": leased.task, "lease": leased.lease}
    known |= {"blob": BLOB.removeprefix("sha256:"), "total": len(CONTENT)}
    for part in (case.path_parameters, case.query, case.body):
        if isinstance(part, dict):
            part.update({name: value for name, value in known.items() if name in part})


@INTERFACE.parametrize()
@INTERFACE.given(known=st.booleans())
def test_every_call_is_answered_as_the_interface_says(case: Case, known: bool) -> None:
    DESK.clock.now += 1
    good = case.meta is not None and case.meta.generation.mode.is_positive
    if known and good and "{task}" in case.path:
        name_a_task(case)
    case.call_and_validate(auth=Signature())
