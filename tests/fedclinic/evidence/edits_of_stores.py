"""What someone with MLflow's database can change, each with the check that finds it and the row."""

from collections.abc import Callable

from fedclinic.evidence.snapshot import Artifact, StoreSnapshot, metric_history
from tests.fedclinic.evidence.factory import MODEL, PARENT, digest, edit_run, make_store

STORE = make_store()


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
    "a model version's gate is shown as another": (
        lambda: with_version(tags={"fedclinic.gate": "warn"}),
        "registry.tag",
        f"'{MODEL}', version 1, tag 'fedclinic.gate'",
    ),
    "a model version's state is shown as another": (
        lambda: with_version(tags={"fedclinic.state": digest("state 1")}),
        "registry.tag",
        f"'{MODEL}', version 1, tag 'fedclinic.state'",
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
