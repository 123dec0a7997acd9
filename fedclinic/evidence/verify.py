"""Verify a bundle offline, and MLflow against it: silent on what is right, exact on what is not.

Shows that the log is whole, that everyone signed what they had to, that the budgets were kept and
that MLflow shows what was signed. It does not show that what was signed is true.
"""

from fedclinic.evidence.bundle import Bundle, Trust
from fedclinic.evidence.findings import Finding, unverifiable
from fedclinic.evidence.snapshot import StoreSnapshot
from fedclinic.evidence.verify_log import open_log
from fedclinic.evidence.verify_store import verify_store
from fedclinic.evidence.verify_story import verify_story


def verify(bundle: Bundle, trust: Trust, store: StoreSnapshot | None = None) -> list[Finding]:
    """Return everything that is wrong or cannot be known; nothing if all is right.

    Args:
        store: what MLflow shows now; None: MLflow is not compared.
    """
    if bundle.origin != trust.origin:
        what = f"it is of log {bundle.origin!r}, the trust is for {trust.origin!r}"
        return [unverifiable("bundle.origin", "bundle", what)]
    entries, findings = open_log(bundle, trust)
    _, told = verify_story(entries)
    findings += told
    if store is not None:
        findings += verify_store(bundle, entries, store)
    return findings
