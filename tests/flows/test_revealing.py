"""The end of an audit: what the coordinator says of a site that keeps its word, and of others."""

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from fedclinic.answers import Answer
from fedclinic.errors import RunError
from fedclinic.evidence.events import AuditCommitted, AuditJudged, PlantedScored
from fedclinic.evidence.plain_words import explain_audit
from fedclinic.evidence.statement import Envelope, open_record, sign, statement_kind
from fedclinic.privacy.accounting import epsilon
from fedclinic.privacy.audit_coordinates import Coordinates
from fedclinic.privacy.audit_messages import PlantedScores
from fedclinic.privacy.audit_verdict import Claim, judge_transcript
from fedclinic.privacy.commit_reveal import Transcript, commit, reveal
from fedclinic.records import Record
from fedclinic.rounds import REVEALED_KIND, AuditRevealed, RevealTask
from fedclinic.updates.blobs import BlobFolder
from flows.memory_gate import judge_memory
from flows.revealing import (
    NO_COINS,
    NO_HEAD,
    NO_REVEAL,
    OTHER_VERDICT,
    Audited,
    SiteAudit,
    audit_site,
    failures,
    installed_policy,
)
from flows.rounds import work_of
from tests.factories import (
    FAR_FUTURE,
    make_plan,
    make_signing_key,
    make_unprotected,
    privacy_values,
)
from tests.fakes import installed_auditing_policy

PLAN = make_plan(
    privacy=privacy_values(noise_multiplier=1.0, steps_per_round=40, sampling_rate=0.05)
)
KEY, SITE_KEY = make_signing_key(1), make_signing_key(2)
POLICY = installed_auditing_policy(canaries=400)
NOW = 1_750_000_000.0
RNG = np.random.default_rng(0)
COINS = RNG.random(400) < 0.5
NONCE = bytes(range(32))


def drawn(*, noise: float = 1.0) -> Coordinates:
    """One round's coordinates by the plan's law, or with other noise, as they are sent."""
    rate, shape = PLAN.privacy.sampling_rate, (PLAN.privacy.steps_per_round, 400)
    joined = (RNG.random(shape) < rate) * COINS / np.sqrt(2)
    left, right = (joined + noise * RNG.normal(size=shape) for _ in range(2))
    content = Coordinates(left, right).tobytes()
    return Coordinates.of_bytes(content, steps=shape[0], canaries=400)


@dataclass
class FakeSite:
    """A site that keeps its word; a test makes it break it."""

    rounds: list[Coordinates]
    tell: Callable[[Record], Record | None] = lambda record: record
    scores: PlantedScores | None = None
    asked: list[RevealTask] = field(default_factory=list)

    def submit(self, site: str, envelope: Envelope) -> Answer:
        task = open_record(envelope, {KEY.key_id: KEY.public}, "reveal-task", RevealTask)
        self.asked.append(task)
        said = [self.tell(record) for record in self._records(task)]
        kinds = {AuditJudged: "audit-judged", PlantedScored: "planted-scored"}
        statements = tuple(
            sign(record, kinds.get(type(record), REVEALED_KIND), SITE_KEY)
            for record in said
            if record is not None
        )
        if not statements or statement_kind(statements[-1]) != REVEALED_KIND:
            raise RunError("no answer")
        return Answer(statements=statements)

    def key(self, site: str) -> Any:
        return SITE_KEY.public

    def _records(self, task: RevealTask) -> list[Record]:
        secret = reveal(COINS, NONCE)
        records: list[Record] = []
        if task.guessed is not None:
            mechanism = PLAN.privacy.mechanism()
            claim = Claim(mechanism, epsilon([mechanism] * 2, delta=1e-5), 1e-5)
            transcript = Transcript(commit(COINS, NONCE), task.coordinates, task.guessed, secret)
            verdict = judge_transcript(transcript, self.rounds, claim, POLICY.thresholds)
            records.append(
                AuditJudged(
                    at=NOW,
                    run=task.run,
                    round_number=None,
                    site="north",
                    audit="audit-head",
                    verdict=verdict.verdict,
                    numbers=verdict.numbers(),
                )
            )
        if self.scores is not None:
            records.append(
                PlantedScored(
                    at=NOW, site="north", run=task.run, state=task.state, scores=self.scores
                )
            )
        told = AuditRevealed(run=task.run, site="north", nonce=task.nonce, secret=secret)
        return [*records, told]


@pytest.fixture
def blobs(tmp_path: Path) -> BlobFolder:
    return BlobFolder(tmp_path)


def audited(blobs: BlobFolder, rounds: list[Coordinates], **changes: Any) -> Audited:
    committed = AuditCommitted(at=NOW, site="north", run="run-a", committed=commit(COINS, NONCE))
    values: dict[str, Any] = {
        "run": "run-a",
        "plan": PLAN,
        "work": work_of(PLAN),
        "state": None,
        "key": KEY,
        "site_keys": {"north": SITE_KEY.public},
        "blobs": blobs,
        "policy": POLICY,
        "committed": {"north": sign(committed, "audit-committed", SITE_KEY)},
        "coordinates": {"north": tuple(blobs.put([part.tobytes()])[0] for part in rounds)},
    }
    return Audited(**values | changes)


def finish(asked: Audited, site: FakeSite) -> SiteAudit:
    return audit_site(asked, site, "north", deadline=FAR_FUTURE)


def judged(asked: Audited, site: FakeSite) -> tuple[str, str | None]:
    found = finish(asked, site).judged
    assert found is not None
    assert found.subject == "north"
    assert found.site is None
    return found.verdict, found.reason


def test_a_site_that_did_what_was_planned_and_kept_its_word_passes(blobs):
    rounds = [drawn(), drawn()]
    site = FakeSite(rounds)
    result = finish(audited(blobs, rounds), site)
    assert result.judged is not None
    assert result.judged.verdict == "pass"
    assert result.judged.reason is None
    assert result.judged.numbers["steps"] == 80
    assert result.judged.numbers["largest_refutable_epsilon"] > 4
    kinds = [statement_kind(said) for said in result.said]
    assert kinds == ["reveal-task", "audit-judged", "audit-revealed"]


def test_the_guesses_are_signed_before_the_coins_are_told_and_know_nothing_of_them(blobs):
    rounds = [drawn(), drawn()]
    site = FakeSite(rounds)
    finish(audited(blobs, rounds), site)
    (task,) = site.asked
    assert task.guessed is not None
    assert len(task.guessed.included) == len(task.guessed.excluded) == 80
    assert not set(task.guessed.included) & set(task.guessed.excluded)


def test_a_site_with_too_little_noise_fails_and_is_told_why(blobs):
    rounds = [drawn(noise=0.8), drawn(noise=0.8)]
    verdict, reason = judged(audited(blobs, rounds), FakeSite(rounds))
    assert verdict == "fail"
    assert reason is not None
    assert reason.startswith("its steps do not look like the plan's")


def test_a_site_without_any_noise_is_refuted_by_the_bound(blobs):
    rounds = [drawn(noise=1e-3), drawn(noise=1e-3)]
    found = finish(audited(blobs, rounds), FakeSite(rounds)).judged
    assert found is not None
    assert found.verdict == "fail"
    assert found.numbers["epsilon_lower_bound"] > found.numbers["epsilon_claimed"]


def test_coins_other_than_those_committed_fail(blobs):
    other = COINS.copy()
    other[:7] = ~other[:7]

    def swap(record: Record) -> Record:
        if isinstance(record, AuditRevealed):
            return record.model_copy(update={"secret": reveal(other, NONCE)})
        return record

    rounds = [drawn(), drawn()]
    verdict, reason = judged(audited(blobs, rounds), FakeSite(rounds, tell=swap))
    assert (verdict, reason) == (
        "fail",
        "the revealed coins are not those that the site committed to",
    )


def test_a_site_that_says_better_of_itself_than_its_coordinates_show_fails(blobs):
    def boast(record: Record) -> Record:
        if isinstance(record, AuditJudged):
            return record.model_copy(update={"numbers": record.numbers | {"conformance_p": 0.99}})
        return record

    rounds = [drawn(), drawn()]
    assert judged(audited(blobs, rounds), FakeSite(rounds, tell=boast)) == ("fail", OTHER_VERDICT)


def test_a_site_that_says_nothing_of_itself_fails(blobs):
    rounds = [drawn(), drawn()]
    mute = FakeSite(rounds, tell=lambda r: None if isinstance(r, AuditJudged) else r)
    assert judged(audited(blobs, rounds), mute) == ("fail", OTHER_VERDICT)


def test_a_site_that_was_bound_to_no_coins_fails(blobs):
    rounds = [drawn(), drawn()]
    asked = audited(blobs, rounds, committed={})
    assert judged(asked, FakeSite(rounds)) == ("fail", NO_COINS)


def test_coordinates_that_are_not_there_or_not_of_the_plan_fail(blobs):
    rounds = [drawn(), drawn()]
    gone = {"north": ("sha256:" + "0" * 64,)}
    verdict, reason = judged(audited(blobs, rounds, coordinates=gone), FakeSite(rounds))
    assert verdict == "fail"
    assert reason is not None
    assert "is not in" in reason
    short = {"north": (blobs.put([b"\0" * 8])[0],)}
    verdict, reason = judged(audited(blobs, rounds, coordinates=short), FakeSite(rounds))
    assert verdict == "fail"
    assert reason is not None
    assert "canaries over 40 steps" in reason


def test_a_site_that_reveals_nothing_is_a_warning(blobs):
    rounds = [drawn(), drawn()]
    mute = FakeSite(rounds, tell=lambda r: None if isinstance(r, AuditRevealed) else r)
    verdict, reason = judged(audited(blobs, rounds), mute)
    assert verdict == "warn"
    assert reason is not None
    assert reason == "no answer" or reason.startswith(NO_REVEAL)


def test_a_site_whose_policy_switched_the_head_off_is_a_warning(blobs):
    asked = audited(blobs, [], coordinates={})
    assert judged(asked, FakeSite([])) == ("warn", NO_HEAD)


def test_a_run_without_privacy_has_no_trainer_to_judge(blobs):
    plan = make_plan(privacy=make_unprotected().model_dump())
    asked = replace(audited(blobs, [], coordinates={}), plan=plan, work=work_of(plan))
    assert finish(asked, FakeSite([])).judged is None


def scores(shift: float) -> PlantedScores:
    return PlantedScores(
        members=tuple(RNG.normal(shift, 1, 8)), others=tuple(RNG.normal(0, 1, 200))
    )


def judged_memory(planted: list[PlantedScores]) -> AuditJudged | None:
    return judge_memory("run-a", installed_policy().memorisation, planted)


def test_a_model_that_remembers_planted_patients_fails_with_what_it_fails_on():
    good, bad = (judged_memory([scores(shift)] * 4) for shift in (0.0, 5.0))
    assert good is not None
    assert bad is not None
    assert good.verdict == "pass"
    assert bad.verdict == "fail"
    assert bad.reason is not None
    assert "membership AUC" in bad.reason
    assert bad.numbers["planted"] == 32
    assert "extracted" not in bad.numbers


def test_a_model_is_not_judged_where_nobody_planted_anything():
    assert judged_memory([]) is None


def test_planted_scores_of_another_model_do_not_count(blobs):
    rounds = [drawn(), drawn()]

    def other_state(record: Record) -> Record:
        if isinstance(record, PlantedScored):
            return record.model_copy(update={"state": "sha256:" + "1" * 64})
        return record

    honest = FakeSite(rounds, scores=scores(0))
    assert finish(audited(blobs, rounds), honest).scores == honest.scores
    liar = FakeSite(rounds, scores=scores(0), tell=other_state)
    assert finish(audited(blobs, rounds), liar).scores is None


def test_what_fails_is_told_in_one_sentence_and_what_warns_stops_nothing(blobs):
    rounds = [drawn(noise=0.8), drawn(noise=0.8)]
    failed = finish(audited(blobs, rounds), FakeSite(rounds)).judged
    warned = finish(audited(blobs, [], coordinates={}), FakeSite([])).judged
    remembered = judged_memory([scores(5.0)] * 4)
    assert failed is not None
    assert warned is not None
    assert remembered is not None
    trainer, model = failures([failed, warned, remembered])
    assert trainer.startswith("commit-reveal of north failed: its steps do not look like")
    assert model.startswith("memorisation of the model failed: it fails on")
    assert failures([warned]) == []


def test_verdicts_are_explained_with_what_they_could_not_have_seen(blobs):
    rounds = [drawn(), drawn()]
    passed = finish(audited(blobs, rounds), FakeSite(rounds)).judged
    remembered = judged_memory([scores(5.0)] * 4)
    assert passed is not None
    assert remembered is not None
    assert "largest epsilon that this audit could have refuted is 4.8" in explain_audit(passed)
    words = explain_audit(remembered)
    assert "is right with area 1.00" in words
    assert words.endswith(f"Finding: {remembered.reason}.")
