"""Edits that a dishonest person could make, each with the check that must find it and the row.

Three tables: what someone without any key can do to a bundle, what a coordinator with its own key
(and a witness who does not look) can state, and what someone with MLflow's database can change.
"""

import base64
from collections.abc import Callable

from fedclinic.evidence.bundle import Bundle
from fedclinic.evidence.checkpoint import cosign_checkpoint, sign_checkpoint
from fedclinic.evidence.events import (
    COORDINATOR,
    AuditJudged,
    BudgetCommitted,
    BudgetReserved,
    BudgetUseBegun,
    KeyRotated,
    ModelRegistered,
    PlanApproved,
    RoundAggregated,
    SelfTested,
    SiteJoined,
    SiteRevoked,
    UpdateJudged,
)
from fedclinic.evidence.keys import SigningKey
from fedclinic.evidence.log import SignedLog
from fedclinic.evidence.snapshot import Artifact, StoreSnapshot, metric_history
from fedclinic.evidence.statement import Envelope, sign
from fedclinic.privacy.mechanism import PrivacyPromise
from fedclinic.rounds import RoundTask, SiteReport
from tests.fedclinic.evidence.factory import (
    KEYS,
    MECHANISM,
    MODEL,
    ORIGIN,
    PARENT,
    PLAN,
    Scene,
    digest,
    edit_run,
    ledger_head,
    make_report,
    make_store,
    seal,
)

HONEST = seal(Scene().envelopes())
STORE = make_store()
STRANGER = SigningKey.generate()
ALDER_1 = {"site": "alder", "round_number": 1}
ALDER_2 = {"site": "alder", "round_number": 2}


def with_entries(*entries: Envelope) -> Bundle:
    return HONEST.model_copy(update={"entries": entries})


def with_payload_edit(index: int, old: bytes, new: bytes) -> Bundle:
    entries = list(HONEST.entries)
    content = base64.b64decode(entries[index].payload)
    assert old in content
    payload = base64.b64encode(content.replace(old, new)).decode()
    entries[index] = entries[index].model_copy(update={"payload": payload})
    return with_entries(*entries)


def report_index(**values: object) -> int:
    return Scene().index(SiteReport, **values)


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
    number = report_index(**ALDER_1)
    entries[number] = sign(Scene().events[number], "update-judged", KEYS["alder"])
    return seal(entries)


def replayed_envelope() -> Bundle:
    entries = Scene().envelopes()
    return seal([*entries, entries[report_index(**ALDER_1)]])


def other_log_checkpoint() -> Bundle:
    head = SignedLog("another/log").append(*HONEST.entries).head()
    checkpoint = sign_checkpoint(head, COORDINATOR, KEYS[COORDINATOR])
    checkpoint = cosign_checkpoint(checkpoint, "auditor", KEYS["auditor"])
    return HONEST.model_copy(update={"checkpoint": checkpoint})


def unsigned_snapshot() -> Bundle:
    altered = HONEST.snapshots[0].model_copy(update={"params": {}})
    return HONEST.model_copy(update={"snapshots": (altered, *HONEST.snapshots[1:])})


E = HONEST.entries
BUNDLE_EDITS: dict[str, tuple[Callable[[], Bundle], str, str]] = {
    "the last entry is cut off": (lambda: with_entries(*E[:-1]), "seal.size", "log"),
    "the log is emptied": (with_entries, "seal.size", "log"),
    "an entry in the middle is removed": (
        lambda: with_entries(*E[:9], *E[10:]),
        "seal.size",
        "log",
    ),
    "two entries are exchanged": (
        lambda: with_entries(*E[:2], E[3], E[2], *E[4:]),
        "seal.root",
        "log",
    ),
    "an entry is replaced by a copy of another": (
        lambda: with_entries(*E[:5], E[4], *E[6:]),
        "log.replay",
        "log entry 5",
    ),
    "an entry is added behind the checkpoint": (
        lambda: with_entries(*E, sign({"x": 1}, "note", STRANGER)),
        "seal.size",
        "log",
    ),
    "the epsilon in a report is lowered": (
        lambda: with_payload_edit(report_index(**ALDER_2), b'"epsilon":1.3', b'"epsilon":0.3'),
        "signature.bad",
        "site-report, run run-1, round 2, site alder",
    ),
    "the norm in a report is edited": (
        lambda: with_payload_edit(report_index(**ALDER_2), b'"norm":2.5', b'"norm":9.5'),
        "signature.bad",
        "site-report",
    ),
    "a payload is no longer canonical": (
        lambda: with_payload_edit(7, b'"run":', b'"run": '),
        "entry.statement",
        "log entry 7",
    ),
    "a report is signed again by a stranger": (
        lambda: seal(
            [
                sign(event, "site-report", STRANGER) if number == report_index(**ALDER_1) else entry
                for number, (event, entry) in enumerate(zip(Scene().events, E, strict=True))
            ]
        ),
        "signature.bad",
        "round 1, site alder",
    ),
    "the checkpoint is signed by a stranger": (
        lambda: seal(list(E), key=STRANGER),
        "seal.signature",
        "checkpoint",
    ),
    "the witness's signature is removed": (
        lambda: seal(list(E), witnesses=()),
        "seal.witnesses",
        "checkpoint",
    ),
    "the witness is one whom nobody knows": (
        lambda: seal(list(E), witnesses=("alder",)),
        "seal.witnesses",
        "checkpoint",
    ),
    "the checkpoint is another log's": (other_log_checkpoint, "seal.origin", "checkpoint"),
    "the checkpoint's size is edited": (
        lambda: HONEST.model_copy(
            update={"checkpoint": HONEST.checkpoint.replace(f"\n{len(E)}\n", "\n3\n")}
        ),
        "seal.signature",
        "checkpoint",
    ),
}

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
    "a key is rotated that was not in force": (
        lambda: seal(
            Scene(keys=KEYS | {"new": STRANGER})
            .inserted(
                7,
                KeyRotated(
                    at=1e9,
                    actor="birch",
                    old_key_id=KEYS["cedar"].key_id,
                    public_key=STRANGER.public.raw.hex(),
                ),
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
}


def edit_metric(run_id: str, name: str, edit: Callable[[list], list]) -> StoreSnapshot:
    def change(run) -> dict:
        rows = [(point.step, point.timestamp, float(point.value)) for point in run.metrics[name]]
        return {"metrics": run.metrics | {name: metric_history(edit(rows))}}

    return edit_run(STORE, run_id, change)


def without(mapping: dict, name: str) -> dict:
    return {key: value for key, value in mapping.items() if key != name}


def renamed(mapping: dict, old: str, new: str) -> dict:
    return {new if key == old else key: value for key, value in mapping.items()}


def with_version(**changes: object) -> StoreSnapshot:
    version = STORE.versions[0].model_copy(update=changes)
    return STORE.model_copy(update={"versions": (version,)})


STORE_EDITS: dict[str, tuple[Callable[[], StoreSnapshot], str, str]] = {
    "an epsilon is lowered in the database": (
        lambda: edit_metric(PARENT, "dp.epsilon", lambda rows: [rows[0], (2, 0, 0.1)]),
        "store.metric",
        "metric 'dp.epsilon', step 2",
    ),
    "a site's epsilon is lowered in the database": (
        lambda: edit_metric("mlflow-birch", "dp.epsilon", lambda rows: [rows[0], (2, 0, 0.1)]),
        "store.report",
        "mlflow-birch ('site birch'), metric 'dp.epsilon', step 2",
    ),
    "a metric's last bit is changed": (
        lambda: edit_metric(PARENT, "f1", lambda rows: [*rows[:2], (2, 0, 0.6000000000000001)]),
        "store.metric",
        "metric 'f1', step 2",
    ),
    "two values of a history are exchanged": (
        lambda: edit_metric(PARENT, "f1", lambda rows: [(0, 0, 0.5), (1, 0, 0.1), rows[2]]),
        "store.metric",
        "metric 'f1', step 0",
    ),
    "a step is removed": (
        lambda: edit_metric(PARENT, "f1", lambda rows: rows[::2]),
        "store.metric",
        "metric 'f1', step 1",
    ),
    "a step is added": (
        lambda: edit_metric(PARENT, "f1", lambda rows: [*rows, (3, 0, 0.9)]),
        "store.metric",
        "metric 'f1', step 3",
    ),
    "a point is written a second time": (
        lambda: edit_metric(PARENT, "f1", lambda rows: [*rows, rows[2]]),
        "store.metric",
        "metric 'f1'",
    ),
    "a point is dated back": (
        lambda: edit_metric(PARENT, "f1", lambda rows: [*rows[:2], (2, -5, 0.6)]),
        "store.metric",
        "metric 'f1', step 2",
    ),
    "a metric is removed": (
        lambda: edit_run(STORE, PARENT, lambda run: {"metrics": without(run.metrics, "f1")}),
        "store.metric",
        "metric 'f1'",
    ),
    "a metric is renamed": (
        lambda: edit_run(STORE, PARENT, lambda run: {"metrics": renamed(run.metrics, "f1", "F1")}),
        "store.metric",
        "metric 'F1'",
    ),
    "a parameter is edited": (
        lambda: edit_run(
            STORE,
            PARENT,
            lambda run: {"params": run.params | {"privacy.noise_multiplier": "4.0"}},
        ),
        "store.param",
        "param 'privacy.noise_multiplier'",
    ),
    "a parameter is added": (
        lambda: edit_run(STORE, PARENT, lambda run: {"params": run.params | {"approved": "yes"}}),
        "store.param",
        "param 'approved'",
    ),
    "a parameter is removed": (
        lambda: edit_run(STORE, PARENT, lambda run: {"params": without(run.params, "rounds")}),
        "store.param",
        "param 'rounds'",
    ),
    "a tag is swapped": (
        lambda: edit_run(STORE, PARENT, lambda run: {"tags": run.tags | {"dp.unit": "note"}}),
        "store.tag",
        "tag 'dp.unit'",
    ),
    "a tag changes its case": (
        lambda: edit_run(
            STORE, PARENT, lambda run: {"tags": renamed(run.tags, "dp.unit", "dp.Unit")}
        ),
        "store.tag",
        "tag 'dp.Unit'",
    ),
    "a tag's value gains a space": (
        lambda: edit_run(STORE, PARENT, lambda run: {"tags": run.tags | {"dp.delta": "1e-05 "}}),
        "store.tag",
        "tag 'dp.delta'",
    ),
    "a tag is removed": (
        lambda: edit_run(STORE, PARENT, lambda run: {"tags": without(run.tags, "dp.unit")}),
        "store.tag",
        "tag 'dp.unit'",
    ),
    "one byte of an artifact is flipped": (
        lambda: edit_run(
            STORE,
            PARENT,
            lambda run: {
                "artifacts": run.artifacts
                | {"report.html": Artifact(bytes=200, sha256=digest("flipped"))}
            },
        ),
        "store.artifact",
        "artifact 'report.html'",
    ),
    "an artifact is renamed": (
        lambda: edit_run(
            STORE,
            PARENT,
            lambda run: {"artifacts": renamed(run.artifacts, "report.html", "old.html")},
        ),
        "store.artifact",
        "artifact 'old.html'",
    ),
    "an artifact is removed": (
        lambda: edit_run(
            STORE, PARENT, lambda run: {"artifacts": without(run.artifacts, "report.html")}
        ),
        "store.artifact",
        "artifact 'report.html'",
    ),
    "an artifact is added": (
        lambda: edit_run(
            STORE,
            PARENT,
            lambda run: {
                "artifacts": run.artifacts | {"notes.txt": Artifact(bytes=1, sha256=digest("n"))}
            },
        ),
        "store.artifact",
        "artifact 'notes.txt'",
    ),
    "a dataset's digest is edited": (
        lambda: edit_run(STORE, PARENT, lambda run: {"inputs": {"notes": digest("others")}}),
        "store.input",
        "input 'notes'",
    ),
    "a run is moved to another experiment": (
        lambda: edit_run(STORE, PARENT, lambda run: {"experiment": "archive"}),
        "store.experiment",
        f"{PARENT} ('example (run-1)'), experiment",
    ),
    "a run is put under another parent": (
        lambda: edit_run(STORE, "mlflow-cedar", lambda run: {"parent": "mlflow-alder"}),
        "store.parent",
        "mlflow-cedar",
    ),
    "a run is renamed": (
        lambda: edit_run(STORE, "mlflow-cedar", lambda run: {"name": "site alder"}),
        "store.name",
        "mlflow-cedar",
    ),
    "a failed run is shown as finished, or the reverse": (
        lambda: edit_run(STORE, PARENT, lambda run: {"status": "FAILED"}),
        "store.status",
        PARENT,
    ),
    "a run is marked as deleted": (
        lambda: STORE.model_copy(update={"deleted": frozenset({"mlflow-birch"})}),
        "store.deleted",
        "mlflow-birch",
    ),
    "a run's row is deleted": (
        lambda: STORE.model_copy(update={"runs": without(STORE.runs, "mlflow-birch")}),
        "store.missing",
        "mlflow-birch",
    ),
    "a run is added that nobody signed": (
        lambda: STORE.model_copy(
            update={
                "runs": STORE.runs
                | {"extra": STORE.runs[PARENT].model_copy(update={"run_id": "extra"})}
            }
        ),
        "store.unsigned",
        "MLflow run extra",
    ),
    "a model version is pointed to another run": (
        lambda: with_version(run_id="mlflow-alder"),
        "registry.run",
        f"'{MODEL}', version 1",
    ),
    "a model version is pointed to other files": (
        lambda: with_version(source="models:/m-2"),
        "registry.source",
        f"'{MODEL}', version 1",
    ),
    "a model version is removed": (
        lambda: STORE.model_copy(update={"versions": ()}),
        "registry.missing",
        f"'{MODEL}', version 1",
    ),
    "a model version is added that nobody signed": (
        lambda: STORE.model_copy(
            update={
                "versions": (
                    *STORE.versions,
                    STORE.versions[0].model_copy(update={"version": "2"}),
                )
            }
        ),
        "registry.unsigned",
        f"'{MODEL}', version 2",
    ),
}

__all__ = ["BUNDLE_EDITS", "COORDINATOR_EDITS", "HONEST", "ORIGIN", "STORE", "STORE_EDITS"]
