"""The one way out: what leaves is what the disclosure policy lets out, and signed as such."""

from fedclinic.evidence.keys import SigningKey
from fedclinic.evidence.statement import Envelope, sign
from fedclinic.privacy.disclosure import DisclosurePolicy, disclose
from fedclinic.records import Digest
from fedclinic.rounds import REPORT_KIND, DeidentificationSummary, RoundTask, SiteReport
from site_agent.note_store import StoreCounts

MESSAGE_KIND = "site_report"


def summarise(counts: StoreCounts, policy: Digest) -> DeidentificationSummary:
    """Collect the store's counts; they are exact until `release` blurs them."""
    return DeidentificationSummary(
        policy=policy,
        notes=counts.notes,
        quarantined=counts.quarantined,
        replaced=dict(sorted(counts.replaced.items())),
    )


def release(
    report: SiteReport, task: RoundTask, policy: DisclosurePolicy, key: SigningKey
) -> Envelope:
    """Pass a report through the site's disclosure policy and sign what is left of it.

    Raises:
        PolicyError: naming the field, never its value, if the policy does not let one out.
    """
    known = frozenset({task.run, task.site, task.nonce})
    message = disclose(MESSAGE_KIND, report.model_dump(mode="json"), policy, known=known)
    return sign(SiteReport.model_validate(message), REPORT_KIND, key)
