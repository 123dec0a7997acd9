"""Check that policies change in the open: each version follows the last, and work names it."""

from collections.abc import Iterator

from fedclinic.evidence.events import EvidencePurged, PolicyChanged
from fedclinic.evidence.findings import Finding, failed, unverifiable
from fedclinic.evidence.story import Story
from fedclinic.rounds import SiteReport


def check_policy(story: Story, event: PolicyChanged, where: str) -> Iterator[Finding]:
    """A version has the next number and says what it replaces.

    A log that does not begin with an actor's first version, or does not hold one that was in force
    while the actor worked for others, shows nothing wrong.
    """
    last = story.policies.get((event.actor, event.document))
    if last is not None and event.number <= last.number:
        what = f"version {event.number} of the {event.document} policy after {last.number}"
        yield failed("policy.order", where, what)
    elif (event.before is None) != (event.number == 1) or event.before == event.after:
        yield failed("policy.before", where, "what it replaces is not a version before it")
    elif last is not None and event.number == last.number + 1 and event.before != last.after:
        what = f"it does not replace the {event.document} policy that was stated before"
        yield failed("policy.before", where, what)
    story.policies[event.actor, event.document] = event


def check_report_policies(story: Story, report: SiteReport, where: str) -> Iterator[Finding]:
    """A report was made under the versions that its site stated last."""
    for document, digest in sorted(report.policies.items()):
        last = story.policies.get((report.site, document))
        if last is None:
            what = f"its {document} policy was never stated"
            yield failed("policy.unstated", where, what)
        elif last.after != digest:
            what = f"its {document} policy is not the one that was stated last"
            yield failed("policy.unstated", where, what)
    named = report.policies.get("deidentification")
    summary = report.deidentification
    if named is not None and summary is not None and summary.policy != named:
        yield failed("policy.deid", where, "its notes were de-identified under another policy")


def check_purge(story: Story, event: EvidencePurged, where: str) -> Iterator[Finding]:
    """What was deleted went under the retention policy that was stated last."""
    last = story.policies.get((event.actor, "retention"))
    if last is None:
        what = "the retention policy was never stated"
        yield unverifiable("policy.unstated", where, what)
    elif last.after != event.policy:
        what = "its retention policy is not the one that was stated last"
        yield failed("policy.unstated", where, what)
