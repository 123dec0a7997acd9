"""Open one hospital's parts from its site.yaml and its home folder."""

import time
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from fedclinic.config import parse_document
from fedclinic.deid.policy import DeidentificationPolicy
from fedclinic.digest import digest_record
from fedclinic.evidence.keys import SigningKey
from fedclinic.privacy.auditing_policy import AuditingPolicy
from fedclinic.privacy.disclosure import DisclosurePolicy
from fedclinic.privacy.policy import PrivacyPolicy
from fedclinic.records import Digest, PolicyName
from site_agent.detection_process import DetectionPool, SitePlace
from site_agent.keys import load_secret, load_signing_key
from site_agent.ledger_file import LedgerFile
from site_agent.note_store import NoteStore
from site_agent.policy_files import deidentification_policy, policy_text
from site_agent.roster import Roster, read_roster
from site_agent.settings import SiteConfig, load_site_config
from site_agent.site_home import SiteHome
from site_agent.treatment import treatment_digest


@dataclass(frozen=True)
class OpenSite:
    """A configured site with its store and ledger open and its policies read."""

    config: SiteConfig
    home: SiteHome
    key: SigningKey
    store: NoteStore
    ledger: LedgerFile
    privacy_policy: PrivacyPolicy
    disclosure_policy: DisclosurePolicy
    auditing_policy: AuditingPolicy
    deidentification_policy: DeidentificationPolicy
    place: SitePlace

    def detection(self) -> DetectionPool:
        """Detection processes that read this site's configuration again for themselves."""
        return DetectionPool(self.place, self.deidentification_policy.max_seconds_per_note)

    def treatment(self) -> Digest:
        """Digest of all that decides what becomes of a note."""
        model = self.config.deidentification.model
        return treatment_digest(self.deidentification_policy, model.digest if model else None)

    def policies(self) -> dict[PolicyName, Digest]:
        """The digest of each policy as it was read."""
        return {
            "privacy": digest_record(self.privacy_policy),
            "auditing": digest_record(self.auditing_policy),
            "disclosure": digest_record(self.disclosure_policy),
            "deidentification": self.deidentification_policy.digest(),
        }

    def roster(self) -> Roster:
        return read_roster(self.config.roster)


def open_site(path: Path, home: SiteHome, substitutions: Mapping[str, str]) -> OpenSite:
    """Read the site's configuration and policies, then open its stores.

    Raises:
        ConfigError: if a document is missing or wrong.
        LedgerError: if the ledger is damaged or another site's.
        DataError: if the note store cannot be opened.
    """
    config = load_site_config(path, substitutions)
    deidentification = deidentification_policy(config.deidentification, path)
    privacy = parse_document(
        policy_text(config.privacy_policy, path, "privacy.yaml"),
        PrivacyPolicy,
        source=config.privacy_policy or "policies/privacy.yaml",
    )
    return OpenSite(
        config=config,
        home=home,
        key=load_signing_key(home),
        store=NoteStore.open(home.notes, load_secret(home.store_key)),
        ledger=LedgerFile.open(home.ledger, site=config.site, clock=time.time),
        privacy_policy=privacy,
        disclosure_policy=parse_document(
            policy_text(config.disclosure_policy, path, "disclosure.yaml"),
            DisclosurePolicy,
            source=config.disclosure_policy or "policies/disclosure.yaml",
        ),
        auditing_policy=parse_document(
            policy_text(config.auditing_policy, path, "auditing.yaml"),
            AuditingPolicy,
            source=config.auditing_policy or "policies/auditing.yaml",
        ),
        deidentification_policy=deidentification,
        place=SitePlace(
            config=str(path.resolve()), home=str(home.root), substitutions=dict(substitutions)
        ),
    )
