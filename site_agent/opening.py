"""Open one hospital's parts from its site.yaml and its home folder."""

import time
from collections.abc import Mapping
from dataclasses import dataclass
from importlib import resources
from pathlib import Path

from fedclinic.config import parse_document
from fedclinic.deid.deidentify import Deidentifier
from fedclinic.deid.policy import (
    DeidentificationPolicies,
    DeidentificationPolicy,
    parse_policy,
)
from fedclinic.errors import ConfigError
from fedclinic.evidence.keys import SigningKey
from fedclinic.privacy.auditing_policy import AuditingPolicy
from fedclinic.privacy.disclosure import DisclosurePolicy
from fedclinic.privacy.policy import PrivacyPolicy
from fedclinic.records import Digest
from site_agent.detection_process import DetectionPool, OpenDetector, SitePlace
from site_agent.detectors import make_detector
from site_agent.keys import load_secret, load_signing_key
from site_agent.ledger_file import LedgerFile
from site_agent.note_store import NoteStore
from site_agent.roster import Roster, read_roster
from site_agent.settings import (
    DeidentificationChoice,
    SiteConfig,
    SiteHome,
    load_site_config,
)
from site_agent.site_model import load_site_model
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
        _policy_text(config.privacy_policy, path, "privacy.yaml"),
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
            _policy_text(config.disclosure_policy, path, "disclosure.yaml"),
            DisclosurePolicy,
            source=config.disclosure_policy or "policies/disclosure.yaml",
        ),
        auditing_policy=parse_document(
            _policy_text(config.auditing_policy, path, "auditing.yaml"),
            AuditingPolicy,
            source=config.auditing_policy or "policies/auditing.yaml",
        ),
        deidentification_policy=deidentification,
        place=SitePlace(
            config=str(path.resolve()), home=str(home.root), substitutions=dict(substitutions)
        ),
    )


def open_detector(path: Path, home: SiteHome, substitutions: Mapping[str, str]) -> OpenDetector:
    """Load detectors, dictionaries, the site's model and roster, which takes a second or two.

    Raises:
        ConfigError: if a document is missing or wrong.
        ModelError: if the site's model is not the one that site.yaml names.
        PolicyError: if the policy asks for a site model, and there is none.
        DataError: if the roster cannot be read.
    """
    config = load_site_config(path, substitutions)
    policy = deidentification_policy(config.deidentification, path)
    choice = config.deidentification.model
    model = load_site_model(choice) if choice is not None else None
    roster = read_roster(config.roster)
    deidentifier = Deidentifier(
        policy=policy,
        detector=make_detector(policy, model),
        key=load_secret(home.surrogate_key),
        cohort_values=roster.values,
    )
    return OpenDetector(deidentifier, roster)


def deidentification_policy(choice: DeidentificationChoice, config: Path) -> DeidentificationPolicy:
    """Read the site's own or the installed policy; a mistake in it is told with its line."""
    text = _policy_text(choice.policy, config, "deidentification.yaml")
    source = choice.policy or "policies/deidentification.yaml"
    parse_document(text, DeidentificationPolicies, source=source)
    return parse_policy(text, mode=choice.mode, profile=choice.profile)


def _policy_text(chosen: str | None, config: Path, installed: str) -> str:
    if chosen is None:
        return resources.files("policies").joinpath(installed).read_text(encoding="utf-8")
    path = config.parent / chosen
    try:
        return path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        reason = "not UTF-8" if isinstance(error, UnicodeDecodeError) else error.strerror
        raise ConfigError(f"cannot read policy {path}: {reason}") from None
