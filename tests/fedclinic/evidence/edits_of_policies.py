"""What could be stated falsely of policies, in a log where one site states its own."""

from collections.abc import Callable

from fedclinic.evidence.bundle import Bundle
from fedclinic.evidence.events import COORDINATOR, EvidencePurged, PolicyChanged
from fedclinic.rounds import DeidentificationSummary, SiteReport
from tests.fedclinic.evidence.factory import RUN, Scene, digest, seal

FIRST, SECOND, DEID = digest("privacy 1"), digest("privacy 2"), digest("deidentification 1")
RETENTION = digest("retention 1")
ALDER_1 = {"site": "alder", "round_number": 1}
ALDER_2 = {"site": "alder", "round_number": 2}


def version(document: str, number: int, before: str | None, after: str, **changes) -> PolicyChanged:
    values = {"at": 1e9, "actor": "alder", "document": document, "number": number}
    return PolicyChanged.model_validate({**values, "before": before, "after": after, **changes})


def reported(scene: Scene, turn: dict, **policies: str) -> Scene:
    summary = DeidentificationSummary(policy=DEID, notes=None, quarantined=None, replaced={})
    return scene.changed(SiteReport, turn, policies=policies, deidentification=summary)


def told() -> Scene:
    """A privacy policy that changes between the rounds, and a purge at the end."""
    scene = Scene()
    scene = reported(scene, ALDER_1, privacy=FIRST, deidentification=DEID)
    scene = reported(scene, ALDER_2, privacy=SECOND, deidentification=DEID)
    scene = scene.inserted(scene.index(SiteReport, **ALDER_2), version("privacy", 2, FIRST, SECOND))
    scene = scene.inserted(6, version("deidentification", 1, None, DEID))
    scene = scene.inserted(6, version("privacy", 1, None, FIRST))
    kept = version("retention", 1, None, RETENTION, actor=COORDINATOR)
    purged = EvidencePurged(
        at=1e9, actor=COORDINATOR, run=RUN, policy=RETENTION, digests=(digest("update"),)
    )
    return scene.inserted(-1, kept).inserted(-1, purged)


def changed(version_number: int, /, **changes: object) -> Bundle:
    """One version of alder's privacy policy, stated otherwise."""
    find = {"actor": "alder", "document": "privacy", "number": version_number}
    return seal(told().changed(PolicyChanged, find, **changes).envelopes())


POLICY_EDITS: dict[str, tuple[Callable[[], Bundle], str, str]] = {
    "a policy is followed that was never stated": (
        lambda: seal(told().without(PolicyChanged, number=1, document="privacy").envelopes()),
        "policy.unstated",
        "round 1, site alder",
    ),
    "a policy is followed that was replaced": (
        lambda: seal(reported(told(), ALDER_2, privacy=FIRST).envelopes()),
        "policy.unstated",
        "round 2, site alder",
    ),
    "a change of a policy is left out": (
        lambda: seal(told().without(PolicyChanged, number=2, document="privacy").envelopes()),
        "policy.unstated",
        "round 2, site alder",
    ),
    "a change of a policy is told after the round that followed it": (
        lambda: seal(
            told()
            .without(PolicyChanged, number=2, document="privacy")
            .inserted(-2, version("privacy", 2, FIRST, SECOND))
            .envelopes()
        ),
        "policy.unstated",
        "round 2, site alder",
    ),
    "a policy replaces another than the last": (
        lambda: changed(2, before=digest("other")),
        "policy.before",
        "policy-changed",
    ),
    "a policy replaces itself": (
        lambda: changed(2, before=SECOND),
        "policy.before",
        "policy-changed",
    ),
    "a policy's versions go back": (
        lambda: changed(2, number=1, before=None),
        "policy.order",
        "policy-changed",
    ),
    "a second version replaces nothing": (
        lambda: changed(2, before=None),
        "policy.before",
        "policy-changed",
    ),
    "a policy is changed in a site's name": (
        lambda: seal(
            told()
            .signed_by(COORDINATOR, PolicyChanged, actor="alder", document="privacy", number=2)
            .envelopes()
        ),
        "signature.bad",
        "policy-changed",
    ),
    "notes were de-identified under another policy than the one in force": (
        lambda: seal(
            told()
            .changed(
                SiteReport,
                ALDER_1,
                deidentification=DeidentificationSummary(
                    policy=digest("lax"), notes=None, quarantined=None, replaced={}
                ),
            )
            .envelopes()
        ),
        "policy.deid",
        "round 1, site alder",
    ),
    "evidence is purged under a policy that is not in force": (
        lambda: seal(told().changed(EvidencePurged, {}, policy=digest("none")).envelopes()),
        "policy.unstated",
        "evidence-purged",
    ),
}
