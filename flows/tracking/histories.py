"""Read the history of every metric of many runs, in as few requests as the server allows.

A server with accounts takes most of a second for a request, and a run has a page of metrics for
each round and site; MLflow's own pages ask for one metric of many runs at once, and so does this.
"""

from collections.abc import Sequence

from mlflow.entities import Run
from mlflow.tracking import MlflowClient
from mlflow.utils.credentials import get_default_host_creds
from mlflow.utils.rest_utils import http_request

from fedclinic.evidence.snapshot import MetricPoint, metric_history

ROUTE = "/ajax-api/2.0/mlflow/metrics/get-history-bulk"
RUNS = 50
"""Of one request: their names, in its address, stay below what proxies take."""
POINTS = 25_000
"""Most points that the server gives at once; it does not say when there are more."""

Rows = list[tuple[int, int, float]]


def read_histories(
    client: MlflowClient, runs: Sequence[Run]
) -> dict[str, dict[str, tuple[MetricPoint, ...]]]:
    """Every point of every metric, by run and name."""
    having: dict[str, list[str]] = {}
    found: dict[str, dict[str, tuple[MetricPoint, ...]]] = {run.info.run_id: {} for run in runs}
    for run in runs:
        for name in run.data.metrics:
            having.setdefault(name, []).append(run.info.run_id)
    for name, all_ids in having.items():
        for first in range(0, len(all_ids), RUNS):
            for run_id, rows in _rows(client, name, all_ids[first : first + RUNS]).items():
                found[run_id][name] = metric_history(rows)
    return found


def _rows(client: MlflowClient, name: str, run_ids: list[str]) -> dict[str, Rows]:
    """Points of one metric by run: together if the store can, else one run after the other."""
    together = _rows_together(client, name, run_ids) if len(run_ids) > 1 else None
    if together is not None:
        return together
    return {
        run_id: [
            (point.step, point.timestamp, point.value)
            for point in client.get_metric_history(run_id, name)
        ]
        for run_id in run_ids
    }


def _rows_together(client: MlflowClient, name: str, run_ids: list[str]) -> dict[str, Rows] | None:
    """None where there is no server, the server does not answer this, or it may have cut short."""
    uri = client.tracking_uri
    if not uri.startswith("http"):
        return None
    host = get_default_host_creds(uri)  # type: ignore[no-untyped-call]
    asked = {"run_id": run_ids, "metric_key": name}
    response = http_request(host, ROUTE, "GET", params=asked)  # type: ignore[no-untyped-call]
    points = response.json()["metrics"] if response.status_code == 200 else None
    if points is None or len(points) >= POINTS:
        return None
    rows: dict[str, Rows] = {run_id: [] for run_id in run_ids}
    for point in points:
        rows[point["run_id"]].append((point["step"], point["timestamp"], point["value"]))
    return rows
