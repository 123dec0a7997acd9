"""A small federation's evidence, as it would be written by honest sites and an honest coordinator.

Three sites, two rounds, budgets, self-tests, an audit, a registered model and its MLflow store.
"""

import hashlib
from collections.abc import Callable
from dataclasses import dataclass, field, replace

from fedclinic.digest import canonical_json, digest_bytes
from fedclinic.evidence.bundle import FORMAT, Bundle, Trust
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
    RunRecorded,
    SelfTested,
    SiteJoined,
    UpdateJudged,
)
from fedclinic.evidence.keys import SigningKey
from fedclinic.evidence.kinds import actor_of, kind_of
from fedclinic.evidence.log import SignedLog
from fedclinic.evidence.snapshot import (
    Artifact,
    ModelVersion,
    RunSnapshot,
    StoreSnapshot,
    metric_history,
)
from fedclinic.evidence.statement import Envelope, countersign, sign
from fedclinic.evidence.verify_store import reported_metrics
from fedclinic.privacy.mechanism import Mechanism, PrivacyPromise, PrivacySpent
from fedclinic.records import Record
from fedclinic.rounds import (
    BudgetLeft,
    LedgerHead,
    RoundTask,
    SiteReport,
    UpdateManifest,
    Work,
)

ORIGIN = "example/log"
RUN = "run-1"
SITES = ("alder", "birch", "cedar")
ROUNDS = 2
EPSILONS = (0.9, 1.3)
MECHANISM = Mechanism(noise_multiplier=1.0, sampling_rate=0.05, steps=20)
WORK = {
    "task": {"kind": "document_classification", "labels": ["a", "b"], "max_tokens": 64},
    "base_model": {"name": "minilm"},
    "layers": {"top": 2},
    "optimizer": {"name": "sgd", "learning_rate": 0.1},
    "privacy": {
        "protection": "patient_dp",
        "target_epsilon": 1.5,
        "delta": 1e-5,
        "sampling_rate": 0.05,
        "steps_per_round": 20,
        "clipping_norm": 1.0,
        "expected_patients": 32.0,
        "noise_multiplier": 1.0,
    },
}
PLAN = {
    **WORK,
    "federation": "example",
    "method": {"name": "fedavg", "server_learning_rate": 1.0},
    "rounds": ROUNDS,
    "admission": {"max_update_norm": 10.0, "dtype": "F32"},
    "sites": [{"name": site, "weight": 1.0} for site in SITES],
    "quorum": 2,
}
PLAN_DIGEST = digest_bytes(canonical_json(PLAN))
KEYS = {name: SigningKey.generate() for name in (COORDINATOR, *SITES, "auditor")}
PARENT, MODEL = "mlflow-parent", "example-model"


def digest(text: str) -> str:
    return digest_bytes(text.encode())


def ledger_head(sequence: int, site: str) -> LedgerHead:
    return LedgerHead(
        sequence=sequence, hash=hashlib.sha256(f"{site}{sequence}".encode()).hexdigest()
    )


def update_of(site: str, round_number: int) -> str:
    return digest(f"update {site} {round_number}")


def make_task(site: str, round_number: int) -> RoundTask:
    return RoundTask(
        run=RUN,
        round_number=round_number,
        site=site,
        plan_digest=PLAN_DIGEST,
        work=Work(**WORK, rounds=ROUNDS, dtype="F32", max_update_norm=10.0),
        state=None if round_number == 1 else digest(f"sent {round_number - 1}"),
        nonce=hashlib.sha256(f"{site}{round_number}".encode()).hexdigest()[:32],
        deadline=2e9,
    )


def make_report(site: str, round_number: int) -> SiteReport:
    spent = EPSILONS[round_number - 1]
    return SiteReport(
        **make_task(site, round_number).model_dump(
            include={"run", "round_number", "attempt", "site", "plan_digest", "nonce"}
        ),
        status="completed",
        update=UpdateManifest(
            blob=update_of(site, round_number), bytes=1000, parameters=250, norm=2.5
        ),
        privacy=PrivacySpent(epsilon=spent, delta=1e-5, rounds=round_number),
        budget=BudgetLeft(spent_epsilon=spent + 1, cap_epsilon=8.0, delta=1e-5),
        ledger=ledger_head(3 * round_number, site),
    )


def site_events(site: str, round_number: int) -> list[Record]:
    turn = {"site": site, "run": RUN, "round_number": round_number, "attempt": 1, "at": 1e9}
    last = 3 * round_number
    return [
        make_task(site, round_number),
        BudgetReserved(
            **turn, cohorts=("2020",), mechanism=MECHANISM, ledger=ledger_head(last - 2, site)
        ),
        BudgetUseBegun(**turn, ledger=ledger_head(last - 1, site)),
        BudgetCommitted(**turn, mechanism=MECHANISM, ledger=ledger_head(last, site)),
        make_report(site, round_number),
        UpdateJudged(**turn, verdict="admitted", update=update_of(site, round_number)),
    ]


def round_events(round_number: int) -> list[Record]:
    events = [event for site in SITES for event in site_events(site, round_number)]
    aggregated = RoundAggregated(
        at=1e9,
        run=RUN,
        round_number=round_number,
        plan_digest=PLAN_DIGEST,
        weights=dict.fromkeys(SITES, 1 / 3),
        state_before=None if round_number == 1 else digest(f"state {round_number - 1}"),
        state_after=digest(f"state {round_number}"),
    )
    return [*events, aggregated]


def make_events(snapshots: dict[str, RunSnapshot]) -> list[Record]:
    joined = [
        SiteJoined(at=1e9, site=site, public_key=KEYS[site].public.raw.hex()) for site in SITES
    ]
    tested = [
        SelfTested(
            at=1e9, site=site, code=digest("code"), image=None, verdict="pass", checks={"q": "pass"}
        )
        for site in SITES
    ]
    approved = PlanApproved(at=1e9, run=RUN, plan_digest=PLAN_DIGEST, plan=PLAN)
    ending = [
        AuditJudged(
            at=1e9,
            run=RUN,
            round_number=2,
            site="alder",
            audit="audit-head",
            verdict="pass",
            numbers={"epsilon_lower_bound": 0.4, "largest_refutable_epsilon": 5.8},
        ),
        ModelRegistered(
            at=1e9,
            run=RUN,
            model=MODEL,
            version="1",
            mlflow_run=PARENT,
            source="models:/m-1",
            state=digest("state 2"),
            files={"model.safetensors": digest("files")},
            promise=PrivacyPromise(epsilon=1.5, delta=1e-5),
            gate="pass",
        ),
        RunRecorded(
            at=1e9, run=RUN, snapshots={name: run.digest() for name, run in snapshots.items()}
        ),
    ]
    rounds = [event for number in range(1, ROUNDS + 1) for event in round_events(number)]
    return [*joined, *tested, approved, *rounds, *ending]


def make_snapshots() -> dict[str, RunSnapshot]:
    parent = RunSnapshot(
        run_id=PARENT,
        experiment="example",
        parent="",
        name="example (run-1)",
        status="FINISHED",
        params={"privacy.noise_multiplier": "1.0", "rounds": "2"},
        tags={"dp.unit": "patient", "dp.delta": "1e-05", "fedclinic.run": RUN},
        metrics={
            "dp.epsilon": metric_history((n + 1, 0, e) for n, e in enumerate(EPSILONS)),
            "f1": metric_history([(0, 0, 0.1), (1, 0, 0.5), (2, 0, 0.6)]),
        },
        artifacts={
            "evidence/plan.json": Artifact(bytes=100, sha256=digest("plan")),
            "report.html": Artifact(bytes=200, sha256=digest("report")),
        },
        inputs={"notes": digest("notes")},
    )
    snapshots = {PARENT: parent}
    for site in SITES:
        points: dict[str, list] = {}
        for round_number in range(1, ROUNDS + 1):
            for name, value in reported_metrics(make_report(site, round_number)).items():
                points.setdefault(name, []).append((round_number, 0, value))
        snapshots[f"mlflow-{site}"] = RunSnapshot(
            run_id=f"mlflow-{site}",
            experiment="example",
            parent=PARENT,
            name=f"site {site}",
            status="FINISHED",
            params={},
            tags={"fedclinic.kind": "site", "fedclinic.site": site, "ledger.head": "6:x"},
            metrics={name: metric_history(rows) for name, rows in points.items()},
            artifacts={},
            inputs={},
        )
    return snapshots


def make_store() -> StoreSnapshot:
    version = ModelVersion(
        model=MODEL, version="1", run_id=PARENT, source="models:/m-1", aliases=("champion",)
    )
    return StoreSnapshot(runs=make_snapshots(), deleted=frozenset(), versions=(version,))


@dataclass(frozen=True)
class Scene:
    """Events to sign, who signs what, and the store: edit it, then seal it."""

    events: list[Record] = field(default_factory=lambda: make_events(make_snapshots()))
    signers: dict[int, str] = field(default_factory=dict)
    """Actors other than the right one, by the index of the event they sign."""
    keys: dict[str, SigningKey] = field(default_factory=lambda: dict(KEYS))

    def index(self, wanted: type[Record], **values: object) -> int:
        """The first event of a type with these values."""
        return next(
            number
            for number, event in enumerate(self.events)
            if isinstance(event, wanted)
            and all(getattr(event, name) == value for name, value in values.items())
        )

    def changed(self, wanted: type[Record], find: dict, **changes: object) -> "Scene":
        number = self.index(wanted, **find)
        events = list(self.events)
        events[number] = events[number].model_copy(update=changes)
        return replace(self, events=events)

    def without(self, wanted: type[Record], **values: object) -> "Scene":
        events = list(self.events)
        del events[self.index(wanted, **values)]
        return replace(self, events=events)

    def inserted(self, place: int, event: Record) -> "Scene":
        events = list(self.events)
        events.insert(place % (len(events) + 1), event)
        return replace(self, events=events)

    def moved(self, number: int, place: int) -> "Scene":
        events = list(self.events)
        events.insert(place, events.pop(number))
        return replace(self, events=events)

    def signed_by(self, signer: str, wanted: type[Record], **values: object) -> "Scene":
        return replace(self, signers=self.signers | {self.index(wanted, **values): signer})

    def envelopes(self) -> list[Envelope]:
        keys, signed = dict(self.keys), []
        for number, event in enumerate(self.events):
            actor = self.signers.get(number) or actor_of(event)
            envelope = sign(event, kind_of(event), keys[actor])
            if isinstance(event, KeyRotated):
                keys[actor] = next(
                    key for key in keys.values() if key.public.raw.hex() == event.public_key
                )
                envelope = countersign(envelope, keys[actor])
            signed.append(envelope)
        return signed


def seal(
    envelopes: list[Envelope],
    *,
    key: SigningKey = KEYS[COORDINATOR],
    witnesses: tuple[str, ...] = ("auditor",),
    snapshots: dict[str, RunSnapshot] | None = None,
) -> Bundle:
    log = SignedLog(ORIGIN).append(*envelopes)
    checkpoint = sign_checkpoint(log.head(), COORDINATOR, key)
    for witness in witnesses:
        checkpoint = cosign_checkpoint(checkpoint, witness, KEYS[witness])
    shown = make_snapshots() if snapshots is None else snapshots
    return Bundle(
        format=FORMAT,
        origin=ORIGIN,
        checkpoint=checkpoint,
        entries=tuple(envelopes),
        snapshots=tuple(shown.values()),
    )


def make_trust(**changes: object) -> Trust:
    values: dict = {
        "origin": ORIGIN,
        "coordinator": KEYS[COORDINATOR].public.raw.hex(),
        "sites": {site: KEYS[site].public.raw.hex() for site in SITES},
        "witnesses": {"auditor": KEYS["auditor"].public.raw.hex()},
        "required_witnesses": 1,
    }
    return Trust(**(values | changes))


def edit_run(
    store: StoreSnapshot, run_id: str, edit: Callable[[RunSnapshot], dict]
) -> StoreSnapshot:
    """Change fields of one MLflow run."""
    run = store.runs[run_id]
    return store.model_copy(
        update={"runs": store.runs | {run_id: run.model_copy(update=edit(run))}}
    )
