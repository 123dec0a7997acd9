"""Retention: what may go, and that what a younger run needs stays."""

from fedclinic.evidence.retention import DAY, EndedRun, RetentionPolicy, due

POLICY = RetentionPolicy(keep_update_days=10, keep_state_days=5)


def blob(number: int) -> str:
    return f"sha256:{number:064x}"


def ended(run: str, days_ago: float, updates: set[int], states: set[int]) -> EndedRun:
    numbers = [frozenset(map(blob, found)) for found in (updates, states)]
    return EndedRun(run, -days_ago * DAY, *numbers)


def test_states_go_before_updates_and_nothing_goes_early():
    for days, expected in ((4, []), (6, [blob(2)]), (11, [blob(1), blob(2)])):
        going = due([ended("a", days, {1}, {2})], POLICY, now=0)
        assert going.get("a", []) == expected


def test_what_a_younger_run_still_needs_stays():
    runs = [ended("old", 20, {1, 3}, {2}), ended("new", 1, {3}, {2})]
    assert due(runs, POLICY, now=0) == {"old": [blob(1)]}
