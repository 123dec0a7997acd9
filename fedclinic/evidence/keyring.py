"""Whose key is in force at each entry of a log: joining, rotation and revocation, in order."""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field

from pydantic import BaseModel

from fedclinic.evidence.bundle import Trust, verify_key
from fedclinic.evidence.events import COORDINATOR, KeyRotated, SiteJoined, SiteRevoked
from fedclinic.evidence.findings import Finding, failed, unverifiable
from fedclinic.evidence.keys import KeyId, VerifyKey
from fedclinic.evidence.statement import (
    Envelope,
    parse_statement,
    signed_by,
    statement_content,
    statement_kind,
)
from fedclinic.records import Record

_KEY_EVENTS: Mapping[str, type[Record]] = {
    "site-joined": SiteJoined,
    "site-revoked": SiteRevoked,
    "key-rotated": KeyRotated,
}


@dataclass
class Keyring:
    """The keys that a log has introduced so far; starts with the coordinator's only."""

    current: dict[str, VerifyKey]
    """The key in force, by actor."""
    held: dict[str, list[str]] = field(default_factory=dict)
    """Every public key that an actor ever had, hexadecimal."""
    lineages: dict[str, list[list[str]]] = field(default_factory=dict)
    """A site's keys for each time it joined: each key but the first is vouched for by the last."""
    revoked: set[KeyId] = field(default_factory=set)

    @classmethod
    def start(cls, trust: Trust) -> "Keyring":
        return cls({COORDINATOR: verify_key(trust.coordinator)}, {COORDINATOR: [trust.coordinator]})

    @classmethod
    def named_by(cls, envelopes: Iterable[Envelope], coordinator: str) -> "Keyring":
        """The keys that a log names, believed: good for writing it, not for verifying it."""
        ring = cls({COORDINATOR: verify_key(coordinator)}, {COORDINATOR: [coordinator]})
        for envelope in envelopes:
            record = _KEY_EVENTS.get(statement_kind(envelope))
            if record is not None:
                predicate = parse_statement(statement_content(envelope))["predicate"]
                list(ring.follow(record.model_validate(predicate), envelope, ""))
        return ring

    def site_keys(self) -> dict[str, VerifyKey]:
        """The key of each site that is in force."""
        return {
            actor: key
            for actor, key in self.current.items()
            if actor != COORDINATOR and key.key_id not in self.revoked
        }

    def check_signature(self, envelope: Envelope, actor: str, where: str) -> Iterator[Finding]:
        """Check that an entry is signed with the key that its actor has now."""
        key = self.current.get(actor)
        if key is None:
            yield failed("signature.unknown", where, f"{actor} had no key in the log by then")
        elif key.key_id in self.revoked:
            yield failed("signature.revoked", where, f"the key of {actor} was revoked before")
        elif not signed_by(envelope, {key.key_id: key}):
            signer = self._actual_signer(envelope)
            yield failed("signature.bad", where, f"not signed by {actor}'s key but by {signer}")

    def follow(self, event: BaseModel, envelope: Envelope, where: str) -> Iterator[Finding]:
        """Take in an entry that changes keys."""
        if isinstance(event, SiteJoined):
            yield from self._join(event, where)
        elif isinstance(event, SiteRevoked):
            if event.key_id not in {verify_key(k).key_id for k in self.held.get(event.site, ())}:
                yield failed("key.revoked", where, f"{event.site} never had key {event.key_id}")
            self.revoked.add(event.key_id)
        elif isinstance(event, KeyRotated):
            yield from self._rotate(event, envelope, where)

    def compare(self, trust: Trust) -> Iterator[Finding]:
        """Compare every site's keys with those its hospital gave the auditor."""
        for site, lineages in sorted(self.lineages.items()):
            where = f"site {site}"
            given = trust.given(site)
            unknown = [keys for keys in lineages if not given.intersection(keys)]
            if not given:
                yield unverifiable("key.unknown", where, "only the coordinator vouches for its key")
            elif len(unknown) == len(lineages):
                yield failed("key.foreign", where, "its key is not the one its hospital gave")
            elif unknown:
                key_id = verify_key(unknown[0][0]).key_id
                what = f"only the coordinator vouches for the key {key_id} that it had another time"
                yield unverifiable("key.unknown", where, what)

    def witness_keys(self, trust: Trust) -> dict[str, VerifyKey]:
        """Keys that may cosign: where a witness is a site that rotated, the one it has now."""
        keys = {}
        for name, given in trust.witnesses.items():
            last = self.lineages.get(name, [[]])[-1]
            key = self.current[name] if given in last else verify_key(given)
            if key.key_id not in self.revoked:
                keys[name] = key
        return keys

    def _join(self, event: SiteJoined, where: str) -> Iterator[Finding]:
        known = self.current.get(event.site)
        if event.site == COORDINATOR:
            yield failed("key.joined", where, "a site may not be called coordinator")
            return
        if known is not None and known.key_id not in self.revoked:
            yield failed("key.joined", where, f"{event.site} joined again; its key was in force")
        self.current[event.site] = verify_key(event.public_key)
        self.held.setdefault(event.site, []).append(event.public_key)
        self.lineages.setdefault(event.site, []).append([event.public_key])

    def _rotate(self, event: KeyRotated, envelope: Envelope, where: str) -> Iterator[Finding]:
        known, new = self.current.get(event.actor), verify_key(event.public_key)
        if known is not None and known.key_id != event.old_key_id:
            yield failed("key.rotated", where, f"{event.actor} had another key before")
        if not signed_by(envelope, {new.key_id: new}):
            yield failed("key.rotated", where, "the new key did not sign: it may not be theirs")
        self.current[event.actor] = new
        self.held.setdefault(event.actor, []).append(event.public_key)
        if event.actor in self.lineages:
            self.lineages[event.actor][-1].append(event.public_key)

    def _actual_signer(self, envelope: Envelope) -> str:
        for actor, keys in sorted(self.held.items()):
            for key in map(verify_key, keys):
                if signed_by(envelope, {key.key_id: key}):
                    return f"{actor}'s" if key == self.current[actor] else f"an old one of {actor}"
        return "none that is known, or its content was changed"
