"""An exchange in a folder, its interface without a socket, and two sites that joined it."""

from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from fastapi.testclient import TestClient
from sqlalchemy import Connection, event
from sqlalchemy.exc import OperationalError

from fedclinic.answers import Answer
from fedclinic.digest import digest_bytes
from fedclinic.evidence.keys import SigningKey
from fedclinic.evidence.statement import Envelope, sign
from fedclinic.exchange_protocol import PROTOCOL, Lease, Leased
from fedclinic.rounds import REPORT_KIND, TASK_KIND
from fedclinic.signed_request import sign_request
from flows.exchange.exchange import Exchange, open_exchange
from flows.exchange.service import make_service
from flows.exchange.settings import ExchangeSettings, Limits
from site_agent.exchange_client import ExchangeAddress, ExchangeClient
from tests.factories import make_report, make_round_task, make_signing_key
from tests.fakes import FakeClock

COORDINATOR = make_signing_key(1)
SITE_KEYS = {"north": make_signing_key(2), "south": make_signing_key(3)}
SESSION, OTHER_SESSION = "a" * 32, "b" * 32
CONTENT = bytes(range(256)) * 40


@dataclass
class Desk:
    """What a test of the exchange needs within reach."""

    root: Path
    limits: Limits = field(default_factory=Limits)
    clock: FakeClock = field(default_factory=FakeClock)
    database: str | None = None
    authority: str | None = None

    def __post_init__(self) -> None:
        settings = ExchangeSettings(
            database=self.database or f"sqlite:///{self.root / 'exchange.db'}",
            blobs=str(self.root / "blobs"),
            root=self.root,
            limits=self.limits,
        )
        self.exchange: Exchange = open_exchange(settings, self.clock)
        self.http = TestClient(
            make_service(self.exchange, COORDINATOR.public, self.authority),
            raise_server_exceptions=False,
        )
        for site, key in SITE_KEYS.items():
            if self.exchange.registry.find(site) is None:
                self.join(site, key)

    def join(self, site: str, key: SigningKey) -> None:
        secret, _ = self.exchange.registry.invite(site, hours=1)
        self.exchange.registry.join(site, secret, key.public.raw.hex())

    def client(self, site: str = "north", key: SigningKey | None = None) -> ExchangeClient:
        address = ExchangeAddress(
            url="http://testserver",
            site=site,
            coordinator=COORDINATOR.public.raw.hex(),
            authority=None,
        )
        return ExchangeClient(
            address, key or SITE_KEYS[site], clock=self.clock, sleep=self.sleep, http=self.http
        )

    def sleep(self, seconds: float) -> None:
        self.clock.now += seconds

    def lose_database(self) -> None:
        """Let every transaction fail, as when the database is being started again."""
        event.listen(self.exchange.queue.engine, "begin", _fail)

    def find_database(self) -> None:
        event.remove(self.exchange.queue.engine, "begin", _fail)

    def submit(self, site: str = "north", **changes: Any) -> str:
        """Queue a signed round task; returns its number at the exchange."""
        envelope = make_task_envelope(site=site, **changes)
        deadline = self.clock.now + 600
        return self.exchange.queue.submit(site, envelope, [], deadline)

    def lease(self, site: str = "north", session: str = SESSION) -> Leased:
        leased = self.client(site).lease(asking(session))
        assert leased is not None
        return leased

    def send(self, method: str, target: str, body: bytes = b"", **changes: Any) -> Any:
        """A request that north signed, with changes that it did not sign."""
        signed = sign_request(
            method=method,
            target=target,
            site="north",
            at=changes.pop("at", self.clock.now),
            digest=digest_bytes(changes.pop("signed_body", body)),
            key=changes.pop("key", SITE_KEYS["north"]),
        )
        headers = {"content-type": "application/json"} | signed.headers()
        headers |= changes.pop("headers", {})
        return self.http.request(
            changes.pop("sent_method", method),
            changes.pop("sent_target", target),
            content=changes.pop("sent_body", body),
            headers=headers,
        )


def _fail(_: Connection) -> None:
    raise OperationalError("BEGIN", {}, Exception("the database system is starting up"))


def asking(session: str = SESSION, **changes: Any) -> Lease:
    values = {"session": session, "protocol": PROTOCOL, "version": "0.1.0", "wait_seconds": 0}
    return Lease.model_validate(values | changes)


def make_task_envelope(**changes: Any) -> Envelope:
    return sign(make_round_task(**changes), TASK_KIND, COORDINATOR)


def make_answer(site: str = "north", **changes: Any) -> Answer:
    report = make_report(make_round_task(site=site, **changes))
    return Answer(statements=(sign(report, REPORT_KIND, SITE_KEYS[site]),))


def problem_of(response: Any) -> str:
    """The word with which a call was refused."""
    assert response.status_code >= 400, response.status_code
    word: str = response.json()["problem"]
    return word
