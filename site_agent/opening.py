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
from site_agent.detectors import make_detector
from site_agent.keys import load_secret, load_signing_key
from site_agent.ledger_file import LedgerFile
from site_agent.note_store import NoteStore
from site_agent.settings import (
    DeidentificationChoice,
    SiteConfig,
    SiteHome,
    load_site_config,
)


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

    def deidentifier(self) -> Deidentifier:
        """Load detectors and dictionaries, which takes a second or two."""
        return Deidentifier(
            policy=self.deidentification_policy,
            detector=make_detector(self.deidentification_policy),
            key=load_secret(self.home.surrogate_key),
        )


def open_site(path: Path, home: SiteHome, substitutions: Mapping[str, str]) -> OpenSite:
    """Read the site's configuration and policies, then open its stores.

    Raises:
        ConfigError: if a document is missing or wrong.
        LedgerError: if the ledger is damaged or another site's.
        DataError: if the note store cannot be opened.
    """
    config = load_site_config(path, substitutions)
    deidentification = _deidentification_policy(config.deidentification, path)
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
    )


def _deidentification_policy(
    choice: DeidentificationChoice, config: Path
) -> DeidentificationPolicy:
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
