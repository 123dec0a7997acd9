"""Say whether this machine can work for its exchange: disk, proxy, connection, clock, key."""

import secrets
import shutil
import time
from collections.abc import Callable
from urllib.request import getproxies

from fedclinic.errors import ConfigError, RunError
from fedclinic.exchange_protocol import PROTOCOL, Trouble
from fedclinic.signed_request import CLOCK_WINDOW_SECONDS
from site_agent.enrolment import load_address
from site_agent.exchange_client import ExchangeClient, TroubleError
from site_agent.keys import load_signing_key
from site_agent.site_home import SiteHome

GIGABYTE = 1e9
LEAST_FREE = 2 * GIGABYTE

_ADVICE = {
    Trouble.REVOKED: "the coordinator has revoked this site's key: ask for a new token",
    Trouble.UNKNOWN_SITE: "the exchange does not know this site: join again",
    Trouble.SIGNATURE: "the exchange knows another key of this site: restore keys/site.pem",
    Trouble.CLOCK: "this machine's clock is off by more than five minutes: set it right",
}


def check_disk(home: SiteHome, say: Callable[[str], None]) -> None:
    """Check that updates and caches have room.

    Raises:
        ConfigError: if the disk is nearly full.
    """
    home.root.mkdir(parents=True, exist_ok=True)
    free = shutil.disk_usage(home.root).free
    if free < LEAST_FREE:
        raise ConfigError(
            f"the disk of {home.root} has {free / GIGABYTE:.1f} GB left: make room for "
            f"{LEAST_FREE / GIGABYTE:.0f} GB"
        )
    say(f"disk           {free / GIGABYTE:.0f} GB free")


def check_connection(home: SiteHome, say: Callable[[str], None]) -> None:
    """Call the exchange as the agent would, without taking any work.

    Raises:
        RunError: if it cannot be reached or will not have this site, saying what to do.
    """
    address = load_address(home)
    proxy = getproxies().get("https")
    say(f"proxy          {proxy or 'none'}")
    client = ExchangeClient.open(address, load_signing_key(home))
    hello = client.hello()
    if PROTOCOL not in hello.protocols:
        told = ", ".join(map(str, hello.protocols))
        raise RunError(
            f"the exchange speaks version {told} and this agent {PROTOCOL}: install the version "
            "that the coordinator names"
        )
    off = hello.now - time.time()
    if abs(off) > CLOCK_WINDOW_SECONDS:
        raise RunError(f"this machine's clock is {off:+.0f} s from the exchange's: set it right")
    try:
        client.leave(secrets.token_hex(16))
    except TroubleError as error:
        trouble = error.problem.problem
        raise RunError(_ADVICE.get(trouble, f"the exchange says: {trouble.value}")) from None
    say(f"exchange       {address.url}, key accepted, clock {off:+.1f} s")
