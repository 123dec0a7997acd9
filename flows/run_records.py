"""Write what happens in a run: each write takes the signed event or makes it, so none is without.

The folder is for the coordinator to go on from, the log for everybody else. Files come first and
statements second where a resumed run writes the file again, and a statement comes once.
"""

import time
from collections.abc import Sequence
from dataclasses import dataclass

from fedclinic.evidence.events import (
    AuditJudged,
    PlanApproved,
    RoundAggregated,
    SiteJoined,
    UpdateJudged,
)
from fedclinic.evidence.keys import VerifyKey
from fedclinic.evidence.site_statements import bound_by, statements_of
from fedclinic.evidence.statement import Envelope, statement_kind
from fedclinic.plan import FederationPlan
from fedclinic.rounds import REVEAL_KIND, RoundTask
from flows.federation_log import FederationLog
from flows.run_store import RoundRecord, RunHeader, RunStore, SiteOutcome

REASON = 500
"""Longest reason that a statement holds, in characters."""


@dataclass(frozen=True)
class RunRecords:
    """The folder and the log of one run."""

    store: RunStore
    log: FederationLog

    def approve(self, header: RunHeader) -> None:
        """Keep the run's header and state that it may start with this plan."""
        self.store.write_header(header)
        plan = header.plan
        self.log.state(
            PlanApproved(
                at=time.time(), run=header.run, plan_digest=plan.digest(), plan=plan.agreed()
            )
        )

    def accept_site(self, site: str, key: VerifyKey, said: Sequence[Envelope]) -> None:
        """State that a site signs with this key, or that it went on with it from an older one.

        Raises:
            EvidenceError: if the log names another key for it, which did not vouch for this one.
        """
        self.log.accept(SiteJoined(at=time.time(), site=site, public_key=key.raw.hex()), said)

    def keep_task(self, round_number: int, site: str, task: Envelope) -> None:
        """Keep a signed task, which is a statement itself, before its site gets it."""
        self.store.keep_task(round_number, site, task)
        self.log.take_in([task])

    def keep_answer(self, task: RoundTask, key: VerifyKey, statements: Sequence[Envelope]) -> None:
        """Keep what a site stated in a round, whatever becomes of it."""
        self.store.keep_answer(task.round_number, task.site, statements)
        self.log.take_in(statements_of(task.site, key, statements, bound_by(task)))

    def keep_said(
        self, run: str, site: str, key: VerifyKey, statements: Sequence[Envelope]
    ) -> None:
        """Keep what was said to and by a site outside of rounds."""
        self.store.keep_said(site, statements)
        own = statements_of(site, key, statements, {"run": run})
        asked = [s for s in statements if statement_kind(s) == REVEAL_KIND]
        self.log.take_in(s for s in statements if s in own or s in asked)

    def keep_audits(self, audits: Sequence[AuditJudged]) -> None:
        """Keep and state the verdicts of the run's audits."""
        self.store.write_audits(audits)
        self.log.state(*audits)

    def judge(self, task: RoundTask, outcome: SiteOutcome) -> SiteOutcome:
        """State what became of a site in a round, and hand the verdict on."""
        report = outcome.report
        declined = report is not None and report.error is not None
        self.log.state(
            UpdateJudged(
                at=time.time(),
                run=task.run,
                round_number=task.round_number,
                attempt=task.attempt,
                site=task.site,
                verdict=outcome.verdict,
                update=report.update.blob if report and report.update else None,
                reason=(str(report.error) if declined and report else outcome.reason)[:REASON],
            )
        )
        return outcome

    def keep_round(self, record: RoundRecord, plan: FederationPlan, run: str) -> None:
        """Keep a finished round and state which updates became which state."""
        before = [done for done in self.store.rounds() if done.round_number < record.round_number]
        self.store.write_round(record)
        if record.round_number == 0:
            return
        last = before[-1] if before else None
        self.log.state(
            RoundAggregated(
                at=time.time(),
                run=run,
                round_number=record.round_number,
                plan_digest=plan.digest(),
                weights=shares(plan, record),
                state_before=last.checkpoint if last and last.round_number else None,
                state_after=record.checkpoint,
                rewards=record.rewards,
            )
        )


def shares(plan: FederationPlan, record: RoundRecord) -> dict[str, float]:
    """The planned weights of the sites whose update was used, scaled to 1."""
    used = {o.site for o in record.outcomes if o.verdict == "admitted"}
    weights = {site.name: site.weight for site in plan.sites if site.name in used}
    total = sum(weights.values())
    return {site: weight / total for site, weight in weights.items()}
