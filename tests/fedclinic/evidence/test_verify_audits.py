"""The steps of an audit in a log: told in another order, or of other coins, they are found."""

from typing import Any

import numpy as np
import pytest

from fedclinic.evidence import standalone_verifier
from fedclinic.evidence.events import AuditCommitted, AuditJudged
from fedclinic.evidence.findings import Finding
from fedclinic.evidence.story import RunStory, Story
from fedclinic.evidence.verify_log import Entry
from fedclinic.evidence.verify_story import _check_entry
from fedclinic.privacy.audit_messages import LoggedGuesses
from fedclinic.privacy.commit_reveal import commit, reveal
from fedclinic.rounds import AuditRevealed, RevealTask
from tests.factories import FAR_FUTURE, make_plan, make_work
from tests.fedclinic.evidence.factory import make_report

COINS = np.array([True, False, True])
NONCE = bytes(32)
AT = 1e9


def committed(**changes: Any) -> AuditCommitted:
    values = {"at": AT, "site": "alder", "run": "run-1", "committed": commit(COINS, NONCE)}
    return AuditCommitted(**values | changes)


def guessed(included: int = 0) -> RevealTask:
    plan = make_plan()
    return RevealTask(
        run="run-1",
        site="alder",
        plan_digest=plan.digest(),
        work=make_work(plan),
        state=None,
        coordinates=(),
        guessed=LoggedGuesses(included=(included,), excluded=(1,)),
        nonce="0" * 32,
        deadline=FAR_FUTURE,
    )


def revealed(coins: np.ndarray = COINS) -> AuditRevealed:
    return AuditRevealed(run="run-1", site="alder", nonce="0" * 32, secret=reveal(coins, NONCE))


def told(*events: Any, report_first: bool = False) -> list[Finding]:
    story = Story()
    run = story.runs["run-1"] = RunStory("sha256:" + "0" * 64, None)
    if report_first:
        run.reports[(1, "alder", 1)] = make_report("alder", 1)
    found: list[Finding] = []
    for index, event in enumerate(events):
        found += _check_entry(story, Entry(index, "", event, f"entry {index}"))
    return found


KIND_OF = {
    AuditCommitted: "audit-committed",
    RevealTask: "reveal-task",
    AuditRevealed: "audit-revealed",
}


def told_alone(*events: Any, report_first: bool = False) -> list[str]:
    """The checks of the one-file verifier that these steps break."""
    story = standalone_verifier.Story()
    run = story.runs["run-1"] = standalone_verifier.Run("sha256:" + "0" * 64, {})
    if report_first:
        run.reports[(1, "alder", 1)] = {}
    found: list[Any] = []
    for index, event in enumerate(events):
        record = event.model_dump(mode="json")
        found += story.read(f"entry {index}", KIND_OF[type(event)], record)
    return [check for _, check, *_ in found]


def test_an_audit_in_its_order_is_told_in_silence():
    right = (committed(), committed(at=AT + 1), guessed(), revealed())
    assert told(*right) == []
    assert told_alone(*right) == []


def test_a_resumed_run_may_ask_again_with_the_guesses_that_it_made_before_the_coins_were_told():
    asked_again = (guessed(), revealed(), guessed(), revealed())
    assert told(committed(), *asked_again) == []
    assert told_alone(committed(), *asked_again) == []
    late = (revealed(), guessed())
    assert [f.check for f in told(committed(), *late)] == ["audit.guessed"]


WRONG = {
    "audit.coins": (committed(), guessed(), revealed(~COINS)),
    "audit.committed": (committed(), committed(committed=commit(~COINS, NONCE))),
    "audit.guessed": (committed(), guessed(), revealed(), guessed(included=2)),
    "audit.unbound": (guessed(), revealed()),
}


@pytest.mark.parametrize("check", WRONG)
def test_an_audit_told_otherwise_is_found(check):
    assert [finding.check for finding in told(*WRONG[check])] == [check]
    assert told_alone(*WRONG[check]) == [check]


def test_coins_that_do_not_exist_open_nothing():
    more = np.array([False] * 9 + [True])
    assert [f.check for f in told(committed(), guessed(), revealed(more))] == ["audit.coins"]
    assert told_alone(committed(), guessed(), revealed(more)) == ["audit.coins"]


def test_a_site_that_commits_after_it_trained_is_found():
    assert [f.check for f in told(committed(), report_first=True)] == ["audit.late"]
    assert told_alone(committed(), report_first=True) == ["audit.late"]


def test_a_failed_audit_names_whom_it_is_of():
    judged = AuditJudged(
        at=AT,
        run="run-1",
        round_number=None,
        site=None,
        audit="commit-reveal",
        verdict="fail",
        numbers={},
        subject="alder",
    )
    assert judged.about == "alder"
    assert judged.model_copy(update={"subject": None}).about == "the model"
