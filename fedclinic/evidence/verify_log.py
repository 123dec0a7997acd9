"""Check that a bundle's log is sealed, and that each entry was signed by the one who had to."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Any

from pydantic import BaseModel, ValidationError

from fedclinic.digest import canonical_json, digest_bytes
from fedclinic.errors import SignatureError
from fedclinic.evidence.bundle import Bundle, Trust, verify_key
from fedclinic.evidence.checkpoint import TreeHead, checkpoint_signers, open_checkpoint
from fedclinic.evidence.events import COORDINATOR
from fedclinic.evidence.findings import Finding, failed, unverifiable
from fedclinic.evidence.keyring import Keyring
from fedclinic.evidence.keys import VerifyKey
from fedclinic.evidence.kinds import KINDS
from fedclinic.evidence.log import encode_entry
from fedclinic.evidence.merkle import hash_leaf, tree_root
from fedclinic.evidence.statement import (
    PREDICATE_TYPE,
    Envelope,
    parse_statement,
    statement_content,
)


@dataclass(frozen=True)
class Entry:
    """An entry that could be read; `where` names it in findings."""

    index: int
    kind: str
    event: BaseModel
    where: str


def open_log(bundle: Bundle, trust: Trust) -> tuple[list[Entry], list[Finding]]:
    """Read every entry and check its signature, then the seal over all of them."""
    ring = Keyring.start(trust)
    entries: list[Entry] = []
    findings: list[Finding] = []
    first: dict[str, int] = {}
    for index, envelope in enumerate(bundle.entries):
        if envelope.payload in first:
            repeated = f"repeats log entry {first[envelope.payload]}"
            findings.append(failed("log.replay", f"log entry {index}", repeated))
        first.setdefault(envelope.payload, index)
        findings.extend(_open_entry(index, envelope, ring, entries))
    findings.extend(ring.compare(trust))
    findings.extend(check_seal(bundle, trust, ring))
    return entries, findings


def read_entries(envelopes: Iterable[Envelope]) -> list[Entry]:
    """Read the entries of one's own log; signatures are not checked."""
    entries = []
    for index, envelope in enumerate(envelopes):
        statement = parse_statement(statement_content(envelope))
        kind = statement["predicateType"].removeprefix(PREDICATE_TYPE)
        event = KINDS[kind].record.model_validate(statement["predicate"])
        where = _describe(index, kind, statement["predicate"])
        entries.append(Entry(index, kind, event, where))
    return entries


def check_seal(bundle: Bundle, trust: Trust, ring: Keyring) -> Iterator[Finding]:
    """Check the checkpoint's signatures and that its root is over exactly these entries."""
    witnesses = ring.witness_keys(trust)
    coordinator = {COORDINATOR: ring.current[COORDINATOR]}
    try:
        head = open_checkpoint(bundle.checkpoint, coordinator, signers=1)
        seen_by = checkpoint_signers(bundle.checkpoint, witnesses)
    except SignatureError as error:
        yield failed("seal.signature", "checkpoint", str(error))
        return
    if len(seen_by) < trust.required_witnesses:
        yield failed(
            "seal.witnesses",
            "checkpoint",
            f"{len(seen_by)} of {trust.required_witnesses} required witnesses cosigned",
        )
    if head.origin != bundle.origin:
        yield failed("seal.origin", "checkpoint", f"it is of log {head.origin!r}")
    leaves = [hash_leaf(encode_entry(envelope)) for envelope in bundle.entries]
    yield from _check_root(head, leaves)
    if trust.seen is not None:
        yield from _check_seen(trust.seen, leaves, ring, trust)


def _check_root(head: TreeHead, leaves: list[bytes]) -> Iterator[Finding]:
    if head.size != len(leaves):
        kind = "cut off" if len(leaves) < head.size else "longer than its checkpoint"
        yield failed("seal.size", "log", f"{kind}: {len(leaves)} entries, {head.size} were sealed")
    elif tree_root(leaves) != head.root:
        yield failed("seal.root", "log", "an entry was changed, exchanged or moved after sealing")


def _check_seen(seen: str, leaves: list[bytes], ring: Keyring, trust: Trust) -> Iterator[Finding]:
    keys = [verify_key(key) for key in ring.held[COORDINATOR]]
    head = _open_with_any(seen, keys)
    where = "checkpoint seen before"
    if head is None or head.origin != trust.origin:
        yield unverifiable("seen.foreign", where, "it is not a checkpoint of this log")
    elif head.size > len(leaves):
        missing = head.size - len(leaves)
        yield failed("seen.truncated", where, f"the log lost at least {missing} of its entries")
    elif tree_root(leaves[: head.size]) != head.root:
        yield failed("seen.forked", where, f"the first {head.size} entries are not those seen")


def _open_with_any(checkpoint: str, keys: list[VerifyKey]) -> TreeHead | None:
    for key in keys:
        try:
            return open_checkpoint(checkpoint, {COORDINATOR: key}, signers=1)
        except SignatureError:
            continue
    return None


def _open_entry(
    index: int, envelope: Envelope, ring: Keyring, entries: list[Entry]
) -> Iterator[Finding]:
    where = f"log entry {index}"
    try:
        statement = parse_statement(statement_content(envelope))
    except SignatureError as error:
        yield failed("entry.statement", where, str(error))
        return
    kind, predicate = (
        statement["predicateType"].removeprefix(PREDICATE_TYPE),
        statement["predicate"],
    )
    if kind not in KINDS:
        yield unverifiable("entry.kind", where, f"kind {kind[:80]!r} is not known to this version")
        return
    where = _describe(index, kind, predicate)
    bad = list(ring.check_signature(envelope, _actor(kind, predicate), where))
    bad += _check_subject(statement, kind, where)
    yield from bad
    try:
        event = KINDS[kind].record.model_validate(predicate)
    except ValidationError as error:
        report = failed if bad else unverifiable
        field = ".".join(str(part) for part in error.errors()[0]["loc"])
        yield report("entry.record", where, f"field {field} is not one of this version's")
        return
    yield from ring.follow(event, envelope, where)
    entries.append(Entry(index, kind, event, where))


def _check_subject(statement: dict[str, Any], kind: str, where: str) -> Iterator[Finding]:
    """The default subject is the record itself; another subject is a file that is not here."""
    digest = digest_bytes(canonical_json(statement["predicate"])).removeprefix("sha256:")
    subjects = statement["subject"]
    if not isinstance(subjects, list) or not subjects:
        yield failed("entry.subject", where, "the statement is about nothing")
    elif {"name": kind} == {"name": subjects[0].get("name")} and subjects != [
        {"name": kind, "digest": {"sha256": digest}}
    ]:
        yield failed("entry.subject", where, "the statement is about another record")


def _actor(kind: str, predicate: dict[str, Any]) -> str:
    signer = KINDS[kind].signer
    if signer == "coordinator":
        return COORDINATOR
    if signer == "actor":
        return str(predicate.get("actor"))
    site = predicate.get("site")
    return COORDINATOR if site is None and signer == "site or coordinator" else str(site)


def _describe(index: int, kind: str, predicate: dict[str, Any]) -> str:
    named = [
        f"{word} {predicate[name]}"
        for name, word in (("run", "run"), ("round_number", "round"), ("site", "site"))
        if isinstance(predicate.get(name), str | int)
    ]
    return f"log entry {index} ({', '.join([kind, *named])})"
