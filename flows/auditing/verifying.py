"""Verify a bundle from its file, with an auditor's trust and perhaps a live MLflow."""

from pathlib import Path

from pydantic import ValidationError

from fedclinic.errors import ConfigError, EvidenceError, FedclinicError
from fedclinic.evidence.bundle import Bundle, Trust, read_bundle
from fedclinic.evidence.findings import Finding, unverifiable
from fedclinic.evidence.snapshot import StoreSnapshot
from fedclinic.evidence.verify import verify
from fedclinic.evidence.verify_log import read_entries
from fedclinic.evidence.verify_store import signed_digests
from flows.tracking.store import read_store_at


def verify_files(
    bundle_path: Path, trust_path: Path | None, mlflow: str | None
) -> tuple[list[Finding], str]:
    """Return what was found, and what was looked at.

    Raises:
        ConfigError: if a file is not there, or the trust is not one.
    """
    try:
        bundle = read_bundle(_read(bundle_path))
    except EvidenceError as error:
        return [unverifiable("bundle.format", str(bundle_path), str(error))], "bundle"
    about = f"{len(bundle.entries)} statements of log {bundle.origin}"
    if trust_path is None:
        what = "no trust was given: make one with fedclinic audit trust, with the hospitals' keys"
        return [unverifiable("trust.missing", "trust", what)], about
    trust = _read_trust(trust_path)
    findings: list[Finding] = []
    store = None
    if mlflow is not None:
        try:
            store = read_mlflow(bundle, mlflow)
            about += f" and {len(store.runs)} MLflow runs"
        except EvidenceError as error:
            findings.append(unverifiable("store.unreadable", "MLflow", str(error)))
    return verify(bundle, trust, store) + findings, about


def read_mlflow(bundle: Bundle, uri: str) -> StoreSnapshot:
    """What MLflow shows of the bundle's federation."""
    names = {snapshot.experiment for snapshot in bundle.snapshots}
    experiment = names.pop() if len(names) == 1 else bundle.origin.partition("/")[0]
    return read_store_at(uri, experiment, _signed_runs(bundle))


def _signed_runs(bundle: Bundle) -> list[str]:
    try:
        return sorted(signed_digests(read_entries(bundle.entries)))
    except (FedclinicError, ValidationError, KeyError):
        return []  # what is wrong with the entries, verification names


def _read_trust(path: Path) -> Trust:
    try:
        return Trust.model_validate_json(_read(path))
    except ValidationError as error:
        field = ".".join(str(part) for part in error.errors()[0]["loc"])
        raise ConfigError(f"{path}: {field or 'it'} is not as in a trust") from None


def _read(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError as error:
        raise ConfigError(f"cannot read {path}: {error.strerror}") from None
