"""Compare what MLflow shows now with what was signed, row by row."""

from collections.abc import Iterable, Iterator, Mapping

from fedclinic.evidence.bundle import Bundle
from fedclinic.evidence.events import ModelRegistered, RunRecorded
from fedclinic.evidence.findings import Finding, failed, unverifiable
from fedclinic.evidence.release_gate import RELEASED
from fedclinic.evidence.snapshot import MetricPoint, ModelVersion, RunSnapshot, StoreSnapshot
from fedclinic.evidence.verify_log import Entry
from fedclinic.records import Digest
from fedclinic.rounds import SiteReport

_UNFINISHED = ("RUNNING", "SCHEDULED")
_OWN_FIELDS = ("experiment", "parent", "name", "status")


def verify_store(
    bundle: Bundle, entries: Iterable[Entry], store: StoreSnapshot
) -> Iterator[Finding]:
    """Compare every run and model version that was signed, and find those that were not."""
    entries = list(entries)
    signed = signed_digests(entries)
    snapshots = {snapshot.run_id: snapshot for snapshot in bundle.snapshots}
    for run_id, digest in sorted(signed.items()):
        yield from _compare_run(run_id, digest, snapshots.get(run_id), store)
    for run_id in sorted(store.runs.keys() - signed.keys()):
        run = store.runs[run_id]
        where = f"MLflow run {run_id} ({run.name!r})"
        if run.status in _UNFINISHED:
            yield unverifiable("store.unfinished", where, "it is not finished and not yet signed")
        else:
            yield failed("store.unsigned", where, "no statement is about it")
    yield from _compare_models(entries, store)
    yield from _compare_reports(entries, store)


def signed_digests(entries: Iterable[Entry]) -> dict[str, Digest]:
    """The last signed digest of each MLflow run: a run that was resumed is recorded again."""
    signed: dict[str, Digest] = {}
    for entry in entries:
        if isinstance(entry.event, RunRecorded):
            signed |= entry.event.snapshots
    return signed


def _compare_run(
    run_id: str, digest: Digest, snapshot: RunSnapshot | None, store: StoreSnapshot
) -> Iterator[Finding]:
    where = f"MLflow run {run_id}"
    shown = store.runs.get(run_id)
    if shown is None:
        yield failed("store.missing", where, "its row is gone")
        return
    where = f"{where} ({shown.name!r})"
    if run_id in store.deleted:
        yield failed("store.deleted", where, "it is marked as deleted")
    if shown.digest() == digest:
        return
    if snapshot is None or snapshot.digest() != digest:
        yield failed("store.digest", where, "it is not what was signed; the bundle lacks its rows")
        return
    yield from compare_snapshots(snapshot, shown, where)


def compare_snapshots(signed: RunSnapshot, shown: RunSnapshot, where: str) -> Iterator[Finding]:
    """Name every row in which a run differs from what was signed."""
    for field in _OWN_FIELDS:
        before, now = getattr(signed, field), getattr(shown, field)
        if before != now:
            yield failed(f"store.{field}", f"{where}, {field}", f"signed {before!r}, shown {now!r}")
    for table in ("params", "tags", "inputs", "artifacts"):
        yield from _compare_rows(
            getattr(signed, table), getattr(shown, table), table.removesuffix("s"), where
        )
    for name in sorted(signed.metrics.keys() | shown.metrics.keys()):
        before, now = signed.metrics.get(name, ()), shown.metrics.get(name, ())
        yield from _compare_history(before, now, f"{where}, metric {name!r}")


def _compare_rows(
    signed: Mapping[str, object], shown: Mapping[str, object], table: str, where: str
) -> Iterator[Finding]:
    for name in sorted(signed.keys() | shown.keys()):
        row = f"{where}, {table} {name!r}"
        if name not in shown:
            yield failed(f"store.{table}", row, f"signed {_short(signed[name])}, now gone")
        elif name not in signed:
            yield failed(f"store.{table}", row, f"shown {_short(shown[name])}, never signed")
        elif signed[name] != shown[name]:
            what = f"signed {_short(signed[name])}, shown {_short(shown[name])}"
            yield failed(f"store.{table}", row, what)


def _compare_history(
    signed: Iterable[MetricPoint], shown: Iterable[MetricPoint], where: str
) -> Iterator[Finding]:
    before = {(point.step, point.timestamp): point.value for point in signed}
    now = {(point.step, point.timestamp): point.value for point in shown}
    for step, timestamp in sorted(before.keys() | now.keys()):
        row = f"{where}, step {step}"
        old, new = before.get((step, timestamp)), now.get((step, timestamp))
        if new is None:
            yield failed("store.metric", row, f"signed {old} at {timestamp} ms, now gone")
        elif old is None:
            yield failed("store.metric", row, f"shown {new} at {timestamp} ms, never signed")
        elif old != new:
            yield failed("store.metric", row, f"signed {old}, shown {new}")
    if before == now and tuple(signed) != tuple(shown):
        yield failed("store.metric", where, "a point of its history is there another time")


def _compare_models(entries: Iterable[Entry], store: StoreSnapshot) -> Iterator[Finding]:
    signed = {
        (entry.event.model, entry.event.version): entry.event
        for entry in entries
        if isinstance(entry.event, ModelRegistered)
    }
    shown = {(version.model, version.version): version for version in store.versions}
    for model, number in sorted(signed.keys() | shown.keys()):
        where = f"registered model {model!r}, version {number}"
        event, version = signed.get((model, number)), shown.get((model, number))
        if version is None:
            yield failed("registry.missing", where, "it was signed and is gone")
        elif event is None:
            yield failed("registry.unsigned", where, "no statement is about it")
        else:
            if version.run_id != event.mlflow_run:
                what = f"signed run {event.mlflow_run}, shown {version.run_id}"
                yield failed("registry.run", where, what)
            if version.source != event.source:
                what = f"signed {event.source!r}, shown {version.source!r}"
                yield failed("registry.source", where, what)
            yield from _compare_release(event, version, where)


def _compare_release(
    event: ModelRegistered, version: ModelVersion, where: str
) -> Iterator[Finding]:
    """A version is called what its gate allowed, and its tags say what was signed."""
    if version.aliases and event.gate == "fail":
        yield failed("registry.alias", where, "it has an alias, its gate failed")
    elif RELEASED in version.aliases and event.gate != "pass":
        yield failed(
            "registry.alias", where, f"it is called {RELEASED}, its gate says {event.gate}"
        )
    signed = {"fedclinic.gate": event.gate, "fedclinic.state": event.state}
    for name, value in signed.items():
        if version.tags.get(name, value) != value:
            what = f"signed {value!r}, shown {version.tags[name]!r}"
            yield failed("registry.tag", f"{where}, tag {name!r}", what)


def _compare_reports(entries: Iterable[Entry], store: StoreSnapshot) -> Iterator[Finding]:
    """Compare the pages of sites with what the sites themselves signed."""
    pages = {
        (_federation_run(run, store), run.tags.get("fedclinic.site", "")): run
        for run in store.runs.values()
        if run.tags.get("fedclinic.kind") == "site"
    }
    for entry in entries:
        if isinstance(entry.event, SiteReport) and entry.event.status == "completed":
            page = pages.get((entry.event.run, entry.event.site))
            if page is not None:
                yield from _compare_page(entry.event, page)


def _federation_run(page: RunSnapshot, store: StoreSnapshot) -> str:
    parent = store.runs.get(page.parent, page)
    return parent.tags.get("fedclinic.run", "")


def _compare_page(report: SiteReport, page: RunSnapshot) -> Iterator[Finding]:
    step = report.round_number
    for name, value in reported_metrics(report).items():
        shown = [point.value for point in page.metrics.get(name, ()) if point.step == step]
        if shown != [repr(float(value))]:
            where = f"MLflow run {page.run_id} ({page.name!r}), metric {name!r}, step {step}"
            what = f"site {report.site} signed {float(value)!r}, shown {', '.join(shown) or 'none'}"
            yield failed("store.report", where, what)


def reported_metrics(report: SiteReport) -> dict[str, float]:
    """The metrics of a site's page that its own signed report fixes, by their names in MLflow."""
    metrics: dict[str, float] = {}
    if report.update is not None:
        metrics |= {"update_bytes": report.update.bytes, "update_norm": report.update.norm}
    if report.privacy is not None:
        metrics["dp.epsilon"] = report.privacy.epsilon
    if report.budget is not None:
        metrics["budget.spent_epsilon"] = report.budget.spent_epsilon
        metrics["budget.cap_epsilon"] = report.budget.cap_epsilon
    return metrics


def _short(value: object) -> str:
    text = value if isinstance(value, str) else str(value)
    return repr(text if len(text) <= 60 else text[:57] + "...")
