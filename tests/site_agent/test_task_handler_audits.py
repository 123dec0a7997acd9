"""A site is bound to its coins before it trains, and tells them for one set of guesses."""

from typing import Any

import numpy as np

from fedclinic.errors import DataError, PolicyError
from fedclinic.evidence.events import AuditCommitted, AuditJudged, PlantedScored
from fedclinic.evidence.statement import Envelope, sign, statement_kind
from fedclinic.privacy.audit_messages import CoinCommitment, LoggedGuesses
from fedclinic.privacy.commit_reveal import coins_of, commit, guess
from fedclinic.rounds import (
    PREPARED_KIND,
    REPORT_KIND,
    REVEAL_KIND,
    REVEALED_KIND,
    TASK_KIND,
    AuditRevealed,
    RevealTask,
    SiteReport,
)
from site_agent.task_handler import TaskHandler
from tests.factories import DIGEST, FAR_FUTURE, make_round_task, make_work
from tests.site_agent.desk import POLICIES, opened, prepare, problem_of, statement_of
from tests.tiny_site import COORDINATOR


def reveal_task(**changes: Any) -> Envelope:
    values: dict[str, Any] = {
        "run": "run-a",
        "site": "north",
        "plan_digest": DIGEST,
        "work": make_work(),
        "state": None,
        "coordinates": (),
        "guessed": None,
        "nonce": "0" * 32,
        "deadline": FAR_FUTURE,
    }
    return sign(RevealTask.model_validate(values | changes), REVEAL_KIND, COORDINATOR)


def trained(handler: TaskHandler) -> tuple[CoinCommitment, list[SiteReport]]:
    """Two rounds of a run, and what the site was bound to before them."""
    answer = handler.handle(prepare())
    bound = statement_of(handler, answer, "audit-committed", AuditCommitted)
    tasks = [sign(make_round_task(round_number=n), TASK_KIND, COORDINATOR) for n in (1, 2)]
    return bound.committed, [opened(handler, task, REPORT_KIND, SiteReport) for task in tasks]


def guesses(count: int = 1000) -> LoggedGuesses:
    return guess(np.arange(count, dtype=float), 200)


def test_a_site_is_bound_to_its_coins_before_it_trains_and_again_to_the_same(desk):
    handler = desk.handler()
    answer = handler.handle(prepare())
    assert [statement_kind(said) for said in answer.statements] == [
        *POLICIES,
        "audit-committed",
        PREPARED_KIND,
    ]
    first = statement_of(handler, answer, "audit-committed", AuditCommitted)
    again = statement_of(
        handler, desk.handler().handle(prepare()), "audit-committed", AuditCommitted
    )
    assert first.committed == again.committed
    other = handler.handle(prepare(run="run-b"))
    assert (
        statement_of(handler, other, "audit-committed", AuditCommitted).committed != first.committed
    )


def test_at_the_end_of_a_run_a_site_judges_itself_scores_the_planted_and_tells_its_coins(desk):
    handler = desk.handler()
    committed, reports = trained(handler)
    coordinates = tuple(report.audit.coordinates for report in reports if report.audit)
    answer = handler.handle(reveal_task(coordinates=coordinates, guessed=guesses()))
    assert answer.problem == ""
    judged = statement_of(handler, answer, "audit-judged", AuditJudged)
    assert judged.verdict in ("pass", "warn")
    assert judged.numbers["steps"] == 6
    scored = statement_of(handler, answer, "planted-scored", PlantedScored)
    limits = handler.site.auditing_policy.memorisation
    assert len(scored.scores.members) == limits.planted
    assert len(scored.scores.others) == limits.unplanted
    told = statement_of(handler, answer, REVEALED_KIND, AuditRevealed)
    coins = coins_of(told.secret, committed.canaries)
    assert commit(coins, bytes.fromhex(told.secret.nonce)) == committed


def test_coins_are_told_for_the_first_guesses_only(desk):
    handler = desk.handler()
    _, reports = trained(handler)
    coordinates = tuple(report.audit.coordinates for report in reports if report.audit)
    first = reveal_task(coordinates=coordinates, guessed=guesses())
    assert handler.handle(first).problem == ""
    assert handler.handle(first).problem == ""
    flipped = guesses().model_copy(
        update={"included": guesses().excluded, "excluded": guesses().included}
    )
    other = reveal_task(coordinates=coordinates, guessed=flipped)
    assert "told for other guesses" in problem_of(desk, other, PolicyError)


def test_coins_are_not_told_about_coordinates_that_are_not_the_sites_own(desk):
    handler = desk.handler()
    trained(handler)
    strange = reveal_task(coordinates=("sha256:" + "3" * 64,), guessed=guesses())
    assert "is not in" in problem_of(desk, strange, DataError)


def test_a_run_that_the_site_knows_nothing_of_is_not_revealed(desk):
    assert "was not audited here" in problem_of(desk, reveal_task(run="run-z"), DataError)
