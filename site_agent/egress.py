"""What may leave the site: every report is made here, from counts that the policy has blurred."""

from fedclinic.records import Digest
from fedclinic.rounds import DeidentificationSummary
from site_agent.note_store import StoreCounts

ROUND_TO = 10
"""Counts leave as multiples of this, as statistical offices round hospital counts."""


def summarise(counts: StoreCounts, policy: Digest) -> DeidentificationSummary:
    """Round counts for the report; a count below the rounding base is suppressed (None)."""
    return DeidentificationSummary(
        policy=policy,
        notes=_blur(counts.notes),
        quarantined=_blur(counts.quarantined),
        replaced={kind: _blur(count) for kind, count in sorted(counts.replaced.items())},
    )


def _blur(count: int) -> int | None:
    return round(count / ROUND_TO) * ROUND_TO if count >= ROUND_TO else None
