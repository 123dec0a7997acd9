"""Check an audit's order in the log: coins bound before training, guesses signed before the coins.

The canaries' coordinates are not in the log: who holds them can judge again with
`fedclinic.privacy.audit_verdict.judge_transcript`.
"""

from collections.abc import Iterator

from fedclinic.errors import EvidenceError
from fedclinic.evidence.events import AuditCommitted, AuditJudged
from fedclinic.evidence.findings import Finding, failed
from fedclinic.evidence.story import RunStory, Story
from fedclinic.evidence.verify_log import Entry
from fedclinic.privacy.commit_reveal import coins_of, commit
from fedclinic.rounds import AuditRevealed, RevealTask


def check_audit(story: Story, run: RunStory, event: AuditJudged, _: Entry) -> Iterator[Finding]:
    """Remember an audit that failed: no gate passes after it."""
    del story
    if event.verdict == "fail":
        run.failed_audits.append(f"{event.audit} of {event.about}")
    yield from ()


def check_commitment(
    story: Story, run: RunStory, event: AuditCommitted, entry: Entry
) -> Iterator[Finding]:
    """A site commits once, and before it reports a round."""
    del story
    known = run.committed_coins.setdefault(event.site, event.committed)
    if known != event.committed:
        yield failed("audit.committed", entry.where, "the site had committed to other coins")
    elif any(turn[1] == event.site for turn in run.reports):
        yield failed("audit.late", entry.where, "the site committed after it had trained")


def check_guesses(
    story: Story, run: RunStory, event: RevealTask, entry: Entry
) -> Iterator[Finding]:
    """Guesses come before the coins that they are of; the same may be asked for them again."""
    del story
    if event.guessed is None:
        return
    if event.site in run.revealed and run.guessed.get(event.site) != event.guessed:
        yield failed("audit.guessed", entry.where, "the coins were known when they were guessed")
    run.guessed[event.site] = event.guessed


def check_reveal(
    story: Story, run: RunStory, event: AuditRevealed, entry: Entry
) -> Iterator[Finding]:
    """What is revealed opens the commitment."""
    del story
    run.revealed.add(event.site)
    committed = run.committed_coins.get(event.site)
    if committed is None:
        if event.site in run.guessed:
            yield failed("audit.unbound", entry.where, "the site had committed to no coins")
        return
    try:
        coins = coins_of(event.secret, committed.canaries)
        opens = commit(coins, bytes.fromhex(event.secret.nonce)) == committed
    except EvidenceError:
        opens = False
    if not opens:
        yield failed("audit.coins", entry.where, "the coins are not those that were committed to")
