"""A hospital as its rounds see it: configuration, keys, ledger and stores, opened once."""

import os
import time
from collections.abc import Callable, Mapping
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass

from fedclinic.evidence.events import SelfTested
from fedclinic.evidence.keys import SigningKey, VerifyKey
from fedclinic.privacy.disclosure import DisclosurePolicy
from fedclinic.privacy.distributed_sum import ALONE, StepGroup
from fedclinic.privacy.policy import PrivacyPolicy
from fedclinic.records import Digest, PolicyName
from fedclinic.rounds import RoundTask
from fedclinic.updates.blobs import BlobFolder
from site_agent.auditing import Auditing
from site_agent.ledger_file import LedgerFile
from site_agent.note_store import NoteStore
from site_agent.outbox import Outbox
from site_agent.personal_store import PersonalStore
from site_agent.settings import SiteConfig
from site_agent.workbench import Workbench

Progress = Callable[[int, int], None]


def _alone(_: RoundTask) -> AbstractContextManager[StepGroup]:
    return nullcontext(ALONE)


@dataclass(frozen=True)
class Site:
    """A hospital's parts, opened once by the process that runs its rounds."""

    config: SiteConfig
    key: SigningKey
    coordinators: dict[str, VerifyKey]
    privacy_policy: PrivacyPolicy
    policies: Mapping[PolicyName, Digest]
    """The digest of each policy that is in force."""
    disclosure_policy: DisclosurePolicy
    auditing: Auditing
    self_test: Digest
    """Digest of the passed self-test of this machine's trainer."""
    self_tested: SelfTested
    """What the site states of that self-test."""
    ledger: LedgerFile
    store: NoteStore
    outbox: Outbox
    personal: PersonalStore
    blobs: BlobFolder
    workbench: Callable[[RoundTask], Workbench]
    """Loads notes and model; called only after the budget is in use."""
    noise_key: Callable[[], bytes]
    """32 fresh bytes for a round's noise and sampling; the operating system's entropy."""
    clock: Callable[[], float] = time.time
    together: Callable[[RoundTask], AbstractContextManager[StepGroup]] = _alone
    """The processes that compute a round's steps, for as long as it trains."""


def fresh_noise_key() -> bytes:
    """32 bytes of the operating system's entropy."""
    return os.urandom(32)
