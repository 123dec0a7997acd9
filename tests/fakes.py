"""Hand-written stand-ins for the world around a site: clocks, detectors, sources of randomness."""

import re
from dataclasses import dataclass, field
from importlib import resources
from typing import Any

from fedclinic.config import parse_document
from fedclinic.deid.deidentify import Deidentifier
from fedclinic.deid.policy import DeidentificationPolicy, parse_policy
from fedclinic.notes import KnownIdentifiers, Span
from fedclinic.privacy.auditing_policy import AuditingPolicy
from fedclinic.privacy.disclosure import DisclosurePolicy
from site_agent.roster import NOBODY, Roster
from site_agent.treatment import InProcess

SURROGATE_KEY = b"s" * 32


@dataclass
class FakeClock:
    """Shows the time that the test set."""

    now: float = 1_750_000_000.0

    def __call__(self) -> float:
        return self.now


@dataclass
class FakeDetector:
    """Finds names of the form `Name-123` and remembers how many notes it was asked about."""

    calls: int = 0
    fail_from_call: int | None = None

    def detect(self, text: str, known: KnownIdentifiers | None) -> list[Span]:
        self.calls += 1
        if self.fail_from_call is not None and self.calls >= self.fail_from_call:
            raise KeyboardInterrupt
        return [
            Span(found.start(), found.end(), "PERSON") for found in re.finditer(r"Name-\d+", text)
        ]


@dataclass
class FakeProgress:
    """Keeps every report of progress."""

    reports: list[tuple[int, int]] = field(default_factory=list)

    def __call__(self, done: int, total: int) -> None:
        self.reports.append((done, total))


def installed_deidentification_policy() -> DeidentificationPolicy:
    text = resources.files("policies").joinpath("deidentification.yaml").read_text("utf-8")
    return parse_policy(text, mode="safe_harbor", profile="fast")


def installed_disclosure_policy() -> DisclosurePolicy:
    text = resources.files("policies").joinpath("disclosure.yaml").read_text("utf-8")
    return parse_document(text, DisclosurePolicy, source="disclosure.yaml")


def installed_auditing_policy(**changes: Any) -> AuditingPolicy:
    text = resources.files("policies").joinpath("auditing.yaml").read_text("utf-8")
    policy = parse_document(text, AuditingPolicy, source="auditing.yaml")
    values = policy.model_dump()
    for name, value in changes.items():
        part = values["memorisation"] if name in values["memorisation"] else values
        part[name] = value
    return AuditingPolicy.model_validate(values)


def make_treatment(
    detector: FakeDetector, policy: DeidentificationPolicy | None = None, roster: Roster = NOBODY
) -> InProcess:
    deidentifier = Deidentifier(
        policy=policy or installed_deidentification_policy(),
        detector=detector,
        key=SURROGATE_KEY,
    )
    return InProcess(deidentifier, roster)
