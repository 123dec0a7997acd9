"""End a run's audits: guess the coins, have them revealed, judge, and hold the model to its limits.

The coordinator signs its guesses before a site tells its coins, and judges again whatever a site
says of itself. Nothing here can stop what was trained; it decides whether a model is registered.
"""

import math
import secrets
import time
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from importlib import resources
from typing import TypeVar

from fedclinic.answers import Answer
from fedclinic.config import parse_document
from fedclinic.errors import FedclinicError, RunError, SignatureError
from fedclinic.evidence.events import (
    AuditCommitted,
    AuditJudged,
    PlantedScored,
    Verdict,
)
from fedclinic.evidence.keys import SigningKey, VerifyKey
from fedclinic.evidence.kinds import kind_of_record
from fedclinic.evidence.statement import Envelope, open_record, sign, statement_kind
from fedclinic.plan import FederationPlan, PatientPrivacy
from fedclinic.privacy.accounting import epsilon
from fedclinic.privacy.audit_coordinates import Coordinates
from fedclinic.privacy.audit_messages import LoggedGuesses, PlantedScores
from fedclinic.privacy.audit_verdict import (
    AuditVerdict,
    Claim,
    guess_from,
    join,
    judge_transcript,
)
from fedclinic.privacy.auditing_policy import AuditingPolicy
from fedclinic.privacy.commit_reveal import Transcript
from fedclinic.records import Digest, Name, Record
from fedclinic.rounds import REVEAL_KIND, REVEALED_KIND, AuditRevealed, RevealTask, Work
from fedclinic.updates.blobs import BlobFolder
from flows.sites import Sites

SomeEvent = TypeVar("SomeEvent", bound=Record)

_SAME = 1e-6
"""Relative difference that two computers' arithmetic may have."""

NO_HEAD = "its auditing policy switched the audit head off"
NO_COINS = "it was bound to no coins before it trained"
NO_REVEAL = "it did not reveal its coins"
OTHER_VERDICT = "what it states of its audit is not what its coordinates show"


@dataclass(frozen=True)
class Audited:
    """A run whose rounds are done, as its audits need it."""

    run: Name
    plan: FederationPlan
    work: Work
    state: Digest | None
    """The model that is about to be released."""
    key: SigningKey
    site_keys: Mapping[str, VerifyKey]
    blobs: BlobFolder
    policy: AuditingPolicy
    committed: Mapping[str, Envelope]
    """What each site stated before it trained, if it did: its commitment."""
    coordinates: Mapping[str, tuple[Digest, ...]]
    """Each site's coordinates, round by round, as its admitted reports name them."""


@dataclass(frozen=True)
class SiteAudit:
    """What the reveal of one site brought."""

    said: tuple[Envelope, ...] = ()
    """The signed guesses and the site's statements, in order."""
    judged: AuditJudged | None = None
    """What the coordinator says; None where there was nothing to audit."""
    scores: PlantedScores | None = None


@dataclass
class _Reveal:
    """One site's reveal on its way."""

    audited: Audited
    site: Name
    said: list[Envelope] = field(default_factory=list)
    scores: PlantedScores | None = None

    @property
    def trusted(self) -> dict[str, VerifyKey]:
        key = self.audited.site_keys[self.site]
        return {key.key_id: key}


def installed_policy() -> AuditingPolicy:
    """The coordinator's own measure: policies/auditing.yaml as installed."""
    text = resources.files("policies").joinpath("auditing.yaml").read_text(encoding="utf-8")
    return parse_document(text, AuditingPolicy, source="policies/auditing.yaml")


def audit_site(audited: Audited, sites: Sites, site: Name, *, deadline: float) -> SiteAudit:
    """Guess a site's coins, have it reveal them, and judge it; raises for nothing a site does."""
    going = _Reveal(audited, site)
    digests = audited.coordinates.get(site, ())
    try:
        rounds = _read(audited, digests, _committed(going))
        guessed = _guess(audited, rounds)
        answer = _ask(going, sites, guessed, digests, deadline)
        judged = None if guessed is None else _judge(going, answer, guessed, rounds)
    except FedclinicError as error:
        verdict: Verdict = "warn" if isinstance(error, RunError) else "fail"
        judged = _say(audited, site, verdict, reason=str(error)[:500])
    if judged is None and isinstance(audited.plan.privacy, PatientPrivacy):
        judged = _say(audited, site, "warn", reason=NO_HEAD)
    return SiteAudit(tuple(going.said), judged, going.scores)


def failures(audits: Iterable[AuditJudged]) -> list[str]:
    """Why a model must not be registered, one sentence an audit that failed."""
    return [
        f"{audit.audit} of {audit.about} failed: {audit.reason or 'see the report'}"
        for audit in audits
        if audit.verdict == "fail"
    ]


def _committed(going: _Reveal) -> AuditCommitted | None:
    statement = going.audited.committed.get(going.site)
    if statement is None:
        return None
    return open_record(statement, going.trusted, "audit-committed", AuditCommitted)


def _read(
    audited: Audited, digests: Sequence[Digest], committed: AuditCommitted | None
) -> list[Coordinates]:
    """Read the coordinates that a site's reports name.

    Raises:
        FedclinicError: if they are not what the plan's steps leave, or the site was not bound.
    """
    privacy = audited.plan.privacy
    if not digests or not isinstance(privacy, PatientPrivacy):
        return []
    if committed is None:
        raise SignatureError(NO_COINS)
    return [
        Coordinates.of_bytes(
            audited.blobs.find(digest).read_bytes(),
            steps=privacy.steps_per_round,
            canaries=committed.committed.canaries,
        )
        for digest in digests
    ]


def _guess(audited: Audited, rounds: Sequence[Coordinates]) -> LoggedGuesses | None:
    privacy = audited.plan.privacy
    if not rounds or not isinstance(privacy, PatientPrivacy):
        return None
    return guess_from(join(rounds), privacy.mechanism())


def _ask(
    going: _Reveal,
    sites: Sites,
    guessed: LoggedGuesses | None,
    digests: Sequence[Digest],
    deadline: float,
) -> Answer:
    """Sign the guesses, then ask; keeps what was said, and the scores of the planted.

    Raises:
        RunError: if the site reveals nothing.
    """
    audited = going.audited
    task = RevealTask(
        run=audited.run,
        site=going.site,
        plan_digest=audited.plan.digest(),
        work=audited.work.model_copy(update={"task": audited.plan.task_at(going.site)}),
        state=audited.state,
        coordinates=tuple(digests) if guessed is not None else (),
        guessed=guessed,
        nonce=secrets.token_hex(16),
        deadline=deadline,
    )
    signed = sign(task, REVEAL_KIND, audited.key)
    going.said.append(signed)
    answer = sites.submit(going.site, signed)
    if statement_kind(answer.last) != REVEALED_KIND:
        raise RunError(f"{NO_REVEAL}: {answer.problem or 'declined'}")
    revealed = open_record(answer.last, going.trusted, REVEALED_KIND, AuditRevealed)
    if revealed.nonce != task.nonce:
        raise SignatureError("it answered another task than it was given")
    going.said.extend(answer.statements)
    for scored in _opened(going, answer, PlantedScored):
        if (scored.run, scored.state) == (audited.run, audited.state):
            going.scores = scored.scores
    return answer


def _judge(
    going: _Reveal, answer: Answer, guessed: LoggedGuesses, rounds: Sequence[Coordinates]
) -> AuditJudged:
    """Judge a site by what it revealed, and compare with what it says of itself.

    Raises:
        EvidenceError: if it did not keep its word.
    """
    audited, privacy = going.audited, going.audited.plan.privacy
    committed = _committed(going)
    if committed is None or not isinstance(privacy, PatientPrivacy):
        raise SignatureError(NO_COINS)
    revealed = open_record(answer.last, going.trusted, REVEALED_KIND, AuditRevealed)
    mechanism = privacy.mechanism()
    claim = Claim(mechanism, epsilon([mechanism] * len(rounds), delta=privacy.delta), privacy.delta)
    transcript = Transcript(
        committed.committed, audited.coordinates[going.site], guessed, revealed.secret
    )
    verdict = judge_transcript(transcript, rounds, claim, audited.policy.thresholds)
    own = [said for said in _opened(going, answer, AuditJudged) if said.audit == "audit-head"]
    if not own or not _alike(own[-1], verdict):
        return _say(audited, going.site, "fail", verdict.numbers(), OTHER_VERDICT)
    reason = None if verdict.verdict == "pass" else _why(verdict)
    return _say(audited, going.site, verdict.verdict, verdict.numbers(), reason)


def _opened(going: _Reveal, answer: Answer, record: type[SomeEvent]) -> list[SomeEvent]:
    """A site's statements of one kind."""
    kind = kind_of_record(record)
    return [
        open_record(statement, going.trusted, kind, record)
        for statement in answer.events
        if statement_kind(statement) == kind
    ]


def _alike(own: AuditJudged, verdict: AuditVerdict) -> bool:
    """Whether a site says the same of what its canaries showed; its claim is its own ledger's."""
    ours = verdict.numbers()
    compared = ("epsilon_lower_bound", "conformance_p", "noise_multiplier_seen")
    return all(
        math.isclose(own.numbers.get(name, math.nan), ours[name], rel_tol=_SAME, abs_tol=1e-300)
        for name in compared
    )


def _why(verdict: AuditVerdict) -> str:
    if verdict.epsilon_at_least > verdict.epsilon_claimed:
        return "its canaries prove a larger epsilon than the plan claims"
    worst = min(verdict.p_values, key=lambda name: verdict.p_values[name])
    return f"its steps do not look like the plan's ({worst}, p {verdict.conformance_p:.1e})"


def _say(
    audited: Audited,
    site: Name,
    verdict: Verdict,
    numbers: Mapping[str, float] | None = None,
    reason: str | None = None,
) -> AuditJudged:
    return AuditJudged(
        at=time.time(),
        run=audited.run,
        round_number=None,
        site=None,
        audit="commit-reveal",
        verdict=verdict,
        numbers=dict(numbers or {}),
        subject=site,
        reason=reason,
    )
