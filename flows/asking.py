"""Put tasks other than a round's to a site, and open what it answers."""

import secrets
from typing import TypeVar

from fedclinic.answers import Answer
from fedclinic.errors import RunError, SignatureError
from fedclinic.evidence.keys import SigningKey
from fedclinic.evidence.statement import open_record, sign, statement_kind
from fedclinic.plan import FederationPlan
from fedclinic.records import Digest, Record
from fedclinic.rounds import (
    DECLINED_KIND,
    EVALUATED_KIND,
    EVALUATION_KIND,
    PREPARE_KIND,
    PREPARED_KIND,
    EvaluationReport,
    EvaluationTask,
    LedgerHead,
    PrepareTask,
    SitePrepared,
    TaskDeclined,
    Work,
)
from flows.sites import EVALUATION_SITE, Sites

SomeRecord = TypeVar("SomeRecord", bound=Record)


def ask_to_prepare(  # noqa: PLR0913 - each names a part of the task
    sites: Sites,
    site: str,
    plan: FederationPlan,
    run: str,
    key: SigningKey,
    *,
    deadline: float,
    witness: LedgerHead | None = None,
) -> tuple[SitePrepared, Answer]:
    """Have a site check itself and bring its de-identified notes up to date.

    Returns:
        What it prepared, and everything that it stated with it.

    Raises:
        RunError: if the site cannot take part; its message says what the site says.
    """
    task = PrepareTask(
        run=run,
        site=site,
        plan_digest=plan.digest(),
        task=plan.task_at(site),
        base_model=plan.base_model,
        layers=plan.layers,
        nonce=secrets.token_hex(16),
        deadline=deadline,
        witness=witness,
    )
    prepared, answer = _ask(sites, task, (PREPARE_KIND, PREPARED_KIND), SitePrepared, key)
    _check_bound(site, prepared.nonce == task.nonce and prepared.run == run)
    return prepared, answer


def ask_to_evaluate(  # noqa: PLR0913 - each names a part of the task
    sites: Sites,
    *,
    run: str,
    round_number: int,
    subject: str,
    plan_digest: Digest,
    work: Work,
    state: Digest | None,
    groups: tuple[str, ...],
    key: SigningKey,
    deadline: float,
) -> EvaluationReport:
    """Measure a state on the evaluation notes.

    Raises:
        RunError: if it could not be measured.
    """
    task = EvaluationTask(
        run=run,
        round_number=round_number,
        site=EVALUATION_SITE,
        subject=subject,
        plan_digest=plan_digest,
        work=work,
        state=state,
        groups=groups,
        nonce=secrets.token_hex(16),
        deadline=deadline,
    )
    report, _ = _ask(sites, task, (EVALUATION_KIND, EVALUATED_KIND), EvaluationReport, key)
    asked = (run, round_number, subject)
    _check_bound(EVALUATION_SITE, (report.run, report.round_number, report.subject) == asked)
    return report


def _ask(
    sites: Sites,
    task: PrepareTask | EvaluationTask,
    kinds: tuple[str, str],
    record: type[SomeRecord],
    key: SigningKey,
) -> tuple[SomeRecord, Answer]:
    """Submit a task of the first kind and open an answer of the second."""
    asked, expected = kinds
    answer = sites.submit(task.site, sign(task, asked, key))
    trusted = {sites.key(task.site).key_id: sites.key(task.site)}
    try:
        if statement_kind(answer.last) == DECLINED_KIND:
            declined = open_record(answer.last, trusted, DECLINED_KIND, TaskDeclined)
            reason = answer.problem or f"{declined.status}: {declined.error}"
            raise RunError(f"site {task.site}: {reason}")
        return open_record(answer.last, trusted, expected, record), answer
    except SignatureError as error:
        raise RunError(f"site {task.site} gave no valid answer: {error}") from None


def _check_bound(site: str, bound: bool) -> None:
    if not bound:
        raise RunError(f"site {site} answered another task than it was given")
