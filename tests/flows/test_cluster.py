"""Sites whose tasks a task runner carries: the answers of the local transport, from elsewhere."""

import sys
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Self

import pytest
from prefect.settings import PREFECT_API_URL, temporary_settings
from prefect.task_runners import ProcessPoolTaskRunner

from fedclinic.errors import ConfigError, RunError
from fedclinic.transports import LocalTransport
from flows.settings import Workspace
from flows.sites import EVALUATION_SITE
from flows.sites.cluster import ClusterSites, Errand, make_runner
from tests.factories import make_plan
from tests.flows.test_local_sites import ANSWER, ANSWERED, ENVELOPE, KEY, Stage, said


@dataclass
class Future:
    """What a runner gives back: the result, or what happened to the worker."""

    outcome: str | Exception

    def result(self) -> str:
        if isinstance(self.outcome, Exception):
            raise self.outcome
        return self.outcome


@dataclass
class OneWorker:
    """A task runner whose only worker is this process; it keeps what it was given."""

    loses_tasks: bool = False
    given: list[str] = field(default_factory=list)
    entered: int = 0

    def __enter__(self) -> Self:
        self.entered += 1
        return self

    def __exit__(self, *_: object) -> None:
        self.entered -= 1

    def submit(self, task: Any, parameters: dict[str, str]) -> Future:
        self.given.append(parameters["errand"])
        if self.loses_tasks:
            return Future(TimeoutError("worker 3 is gone, with Jan Jansen's note"))
        try:
            return Future(task.fn(**parameters))
        except RunError as error:
            return Future(error)


class Local:
    """The evaluation's own place."""

    def submit(self, site: str, task: Any) -> Any:
        return f"{site} here"

    def key(self, site: str) -> Any:
        return f"key of {site}"


@pytest.fixture
def stage(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Stage]:
    monkeypatch.chdir(tmp_path)
    with temporary_settings({PREFECT_API_URL: "http://127.0.0.1:9/api"}):
        yield Stage(tmp_path)


def open_on(stage: Stage, runner: OneWorker, script: list[Any]) -> ClusterSites:
    stage.open({"*": script})
    errand = {
        "plan": make_plan(),
        "workspace": str(Workspace(stage.root / "space").root),
        "data": "/notes",
        "coordinator": "key=",
    }
    return ClusterSites(errand, runner, Local())


def test_a_site_answers_from_a_worker_and_ends_there(stage):
    runner = OneWorker()
    with open_on(stage, runner, said(ANSWERED)) as sites:
        assert sites.submit("north", ENVELOPE) == ANSWER
        assert sites.key("north") == KEY
        assert runner.entered == 1
        assert not Path(f"/proc/{stage.seen('north')['process']}").exists()
    assert runner.entered == 0


def test_an_errand_is_all_that_a_worker_is_told(stage):
    runner = OneWorker()
    with open_on(stage, runner, said(ANSWERED)) as sites:
        sites.submit("south", ENVELOPE)
    (given,) = (Errand.model_validate_json(text) for text in runner.given)
    assert (given.site, given.task, given.data) == ("south", ENVELOPE, "/notes")


def test_what_a_site_says_instead_of_answering_is_told_as_locally(stage):
    problem = {"say": "problem", "code": "data", "message": "no notes at notes.jsonl"}
    with (
        open_on(stage, OneWorker(), [problem]) as sites,
        pytest.raises(RunError, match=r"site north: no notes at notes\.jsonl"),
    ):
        sites.submit("north", ENVELOPE)


def test_a_worker_that_is_lost_is_told_by_the_kind_of_its_end(stage):
    with open_on(stage, OneWorker(loses_tasks=True), []) as sites, pytest.raises(RunError) as told:
        sites.submit("north", ENVELOPE)
    assert str(told.value) == "site north: its worker failed (TimeoutError)"


def test_evaluation_stays_with_the_coordinator(stage):
    runner = OneWorker()
    with open_on(stage, runner, []) as sites:
        assert sites.submit(EVALUATION_SITE, ENVELOPE) == "evaluation here"
        assert sites.key(EVALUATION_SITE) == "key of evaluation"
    assert not runner.given


def test_processes_are_as_many_as_the_sites_or_as_the_plan_says():
    wanted = LocalTransport(kind="local", site_config="site.yaml", task_runner="processes")
    runner = make_runner(wanted, 5)
    assert isinstance(runner, ProcessPoolTaskRunner)
    assert runner._max_workers == 5
    assert make_runner(wanted.model_copy(update={"parallel": 2}), 5)._max_workers == 2


@pytest.mark.parametrize("kind", ["dask", "ray"])
def test_a_runner_that_is_not_installed_is_told_with_what_to_install(kind, monkeypatch):
    monkeypatch.setitem(sys.modules, f"prefect_{kind}", None)
    monkeypatch.setitem(sys.modules, f"prefect_{kind}.task_runners", None)
    wanted = LocalTransport(kind="local", site_config="site.yaml", task_runner=kind)
    with pytest.raises(ConfigError, match=rf"pip install 'fedclinic\[{kind}\]'"):
        make_runner(wanted, 2)
