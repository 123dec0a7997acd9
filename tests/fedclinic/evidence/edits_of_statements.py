"""What a coordinator with its own key, and a witness who does not look, could falsely state."""

from collections.abc import Callable

from fedclinic.evidence.bundle import Bundle
from fedclinic.evidence.events import (
    COORDINATOR,
    AuditJudged,
    BudgetCommitted,
    BudgetReserved,
    BudgetUseBegun,
    ModelRegistered,
    PlanApproved,
    RoundAggregated,
    RunRecorded,
    SelfTested,
    SiteJoined,
    SiteRevoked,
    UpdateJudged,
)
from fedclinic.evidence.keys import SigningKey
from fedclinic.evidence.rotation import rotation_of
from fedclinic.evidence.statement import sign
from fedclinic.privacy.mechanism import PrivacyPromise
from fedclinic.rounds import RoundTask, SiteReport
from tests.fedclinic.evidence.factory import (
    KEYS,
    MECHANISM,
    PLAN,
    Scene,
    digest,
    ledger_head,
    make_report,
    make_task,
    seal,
)

STRANGER = SigningKey.generate()
ALDER_1 = {"site": "alder", "round_number": 1}
ALDER_2 = {"site": "alder", "round_number": 2}


def forged_report() -> Bundle:
    """The coordinator states a cheaper report in a site's name."""
    scene = Scene()
    number = scene.index(SiteReport, **ALDER_2)
    report = scene.events[number]
    cheaper = report.privacy.model_copy(update={"epsilon": 0.95})
    entries = scene.envelopes()
    forged = report.model_copy(update={"privacy": cheaper})
    entries[number] = sign(forged, "site-report", KEYS[COORDINATOR])
    return seal(entries)


def wrong_kind() -> Bundle:
    entries = Scene().envelopes()
    number = Scene().index(SiteReport, **ALDER_1)
    entries[number] = sign(Scene().events[number], "update-judged", KEYS["alder"])
    return seal(entries)


def replayed_envelope() -> Bundle:
    entries = Scene().envelopes()
    return seal([*entries, entries[Scene().index(SiteReport, **ALDER_1)]])


def signed_with_the_old_key() -> Bundle:
    """Birch rotates its key, and states its last report with the old one all the same."""
    rotated = Scene(keys=KEYS | {"new": STRANGER, "old birch": KEYS["birch"]}).inserted(
        7, rotation_of("birch", KEYS["birch"], STRANGER, 1e9)
    )
    last = {"site": "birch", "round_number": 2}
    return seal(rotated.signed_by("old birch", SiteReport, **last).envelopes())


def again(wanted: type, after: int = 1, **values: object) -> Bundle:
    """State an event once more, later and at another time, so that it is no plain repetition."""
    scene = Scene()
    number = scene.index(wanted, **values)
    event = scene.events[number]
    later = {"at": 1.1e9} if hasattr(event, "at") else {"status": "refused"}
    return seal(scene.inserted(number + after, event.model_copy(update=later)).envelopes())


COORDINATOR_EDITS: dict[str, tuple[Callable[[], Bundle], str, str]] = {
    "a cheaper report is stated in a site's name": (
        forged_report,
        "signature.bad",
        "site-report, run run-1, round 2, site alder",
    ),
    "a report is signed with another site's key": (
        lambda: seal(Scene().signed_by("birch", SiteReport, **ALDER_1).envelopes()),
        "signature.bad",
        "site alder",
    ),
    "a report is presented as another kind of statement": (
        wrong_kind,
        "signature.bad",
        "log entry",
    ),
    "an old report is played again": (replayed_envelope, "log.replay", "log entry 48"),
    "a site joins with a key of the coordinator's": (
        lambda: seal(
            Scene(keys=KEYS | {"alder": STRANGER})
            .changed(SiteJoined, {"site": "alder"}, public_key=STRANGER.public.raw.hex())
            .envelopes()
        ),
        "key.foreign",
        "site alder",
    ),
    "a site that was never accepted reports": (
        lambda: seal(Scene().without(SiteJoined, site="cedar").envelopes()),
        "signature.unknown",
        "site cedar",
    ),
    "a site joins twice": (
        lambda: seal(Scene().inserted(10, Scene().events[0]).envelopes()),
        "key.joined",
        "log entry 10",
    ),
    "a revoked key goes on signing": (
        lambda: seal(
            Scene()
            .inserted(
                7,
                SiteRevoked(at=1e9, site="birch", key_id=KEYS["birch"].key_id, reason="key stolen"),
            )
            .envelopes()
        ),
        "signature.revoked",
        "site birch",
    ),
    "a site goes on signing with the key that it rotated out": (
        signed_with_the_old_key,
        "signature.bad",
        "site-report, run run-1, round 2, site birch",
    ),
    "a key is rotated that was not in force": (
        lambda: seal(
            Scene(keys=KEYS | {"new": STRANGER})
            .inserted(
                7,
                rotation_of("birch", KEYS["cedar"], STRANGER, 1e9),
            )
            .envelopes()
        ),
        "key.rotated",
        "log entry 7",
    ),
    "the plan is exchanged under its digest": (
        lambda: seal(Scene().changed(PlanApproved, {}, plan={**PLAN, "rounds": 9}).envelopes()),
        "plan.digest",
        "plan-approved",
    ),
    "the run is approved again with another plan": (
        lambda: seal(
            Scene()
            .inserted(
                20,
                Scene()
                .events[Scene().index(PlanApproved)]
                .model_copy(update={"plan_digest": digest("other")}),
            )
            .envelopes()
        ),
        "plan.changed",
        "log entry 20",
    ),
    "the plan is left out": (
        lambda: seal(Scene().without(PlanApproved).envelopes()),
        "run.unknown",
        "run run-1",
    ),
    "a task is of another plan": (
        lambda: seal(Scene().changed(RoundTask, ALDER_1, plan_digest=digest("other")).envelopes()),
        "task.plan",
        "round-task",
    ),
    "a nonce is used twice": (
        lambda: seal(
            Scene().changed(RoundTask, ALDER_2, nonce=make_report("alder", 1).nonce).envelopes()
        ),
        "task.nonce",
        "round 2, site alder",
    ),
    "a task is left out": (
        lambda: seal(Scene().without(RoundTask, **ALDER_1).envelopes()),
        "report.task",
        "round 1, site alder",
    ),
    "a report answers another task": (
        lambda: seal(Scene().changed(SiteReport, ALDER_2, nonce="0" * 32).envelopes()),
        "report.task",
        "round 2, site alder",
    ),
    "a report is dropped without a verdict": (
        lambda: seal(Scene().without(UpdateJudged, **ALDER_1).envelopes()),
        "judged.missing",
        "round 1, site alder",
    ),
    "an update is admitted that nobody reported": (
        lambda: seal(Scene().without(SiteReport, **ALDER_1).envelopes()),
        "judged.report",
        "round 1, site alder",
    ),
    "another update is admitted than the site signed": (
        lambda: seal(Scene().changed(UpdateJudged, ALDER_1, update=digest("x")).envelopes()),
        "judged.update",
        "round 1, site alder",
    ),
    "an update is admitted from a site whose self-test failed": (
        lambda: seal(Scene().changed(SelfTested, {"site": "cedar"}, verdict="fail").envelopes()),
        "judged.self_test",
        "site cedar",
    ),
    "a quarantined update is used all the same": (
        lambda: seal(Scene().changed(UpdateJudged, ALDER_1, verdict="quarantined").envelopes()),
        "round.sites",
        "round 1",
    ),
    "an admitted update is left out of the mean": (
        lambda: seal(
            Scene()
            .changed(RoundAggregated, {"round_number": 1}, weights={"alder": 0.5, "birch": 0.5})
            .envelopes()
        ),
        "round.sites",
        "round 1",
    ),
    "a site is given more weight than planned": (
        lambda: seal(
            Scene()
            .changed(
                RoundAggregated,
                {"round_number": 1},
                weights={"alder": 0.5, "birch": 0.25, "cedar": 0.25},
            )
            .envelopes()
        ),
        "round.weights",
        "round 1",
    ),
    "a round is skipped": (
        lambda: seal(Scene().without(RoundAggregated, round_number=1).envelopes()),
        "round.order",
        "round 2",
    ),
    "a round starts from another state": (
        lambda: seal(
            Scene()
            .changed(RoundAggregated, {"round_number": 2}, state_before=digest("other"))
            .envelopes()
        ),
        "round.state",
        "round 2",
    ),
    "a round goes on below the quorum": (
        lambda: seal(
            Scene()
            .changed(RoundAggregated, {"round_number": 2}, weights={"alder": 1.0})
            .envelopes()
        ),
        "round.quorum",
        "round 2",
    ),
    "another state is registered than the last": (
        lambda: seal(Scene().changed(ModelRegistered, {}, state=digest("x")).envelopes()),
        "model.state",
        "model-registered",
    ),
    "the model promises less than the plan": (
        lambda: seal(
            Scene()
            .changed(ModelRegistered, {}, promise=PrivacyPromise(epsilon=0.1, delta=1e-5))
            .envelopes()
        ),
        "model.promise",
        "model-registered",
    ),
    "the gate passes although an audit failed": (
        lambda: seal(Scene().changed(AuditJudged, {}, verdict="fail").envelopes()),
        "model.gate",
        "model-registered",
    ),
    "a site spends more than was promised": (
        lambda: seal(
            Scene()
            .changed(
                SiteReport,
                ALDER_2,
                privacy=make_report("alder", 2).privacy.model_copy(update={"epsilon": 1.6}),
            )
            .envelopes()
        ),
        "spending.promise",
        "round 2, site alder",
    ),
    "a site's epsilon falls": (
        lambda: seal(
            Scene()
            .changed(
                SiteReport,
                ALDER_2,
                privacy=make_report("alder", 2).privacy.model_copy(update={"epsilon": 0.1}),
            )
            .envelopes()
        ),
        "spending.fell",
        "round 2, site alder",
    ),
    "a site reports another delta": (
        lambda: seal(
            Scene()
            .changed(
                SiteReport,
                ALDER_2,
                privacy=make_report("alder", 2).privacy.model_copy(update={"delta": 1e-3}),
            )
            .envelopes()
        ),
        "spending.delta",
        "round 2, site alder",
    ),
    "a site passes its cap": (
        lambda: seal(
            Scene()
            .changed(
                SiteReport,
                ALDER_2,
                budget=make_report("alder", 2).budget.model_copy(update={"cap_epsilon": 2.0}),
            )
            .envelopes()
        ),
        "spending.cap",
        "round 2, site alder",
    ),
    "a site trains without the protection": (
        lambda: seal(Scene().changed(SiteReport, ALDER_2, privacy=None).envelopes()),
        "spending.protection",
        "round 2, site alder",
    ),
    "a ledger is rolled back": (
        lambda: seal(
            Scene().changed(SiteReport, ALDER_2, ledger=ledger_head(2, "alder")).envelopes()
        ),
        "ledger.rollback",
        "round 2, site alder",
    ),
    "a ledger has two histories": (
        lambda: seal(
            Scene().changed(SiteReport, ALDER_2, ledger=ledger_head(6, "fork")).envelopes()
        ),
        "ledger.fork",
        "round 2, site alder",
    ),
    "notes are read without a reservation": (
        lambda: seal(Scene().without(BudgetReserved, **ALDER_1).envelopes()),
        "budget.begun",
        "round 1, site alder",
    ),
    "budget is charged without a use": (
        lambda: seal(Scene().without(BudgetUseBegun, **ALDER_1).envelopes()),
        "budget.committed",
        "round 1, site alder",
    ),
    "a use of notes is never charged": (
        lambda: seal(Scene().without(BudgetCommitted, **ALDER_2).envelopes()),
        "budget.missing",
        "round 2, site alder",
    ),
    "more is charged than was reserved": (
        lambda: seal(
            Scene()
            .changed(BudgetCommitted, ALDER_1, mechanism=MECHANISM.model_copy(update={"steps": 21}))
            .envelopes()
        ),
        "budget.committed",
        "round 1, site alder",
    ),
    "a weaker mechanism is reserved than planned": (
        lambda: seal(
            Scene()
            .changed(
                BudgetReserved,
                ALDER_1,
                mechanism=MECHANISM.model_copy(update={"noise_multiplier": 0.9}),
            )
            .envelopes()
        ),
        "budget.mechanism",
        "round 1, site alder",
    ),
    "a site that is not in the plan gets a task": (
        lambda: seal(
            Scene()
            .inserted(8, make_task("alder", 1).model_copy(update={"site": "dogwood"}))
            .envelopes()
        ),
        "task.site",
        "site dogwood",
    ),
    "a task is for a round that was not planned": (
        lambda: seal(
            Scene()
            .inserted(-1, make_task("alder", 1).model_copy(update={"round_number": 9}))
            .envelopes()
        ),
        "task.round",
        "round 9",
    ),
    "a site gets two tasks for one attempt": (
        lambda: seal(
            Scene()
            .inserted(8, make_task("alder", 1).model_copy(update={"nonce": "1" * 32}))
            .envelopes()
        ),
        "task.twice",
        "round 1, site alder",
    ),
    "a site reports an attempt twice": (
        lambda: again(SiteReport, **ALDER_1),
        "report.twice",
        "round 1, site alder",
    ),
    "a site completes without an update": (
        lambda: seal(Scene().changed(SiteReport, ALDER_1, update=None).envelopes()),
        "report.update",
        "round 1, site alder",
    ),
    "an update is admitted that is longer than allowed": (
        lambda: seal(
            Scene()
            .changed(
                SiteReport,
                ALDER_1,
                update=make_report("alder", 1).update.model_copy(update={"norm": 10.5}),
            )
            .envelopes()
        ),
        "judged.norm",
        "round 1, site alder",
    ),
    "an update is judged twice": (
        lambda: again(UpdateJudged, **ALDER_1),
        "judged.twice",
        "round 1, site alder",
    ),
    "an update is admitted after its round was closed": (
        lambda: seal(
            Scene()
            .moved(
                Scene().index(UpdateJudged, **ALDER_1),
                Scene().index(RoundAggregated, round_number=1),
            )
            .envelopes()
        ),
        "judged.late",
        "round 1, site alder",
    ),
    "a round is aggregated under another plan": (
        lambda: seal(
            Scene()
            .changed(RoundAggregated, {"round_number": 2}, plan_digest=digest("other"))
            .envelopes()
        ),
        "round.plan",
        "round 2",
    ),
    "budget is reserved twice": (
        lambda: again(BudgetReserved, **ALDER_1),
        "budget.reserved",
        "round 1, site alder",
    ),
    "a use is begun twice": (
        lambda: again(BudgetUseBegun, **ALDER_1),
        "budget.begun",
        "round 1, site alder",
    ),
    "a use is charged twice": (
        lambda: again(BudgetCommitted, **ALDER_1),
        "budget.committed",
        "round 1, site alder",
    ),
    "a key is revoked that the site never had": (
        lambda: seal(
            Scene()
            .inserted(7, SiteRevoked(at=1e9, site="birch", key_id="0" * 32, reason="left"))
            .envelopes()
        ),
        "key.revoked",
        "site birch",
    ),
    "a site calls itself coordinator": (
        lambda: seal(
            Scene()
            .inserted(3, SiteJoined(at=1e9, site=COORDINATOR, public_key=STRANGER.public.raw.hex()))
            .envelopes()
        ),
        "key.joined",
        "log entry 3",
    ),
    "nothing of MLflow is recorded": (
        lambda: seal(Scene().changed(RunRecorded, {}, snapshots={}).envelopes()),
        "recorded.empty",
        "run-recorded",
    ),
}
