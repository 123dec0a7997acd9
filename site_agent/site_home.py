"""Where a site keeps its key, ledger and stores: one folder, and the name of each file in it."""

from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True)
class SiteHome:
    """The folder in which one site keeps its key, ledger and stores; nothing else writes there."""

    root: Path

    @property
    def ledger(self) -> Path:
        return self.root / "ledger.sqlite"

    @property
    def signing_key(self) -> Path:
        return self.root / "keys" / "site.pem"

    @property
    def rotations(self) -> Path:
        """What the site signed when it changed its key, by the identifier of the old one."""
        return self.root / "keys" / "rotations"

    @property
    def store_key(self) -> Path:
        return self.root / "keys" / "store.key"

    @property
    def surrogate_key(self) -> Path:
        return self.root / "keys" / "surrogates.key"

    @property
    def notes(self) -> Path:
        return self.root / "notes.sqlite"

    @property
    def activations(self) -> Path:
        return self.root / "activations"

    @property
    def blobs(self) -> Path:
        """Global models that were fetched, and updates on their way out."""
        return self.root / "blobs"

    @property
    def prefect(self) -> Path:
        """Working folder and home of this site's Prefect; nothing else writes there."""
        return self.root / "prefect"

    @property
    def outbox(self) -> Path:
        """Signed reports, kept so that a repeated task gets the same answer and no second one."""
        return self.root / "outbox"

    @property
    def audits(self) -> Path:
        """Coins and nonces of the runs' audits, secret until the coordinator has guessed."""
        return self.root / "audits"

    @property
    def exchange(self) -> Path:
        """The exchange that this site joined."""
        return self.root / "exchange.json"

    @property
    def in_transit(self) -> Path:
        """Blobs between the exchange and the process that trains."""
        return self.root / "transit"

    @property
    def lock(self) -> Path:
        return self.root / "agent.lock"

    @property
    def witnessed(self) -> Path:
        """The last tree head of each log that the site has cosigned."""
        return self.root / "witnessed"

    @property
    def policies(self) -> Path:
        """Which version of each policy the site stated last."""
        return self.root / "policies.json"

    @property
    def personal(self) -> Path:
        """Blocks that stay at the site between rounds, where a method has such."""
        return self.root / "personal"

    @property
    def log(self) -> Path:
        return self.root / "agent.log"

    @property
    def deid_audits(self) -> Path:
        """Reports of the audits of de-identification, and sheets for people who read notes."""
        return self.root / "deid"
