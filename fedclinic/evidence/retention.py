"""What a retention policy lets go, and when: decides, deletes nothing."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from fedclinic.digest import digest_record
from fedclinic.records import Count, Digest, Record

DAY = 86_400.0


class RetentionPolicy(Record):
    """`policies/retention.yaml`; nothing here has a default."""

    keep_update_days: Count
    """How long each site's update is kept after its run ended."""
    keep_state_days: Count
    """How long states between rounds are kept; a run's last one always is."""

    def digest(self) -> Digest:
        return digest_record(self)


@dataclass(frozen=True)
class EndedRun:
    """A run that ended, and the blobs that only it needs to be replayed or gone on from."""

    run: str
    ended_at: float
    updates: frozenset[Digest]
    states: frozenset[Digest]
    """States between rounds, without the last."""


def due(
    runs: Iterable[EndedRun], policy: RetentionPolicy, *, now: float
) -> Mapping[str, list[Digest]]:
    """The blobs that may go, by run; one that a younger run still needs stays.

    Args:
        now: seconds since the epoch.
    """
    ended = list(runs)
    going = {run.run: _of(run, policy, now) for run in ended}
    kept = {d for run in ended for d in run.updates | run.states if d not in going[run.run]}
    return {run: sorted(digests - kept) for run, digests in going.items() if digests - kept}


def _of(run: EndedRun, policy: RetentionPolicy, now: float) -> frozenset[Digest]:
    age = (now - run.ended_at) / DAY
    updates = run.updates if age > policy.keep_update_days else frozenset()
    states = run.states if age > policy.keep_state_days else frozenset()
    return updates | states
