"""The one way out: what leaves is what the disclosure policy lets out, and signed as such."""

from collections.abc import Iterable, Mapping

from fedclinic.evidence.cosigning import COSIGNED_KIND, Cosigned, CosignTask
from fedclinic.evidence.events import (
    AuditCommitted,
    AuditJudged,
    BudgetCommitted,
    BudgetReserved,
    BudgetUseBegun,
    PlantedScored,
    SelfTested,
)
from fedclinic.evidence.keys import SigningKey
from fedclinic.evidence.statement import Envelope, sign
from fedclinic.privacy.disclosure import DisclosurePolicy, disclose
from fedclinic.records import Digest, Record
from fedclinic.rounds import (
    DECLINED_KIND,
    EVALUATED_KIND,
    PREPARED_KIND,
    REPORT_KIND,
    REVEALED_KIND,
    AuditRevealed,
    DeidentificationSummary,
    EvaluationReport,
    EvaluationTask,
    PrepareTask,
    RevealTask,
    RoundTask,
    SitePrepared,
    SiteReport,
    TaskDeclined,
)
from site_agent.deid_measures import Measured
from site_agent.note_store import StoreCounts

AnyTask = PrepareTask | RoundTask | EvaluationTask | RevealTask | CosignTask

KINDS: Mapping[type[Record], str] = {
    SelfTested: "self-tested",
    BudgetReserved: "budget-reserved",
    BudgetUseBegun: "budget-use-begun",
    BudgetCommitted: "budget-committed",
    SiteReport: REPORT_KIND,
    SitePrepared: PREPARED_KIND,
    AuditCommitted: "audit-committed",
    PlantedScored: "planted-scored",
    AuditJudged: "audit-judged",
    AuditRevealed: REVEALED_KIND,
    EvaluationReport: EVALUATED_KIND,
    TaskDeclined: DECLINED_KIND,
    Cosigned: COSIGNED_KIND,
}
"""Everything that a site ever says, and the kind under which it signs it."""


MIN_CANARIES = 50
"""Recall of fewer canaries of a kind tells nothing and does not leave."""


def summarise(
    counts: StoreCounts, policy: Digest, measured: Measured | None = None
) -> DeidentificationSummary:
    """Collect the store's counts and measured recall; they are exact until `release` blurs them."""
    return DeidentificationSummary(
        policy=policy,
        notes=counts.notes,
        quarantined=counts.quarantined,
        replaced=dict(sorted(counts.replaced.items())),
        recall={} if measured is None else measured.recall(at_least=MIN_CANARIES),
    )


def disclose_summary(
    summary: DeidentificationSummary, policy: DisclosurePolicy
) -> DeidentificationSummary:
    """The summary as it may be shown outside the site's store.

    Raises:
        PolicyError: naming the field, never its value, if the policy does not let one out.
    """
    message = {"deidentification": summary.model_dump(mode="json")}
    blurred = disclose("site_report", message, policy, known=frozenset())
    return DeidentificationSummary.model_validate(blurred["deidentification"])


def release(
    record: Record,
    task: AnyTask,
    policy: DisclosurePolicy,
    key: SigningKey,
    *,
    known: Iterable[str] = (),
) -> Envelope:
    """Pass a record through the site's disclosure policy and sign what is left of it.

    Args:
        known: texts that the coordinator knows besides those of its task, such as tensor names.

    Raises:
        PolicyError: naming the field, never its value, if the policy does not let one out.
    """
    kind = KINDS[type(record)]
    texts = frozenset({task.run, task.site, task.nonce, *known})
    message = record.model_dump(mode="json")
    disclosed = disclose(kind.replace("-", "_"), message, policy, known=texts)
    return sign(type(record).model_validate(disclosed), kind, key)
