"""Compute a finished run again from its log, its stored updates, MLflow and the sites' ledgers."""

import json
import sqlite3
from collections.abc import Iterable, Iterator
from contextlib import closing, contextmanager
from pathlib import Path

from fedclinic.digest import canonical_json, digest_bytes
from fedclinic.errors import AdmissionError, ConfigError, DataError, EvidenceError
from fedclinic.evidence.events import EvidencePurged, ModelRegistered
from fedclinic.evidence.findings import Finding, failed, unverifiable
from fedclinic.evidence.replay import replay_epsilons, replay_heads, replay_states
from fedclinic.evidence.verify_log import Entry
from fedclinic.privacy.ledger_events import FIRST_HASH, entry_hash
from fedclinic.records import Digest
from fedclinic.rounds import LedgerHead, SiteReport
from fedclinic.updates.blobs import BlobFolder
from fedclinic.updates.codec import Tensors, UpdateFile
from flows.auditing.bundles import open_log
from flows.auditing.self_check import check_with_mlflow
from flows.run_store import RunHeader, find_run
from flows.settings import Workspace


def replay_run(workspace: Workspace, run: str, ledgers: Iterable[str]) -> tuple[list[Finding], str]:
    """Return what does not follow from what was signed, and what was computed.

    Args:
        ledgers: `SITE=FILE`, what a site's own `ledger export` printed.

    Raises:
        RunError: if there is no such run.
        ConfigError: if a ledger's file is none.
    """
    header = find_run(workspace, run).header()
    log = open_log(workspace, header.plan.federation)
    entries = log.entries()
    given = dict(_given_head(text) for text in ledgers)
    heads = {**_local_heads(workspace, header), **given}
    findings = list(check_with_mlflow(log, workspace, header.plan.federation).findings)
    findings += replay_epsilons(entries, run)
    findings += replay_heads(_of_run(entries, run), heads)
    findings += _replay_model(workspace, header, entries)
    return findings, f"run {run}: epsilons, {len(heads)} ledgers, MLflow and the model's digest"


def _of_run(entries: Iterable[Entry], run: str) -> list[Entry]:
    """The reports of one run: a site that took part in others only is not asked for its ledger."""
    return [e for e in entries if isinstance(e.event, SiteReport) and e.event.run == run]


def _replay_model(
    workspace: Workspace, header: RunHeader, entries: list[Entry]
) -> Iterator[Finding]:
    if not header.shapes:
        yield unverifiable("replay.shapes", f"run {header.run}", "no site was ever prepared for it")
        return
    blobs = BlobFolder(workspace.blobs)
    purged = {
        digest: event
        for event in (entry.event for entry in entries)
        if isinstance(event, EvidencePurged)
        for digest in event.digests
    }

    @contextmanager
    def open_update(digest: Digest) -> Iterator[Tensors]:
        path = blobs.path(digest)
        if digest in purged and not path.is_file():
            raise DataError(f"update {digest} was purged under policy {purged[digest].policy}")
        path = blobs.find(digest)
        with UpdateFile(path, header.shapes, header.plan.admission.dtype) as file:
            if file.digest() != digest:
                raise AdmissionError(f"update {digest} is not what its name says: it was changed")
            yield dict(file)

    yield from replay_states(entries, header.run, header.shapes, open_update)
    yield from _replay_files(workspace, header, entries)


def _replay_files(
    workspace: Workspace, header: RunHeader, entries: list[Entry]
) -> Iterator[Finding]:
    """The registered files are those of the state that was replayed."""
    folder = workspace.models / header.run
    for entry in entries:
        event = entry.event
        if not isinstance(event, ModelRegistered) or event.run != header.run:
            continue
        for name, digest in sorted(event.files.items()):
            where = f"{entry.where}, file {name}"
            try:
                content = (folder / name).read_bytes()
            except OSError:
                yield unverifiable("replay.file", where, "it was not kept")
                continue
            if digest_bytes(content) != digest:
                yield failed("replay.file", where, "it is not the file that was registered")


def _local_heads(workspace: Workspace, header: RunHeader) -> dict[str, LedgerHead]:
    """Heads of the ledgers of sites that run on this machine."""
    heads = {}
    for site in header.plan.site_names():
        path = workspace.sites / header.plan.federation / site / "ledger.sqlite"
        if path.is_file():
            heads[site] = _read_head(path)
    return heads


def _read_head(path: Path) -> LedgerHead:
    try:
        with closing(sqlite3.connect(f"{path.as_uri()}?mode=ro", uri=True)) as database:
            sequence, hash_ = database.execute(
                "SELECT sequence, hash FROM entry ORDER BY sequence DESC LIMIT 1"
            ).fetchone()
    except (sqlite3.Error, TypeError):
        raise EvidenceError(f"{path} is not a ledger") from None
    return LedgerHead(sequence=sequence, hash=hash_)


def _given_head(text: str) -> tuple[str, LedgerHead]:
    """Chain an exported ledger's entries again, from the first to the last."""
    site, separator, name = text.partition("=")
    if not separator:
        raise ConfigError(f"--ledger {text}: expected SITE=FILE")
    previous, sequence = FIRST_HASH, 0
    try:
        for line in Path(name).read_text(encoding="utf-8").splitlines():
            row = json.loads(line)
            sequence = row.pop("sequence")
            previous = entry_hash(sequence, previous, canonical_json(row).decode())
    except OSError as error:
        raise ConfigError(f"cannot read {name}: {error.strerror}") from None
    except (ValueError, KeyError, AttributeError):
        raise ConfigError(f"{name} is not what ledger export prints") from None
    return site, LedgerHead(sequence=sequence, hash=previous)
