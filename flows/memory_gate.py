"""Whether a model remembers the planted patients too well to be registered."""

import time
from collections.abc import Sequence

from fedclinic.evidence.events import AuditJudged
from fedclinic.privacy.audit_messages import PlantedScores
from fedclinic.privacy.memorisation import MemorisationLimits, MemorisationReport, assess, pool
from fedclinic.records import Name


def judge_memory(
    run: Name, limits: MemorisationLimits, scores: Sequence[PlantedScores]
) -> AuditJudged | None:
    """Hold all sites' planted patients against the limits; None if nobody planted any."""
    planted = [site for site in scores if site.members]
    if not planted:
        return None
    report = assess(pool(planted), limits)
    reason = f"it fails on {', '.join(report.failures)}" if report.failures else None
    return AuditJudged(
        at=time.time(),
        run=run,
        round_number=None,
        site=None,
        audit="memorisation",
        verdict=report.verdict,
        numbers=_numbers(report),
        reason=reason,
    )


def _numbers(report: MemorisationReport) -> dict[str, float]:
    """What was measured of the model; what its kind does not allow to measure is left out."""
    measured = report.model_dump(exclude={"verdict", "failures"})
    return {name: float(value) for name, value in measured.items() if value is not None}
