"""Purge by policy, with proof; archive a federation's evidence; restore it, checked by digest."""

import gzip
import json
import shutil
import tarfile
import zlib
from collections.abc import Iterator
from importlib import resources
from pathlib import Path
from tempfile import TemporaryDirectory

from fedclinic.config import parse_document
from fedclinic.digest import canonical_json, digest_bytes, digest_chunks
from fedclinic.errors import ConfigError, EvidenceError
from fedclinic.evidence.events import COORDINATOR, EvidencePurged, RunRecorded
from fedclinic.evidence.retention import EndedRun, RetentionPolicy, due
from fedclinic.records import Digest
from fedclinic.updates.blobs import BlobFolder
from flows.auditing.bundles import open_log
from flows.federation_log import FederationLog
from flows.run_store import RunStore
from flows.settings import Workspace
from flows.tracking.moving import move_artifacts

MANIFEST = "manifest.json"
NO_ARCHIVE = (tarfile.TarError, gzip.BadGzipFile, zlib.error, EOFError, ValueError)
"""What reading a file raises that is cut short, damaged or something else."""


def load_policy(path: Path | None) -> RetentionPolicy:
    """Read the federation's own policy, or the installed one."""
    if path is None:
        text = resources.files("policies").joinpath("retention.yaml").read_text(encoding="utf-8")
        return parse_document(text, RetentionPolicy, source="policies/retention.yaml")
    try:
        text = path.read_text(encoding="utf-8")
    except OSError as error:
        raise ConfigError(f"cannot read {path}: {error.strerror}") from None
    return parse_document(text, RetentionPolicy, source=str(path))


def purge(
    workspace: Workspace, federation: str, policy: RetentionPolicy, *, now: float, dry_run: bool
) -> dict[str, list[Digest]]:
    """State what goes, then delete it; a purge that was interrupted is finished by the next.

    Returns:
        Digests by run, of what is there and goes.
    """
    log = open_log(workspace, federation)
    blobs = BlobFolder(workspace.blobs)
    going = {}
    for run, digests in due(_ended(workspace, log), policy, now=now).items():
        there = [digest for digest in digests if blobs.path(digest).is_file()]
        if not there:
            continue
        going[run] = there
        if dry_run:
            continue
        log.put_in_force("retention", policy.digest(), now)
        log.state(
            EvidencePurged(
                at=now,
                actor=COORDINATOR,
                run=run,
                policy=policy.digest(),
                digests=tuple(there),
            )
        )
        for digest in there:
            blobs.path(digest).unlink(missing_ok=True)
    return going


def _ended(workspace: Workspace, log: FederationLog) -> Iterator[EndedRun]:
    ended = {
        entry.event.run: entry.event.at
        for entry in log.entries()
        if isinstance(entry.event, RunRecorded) and entry.event.ended == "finished"
    }
    for run, at in ended.items():
        rounds = RunStore(workspace.runs / run).rounds()
        reports = [o.report for record in rounds for o in record.outcomes if o.report]
        updates = {report.update.blob for report in reports if report.update}
        audits = {report.audit.coordinates for report in reports if report.audit}
        last = rounds[-1].checkpoint if rounds else ""
        states = {record.checkpoint for record in rounds} - {last}
        yield EndedRun(run, at, frozenset(updates | audits), frozenset(states))


def archive(workspace: Workspace, federation: str, out: Path) -> tuple[int, Digest]:
    """Put a federation's evidence into one file, with a manifest of digests.

    Log, snapshots, run folders, models, blobs and MLflow's local store; no private key.

    Returns:
        How many files, and the manifest's digest.
    """
    open_log(workspace, federation)
    files = sorted(_evidence_files(workspace, federation))
    names = [path.relative_to(workspace.root).as_posix() for path in files]
    manifest = {name: _digest_of(path) for name, path in zip(names, files, strict=True)}
    content = canonical_json(manifest)
    partial = out.with_name(f".{out.name}.partial")
    with TemporaryDirectory() as scratch, tarfile.open(partial, "w:gz") as tar:
        listed = Path(scratch) / MANIFEST
        listed.write_bytes(content)
        tar.add(listed, MANIFEST)
        for name, path in zip(names, files, strict=True):
            tar.add(path, name, recursive=False)
    partial.rename(out)
    return len(files), digest_bytes(content)


def restore(source: Path, workspace: Workspace) -> tuple[int, Digest]:
    """Unpack an archive into an empty workspace and check every file against the manifest.

    It may be another folder than the one that was archived. What is not restored whole is taken
    away again, so that the next try finds the folder as this one did.

    Raises:
        EvidenceError: if the workspace is not empty, or a file is missing, added or changed.
    """
    if workspace.root.exists() and any(workspace.root.iterdir()):
        raise EvidenceError(f"{workspace.root} is not empty: restore into a new folder")
    workspace.root.mkdir(parents=True, exist_ok=True)
    try:
        return _restore(source, workspace)
    except BaseException:
        for path in workspace.root.iterdir():
            shutil.rmtree(path) if path.is_dir() else path.unlink()
        raise


def _restore(source: Path, workspace: Workspace) -> tuple[int, Digest]:
    try:
        with tarfile.open(source, "r:gz") as tar:
            tar.extractall(workspace.root, filter="data")
        content = (workspace.root / MANIFEST).read_bytes()
        manifest: dict[str, str] = json.loads(content)
    except (*NO_ARCHIVE, FileNotFoundError) as error:
        raise EvidenceError(
            f"{source} is no whole archive ({type(error).__name__}): copy it again"
        ) from None
    (workspace.root / MANIFEST).unlink()
    found = {
        path.relative_to(workspace.root).as_posix(): _digest_of(path)
        for path in workspace.root.rglob("*")
        if path.is_file()
    }
    for name in sorted(found.keys() ^ manifest.keys()):
        raise EvidenceError(
            f"{source}: {name} is {'missing' if name in manifest else 'not listed'}"
        )
    for name, digest in sorted(manifest.items()):
        if found[name] != digest:
            raise EvidenceError(f"{source}: {name} is not the file that was archived")
    move_artifacts(workspace.mlflow_database, workspace.mlflow_artifacts)
    return len(found), digest_bytes(content)


def _evidence_files(workspace: Workspace, federation: str) -> Iterator[Path]:
    runs = [path.parent for path in workspace.runs.glob("*/run.json")]
    own = [run for run in runs if RunStore(run).header().plan.federation == federation]
    folders = [workspace.logs / federation, *own, *(workspace.models / run.name for run in own)]
    folders += [workspace.mlflow_artifacts / federation]
    for folder in folders:
        yield from (path for path in folder.rglob("*") if path.is_file())
    if workspace.mlflow_database.is_file():
        yield workspace.mlflow_database
    blobs = BlobFolder(workspace.blobs)
    yield from (path for path in map(blobs.path, _blobs_of(own)) if path.is_file())


def _blobs_of(runs: list[Path]) -> set[Digest]:
    rounds = [record for run in runs for record in RunStore(run).rounds()]
    reports = [o.report for record in rounds for o in record.outcomes if o.report]
    blobs = {record.checkpoint for record in rounds}
    blobs |= {report.update.blob for report in reports if report.update}
    return blobs | {report.audit.coordinates for report in reports if report.audit}


def _digest_of(path: Path) -> Digest:
    with path.open("rb") as file:
        return digest_chunks(iter(lambda: file.read(1 << 20), b""))
