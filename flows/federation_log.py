"""A federation's signed log at the coordinator: its file, its last checkpoint, MLflow snapshots.

One folder a federation, over all its runs. What is in it was signed; whether it is right is asked
by `fedclinic audit verify`.
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

from fedclinic.digest import digest_record
from fedclinic.errors import EvidenceError
from fedclinic.evidence.bundle import Bundle, Trust, verify_key
from fedclinic.evidence.checkpoint import TreeHead, checkpoint_signers, read_head
from fedclinic.evidence.events import (
    COORDINATOR,
    KeyRotated,
    PolicyChanged,
    RunRecorded,
    SiteJoined,
)
from fedclinic.evidence.keyring import Keyring
from fedclinic.evidence.keys import SigningKey
from fedclinic.evidence.kinds import KINDS
from fedclinic.evidence.log import LogFile
from fedclinic.evidence.policy_changes import policy_change
from fedclinic.evidence.recorder import Recorder
from fedclinic.evidence.rotation import rotations_between, sign_rotation
from fedclinic.evidence.snapshot import RunSnapshot
from fedclinic.evidence.statement import Envelope, statement_kind
from fedclinic.evidence.verify_log import Entry, read_entries
from fedclinic.records import Digest, PolicyName, Record
from flows.run_store import write_whole
from flows.settings import Workspace


@dataclass(frozen=True)
class LogFolder:
    """Where a federation's evidence is."""

    root: Path

    @property
    def entries(self) -> Path:
        return self.root / "log.jsonl"

    @property
    def origin(self) -> Path:
        """The log's name, fixed when it is started."""
        return self.root / "origin"

    @property
    def first_key(self) -> Path:
        """The coordinator's public key when the log was started, if it has another one by now."""
        return self.root / "first-key"

    @property
    def checkpoint(self) -> Path:
        """The newest checkpoint that hospitals cosigned."""
        return self.root / "checkpoint"

    @property
    def snapshots(self) -> Path:
        return self.root / "snapshots"


class FederationLog:
    """Writes and reads one federation's log; a statement is durable when its call returns."""

    def __init__(self, workspace: Workspace, federation: str, key: SigningKey) -> None:
        """Open the log, or start it.

        Raises:
            EvidenceError: if the file is damaged.
        """
        self.folder = LogFolder(workspace.logs / federation)
        if not self.folder.origin.is_file():
            write_whole(self.folder.origin, f"{federation}/{key.key_id[:16]}".encode())
        self._key = key
        self._file = LogFile(self.folder.entries, self.folder.origin.read_text(encoding="utf-8"))
        self._recorder = Recorder(self._file, key)

    @property
    def origin(self) -> str:
        return self._file.log.origin

    @property
    def envelopes(self) -> tuple[Envelope, ...]:
        return self._recorder.entries

    def state(self, *events: Record) -> None:
        """Sign events as the coordinator and append those that are new."""
        self._recorder.state(*events)

    def take_in(self, envelopes: Iterable[Envelope]) -> None:
        """Append what others signed, of the kinds that are evidence."""
        self._recorder.take_in(*(e for e in envelopes if statement_kind(e) in KINDS))

    def accept(self, event: SiteJoined, said: Iterable[Envelope] = ()) -> None:
        """State that a site's key is accepted, if it is not in force already.

        Args:
            event: what would be stated.
            said: what the site says, with which keys it went on from the one in force.

        Raises:
            EvidenceError: if its key was revoked, or another one is in force.
        """
        ring = self.keyring()
        known, key = ring.current.get(event.site), verify_key(event.public_key)
        if known is None or (known.key_id in ring.revoked and known != key):
            self.state(event)
        elif known.key_id in ring.revoked:
            raise EvidenceError(f"site {event.site}: its key {known.key_id} was revoked")
        elif known != key:
            rotations = rotations_between(event.site, known, key, said)
            if not rotations:
                raise EvidenceError(
                    f"site {event.site} signs with another key than the one in the log; if that "
                    "is right, revoke the old one with fedclinic audit revoke"
                )
            self.take_in(rotations)

    def put_in_force(self, document: PolicyName, digest: Digest, at: float) -> None:
        """State under which version of a policy the coordinator goes on, if it is another one."""
        stated = [
            entry.event
            for entry in self.entries()
            if isinstance(entry.event, PolicyChanged)
            and (entry.event.actor, entry.event.document) == (COORDINATOR, document)
        ]
        last = stated[-1] if stated else None
        change = policy_change(last, actor=COORDINATOR, document=document, digest=digest, at=at)
        if change is not None:
            self.state(change)

    def keyring(self) -> Keyring:
        """The keys that the log names."""
        path = self.folder.first_key
        first = path.read_text(encoding="utf-8") if path.is_file() else self._key.public.raw.hex()
        return Keyring.named_by(self.envelopes, first)

    def rotate(self, event: KeyRotated, fresh: SigningKey) -> None:
        """State that the coordinator goes on with a fresh key; the fresh one signs it too."""
        if not self.folder.first_key.is_file():
            write_whole(self.folder.first_key, self._key.public.raw.hex().encode())
        self.take_in([sign_rotation(event, self._key, fresh)])

    def keep_snapshots(self, snapshots: Iterable[RunSnapshot], recorded: RunRecorded) -> None:
        """Keep what MLflow showed of a run and state its digests."""
        for snapshot in snapshots:
            content = snapshot.model_dump_json().encode()
            write_whole(self._snapshot_path(snapshot.digest()), content)
        self.state(recorded)

    def checkpoint(self) -> str:
        """A fresh checkpoint over everything, signed by the coordinator alone."""
        return self._recorder.checkpoint()

    def root(self) -> bytes:
        """The root over everything."""
        return self._file.log.head().root

    def prove_growth(self, old_size: int) -> list[bytes]:
        """Nodes that show the log of `old_size` entries to be a beginning of this one."""
        return self._file.log.prove_consistency(old_size)

    def keep_checkpoint(self, checkpoint: str) -> None:
        """Keep a checkpoint that hospitals have cosigned."""
        write_whole(self.folder.checkpoint, checkpoint.encode())

    def entries(self) -> list[Entry]:
        """Every entry that can be read; no signature is checked."""
        return read_entries(self.envelopes)

    def bundle(self, run: str | None = None) -> Bundle:
        """What an auditor gets: the log up to its last cosigned checkpoint, with snapshots.

        What was stated later is left out, unless a run was recorded there.

        Args:
            run: keep only the snapshots of this run; None: of every run.
        """
        recorded = [
            (entry.index, entry.event)
            for entry in self.entries()
            if isinstance(entry.event, RunRecorded)
        ]
        checkpoint, head = self.cosigned()
        if head is None or head.size <= max((index for index, _ in recorded), default=-1):
            checkpoint, size = self.checkpoint(), len(self.envelopes)
        else:
            size = head.size
        wanted = [event for _, event in recorded if run is None or run == event.run]
        whole = self._recorder.bundle(checkpoint, self._snapshots(wanted))
        return whole.model_copy(update={"entries": whole.entries[:size]})

    def whole(self) -> Bundle:
        """Everything up to now, under a checkpoint of the coordinator alone."""
        recorded = [e.event for e in self.entries() if isinstance(e.event, RunRecorded)]
        return self._recorder.bundle(self.checkpoint(), self._snapshots(recorded))

    def own_trust(self, *, witnesses: int = 0) -> Trust:
        """A trust that believes the log: with it a log is checked against itself."""
        ring = self.keyring()
        joined = {site: [keys[-1] for keys in times] for site, times in ring.lineages.items()}
        return Trust(
            origin=self.origin,
            coordinator=ring.held[COORDINATOR][0],
            sites={site: keys[-1] for site, keys in joined.items()},
            earlier={site: tuple(keys[:-1]) for site, keys in joined.items() if keys[1:]},
            witnesses={site: key.raw.hex() for site, key in ring.site_keys().items()},
            required_witnesses=witnesses,
        )

    def cosigned(self) -> tuple[str, TreeHead | None]:
        """The last checkpoint that hospitals cosigned, if there is one."""
        if not self.folder.checkpoint.is_file():
            return "", None
        checkpoint = self.folder.checkpoint.read_text(encoding="utf-8")
        return checkpoint, read_head(checkpoint)

    def witnesses(self, checkpoint: str) -> tuple[str, ...]:
        """The sites that cosigned a checkpoint."""
        return tuple(sorted(checkpoint_signers(checkpoint, self.keyring().site_keys())))

    def _snapshots(self, recorded: Iterable[RunRecorded]) -> Iterator[RunSnapshot]:
        last: dict[str, str] = {}
        for event in recorded:
            last |= event.snapshots
        for digest in sorted(set(last.values())):
            path = self._snapshot_path(digest)
            if path.is_file():
                snapshot = RunSnapshot.model_validate_json(path.read_bytes())
                if digest_record(snapshot) != digest:
                    raise EvidenceError(f"{path} is damaged: restore it from a backup")
                yield snapshot

    def _snapshot_path(self, digest: str) -> Path:
        return self.folder.snapshots / f"{digest.removeprefix('sha256:')}.json"


def open_log_of(workspace: Workspace, name: str, key: SigningKey) -> FederationLog:
    """Open a log that must be there.

    Raises:
        EvidenceError: if the federation has none; says which ones there are.
    """
    if not (workspace.logs / name / "log.jsonl").is_file():
        known = sorted(path.parent.name for path in workspace.logs.glob("*/log.jsonl"))
        hint = f"; there are {', '.join(known)}" if known else ""
        raise EvidenceError(f"no log of federation '{name}' in {workspace.logs}{hint}")
    return FederationLog(workspace, name, key)
