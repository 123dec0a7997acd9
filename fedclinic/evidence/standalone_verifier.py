"""Verify a bundle, and MLflow's database against it, with this one file and `cryptography` alone.

    python standalone_verifier.py bundle.json trust.json [--mlflow-db mlflow.db --experiment NAME]

Copy it to a machine that has never seen the project. It imports nothing of ours on purpose: it is
a second reader of docs/evidence-format.md, so that one mistake cannot hide in both. It ends with 0
if all is verified, 1 if something failed, 3 if something cannot be verified. It shows that the
log is whole, signed and possible, and that MLflow shows what was signed; not that it is true.
"""

import argparse
import base64
import hashlib
import json
import re
import sqlite3
import sys
import urllib.parse
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

FORMAT = "fedclinic-bundle/1"
PAYLOAD_TYPE = b"application/vnd.in-toto+json"
STATEMENT_TYPE = "https://in-toto.io/Statement/v1"
PREDICATE = "urn:fedclinic:v1:"
COORDINATOR = "coordinator"
SITE_KINDS = [
    "self-tested",
    "budget-reserved",
    "budget-use-begun",
    "budget-committed",
    "site-report",
    "audit-committed",
    "audit-revealed",
    "planted-scored",
]
AUDIT_KINDS = ["audit-committed", "reveal-task", "audit-revealed", "planted-scored"]
"""Steps of an audit: coins are committed to, guessed, revealed."""
ACTOR_KINDS = ["key-rotated", "policy-changed", "export-made", "evidence-purged"]
COORDINATOR_KINDS = [
    "plan-approved",
    "site-joined",
    "site-revoked",
    "round-task",
    "reveal-task",
    "update-judged",
    "round-aggregated",
    "model-registered",
    "run-recorded",
]
TABLES = {"params": "param", "tags": "tag", "inputs": "input", "artifacts": "artifact"}
MUTABLE_TAGS = ("mlflow.", "audit.")

Json = dict[str, Any]
Found = tuple[str, str, str, str]
"""Severity (`failed` or `cannot verify`), check, where, what."""


def failed(check: str, where: str, what: str) -> Found:
    return ("failed", check, where, what)


def unknown(check: str, where: str, what: str) -> Found:
    return ("cannot verify", check, where, what)


# --- canonical forms, hashes and signatures ------------------------------------------------------


def canonical(value: Any) -> bytes:
    return json.dumps(
        value, sort_keys=True, separators=(",", ":"), ensure_ascii=False, allow_nan=False
    ).encode()


def sha256(content: bytes) -> str:
    return "sha256:" + hashlib.sha256(content).hexdigest()


def tree_root(leaves: list[bytes]) -> bytes:
    """RFC 6962, section 2.1."""
    if not leaves:
        return hashlib.sha256().digest()
    while len(leaves) > 1:
        pairs = [
            hashlib.sha256(b"\x01" + leaves[i] + leaves[i + 1]).digest()
            for i in range(0, len(leaves) - 1, 2)
        ]
        leaves = pairs + leaves[len(pairs) * 2 :]
    return leaves[0]


def is_signed(key: str, signature: bytes, message: bytes) -> bool:
    try:
        Ed25519PublicKey.from_public_bytes(bytes.fromhex(key)).verify(signature, message)
    except (InvalidSignature, ValueError):
        return False
    return True


def key_id(key: str) -> str:
    return hashlib.sha256(bytes.fromhex(key)).hexdigest()[:32]


def envelope_signed_by(envelope: Json, key: str) -> bool:
    """DSSE v1: the signature is over the lengths and texts of type and payload."""
    content = base64.b64decode(envelope["payload"])
    message = b"DSSEv1 %d %s %d %s" % (len(PAYLOAD_TYPE), PAYLOAD_TYPE, len(content), content)
    return any(
        signature["keyid"] == key_id(key)
        and is_signed(key, base64.b64decode(signature["sig"]), message)
        for signature in envelope["signatures"]
    )


def read_statement(envelope: Json) -> Json:
    """Raises ValueError unless the payload is the canonical JSON of a statement."""
    content = base64.b64decode(envelope["payload"], validate=True)
    statement = json.loads(content)
    if envelope["payloadType"].encode() != PAYLOAD_TYPE or not isinstance(statement, dict):
        raise ValueError("not a statement")
    if statement.keys() != {"_type", "subject", "predicateType", "predicate"}:
        raise ValueError("not the four fields of a statement")
    if statement["_type"] != STATEMENT_TYPE or not isinstance(statement["predicate"], dict):
        raise ValueError("not an in-toto statement")
    if canonical(statement) != content:
        raise ValueError("not canonical JSON")
    return statement


# --- the seal ------------------------------------------------------------------------------------


def read_checkpoint(checkpoint: str, keys: dict[str, str]) -> tuple[str, int, bytes, set[str]]:
    """Origin, size, root, and the names of `keys` that signed; ValueError if malformed."""
    text, _, lines = checkpoint.partition("\n\n")
    text += "\n"
    origin, size, root = text.removesuffix("\n").split("\n")
    signers = set()
    for line in lines.removesuffix("\n").split("\n"):
        dash, name, encoded = line.split(" ")
        content = base64.b64decode(encoded, validate=True)
        if dash != "\N{EM DASH}" or name not in keys:
            continue
        own = hashlib.sha256(name.encode() + b"\n\x01" + bytes.fromhex(keys[name])).digest()[:4]
        if content[:4] == own and is_signed(keys[name], content[4:], text.encode()):
            signers.add(name)
    return origin, int(size), base64.b64decode(root, validate=True), signers


def check_seal(bundle: Json, trust: Json, ring: "Keyring") -> Iterator[Found]:
    held = ring.held
    keys = {**ring.witness_keys(trust), COORDINATOR: held[COORDINATOR][-1]}
    try:
        origin, size, root, signers = read_checkpoint(bundle["checkpoint"], keys)
    except ValueError:
        yield failed("seal.signature", "checkpoint", "it is malformed")
        return
    if COORDINATOR not in signers:
        yield failed("seal.signature", "checkpoint", "the coordinator did not sign it")
        return
    witnesses = signers - {COORDINATOR}
    if len(witnesses) < trust["required_witnesses"]:
        yield failed("seal.witnesses", "checkpoint", f"{len(witnesses)} witnesses cosigned")
    if origin != bundle["origin"]:
        yield failed("seal.origin", "checkpoint", f"it is of log {origin!r}")
    leaves = [hashlib.sha256(b"\x00" + canonical(entry)).digest() for entry in bundle["entries"]]
    if size != len(leaves):
        yield failed("seal.size", "log", f"{len(leaves)} entries, {size} were sealed")
    elif tree_root(leaves) != root:
        yield failed("seal.root", "log", "an entry was changed, exchanged or moved after sealing")
    if trust.get("seen") is not None:
        yield from check_seen(trust, leaves, held[COORDINATOR])


def check_seen(trust: Json, leaves: list[bytes], coordinator: list[str]) -> Iterator[Found]:
    where = "checkpoint seen before"
    for key in coordinator:
        try:
            origin, size, root, signers = read_checkpoint(trust["seen"], {COORDINATOR: key})
        except ValueError:
            break
        if not signers or origin != trust["origin"]:
            continue
        if size > len(leaves):
            yield failed("seen.truncated", where, f"at least {size - len(leaves)} entries are gone")
        elif tree_root(leaves[:size]) != root:
            yield failed("seen.forked", where, f"the first {size} entries are not those seen")
        return
    yield unknown("seen.foreign", where, "it is not a checkpoint of this log")


# --- who signed what -----------------------------------------------------------------------------


class Keyring:
    """The keys that a log has named so far."""

    def __init__(self, coordinator: str) -> None:
        self.held = {COORDINATOR: [coordinator]}
        self.lineages: dict[str, list[list[str]]] = {}
        """A site's keys for each time it joined: each but the first is vouched for by the last."""
        self.revoked: set[str] = set()

    def witness_keys(self, trust: Json) -> dict[str, str]:
        """Keys that may cosign: where a witness is a site that rotated, the one it has now."""
        keys = {}
        for name, given in trust["witnesses"].items():
            last = self.lineages.get(name, [[]])[-1]
            key = last[-1] if given in last else given
            if key_id(key) not in self.revoked:
                keys[name] = key
        return keys

    def compare(self, trust: Json) -> Iterator[Found]:
        for site, lineages in sorted(self.lineages.items()):
            given = {trust["sites"].get(site), *trust.get("earlier", {}).get(site, ())} - {None}
            unknown = [keys for keys in lineages if not given.intersection(keys)]
            if not given:
                yield unknown_key(site, "only the coordinator vouches for its key")
            elif len(unknown) == len(lineages):
                yield failed("key.foreign", f"site {site}", "not the key its hospital gave")
            elif unknown:
                yield unknown_key(site, f"only the coordinator vouches for {key_id(unknown[0][0])}")

    def check_signature(self, envelope: Json, actor: str, where: str) -> Iterator[Found]:
        keys = self.held.get(actor)
        if not keys:
            yield failed("signature.unknown", where, f"{actor} had no key in the log by then")
        elif key_id(keys[-1]) in self.revoked:
            yield failed("signature.revoked", where, f"the key of {actor} was revoked before")
        elif not envelope_signed_by(envelope, keys[-1]):
            yield failed("signature.bad", where, f"not signed by the key of {actor}")

    def follow(self, kind: str, record: Json, envelope: Json, where: str) -> Iterator[Found]:
        """Take in an entry that changes keys."""
        if kind == "site-joined":
            yield from self.join(record["site"], read_key(record), where)
        elif kind == "site-revoked":
            if record["key_id"] not in map(key_id, self.held.get(record["site"], ())):
                yield failed("key.revoked", where, "the site never had this key")
            self.revoked.add(record["key_id"])
        elif kind == "key-rotated":
            actor, key = record["actor"], read_key(record)
            keys = self.held.setdefault(actor, [])
            if not keys or key_id(keys[-1]) != record["old_key_id"]:
                yield failed("key.rotated", where, "another key was in force before")
            if not envelope_signed_by(envelope, key):
                yield failed("key.rotated", where, "the new key did not sign")
            keys.append(key)
            if actor in self.lineages:
                self.lineages[actor][-1].append(key)

    def join(self, site: str, key: str, where: str) -> Iterator[Found]:
        if site == COORDINATOR:
            yield failed("key.joined", where, "a site may not be called coordinator")
            return
        keys = self.held.setdefault(site, [])
        if keys and key_id(keys[-1]) not in self.revoked:
            yield failed("key.joined", where, "it joined again; its key was in force")
        keys.append(key)
        self.lineages.setdefault(site, []).append([key])


def unknown_key(site: str, what: str) -> Found:
    return unknown("key.unknown", f"site {site}", what)


def read_key(record: Json) -> str:
    """The key that a record names; ValueError if it is none."""
    key: str = record["public_key"]
    if not re.fullmatch("[0-9a-f]{64}", key):
        raise ValueError("public_key is not a key")
    return key


def open_entries(
    bundle: Json, trust: Json
) -> tuple[list[tuple[str, str, Json]], Keyring, list[Found]]:
    """(where, kind, record) of every entry, all keys each actor held, and what was found."""
    ring = Keyring(trust["coordinator"])
    entries: list[tuple[str, str, Json]] = []
    found: list[Found] = []
    first: dict[str, int] = {}
    for index, envelope in enumerate(bundle["entries"]):
        where = f"log entry {index}"
        if first.setdefault(envelope["payload"], index) != index:
            found.append(failed("log.replay", where, f"repeats {first[envelope['payload']]}"))
        try:
            statement = read_statement(envelope)
        except ValueError as error:
            found.append(failed("entry.statement", where, str(error)))
            continue
        kind, record = statement["predicateType"].removeprefix(PREDICATE), statement["predicate"]
        if kind not in (*SITE_KINDS, *ACTOR_KINDS, *COORDINATOR_KINDS, "audit-judged"):
            found.append(unknown("entry.kind", where, f"kind {kind!r} is not known here"))
            continue
        where = f"{where} ({describe(kind, record)})"
        bad = list(ring.check_signature(envelope, actor_of(kind, record), where))
        found += bad
        try:
            found += check_subject(statement, kind, where)
            found += ring.follow(kind, record, envelope, where)
        except (KeyError, TypeError, AttributeError, ValueError) as error:
            found.append((failed if bad else unknown)("entry.record", where, str(error)))
            continue
        entries.append((where, kind, record))
    return entries, ring, [*found, *ring.compare(trust)]


def describe(kind: str, record: Json) -> str:
    named = [
        f"{word} {record[name]}"
        for name, word in (("run", "run"), ("round_number", "round"), ("site", "site"))
        if record.get(name) is not None
    ]
    return ", ".join([kind, *named])


def actor_of(kind: str, record: Json) -> str:
    if kind in COORDINATOR_KINDS:
        return COORDINATOR
    if kind in ACTOR_KINDS:
        return str(record.get("actor"))
    return str(record.get("site") or COORDINATOR)


def check_subject(statement: Json, kind: str, where: str) -> Iterator[Found]:
    subject, digest = statement["subject"], sha256(canonical(statement["predicate"]))
    own = [{"name": kind, "digest": {"sha256": digest.removeprefix("sha256:")}}]
    if not subject or (subject[0].get("name") == kind and subject != own):
        yield failed("entry.subject", where, "the statement is about another record")


# --- the story -----------------------------------------------------------------------------------


class Run:
    """What the log said of a run so far."""

    def __init__(self, digest: str, plan: Json) -> None:
        self.digest, self.plan = digest, plan
        self.tasks: dict[Any, Json] = {}
        self.reports: dict[Any, Json] = {}
        self.budget: dict[str, dict[Any, Json]] = {"reserved": {}, "use-begun": {}, "committed": {}}
        self.judged: dict[Any, Json] = {}
        self.epsilon: dict[str, float] = {}
        self.round, self.state = 0, None
        self.failed_audits = 0
        self.audits: dict[str, Json] = {}


class Story:
    """Reads entries in order and checks each against those before it."""

    def __init__(self) -> None:
        self.runs: dict[str, Run] = {}
        self.nonces: set[str] = set()
        self.ledgers: dict[str, Json] = {}
        self.self_tests: dict[str, str] = {}
        self.policies: dict[tuple[str, str], Json] = {}
        self.recorded: dict[str, str] = {}

    def read(self, where: str, kind: str, record: Json) -> Iterator[Found]:
        if kind == "plan-approved":
            yield from self.plan(where, record)
        elif kind == "self-tested":
            self.self_tests[record["site"]] = record["verdict"]
        elif kind == "policy-changed":
            yield from self.policy(where, record)
        elif kind == "evidence-purged":
            stated = self.policies.get((record["actor"], "retention"))
            if stated is None:
                yield unknown("policy.unstated", where, "the retention policy was never stated")
            elif stated["after"] != record["policy"]:
                yield failed("policy.unstated", where, "not the retention policy stated last")
        elif record.get("run") is not None and kind != "export-made":
            run = self.runs.get(record["run"])
            if run is None:
                yield failed("run.unknown", where, "no plan was approved for this run before")
                return
            if kind.startswith("budget-"):
                yield from self.budget(where, kind.removeprefix("budget-"), record, run)
            elif kind == "audit-judged":
                run.failed_audits += record["verdict"] == "fail"
            elif kind in AUDIT_KINDS:
                yield from self.audit(where, kind, record, run)
            else:
                yield from getattr(self, kind.replace("-", "_"))(where, record, run)

    def plan(self, where: str, record: Json) -> Iterator[Found]:
        if sha256(canonical(record["plan"])) != record["plan_digest"]:
            yield failed("plan.digest", where, "the plan is not the one of its digest")
        run = self.runs.setdefault(record["run"], Run(record["plan_digest"], record["plan"]))
        if run.digest != record["plan_digest"]:
            yield failed("plan.changed", where, "approved with another plan before")

    def policy(self, where: str, event: Json) -> Iterator[Found]:
        name = event["document"]
        last, number = self.policies.get((event["actor"], name)), event["number"]
        if last and number <= last["number"]:
            yield failed("policy.order", where, f"version {number} after {last['number']}")
        elif (event["before"] is None) != (number == 1) or event["before"] == event["after"]:
            yield failed("policy.before", where, "what it replaces is not a version before it")
        elif last and number == last["number"] + 1 and event["before"] != last["after"]:
            yield failed("policy.before", where, f"it does not replace the last {name} policy")
        self.policies[event["actor"], name] = event

    def policies_of(self, where: str, report: Json) -> Iterator[Found]:
        named, summary = report.get("policies") or {}, report.get("deidentification") or {}
        for name, digest in sorted(named.items()):
            if self.policies.get((report["site"], name), {}).get("after") != digest:
                yield failed("policy.unstated", where, f"not the {name} policy stated last")
        if summary and named.get("deidentification", summary["policy"]) != summary["policy"]:
            yield failed("policy.deid", where, "its notes were treated under another policy")

    def round_task(self, where: str, task: Json, run: Run) -> Iterator[Found]:
        if task["plan_digest"] != run.digest:
            yield failed("task.plan", where, "it is of another plan than the approved one")
        if task["site"] not in {site["name"] for site in run.plan["sites"]}:
            yield failed("task.site", where, "the site is not in the plan")
        if task["round_number"] > run.plan["rounds"]:
            yield failed("task.round", where, "the plan has fewer rounds")
        if task["nonce"] in self.nonces:
            yield failed("task.nonce", where, "its nonce was used before")
        self.nonces.add(task["nonce"])
        if turn(task) in run.tasks:
            yield failed("task.twice", where, "there was a task for this attempt before")
        run.tasks[turn(task)] = task

    def site_report(self, where: str, report: Json, run: Run) -> Iterator[Found]:
        task = run.tasks.get(turn(report), {})
        if any(task.get(name) != report[name] for name in ("nonce", "plan_digest")):
            yield failed("report.task", where, "it does not answer a task of this site")
        if run.reports.get(turn(report), {}).get("status") == "completed":
            yield failed("report.twice", where, "the site reported this attempt before")
        if report["status"] == "completed" and not report.get("update"):
            yield failed("report.update", where, "it completed without an update")
        yield from self.ledger(where, report)
        yield from check_spending(where, report, run)
        yield from self.policies_of(where, report)
        run.reports[turn(report)] = report

    def budget(self, where: str, step: str, record: Json, run: Run) -> Iterator[Found]:
        known, key = run.budget, turn(record)
        privacy = run.plan["privacy"]
        planned = {
            "noise_multiplier": privacy.get("noise_multiplier"),
            "sampling_rate": privacy.get("sampling_rate"),
            "steps": privacy.get("steps_per_round"),
        }
        if step == "reserved" and record["mechanism"] != planned:
            yield failed("budget.mechanism", where, "its mechanism is not the plan's")
        if step == "use-begun" and key not in known["reserved"]:
            yield failed("budget.begun", where, "notes were read without a reservation")
        if step == "committed" and key not in known["use-begun"]:
            yield failed("budget.committed", where, "charged without a use")
        before = known["reserved"].get(key, record).get("mechanism", planned)
        if step == "committed" and spends_more(record["mechanism"], before):
            yield failed("budget.committed", where, "charged more than was reserved")
        if key in known[step]:
            yield failed(f"budget.{step.removeprefix('use-')}", where, "this was stated before")
        yield from self.ledger(where, record)
        known[step][key] = record

    def ledger(self, where: str, record: Json) -> Iterator[Found]:
        head, last = record.get("ledger"), self.ledgers.get(record["site"])
        if not head:
            return
        if last and head["sequence"] < last["sequence"]:
            yield failed("ledger.rollback", where, f"entry {head['sequence']} is an older one")
            return
        if last and head["sequence"] == last["sequence"] and head["hash"] != last["hash"]:
            yield failed("ledger.fork", where, "another ledger entry than before")
        self.ledgers[record["site"]] = head

    def audit(self, where: str, kind: str, record: Json, run: Run) -> Iterator[Found]:
        steps = run.audits.setdefault(record["site"], {})
        if kind == "audit-committed":
            if steps.setdefault("committed", record["committed"]) != record["committed"]:
                yield failed("audit.committed", where, "the site had committed to other coins")
            elif any(site == record["site"] for _, site, _ in run.reports):
                yield failed("audit.late", where, "the site committed after it had trained")
        elif kind == "reveal-task" and record["guessed"] is not None:
            if "revealed" in steps and steps.get("guessed") != record["guessed"]:
                yield failed("audit.guessed", where, "the coins were known when they were guessed")
            steps["guessed"] = record["guessed"]
        elif kind == "audit-revealed":
            steps["revealed"] = True
            if "committed" not in steps:
                if "guessed" in steps:
                    yield failed("audit.unbound", where, "the site had committed to no coins")
            elif not opens(steps["committed"], record["secret"]):
                yield failed("audit.coins", where, "not the coins that were committed to")

    def update_judged(self, where: str, event: Json, run: Run) -> Iterator[Found]:
        report = run.reports.get(turn(event))
        if event["verdict"] == "admitted":
            if not report or not report.get("update"):
                yield failed("judged.report", where, "the site reported no update to admit")
            elif report["update"]["blob"] != event["update"]:
                yield failed("judged.update", where, "not the update that the site signed")
            elif report["update"]["norm"] > run.plan["admission"]["max_update_norm"]:
                yield failed("judged.norm", where, "its norm is above the plan's bound")
            if self.self_tests.get(event["site"]) == "fail":
                yield failed("judged.self_test", where, "the site's last self-test failed")
            if event["round_number"] <= run.round:
                yield failed("judged.late", where, "the round was already aggregated")
        if run.judged.get(turn(event), {}).get("verdict") in ("admitted", "quarantined"):
            yield failed("judged.twice", where, "this attempt was judged before")
        run.judged[turn(event)] = event

    def round_aggregated(self, where: str, event: Json, run: Run) -> Iterator[Found]:
        if event["round_number"] != run.round + 1:
            yield failed("round.order", where, f"it follows round {run.round}")
        if event["state_before"] != run.state:
            yield failed("round.state", where, "it does not start from the last round's state")
        if event["plan_digest"] != run.digest:
            yield failed("round.plan", where, "it is of another plan than the approved one")
        admitted = {
            judged["site"]
            for judged in run.judged.values()
            if judged["round_number"] == event["round_number"] and judged["verdict"] == "admitted"
        }
        for site in sorted(admitted ^ event["weights"].keys()):
            yield failed("round.sites", where, f"site {site} was admitted or used, not both")
        planned = {site["name"]: site["weight"] for site in run.plan["sites"]}
        total = sum(planned.get(site, 0.0) for site in event["weights"]) or 1.0
        for site, weight in sorted(event["weights"].items()):
            if abs(weight - planned.get(site, 0.0) / total) > 1e-9:
                yield failed("round.weights", where, f"site {site} has not its planned weight")
        if len(event["weights"]) < run.plan["quorum"]:
            yield failed("round.quorum", where, "fewer sites than the plan's quorum")
        run.round, run.state = event["round_number"], event["state_after"]

    def model_registered(self, where: str, event: Json, run: Run) -> Iterator[Found]:
        privacy, promise = run.plan["privacy"], event["promise"] or {}
        if event["state"] != run.state:
            yield failed("model.state", where, "not the state of the run's last round")
        if event["gate"] != "fail" and run.failed_audits:
            yield failed("model.gate", where, "the gate passed although an audit failed")
        planned = (privacy.get("target_epsilon"), privacy.get("delta"))
        if (promise.get("epsilon"), promise.get("delta")) != planned:
            yield failed("model.promise", where, "what it promises is not what the plan does")

    def run_recorded(self, where: str, event: Json, run: Run) -> Iterator[Found]:
        if not event["snapshots"]:
            yield failed("recorded.empty", where, "nothing of MLflow was recorded")
        for run_id, digest in sorted(event["snapshots"].items()):
            if self.recorded.get(run_id, digest) != digest:
                what = f"MLflow run {run_id} was recorded before with other rows"
                yield unknown("recorded.again", where, what)
            if event.get("ended", "finished") == "finished":
                self.recorded[run_id] = digest

    def ended(self) -> Iterator[Found]:
        for name, run in self.runs.items():
            for key in sorted(run.reports.keys() - run.judged.keys()):
                if key[0] <= run.round:
                    where = f"run {name}, round {key[0]}, site {key[1]}"
                    yield failed("judged.missing", where, "its report was dropped unjudged")


def opens(committed: Json, secret: Json) -> bool:
    """Whether revealed coins and nonce are those of a commitment: SHA-256 over both."""
    canaries = committed["canaries"]
    coins = bytearray((canaries + 7) // 8)
    for canary in secret["included"]:
        if canary >= canaries:
            return False
        coins[canary // 8] |= 0x80 >> canary % 8
    told = canaries.to_bytes(8, "big") + bytes(coins) + bytes.fromhex(secret["nonce"])
    return sha256(told) == str(committed["commitment"])


def turn(record: Json) -> tuple[int, str, int]:
    return record["round_number"], record["site"], record["attempt"]


def spends_more(charged: Json, reserved: Json) -> bool:
    return bool(
        charged["steps"] > reserved["steps"]
        or charged["sampling_rate"] > reserved["sampling_rate"]
        or charged["noise_multiplier"] < reserved["noise_multiplier"]
    )


def check_spending(where: str, report: Json, run: Run) -> Iterator[Found]:
    budget, spent, plan = report.get("budget"), report.get("privacy"), run.plan["privacy"]
    if budget and budget["spent_epsilon"] > budget["cap_epsilon"]:
        yield failed("spending.cap", where, "more epsilon was spent than the cap")
    if report["status"] != "completed":
        return
    if (plan["protection"] != "none") != (spent is not None):
        yield failed("spending.protection", where, "not trained as the plan protects")
    if not spent:
        return
    if spent["epsilon"] > plan["target_epsilon"] * (1 + 1e-6):
        yield failed("spending.promise", where, "more epsilon was spent than was promised")
    if spent["delta"] != plan["delta"]:
        yield failed("spending.delta", where, "its delta is not the plan's")
    if spent["epsilon"] < run.epsilon.get(report["site"], 0.0) * (1 - 1e-6):
        yield failed("spending.fell", where, "its epsilon is less than before")
    if run.budget["reserved"] and turn(report) not in run.budget["committed"]:
        yield failed("budget.missing", where, "a use of notes was never charged")
    run.epsilon[report["site"]] = spent["epsilon"]


# --- MLflow --------------------------------------------------------------------------------------


def read_sqlite(path: Path, experiment: str) -> Json:
    """Read what an MLflow database shows, in the shape of a snapshot."""
    database = sqlite3.connect(f"file:{urllib.parse.quote(str(path))}?mode=ro", uri=True)
    (number,) = database.execute(
        "SELECT experiment_id FROM experiments WHERE name = ?", (experiment,)
    ).fetchone() or (None,)
    if number is None:
        raise ValueError(f"no experiment {experiment!r} in {path}")
    runs, deleted = {}, []
    rows = database.execute("SELECT run_uuid, name, status, lifecycle_stage, artifact_uri FROM runs"
                            " WHERE experiment_id = ?", (number,))  # fmt: skip
    for run_id, name, status, stage, artifact_uri in rows.fetchall():
        tags = dict(
            database.execute("SELECT key, value FROM tags WHERE run_uuid = ?", (run_id,)).fetchall()
        )
        runs[run_id] = {
            "run_id": run_id,
            "experiment": experiment,
            "parent": tags.get("mlflow.parentRunId", ""),
            "name": name,
            "status": status,
            "params": dict(
                database.execute("SELECT key, value FROM params WHERE run_uuid = ?", (run_id,))
            ),
            "tags": {k: v for k, v in tags.items() if not k.startswith(MUTABLE_TAGS)},
            "metrics": read_metrics(database, run_id),
            "artifacts": read_artifacts(database, run_id, artifact_uri),
            "inputs": dict(
                database.execute(
                    "SELECT d.name, d.digest FROM inputs i JOIN datasets d"
                    " ON i.source_id = d.dataset_uuid WHERE i.destination_id = ?",
                    (run_id,),
                )
            ),
        }
        if stage != "active":
            deleted.append(run_id)
    return {"runs": runs, "deleted": deleted, "versions": read_versions(database, set(runs))}


def read_metrics(database: sqlite3.Connection, run_id: str) -> Json:
    metrics: Json = {}
    rows = database.execute(
        "SELECT key, step, timestamp, value, is_nan FROM metrics WHERE run_uuid = ?", (run_id,)
    )
    for name, step, timestamp, value, is_nan in rows:
        text = "nan" if is_nan else repr(float(value))
        metrics.setdefault(name, []).append((step, timestamp, text))
    return {
        name: [{"step": s, "timestamp": t, "value": v} for s, t, v in sorted(points)]
        for name, points in metrics.items()
    }


def read_artifacts(database: sqlite3.Connection, run_id: str, uri: str) -> Json:
    """Hash a run's files and those of the models it logged, which MLflow shows under their name."""
    folders = [("", uri)]
    folders += database.execute(
        "SELECT name || '/', artifact_location FROM logged_models WHERE source_run_id = ?",
        (run_id,),
    ).fetchall()
    artifacts = {}
    for prefix, location in folders:
        parsed = urllib.parse.urlparse(location)
        root = Path(urllib.request.url2pathname(parsed.path if parsed.scheme else location))
        for path in sorted(root.rglob("*")):
            if path.is_file():
                content = path.read_bytes()
                name = prefix + path.relative_to(root).as_posix()
                artifacts[name] = {"bytes": len(content), "sha256": sha256(content)}
    return artifacts


def read_versions(database: sqlite3.Connection, runs: set[str]) -> list[Json]:
    """All versions of the models that any of these runs made; the others are not of this log."""
    rows = database.execute("SELECT name, version, run_id, source FROM model_versions").fetchall()
    models = {name for name, _, run_id, _ in rows if run_id in runs}
    versions = []
    for name, version, run_id, source in rows:
        if name in models:
            aliases = database.execute(
                "SELECT alias FROM registered_model_aliases WHERE name = ? AND version = ?",
                (name, version),
            ).fetchall()
            tags = database.execute(
                "SELECT key, value FROM model_version_tags WHERE name = ? AND version = ?",
                (name, version),
            ).fetchall()
            versions.append({
                "model": name,
                "version": str(version),
                "run_id": run_id,
                "source": source,
                "aliases": sorted(alias for (alias,) in aliases),
                "tags": {key: value for key, value in tags if not key.startswith(MUTABLE_TAGS)},
            })  # fmt: skip
    return versions


def check_store(bundle: Json, entries: list[tuple[str, str, Json]], store: Json) -> Iterator[Found]:
    signed: dict[str, str] = {}
    for _, kind, record in entries:
        if kind == "run-recorded":
            signed |= record["snapshots"]
    snapshots = {snapshot["run_id"]: snapshot for snapshot in bundle["snapshots"]}
    for run_id, digest in sorted(signed.items()):
        shown = store["runs"].get(run_id)
        if shown is None:
            yield failed("store.missing", f"MLflow run {run_id}", "its row is gone")
            continue
        where = f"MLflow run {run_id} ({shown['name']!r})"
        if run_id in store["deleted"]:
            yield failed("store.deleted", where, "it is marked as deleted")
        known = snapshots.get(run_id)
        if sha256(canonical(shown)) == digest:
            continue
        if known is None or sha256(canonical(known)) != digest:
            yield failed("store.digest", where, "not what was signed; the bundle lacks its rows")
        else:
            yield from compare_rows(known, shown, where)
    for run_id in sorted(store["runs"].keys() - signed.keys()):
        where = f"MLflow run {run_id}"
        if store["runs"][run_id]["status"] in ("RUNNING", "SCHEDULED"):
            yield unknown("store.unfinished", where, "not finished and not yet signed")
        else:
            yield failed("store.unsigned", where, "no statement is about it")
    yield from check_versions(entries, store)
    yield from check_pages(entries, store)


def compare_rows(signed: Json, shown: Json, where: str) -> Iterator[Found]:
    for field in ("experiment", "parent", "name", "status"):
        if signed[field] != shown[field]:
            what = f"signed {signed[field]!r}, shown {shown[field]!r}"
            yield failed(f"store.{field}", f"{where}, {field}", what)
    for table, word in TABLES.items():
        for name in sorted(signed[table].keys() | shown[table].keys()):
            before, now = signed[table].get(name), shown[table].get(name)
            if before != now:
                what = f"signed {before!r}, shown {now!r}"
                yield failed(f"store.{word}", f"{where}, {word} {name!r}", what)
    for name in sorted(signed["metrics"].keys() | shown["metrics"].keys()):
        row = f"{where}, metric {name!r}"
        before = [(p["step"], p["value"], p["timestamp"]) for p in signed["metrics"].get(name, ())]
        now = [(p["step"], p["value"], p["timestamp"]) for p in shown["metrics"].get(name, ())]
        for step, value, _ in sorted(set(before) ^ set(now)):
            word = "signed" if step in {p[0] for p in before} else "shown"
            yield failed("store.metric", f"{row}, step {step}", f"{word} {value}, not both")
        if set(before) == set(now) and before != now:
            yield failed("store.metric", row, "a point of its history is there another time")


def check_versions(entries: list[tuple[str, str, Json]], store: Json) -> Iterator[Found]:
    events = [record for _, kind, record in entries if kind == "model-registered"]
    signed = {(event["model"], event["version"]): event for event in events}
    shown = {(version["model"], version["version"]): version for version in store["versions"]}
    for key in sorted(signed.keys() | shown.keys()):
        where = f"registered model {key[0]!r}, version {key[1]}"
        if key not in shown:
            yield failed("registry.missing", where, "it was signed and is gone")
        elif key not in signed:
            yield failed("registry.unsigned", where, "no statement is about it")
        else:
            event, version = signed[key], shown[key]
            if version["run_id"] != event["mlflow_run"]:
                yield failed("registry.run", where, f"it points to run {version['run_id']}")
            if version["source"] != event["source"]:
                yield failed("registry.source", where, f"it points to {version['source']!r}")
            if version["aliases"] and event["gate"] == "fail":
                yield failed("registry.alias", where, "it has an alias, its gate failed")
            elif "released" in version["aliases"] and event["gate"] != "pass":
                yield failed("registry.alias", where, "it is called released, its gate warned")
            for name in ("gate", "state"):
                shown_tag = version.get("tags", {}).get(f"fedclinic.{name}", event[name])
                if shown_tag != event[name]:
                    what = f"signed {event[name]!r}, shown {shown_tag!r}"
                    yield failed("registry.tag", f"{where}, tag 'fedclinic.{name}'", what)


def check_pages(entries: list[tuple[str, str, Json]], store: Json) -> Iterator[Found]:
    """Compare the pages of sites with what the sites themselves signed."""
    pages = {}
    for run in store["runs"].values():
        if run["tags"].get("fedclinic.kind") == "site":
            parent = store["runs"].get(run["parent"], run)
            site = run["tags"].get("fedclinic.site")
            pages[parent["tags"].get("fedclinic.run"), site] = run
    for _, kind, report in entries:
        page = pages.get((report.get("run"), report.get("site")))
        if kind != "site-report" or report["status"] != "completed" or page is None:
            continue
        for name, value in reported(report).items():
            shown = [
                point["value"]
                for point in page["metrics"].get(name, ())
                if point["step"] == report["round_number"]
            ]
            if shown != [repr(float(value))]:
                where = f"MLflow run {page['run_id']} ({page['name']!r}), metric {name!r}"
                where += f", step {report['round_number']}"
                what = f"site {report['site']} signed {float(value)!r}, shown {shown}"
                yield failed("store.report", where, what)


def reported(report: Json) -> dict[str, float]:
    update, privacy = report.get("update") or {}, report.get("privacy") or {}
    budget = report.get("budget") or {}
    named = {
        "update_bytes": update.get("bytes"),
        "update_norm": update.get("norm"),
        "dp.epsilon": privacy.get("epsilon"),
        "budget.spent_epsilon": budget.get("spent_epsilon"),
        "budget.cap_epsilon": budget.get("cap_epsilon"),
    }
    return {name: value for name, value in named.items() if value is not None}


# --- all together --------------------------------------------------------------------------------


def verify(bundle: Json, trust: Json, store: Json | None) -> list[Found]:
    """Everything that is wrong or cannot be known; nothing if all is right."""
    if bundle.get("format") != FORMAT:
        return [unknown("bundle.format", "bundle", f"this reads {FORMAT!r} only")]
    if bundle["origin"] != trust["origin"]:
        return [unknown("bundle.origin", "bundle", f"it is of log {bundle['origin']!r}")]
    entries, ring, found = open_entries(bundle, trust)
    found += check_seal(bundle, trust, ring)
    story = Story()
    for where, kind, record in entries:
        try:
            found += story.read(where, kind, record)
        except (KeyError, TypeError, AttributeError) as error:
            found.append(unknown("entry.record", where, f"a field is another version's: {error}"))
    found += story.ended()
    return found + (list(check_store(bundle, entries, store)) if store is not None else [])


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("bundle", type=Path)
    parser.add_argument("trust", type=Path)
    parser.add_argument("--mlflow-db", type=Path, help="MLflow's SQLite database")
    parser.add_argument("--experiment", help="the federation's experiment in it")
    arguments = parser.parse_args()
    try:
        bundle, trust = (
            json.loads(path.read_bytes()) for path in (arguments.bundle, arguments.trust)
        )
        store = None
        if arguments.mlflow_db:
            store = read_sqlite(arguments.mlflow_db, arguments.experiment or "")
        found = verify(bundle, trust, store)
    except (OSError, ValueError, KeyError, TypeError, sqlite3.Error) as error:
        found = [unknown("input", "input", f"{type(error).__name__}: {error}")]
        bundle = {"entries": []}
    for severity, check, where, what in found:
        print(f"{severity}: {where}: {what} [{check}]")
    severities = {severity for severity, *_ in found}
    print(
        f"{len(bundle['entries'])} statements: "
        + ("FAILED" if "failed" in severities else "CANNOT VERIFY" if found else "VERIFIED")
    )
    return 1 if "failed" in severities else 3 if found else 0


if __name__ == "__main__":
    sys.exit(main())
