"""What is written of a run is read back as MLflow's database holds it, in few requests."""

import math
from collections.abc import Iterator
from pathlib import Path

import pytest
import requests
from mlflow.entities import Metric
from mlflow.tracking import MlflowClient

import fedclinic.evidence.standalone_verifier as standalone
from fedclinic.evidence.events import AuditJudged
from fedclinic.evidence.snapshot import StoreSnapshot
from fedclinic.rounds import EvaluationReport, UpdateManifest
from flows.accounts import sign_in_to_mlflow
from flows.run_store import RoundRecord, RunHeader, SiteOutcome
from flows.settings import Workspace
from flows.tracking import histories
from flows.tracking.store import read_store_at
from flows.tracking.tracker import Tracker
from tests.factories import DIGEST, make_plan, make_report, make_round_task
from tests.flows.mlflow_servers import running_mlflow

PLAN = make_plan()
SITES = PLAN.site_names()
TAGS = {"fedclinic.run": "run-a", "fedclinic.gate": "pass"}


def make_record(round_number: int) -> RoundRecord:
    """A round that every site took part in, with one metric of the global model."""
    update = UpdateManifest(blob=DIGEST, bytes=5, parameters=1, norm=1.0)
    report = make_report(make_round_task(), status="completed", error=None, update=update)
    outcomes = [SiteOutcome(site=site, verdict="admitted", report=report) for site in SITES]
    quality = EvaluationReport(
        run="run-a", round_number=round_number, subject="global", notes=9, metrics={"accuracy": 0.5}
    )
    return RoundRecord(
        round_number=round_number,
        checkpoint=DIGEST,
        state_bytes=1,
        seconds=1.0,
        outcomes=tuple(outcomes) if round_number else (),
        diagnostics=None,
        evaluations=(quality,),
    )


def start(tracker: Tracker) -> str:
    return tracker.start(RunHeader(run="run-a", title="Federation", plan=PLAN, data="."))


def make_audit(name: str) -> AuditJudged:
    return AuditJudged(
        at=1.0,
        run="run-a",
        round_number=1,
        site=None,
        audit=name,
        verdict="pass",
        numbers={"epsilon_lower_bound": 0.1},
    )


@pytest.fixture
def space(tmp_path: Path) -> Workspace:
    return Workspace(tmp_path)


@pytest.fixture
def asked(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Every request that leaves, by its method and address."""
    found: list[str] = []
    send = requests.Session.send

    def counted(session, request, **rest):
        found.append(f"{request.method} {request.url}")
        return send(session, request, **rest)

    monkeypatch.setattr(requests.Session, "send", counted)
    monkeypatch.setenv("MLFLOW_SUPPRESS_PRINTING_URL_TO_STDOUT", "true")  # as in production
    return found


@pytest.fixture
def server(space: Workspace, monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    for name in ("MLFLOW_TRACKING_USERNAME", "MLFLOW_TRACKING_PASSWORD"):
        monkeypatch.setenv(name, "")
        monkeypatch.delenv(name)
    with running_mlflow(space) as address:
        monkeypatch.setenv("MLFLOW_TRACKING_URI", address)
        sign_in_to_mlflow(space)
        yield address


def test_a_server_shows_what_its_database_holds_and_is_asked_little(
    space: Workspace, server: str, asked: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    tracker = Tracker(space, PLAN.federation)
    parent = start(tracker)
    asked.clear()
    for round_number in range(4):
        tracker.round_finished(parent, PLAN, make_record(round_number))
    pages = 3 + len(SITES)  # are made; then curves, each round's page, each site's in each round
    assert len(asked) == pages + 4 + 2 * 3 + 3 * len(SITES)
    client = MlflowClient(server)
    for page in client.search_runs([client.get_experiment_by_name(PLAN.federation).experiment_id]):
        odd = [Metric("odd", value, 5, step) for step, value in enumerate((math.nan, 1e-300, 0.3))]
        client.log_batch(page.info.run_id, metrics=odd)
    tracker.audited(parent, [make_audit("self-test"), make_audit("audit-head")])
    (space.root / "files").mkdir()
    (space.root / "files" / "weights").write_text("1 2 3", encoding="utf-8")
    tracker.register(parent, PLAN.federation, space.root / "files", TAGS)
    tracker.finish(parent, [space.root / "files" / "weights"], {"report.html": "x"})
    asked.clear()
    shown = tracker.snapshots(parent)
    names = {name for snapshot in shown for name in snapshot.metrics}
    assert len(shown) == 1 + pages
    assert len(asked) <= len(names) + 3
    held = StoreSnapshot.model_validate(
        standalone.read_sqlite(space.mlflow_database, PLAN.federation)
    )
    assert {each.run_id: each for each in shown} == held.runs
    assert read_store_at(server, PLAN.federation, ()) == held
    assert held.versions[0].tags == TAGS
    assert [point.value for point in shown[0].metrics["odd"]] == ["nan", "1e-300", "0.3"]
    monkeypatch.setattr(histories, "POINTS", 1)
    assert tracker.snapshots(parent) == shown


def test_a_run_that_goes_on_writes_to_the_pages_that_it_has(space: Workspace) -> None:
    parent = start(Tracker(space, PLAN.federation))
    Tracker(space, PLAN.federation).round_finished(parent, PLAN, make_record(1))
    tracker = Tracker(space, PLAN.federation)
    tracker.round_finished(parent, PLAN, make_record(1))
    tracker.round_finished(parent, PLAN, make_record(2))
    shown = tracker.snapshots(parent)
    assert {snapshot.tags["fedclinic.plan"] for snapshot in shown} == {PLAN.digest()}
    names = sorted(snapshot.name for snapshot in shown[1:])
    assert names == ["round 1", "round 2", *(f"site {site}" for site in SITES)]


def test_a_version_of_an_interrupted_end_gets_the_tags_that_it_lacks(space: Workspace) -> None:
    tracker = Tracker(space, PLAN.federation)
    parent = start(tracker)
    folder = space.root / "files"
    folder.mkdir()
    first = tracker.register(parent, PLAN.federation, folder, {"fedclinic.run": "run-a"})
    assert tracker.register(parent, PLAN.federation, folder, TAGS) == first
    (version,) = read_store_at(space.mlflow_uri(), PLAN.federation, ()).versions
    assert (version.version, version.tags) == (first.version, TAGS)
