"""The release gate: what a run's audits allow its model to be called."""

from collections.abc import Iterable

from fedclinic.evidence.events import AuditJudged, Verdict

CANDIDATE, RELEASED = "candidate", "released"

WANTED = ("self-test", "audit-head", "memorisation")
"""Audits without which a protected model is a candidate at most."""


def judge_release(audits: Iterable[AuditJudged], *, protected: bool) -> Verdict:
    """Fail if an audit failed, warn if one warned or is missing, pass otherwise.

    Args:
        protected: whether the plan protects patients; without it a model never passes.
    """
    verdicts = [(audit.audit, audit.verdict) for audit in audits]
    if any(verdict == "fail" for _, verdict in verdicts):
        return "fail"
    passed = {name for name, verdict in verdicts if verdict == "pass"}
    warned = any(verdict == "warn" for _, verdict in verdicts)
    return "pass" if protected and not warned and passed.issuperset(WANTED) else "warn"


def alias_of(gate: Verdict) -> str | None:
    """The alias of a registered version: none at all where the gate failed."""
    return {"pass": RELEASED, "warn": CANDIDATE}.get(gate)
