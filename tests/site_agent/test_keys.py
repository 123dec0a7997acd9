"""A site's keys are made once, kept for its own user, and never repaired in silence."""

import base64
import threading
from pathlib import Path

import pytest

from fedclinic.errors import ConfigError
from site_agent.keys import coordinator_keys, load_secret, load_signing_key
from site_agent.site_home import SiteHome
from tests.factories import make_signing_key


@pytest.fixture
def home(tmp_path: Path) -> SiteHome:
    return SiteHome(tmp_path / "home")


def mode(path: Path) -> int:
    return path.stat().st_mode & 0o777


def test_a_signing_key_is_made_on_first_use_and_stays(home):
    first = load_signing_key(home)
    assert load_signing_key(home).public == first.public
    assert load_signing_key(SiteHome(home.root / "other")).public != first.public


def test_a_secret_is_made_on_first_use_and_stays(home):
    first = load_secret(home.store_key)
    assert len(first) == 32
    assert load_secret(home.store_key) == first
    assert load_secret(home.surrogate_key) != first


def test_keys_are_readable_by_their_user_alone(home):
    load_signing_key(home)
    load_secret(home.store_key)
    for path in (home.signing_key, home.store_key):
        assert mode(path) == 0o600
    assert mode(home.store_key.parent) == 0o700


def test_nothing_is_left_beside_the_keys(home):
    load_signing_key(home)
    load_secret(home.store_key)
    assert {path.name for path in home.store_key.parent.iterdir()} == {"site.pem", "store.key"}


def test_processes_that_make_a_key_at_once_agree_on_one(home):
    barrier = threading.Barrier(8)
    found: list[bytes] = []

    def make() -> None:
        barrier.wait()
        found.append(load_secret(home.store_key))

    threads = [threading.Thread(target=make) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(found) == 8
    assert len(set(found)) == 1


@pytest.mark.parametrize("content", [b"", b"short", b"x" * 33])
def test_a_damaged_secret_is_refused_and_left_as_it_is(home, content):
    home.store_key.parent.mkdir(parents=True)
    home.store_key.write_bytes(content)
    with pytest.raises(ConfigError, match=r"store\.key is damaged: restore it"):
        load_secret(home.store_key)
    assert home.store_key.read_bytes() == content


@pytest.mark.parametrize("content", [b"", b"-----BEGIN PRIVATE KEY-----\nx\n"])
def test_a_damaged_signing_key_is_refused_and_left_as_it_is(home, content):
    home.signing_key.parent.mkdir(parents=True)
    home.signing_key.write_bytes(content)
    with pytest.raises(ConfigError, match=r"site\.pem is damaged: restore it"):
        load_signing_key(home)
    assert home.signing_key.read_bytes() == content


def test_trusted_coordinators_are_read_from_their_base64():
    keys = [make_signing_key(number).public for number in (1, 2)]
    texts = [base64.b64encode(key.raw).decode() for key in keys]
    assert coordinator_keys(texts) == {key.key_id: key for key in keys}


@pytest.mark.parametrize("text", ["", "!", "QUJD", "ä", "A" * 44, "\n"])
def test_a_coordinator_that_is_no_key_is_refused(text):
    with pytest.raises(ConfigError, match=r"permissions\.coordinators: a key is not base64"):
        coordinator_keys([text])
