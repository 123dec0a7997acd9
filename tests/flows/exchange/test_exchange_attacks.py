"""Whoever is not a site in force, or asks for what is not its own, gets one word and no more."""

import pickle

import pytest

from fedclinic.digest import digest_bytes
from fedclinic.exchange_protocol import (
    MAX_MESSAGE_BYTES,
    Join,
    Rotate,
    join_message,
    rotate_message,
)
from flows.exchange.settings import Limits
from tests.factories import make_signing_key
from tests.flows.exchange.desk import SITE_KEYS, Desk, asking, problem_of

ASK = asking().model_dump_json().encode()
EMPTY = digest_bytes(b"")


def lease(desk: Desk, **changes: object) -> object:
    return desk.send("POST", "/v1/lease", ASK, **changes)


def proof(key: object, message: bytes) -> str:
    import base64  # noqa: PLC0415

    return base64.b64encode(key.sign(message)).decode()


# --- who asks


def test_an_unsigned_request_is_refused(desk):
    response = desk.http.post("/v1/lease", content=ASK, headers={"fedclinic-site": "north"})
    assert problem_of(response) == "signature"


def test_a_stranger_is_refused_without_learning_who_is_known(desk):
    response = lease(desk, headers={"fedclinic-site": "nowhere"})
    assert problem_of(response) == "unknown-site"
    assert lease(desk, key=make_signing_key(9)).json()["problem"] == "signature"


def test_one_sites_key_is_not_good_for_another(desk):
    response = lease(desk, key=SITE_KEYS["south"])
    assert problem_of(response) == "signature"


def test_a_request_is_good_once(desk):
    first = lease(desk)
    assert first.status_code == 204
    again = desk.http.send(first.request)
    assert problem_of(again) == "replay"


def test_a_replay_is_refused_after_the_service_was_started_anew(desk, tmp_path):
    request = lease(desk).request
    again = Desk(tmp_path, clock=desk.clock, database=desk.database)
    assert problem_of(again.http.send(request)) == "replay"


@pytest.mark.parametrize("skew", [-3600.0, -301.0, 301.0, 3600.0])
def test_a_clock_that_is_off_is_told_and_so_is_the_right_time(desk, skew):
    response = lease(desk, at=desk.clock.now + skew)
    assert problem_of(response) == "clock"
    assert response.json()["now"] == desk.clock.now


@pytest.mark.parametrize("skew", [-299.0, 299.0])
def test_a_clock_that_is_a_little_off_does_no_harm(desk, skew):
    assert lease(desk, at=desk.clock.now + skew).status_code == 204


SIGNED = {
    "the method": {"sent_method": "PUT"},
    "the address": {"sent_target": "/v1/leave"},
    "the query": {"sent_target": "/v1/lease?x=1"},
    "the time": {"headers": {"fedclinic-time": "1750000001.0"}},
    "the nonce": {"headers": {"fedclinic-nonce": "0" * 32}},
    "the body's digest": {"headers": {"fedclinic-digest": EMPTY}},
    "the body": {"signed_body": b"{}"},
    "the signature": {"headers": {"fedclinic-signature": "A" * 86 + "=="}},
}


@pytest.mark.parametrize("part", SIGNED)
def test_no_part_of_a_signed_request_can_be_changed(desk, part):
    response = lease(desk, **SIGNED[part])
    assert response.status_code in (401, 405, 422)
    assert desk.exchange.registry.find("north").last_seen is None


def test_a_revoked_key_is_refused_at_once_and_in_the_middle_of_a_round(desk):
    task = desk.submit()
    leased = desk.lease()
    desk.exchange.registry.revoke("north")
    for method, target in (
        ("POST", "/v1/lease"),
        ("POST", f"/v1/tasks/{task}/heartbeat"),
        ("POST", f"/v1/tasks/{task}/done"),
        ("POST", f"/v1/tasks/{task}/uploads/{'0' * 64}?lease={leased.lease}&total=1"),
        ("PUT", f"/v1/tasks/{task}/uploads/{'0' * 64}?lease={leased.lease}&offset=0"),
        ("GET", f"/v1/tasks/{task}/blobs/{'0' * 64}"),
        ("POST", "/v1/rotate"),
    ):
        response = desk.send(
            method, target, b"{}" if method == "POST" and "?" not in target else b""
        )
        assert problem_of(response) == "revoked", target


def test_calls_a_minute_are_bounded_for_each_site(tmp_path):
    desk = Desk(tmp_path, limits=Limits(calls_a_minute=3))
    assert [lease(desk).status_code for _ in range(4)] == [204, 204, 204, 429]
    assert desk.client("south").lease(asking()) is None
    desk.clock.now += 60
    assert lease(desk).status_code == 204


# --- joining


def join(
    desk: Desk, secret: str, site: str = "west", key: object = None, **changes: object
) -> object:
    key = key or make_signing_key(7)
    asked = Join(
        site=site,
        secret=secret,
        public_key=key.public.raw.hex(),
        proof=proof(key, join_message(site, secret)),
    )
    body = asked.model_copy(update=changes).model_dump_json()
    return desk.http.post("/v1/join", content=body, headers={"content-type": "application/json"})


def test_a_token_is_good_once(desk):
    secret, _ = desk.exchange.registry.invite("west", hours=1)
    assert join(desk, secret).status_code == 200
    assert problem_of(join(desk, secret, key=make_signing_key(8))) == "token"


def test_a_token_ends(desk):
    secret, _ = desk.exchange.registry.invite("west", hours=1)
    desk.clock.now += 3601
    assert problem_of(join(desk, secret)) == "token"


def test_a_new_invitation_ends_the_one_before(desk):
    old, _ = desk.exchange.registry.invite("west", hours=1)
    new, _ = desk.exchange.registry.invite("west", hours=1)
    assert problem_of(join(desk, old)) == "token"
    assert join(desk, new).status_code == 200


def test_a_token_is_good_for_its_site_alone(desk):
    secret, _ = desk.exchange.registry.invite("west", hours=1)
    assert problem_of(join(desk, secret, site="north")) == "token"
    assert desk.exchange.registry.find("north").key == SITE_KEYS["north"].public


def test_a_guessed_token_is_refused(desk):
    desk.exchange.registry.invite("west", hours=1)
    assert problem_of(join(desk, "0" * 64)) == "token"


def test_a_key_that_the_joining_site_does_not_hold_is_refused(desk):
    secret, _ = desk.exchange.registry.invite("west", hours=1)
    stolen = SITE_KEYS["south"].public.raw.hex()
    assert problem_of(join(desk, secret, public_key=stolen)) == "signature"
    assert join(desk, secret).status_code == 200


def test_a_site_that_was_revoked_joins_again_with_a_new_key_only_by_a_new_token(desk):
    desk.exchange.registry.revoke("north")
    secret, _ = desk.exchange.registry.invite("north", hours=1)
    assert join(desk, secret, site="north").status_code == 200
    assert problem_of(lease(desk)) == "signature"
    assert lease(desk, key=make_signing_key(7)).status_code == 204


def rotate(desk: Desk, new: object, signer: object, **changes: object) -> object:
    old = SITE_KEYS["north"]
    given = proof(signer, rotate_message("north", old.key_id))
    body = Rotate(public_key=new.public.raw.hex(), proof=given).model_dump_json().encode()
    return desk.send("POST", "/v1/rotate", body, **changes)


def test_a_site_goes_on_with_a_new_key_that_it_proves_to_hold(desk):
    new = make_signing_key(7)
    assert problem_of(rotate(desk, new, SITE_KEYS["south"])) == "signature"
    assert problem_of(rotate(desk, new, new, key=new)) == "signature"
    assert rotate(desk, new, new).status_code == 200
    assert problem_of(lease(desk)) == "signature"
    assert lease(desk, key=new).status_code == 204


# --- what is asked

PATHS = [
    "/v1/tasks/../../etc/passwd/blobs/x",
    "/v1/tasks/%2e%2e%2f%2e%2e/blobs/" + "0" * 64,
    "/v1/tasks/" + "0" * 32 + "/blobs/..%2f..%2fexchange.db",
    "/v1/tasks/" + "0" * 32 + "/blobs/" + "0" * 63 + "%00",
    "/v1/tasks/" + "0" * 32 + "/blobs/" + "A" * 64,
    "/v1/tasks/" + "0" * 32 + "/blobs/" + "\uff10" * 64,
    "/v1/tasks/" + "0" * 33 + "/blobs/" + "0" * 64,
    "/v1/sites",
    "/v1/admin",
    "/v1/tasks",
    "/api/flow_runs",
    "/docs",
    "//v1/lease",
    "/v1/lease/",
    "/",
]


@pytest.mark.parametrize("path", PATHS)
def test_there_is_nothing_but_the_interface(desk, path):
    for method in ("GET", "POST", "PUT", "DELETE"):
        response = desk.http.request(method, path, follow_redirects=False)
        assert response.status_code in (307, 401, 404, 405, 422), (method, path)
        assert "passwd" not in response.text


def test_bodies_are_bounded_whether_or_not_they_say_how_long_they_are(desk):
    large = b'{"session":"' + b"a" * MAX_MESSAGE_BYTES + b'"}'
    assert problem_of(desk.send("POST", "/v1/lease", large)) == "too-large"

    def pieces():
        for _ in range(40):
            yield b" " * 2**16

    response = desk.http.post("/v1/lease", content=pieces())
    assert problem_of(response) in ("too-large", "signature")


@pytest.mark.parametrize(
    "body",
    [
        pickle.dumps({"session": "x"}),
        b"\x80\x04\x95",
        b"PK\x03\x04",
        b"\x1f\x8b\x08",
        b"null",
        b"[]",
        b'{"session":' * 1000,
        b"[" * 100_000,
        b'{"session": NaN}',
        '{"session":"\ud800"}'.encode("utf-8", "surrogatepass"),
    ],
)
def test_bytes_that_are_no_message_are_refused_by_one_word(desk, body):
    response = desk.send("POST", "/v1/lease", body)
    assert problem_of(response) in ("request", "digest", "signature")
    assert set(response.json()) == {"problem", "now", "received"}


def test_every_call_leaves_a_line_that_no_caller_can_write_in(desk):
    lease(desk)
    desk.http.get("/v1/Jan-Jansen", headers={"fedclinic-site": "Jan-Jansen\n{}"})
    lines = desk.exchange.settings.calls.read_text().splitlines()
    assert len(lines) == 2
    assert '"site": "north"' in lines[0]
    assert '"route": "/v1/lease"' in lines[0]
    assert "Jansen" not in lines[1]
