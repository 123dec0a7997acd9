"""The parties of a federated run, each a container with a network that it shares with no other.

A hospital's network has no way out and leads to the exchange alone; the coordinator is in all of
them. It reaches PostgreSQL through a socket in a folder, so it needs no network for that.
"""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from benchmarks.containers.engine import HARDENED, Engine

PREFIX = "fedclinic-run"
"""Of every container, network and volume, so that nothing else is touched."""
COORDINATOR = f"{PREFIX}-coordinator"
URL = "https://exchange:8443"
SERVERS = {
    "PREFECT_API_URL": "http://127.0.0.1:4200/api",
    "MLFLOW_TRACKING_URI": "http://127.0.0.1:5000",
}


@dataclass(frozen=True)
class Images:
    coordinator: str
    site: str


@dataclass(frozen=True)
class Federation:
    """What is started of the folder's files, and taken away again."""

    engine: Engine
    images: Images
    sites: Sequence[str]

    @property
    def folder(self) -> Path:
        return self.engine.folder

    def start_coordinator(self, settings: dict[str, str]) -> None:
        """Start exchange, Prefect and MLflow, and wait until they answer."""
        for site in self.sites:
            self.engine.show("network", "create", "--internal", name_of(site))
        first, *others = map(name_of, self.sites)
        self.engine.show(
            *("run", "-d", "--name", COORDINATOR, "--network", first, *HARDENED),
            *("-v", f"{COORDINATOR}:/state", "-v", f"{self.folder / 'plan'}:/plan:ro"),
            *("-v", f"{self.folder / 'sockets'}:/sockets"),
            *(part for name, value in settings.items() for part in ("-e", f"{name}={value}")),
            *(self.images.coordinator, "up", "--url", URL),
        )
        for network in others:
            self.engine.show("network", "connect", network, COORDINATOR)
        self.engine.wait_for(COORDINATOR, "Ctrl-C ends all of it")
        self.engine.show("logs", COORDINATOR)

    def coordinate(self, *arguments: str) -> str:
        """Give the coordinator's command line something to do, beside its servers."""
        settings = [part for name, value in SERVERS.items() for part in ("-e", f"{name}={value}")]
        return self.engine.show("exec", *settings, COORDINATOR, "fedclinic", *arguments)

    def invite(self, site: str) -> str:
        """Give the token with which a site joins."""
        said = self.coordinate("site", "invite", site)
        return next(line for line in said.splitlines() if line.startswith("fedclinic1."))

    def once(self, site: str, *arguments: str) -> str:
        """Run a command of a site's in a container that is gone afterwards."""
        return self.engine.show("run", "--rm", *self._at(site), *arguments)

    def start_agent(self, site: str) -> None:
        command = ("run", "--config", "/site/site.yaml", "--home", "/state/home")
        self.engine.show("run", "-d", "--name", name_of(site), *self._at(site), *command)

    def remove(self) -> None:
        """Take every container, volume and network away."""
        for site in self.sites:
            self.engine.remove("container", name_of(site))
        self.engine.remove("container", COORDINATOR)
        for site in self.sites:
            self.engine.remove("volume", name_of(site))
            self.engine.remove("network", name_of(site))
        self.engine.remove("volume", COORDINATOR)

    def address(self, container: str, network: str) -> str:
        """The address of a container in a network."""
        said = self.engine.ask(
            "inspect", "--format", "{{json .NetworkSettings.Networks}}", container
        )
        address: str = json.loads(said)[network]["IPAddress"]
        return address

    def _at(self, site: str) -> tuple[str, ...]:
        """Options and image of a container of a site's: its files, its network, the exchange."""
        exchange = self.address(COORDINATOR, name_of(site))
        return (
            *("--network", name_of(site), "--add-host", f"exchange:{exchange}", *HARDENED),
            *("-v", f"{name_of(site)}:/state", "-v", f"{self.folder / site}:/site:ro"),
            *("-v", f"{self.folder / 'model'}:/models/tiny:ro"),
            *("-e", f"FEDCLINIC_IMAGE_DIGEST={self._image_digest()}", self.images.site),
        )

    def _image_digest(self) -> str:
        """What a site's self-test states that it runs."""
        said = self.engine.ask("inspect", "--format", "{{.Id}}", self.images.site).strip()
        return f"sha256:{said.removeprefix('sha256:')}"


def name_of(site: str) -> str:
    """Under which a site's container, network and volume are known."""
    return f"{PREFIX}-{site}"
