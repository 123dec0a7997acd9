"""A hospital joins in one call over TLS, and whatever is wrong is one line that says what to do."""

import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

import pytest
import uvicorn

from fedclinic.errors import ConfigError, FedclinicError
from fedclinic.invitation import Invitation, read_token, write_token
from flows.exchange.certificates import authority_digest, own_identity
from flows.exchange.exchange import Exchange, open_exchange
from flows.exchange.service import make_service
from flows.exchange.settings import ExchangeSettings
from site_agent.connection_check import check_connection, check_disk
from site_agent.enrolment import join_exchange, load_address
from site_agent.key_rotation import rotate_key
from site_agent.keys import load_signing_key
from site_agent.settings import load_site_config
from site_agent.site_home import SiteHome
from tests.factories import make_signing_key
from tests.fakes import installed_disclosure_policy
from tests.processes import free_port

COORDINATOR = make_signing_key(1)


@dataclass
class Desk:
    """A served exchange, and a site that has not joined yet."""

    root: Path
    exchange: Exchange
    url: str
    authority: str
    said: list[str] = field(default_factory=list)

    @property
    def home(self) -> SiteHome:
        return SiteHome(self.root / "home")

    @property
    def config(self) -> Path:
        return self.root / "site.yaml"

    def token(self, **changes: object) -> str:
        secret, expires = self.exchange.registry.invite("north", hours=1)
        values = {
            "url": self.url,
            "site": "north",
            "secret": secret,
            "coordinator": COORDINATOR.public.raw.hex(),
            "authority": authority_digest(self.authority),
            "expires": expires,
        }
        return write_token(Invitation.model_validate(values | changes))

    def join(self, token: str | None = None) -> None:
        join_exchange(token or self.token(), self.config, self.home, self.said.append)


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Exchange, str, str]]:
    root = tmp_path_factory.mktemp("exchange")
    settings = ExchangeSettings(f"sqlite:///{root / 'x.db'}", str(root / "blobs"), root)
    exchange = open_exchange(settings)
    identity = own_identity(root / "tls", ("localhost",))
    port = free_port()
    config = uvicorn.Config(
        make_service(exchange, COORDINATOR.public, identity.authority),
        host="127.0.0.1",
        port=port,
        ssl_certfile=identity.certificate,
        ssl_keyfile=identity.key,
        log_level="error",
    )
    server = uvicorn.Server(config)
    thread = threading.Thread(target=server.run)
    thread.start()
    while not server.started:
        time.sleep(0.01)
    yield exchange, f"https://localhost:{port}", str(identity.authority)
    server.should_exit = True
    thread.join()


@pytest.fixture
def desk(served: tuple[Exchange, str, str], tmp_path: Path) -> Iterator[Desk]:
    exchange, url, authority = served
    yield Desk(tmp_path, exchange, url, authority)
    known = exchange.registry.find("north")
    if known is not None and not known.revoked:
        exchange.registry.revoke("north")


def mistake(call: Callable[..., object], *arguments: object) -> str:
    with pytest.raises(FedclinicError) as caught:
        call(*arguments)
    assert "\n" not in str(caught.value)
    return str(caught.value)


def test_a_site_joins_and_the_exchange_knows_its_key_and_no_more(desk):
    desk.join()
    known = desk.exchange.registry.find("north")
    assert known is not None
    assert known.key == load_signing_key(desk.home).public
    assert load_address(desk.home).authority == desk.authority
    assert any(known.key.raw.hex() in line for line in desk.said)


def test_the_configuration_that_joining_writes_allows_little(desk):
    desk.join()
    written = load_site_config(desk.config, {})
    assert written.site == "north"
    assert not written.permissions.unprotected
    assert not written.permissions.evaluation
    assert written.min_patients >= 100
    assert len(written.permissions.coordinators) == 1
    assert desk.home.exchange.stat().st_mode & 0o077 == 0


def test_a_site_that_joined_can_talk_to_its_exchange(desk):
    desk.join()
    desk.said.clear()
    check_disk(desk.home, desk.said.append)
    check_connection(desk.home, desk.said.append)
    assert "key accepted" in desk.said[-1]


def test_a_token_works_once(desk):
    token = desk.token()
    desk.join(token)
    other = SiteHome(desk.root / "other")
    reason = mistake(join_exchange, token, desk.root / "other.yaml", other, print)
    assert reason == "the token was used before, or has expired: ask for a new one"
    assert not (desk.root / "other.yaml").exists()


def test_a_site_joins_once(desk):
    desk.join()
    assert "has joined already" in mistake(desk.join)


def test_an_expired_token_is_told_before_anything_is_sent(desk):
    token = desk.token(expires=1.0, url="https://localhost:9")
    assert "has expired, or this machine's clock is wrong" in mistake(desk.join, token)
    assert not desk.home.root.exists()


@pytest.mark.parametrize("cut", [1, 10, 100])
def test_half_a_token_is_told(desk, cut):
    token = desk.token()
    with pytest.raises(ConfigError, match="copy all of it"):
        read_token(token[:-cut], now=0.0)


def test_a_token_survives_the_line_breaks_of_a_mail(desk):
    token = desk.token()
    broken = "\n".join(token[start : start + 60] for start in range(0, len(token), 60))
    assert read_token(broken, now=0.0) == read_token(token, now=0.0)


def test_another_authority_than_the_tokens_is_not_believed(desk):
    token = desk.token(authority="0" * 64)
    assert "another certificate authority than the token names" in mistake(desk.join, token)
    assert desk.exchange.registry.find("north") is None or not desk.home.exchange.exists()


def test_a_port_that_is_closed_is_told(desk):
    token = desk.token(url=f"https://localhost:{free_port()}")
    assert "cannot be reached" in mistake(desk.join, token)


def test_a_server_under_another_authority_is_not_talked_to(desk, tmp_path):
    desk.join()
    foreign = own_identity(tmp_path / "foreign", ("localhost",)).authority
    address = load_address(desk.home).model_copy(update={"authority": foreign})
    desk.home.exchange.write_text(address.model_dump_json())
    reason = mistake(check_connection, desk.home, print)
    assert "not under the authority of the token; is a proxy in between?" in reason


def test_a_configuration_of_another_site_is_left_alone(desk):
    desk.join()
    desk.home.exchange.unlink()
    text = desk.config.read_text().replace("site: north", "site: south")
    desk.config.write_text(text)
    desk.exchange.registry.revoke("north")
    assert "is of site south; the token is for north" in mistake(desk.join)
    assert desk.config.read_text() == text


def test_a_revoked_site_is_told_what_to_do(desk):
    desk.join()
    desk.exchange.registry.revoke("north")
    assert "ask for a new token" in mistake(check_connection, desk.home, print)


def test_a_site_changes_its_key_and_goes_on(desk):
    desk.join()
    before = load_signing_key(desk.home).public
    rotate_key(desk.home, "north", installed_disclosure_policy(), desk.said.append)
    after = load_signing_key(desk.home).public
    assert after != before
    known = desk.exchange.registry.find("north")
    assert known is not None
    assert known.key == after
    check_connection(desk.home, desk.said.append)


def test_a_site_that_never_joined_is_told_how(desk):
    assert mistake(load_address, desk.home).endswith("fedclinic-site join TOKEN")


def test_a_new_certificate_under_the_pinned_authority_needs_no_new_joining(tmp_path):
    first = own_identity(tmp_path, ("localhost",))
    served = first.certificate.read_bytes()
    again = own_identity(tmp_path, ("localhost",))
    assert again.certificate.read_bytes() == served
    renamed = own_identity(tmp_path, ("localhost", "exchange.example"))
    assert renamed.certificate.read_bytes() != served
    assert renamed.authority == first.authority
