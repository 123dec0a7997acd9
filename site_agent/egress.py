"""The one way out: what leaves is what the disclosure policy lets out, and signed as such."""

import math
from collections.abc import Iterable, Mapping

from fedclinic.evidence.cosigning import COSIGNED_KIND, Cosigned, CosignTask
from fedclinic.evidence.events import (
    AuditCommitted,
    AuditJudged,
    BudgetCommitted,
    BudgetReserved,
    BudgetUseBegun,
    KeyRotated,
    PlantedScored,
    PolicyChanged,
    SelfTested,
)
from fedclinic.evidence.keys import SigningKey
from fedclinic.evidence.rotation import ROTATED_KIND
from fedclinic.evidence.statement import (
    Envelope,
    countersign,
    parse_statement,
    sign,
    signed_by,
    statement_content,
    statement_kind,
)
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
from site_agent.store_measures import StoreCounts

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
    PolicyChanged: "policy-changed",
    KeyRotated: ROTATED_KIND,
}
"""Everything that a site ever says, and the kind under which it signs it."""


MIN_CANARIES = 50
"""Recall of fewer canaries of a kind tells nothing and does not leave."""


def summarise(
    counts: StoreCounts,
    policy: Digest,
    measured: Measured | None = None,
    store: Digest | None = None,
) -> DeidentificationSummary:
    """Collect the store's counts and measured recall; they are exact until `release` blurs them."""
    bounds = {} if measured is None else measured.recall_bounds(at_least=MIN_CANARIES)
    return DeidentificationSummary(
        policy=policy,
        store=store,
        notes=counts.notes,
        quarantined=counts.quarantined,
        replaced=dict(sorted(counts.replaced.items())),
        recall={} if measured is None else measured.recall(at_least=MIN_CANARIES),
        recall_low={kind: each.lower for kind, each in bounds.items()},
        recall_high={kind: _raised(each.upper) for kind, each in bounds.items()},
    )


def _raised(share: float) -> float:
    """The hundredth above a share, and a little: the policy rounds shares down."""
    return min(1.0, math.ceil(100 * share) / 100 + 1e-9)


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
    return _sign(record, policy, key, frozenset({task.run, task.site, task.nonce, *known}))


def release_policies(
    changes: Iterable[PolicyChanged], policy: DisclosurePolicy, key: SigningKey
) -> tuple[Envelope, ...]:
    """Sign what the site states of its own policies: digests and numbers.

    Raises:
        PolicyError: if its disclosure policy, an older one perhaps, does not let that out.
    """
    return tuple(_sign(change, policy, key, frozenset({change.actor})) for change in changes)


def release_rotation(
    event: KeyRotated, policy: DisclosurePolicy, keys: tuple[SigningKey, SigningKey]
) -> Envelope:
    """Sign with the old and the new key that the site goes on with the new one."""
    known = frozenset({event.actor, event.old_key_id})
    return countersign(_sign(event, policy, keys[0], known), keys[1])


def with_present_key(statements: Iterable[Envelope], key: SigningKey) -> tuple[Envelope, ...]:
    """What the site stated and kept, signed with the key that it has now."""
    return tuple(
        said
        if signed_by(said, {key.key_id: key.public})
        else sign(parse_statement(statement_content(said))["predicate"], statement_kind(said), key)
        for said in statements
    )


def _sign(
    record: Record, policy: DisclosurePolicy, key: SigningKey, texts: frozenset[str]
) -> Envelope:
    kind = KINDS[type(record)]
    message = record.model_dump(mode="json")
    disclosed = disclose(kind.replace("-", "_"), message, policy, known=texts)
    return sign(type(record).model_validate(disclosed), kind, key)
