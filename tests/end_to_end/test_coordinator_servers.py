"""`fedclinic up` as a whole, on PostgreSQL: exchange, Prefect and MLflow, and a run over them."""

import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import httpx
import psycopg
import pytest

from flows.accounts import Account, mlflow_account, prefect_account
from flows.settings import Workspace
from site_agent.synthesize import write_cohort
from tests.end_to_end.conftest import HOSPITALS
from tests.end_to_end.hospitals import Hospitals
from tests.postgres_cluster import PostgresCluster, postgres_programs
from tests.processes import answers, free_port, listens_on

pytestmark = pytest.mark.skipif(postgres_programs() is None, reason="PostgreSQL is not installed")

ROUNDS = 2


@dataclass
class Coordinator:
    """The servers that `fedclinic up` started, and the hospitals around them."""

    hospitals: Hospitals
    postgres: PostgresCluster
    prefect: str
    mlflow: str

    def account(self, of: str) -> Account:
        space = Workspace(self.hospitals.workspace)
        return prefect_account(space) if of == "prefect" else mlflow_account(space)

    def ask(self, of: str, path: str, **content: object) -> httpx.Response:
        """Ask one of the servers as the coordinator."""
        own = self.account(of)
        base = self.prefect if of == "prefect" else self.mlflow
        return httpx.post(base + path, auth=(own.username, own.password), timeout=30, **content)

    def rows(self, database: str, table: str) -> int:
        address = self.postgres.address(database).replace("+psycopg", "")
        with psycopg.connect(address) as connection:
            found = connection.execute(f'SELECT count(*) FROM "{table}"').fetchone()
        assert found is not None
        return int(found[0])


@pytest.fixture(scope="module")
def coordinator(
    tmp_path_factory: pytest.TempPathFactory, tiny_model_folder: Path
) -> Iterator[Coordinator]:
    root = tmp_path_factory.mktemp("servers")
    write_cohort(
        root / "notes", hospitals=HOSPITALS, patients=12, test_patients=8, alpha=1.0, seed=3
    )
    hospitals = Hospitals(root, tiny_model_folder, root / "notes")
    with tempfile.TemporaryDirectory() as folder:
        Path(folder).chmod(0o755)  # PostgreSQL is another user
        postgres = PostgresCluster(Path(folder) / "cluster")
        postgres.start()
        prefect, mlflow = free_port(), free_port()
        hospitals.settings = {
            "FEDCLINIC_EXCHANGE_DATABASE": postgres.address("exchange"),
            "PREFECT_API_DATABASE_CONNECTION_URL": postgres.address("prefect", "asyncpg"),
            "MLFLOW_BACKEND_STORE_URI": postgres.address("mlflow"),
            "PREFECT_API_URL": f"http://127.0.0.1:{prefect}/api",
            "MLFLOW_TRACKING_URI": f"http://127.0.0.1:{mlflow}",
        }
        try:
            hospitals.host = "0.0.0.0"  # noqa: S104 - where it listens is tested
            hospitals.options = ["--prefect-port", str(prefect), "--mlflow-port", str(mlflow)]
            hospitals.start_exchange()
            hospitals.wait_for(lambda: "Ctrl-C" in (root / "exchange.log").read_text())
            for site in HOSPITALS:
                hospitals.join(site)
                hospitals.start_agent(site)
            api, tracking = hospitals.settings["PREFECT_API_URL"], f"http://127.0.0.1:{mlflow}"
            yield Coordinator(hospitals, postgres, api, tracking)
        finally:
            hospitals.stop()
            postgres.stop()


@pytest.fixture(scope="module")
def trained(coordinator: Coordinator) -> str:
    """A run to its end; gives its name."""
    hospitals = coordinator.hospitals
    plan = hospitals.write_plan(rounds=ROUNDS)
    hospitals.start("train", hospitals.coordinator("train", str(plan), "--no-compare"))
    assert hospitals.running.pop("train").wait(600) == 0, (hospitals.root / "train.log").read_text()
    return next((hospitals.workspace / "runs").glob("*/run.json")).parent.name


def test_a_run_is_one_task_a_site_and_round_in_prefect(
    coordinator: Coordinator, trained: str
) -> None:
    flows = coordinator.ask("prefect", "/flow_runs/filter", json={}).json()
    assert {flow["name"]: flow["state_type"] for flow in flows} == {trained: "COMPLETED"}
    tasks = coordinator.ask("prefect", "/task_runs/filter", json={"limit": 200}).json()
    rounds = {task["name"] for task in tasks if task["name"].startswith("round")}
    assert {f"round {n}: {site}" for n in range(1, ROUNDS + 1) for site in HOSPITALS} <= rounds


def test_a_run_and_its_model_are_in_mlflow(coordinator: Coordinator, trained: str) -> None:
    content = {"max_results": 10}
    found = coordinator.ask("mlflow", "/api/2.0/mlflow/experiments/search", json=content).json()
    experiments = [each["experiment_id"] for each in found["experiments"]]
    asked = {"experiment_ids": experiments, "max_results": 100}
    runs = coordinator.ask("mlflow", "/api/2.0/mlflow/runs/search", json=asked).json()["runs"]
    assert f"Federation ({trained})" in {run["info"]["run_name"] for run in runs}


def test_everything_is_kept_in_postgresql(coordinator: Coordinator, trained: str) -> None:
    assert coordinator.rows("exchange", "tasks") >= 2 * ROUNDS
    assert coordinator.rows("prefect", "flow_run") == 1
    assert coordinator.rows("mlflow", "runs") >= 1
    assert coordinator.rows("mlflow", "users") == 1
    assert not list(coordinator.hospitals.workspace.rglob("*.db"))


def test_the_sites_are_shown_with_what_they_have_left(
    coordinator: Coordinator, trained: str
) -> None:
    shown = coordinator.hospitals.ask(coordinator.hospitals.coordinator("status")).stdout
    for site in HOSPITALS:
        (line,) = [line for line in shown.splitlines() if line.strip().startswith(site)]
        assert "idle" in line
        assert " of 16" in line


@pytest.mark.parametrize("path", ["/flow_runs/filter", "/variables/filter"])
def test_prefect_answers_nobody_without_the_account(coordinator: Coordinator, path: str) -> None:
    assert httpx.post(coordinator.prefect + path, json={}).status_code == 401
    guessed = httpx.post(coordinator.prefect + path, json={}, auth=("coordinator", "guess"))
    assert guessed.status_code == 401


def test_prefects_pages_lie_in_the_workspace_as_an_installation_may_be_read_only(
    coordinator: Coordinator,
) -> None:
    pages = coordinator.hospitals.workspace / "prefect" / "ui"
    assert list(pages.rglob("index.html"))


def test_mlflow_answers_nobody_without_an_account(coordinator: Coordinator) -> None:
    path = "/api/2.0/mlflow/experiments/search"
    assert httpx.post(coordinator.mlflow + path, json={"max_results": 1}).status_code == 401


def test_only_the_exchange_listens_to_the_network(coordinator: Coordinator) -> None:
    found = listens_on(coordinator.hospitals.running["exchange"].pid)
    outside = {port for address, port in found if address != "127.0.0.1"}
    assert outside == {coordinator.hospitals.port}
    assert len(found) == 3


def test_ending_it_ends_all_three(coordinator: Coordinator) -> None:
    process = coordinator.hospitals.running.pop("exchange")
    process.terminate()
    assert process.wait(60) == 0
    for url in (coordinator.prefect, coordinator.mlflow):
        assert not answers(httpx.URL(url).port or 0)
    assert not answers(coordinator.hospitals.port)
