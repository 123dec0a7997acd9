"""Change the site's key: old and new sign it, the exchange is told, and the log is shown later."""

import base64
import time
from collections.abc import Callable, Iterator

from fedclinic.errors import ConfigError, SignatureError
from fedclinic.evidence.keys import SigningKey, VerifyKey
from fedclinic.evidence.rotation import rotation_of, rotations_between
from fedclinic.evidence.statement import Envelope
from fedclinic.exchange_protocol import Rotate, rotate_message
from fedclinic.privacy.disclosure import DisclosurePolicy
from site_agent.durable_file import replace_durably
from site_agent.egress import release_rotation
from site_agent.enrolment import load_address
from site_agent.exchange_client import ExchangeClient
from site_agent.keys import load_key, load_signing_key
from site_agent.ledger_statements import to_the_minute
from site_agent.poll import only_agent_of
from site_agent.site_home import SiteHome

Say = Callable[[str], None]


def rotate_key(home: SiteHome, site: str, policy: DisclosurePolicy, say: Say) -> None:
    """Make a new key and have it accepted in place of the old one, which is kept aside.

    A call that was interrupted is finished by the next one. The federation's log holds the change
    from the site's next task on, whatever the transport.

    Raises:
        ConfigError: if an agent is at work here.
    """
    with only_agent_of(home):
        old = load_signing_key(home)
        new = load_key(home.signing_key.with_name("site.next.pem"))
        event = rotation_of(site, old, new, to_the_minute(time.time()))
        signed = release_rotation(event, policy, (old, new))
        path = home.rotations / f"{old.key_id}.json"
        replace_durably(path, signed.model_dump_json().encode())
        if home.exchange.is_file():
            _tell_exchange(home, old, new)
        home.signing_key.rename(home.signing_key.with_name(f"site.{old.key_id[:8]}.pem"))
        home.signing_key.with_name("site.next.pem").rename(home.signing_key)
    say(f"the new key {new.public.raw.hex()} is in force; start the agent again")
    if not home.exchange.is_file():
        say("where a plan names this site's key (transport.site_keys), give the coordinator this")


def stated_rotations(home: SiteHome, site: str, key: VerifyKey) -> tuple[Envelope, ...]:
    """Every change that led to the key in force, from the site's first key on."""
    kept = list(_kept(home))
    chains = (rotations_between(site, old, key, kept) for old in _former_keys(home))
    return max(chains, key=len, default=())


def _kept(home: SiteHome) -> Iterator[Envelope]:
    for path in sorted(home.rotations.glob("*.json")):
        try:
            yield Envelope.model_validate_json(path.read_bytes())
        except ValueError:
            raise ConfigError(f"{path} is damaged: restore it from the site's backup") from None


def _former_keys(home: SiteHome) -> Iterator[VerifyKey]:
    for path in home.signing_key.parent.glob("site.*.pem"):
        if path.name != "site.next.pem":
            try:
                yield SigningKey.from_pem(path.read_bytes()).public
            except SignatureError:
                raise ConfigError(f"{path} is damaged: restore it from the backup") from None


def _tell_exchange(home: SiteHome, old: SigningKey, new: SigningKey) -> None:
    address = load_address(home)
    proof = new.sign(rotate_message(address.site, old.key_id))
    client = ExchangeClient.open(address, old)
    client.rotate(Rotate(public_key=new.public.raw.hex(), proof=base64.b64encode(proof).decode()))
