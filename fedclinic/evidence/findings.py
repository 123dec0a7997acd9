"""What a verifier found: each finding names a row that failed or that cannot be known."""

from collections.abc import Iterable
from enum import StrEnum
from typing import Literal

from fedclinic.records import Record


class Severity(StrEnum):
    """Evidence that contradicts itself is not the same as evidence that is missing."""

    FAILED = "failed"
    UNVERIFIABLE = "cannot verify"


class Finding(Record):
    """One thing that is wrong or cannot be known."""

    severity: Severity
    check: str
    """The check's name: the part that it looks at, a dot, and what it compares."""
    where: str
    """The row: a log entry, or a run, parameter, metric and step of the store."""
    what: str


def failed(check: str, where: str, what: str) -> Finding:
    return Finding(severity=Severity.FAILED, check=check, where=where, what=what)


def unverifiable(check: str, where: str, what: str) -> Finding:
    return Finding(severity=Severity.UNVERIFIABLE, check=check, where=where, what=what)


def verdict_of(findings: Iterable[Finding]) -> Literal["verified", "cannot verify", "failed"]:
    severities = {finding.severity for finding in findings}
    if Severity.FAILED in severities:
        return "failed"
    return "cannot verify" if severities else "verified"
