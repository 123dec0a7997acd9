"""A deployed federation: when it runs, what a server may choose of it, and one run at a time."""

from pathlib import Path
from typing import Any

import pytest
import yaml

from fedclinic.errors import ConfigError, RunError
from flows import deployment
from flows.__main__ import main
from flows.deployed import Deployed, deployed_names
from flows.deployment import deployed_federation
from flows.plan_file import load_plan
from flows.run_store import new_run
from flows.settings import Workspace
from tests.command_line import type_here
from tests.end_to_end.conftest import plan_document

SCHEDULE = {"cron": "30 2 * * 1-5", "timezone": "Europe/Amsterdam"}


@pytest.fixture
def space(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Workspace:
    monkeypatch.setenv("FEDCLINIC_WORKSPACE", str(tmp_path / "space"))
    return Workspace(tmp_path / "space")


def write_plan(folder: Path, **changes: Any) -> Path:
    path = folder / "federation.yaml"
    path.write_text(yaml.safe_dump(plan_document() | changes))
    return path


def test_a_deployment_has_the_plans_schedule_and_one_run_at_a_time(tmp_path: Path):
    plan = load_plan(write_plan(tmp_path, schedule=SCHEDULE))
    made = deployment._deployment(plan)
    assert made.name == "tiny"
    assert made.parameters == {"federation": "tiny"}
    assert [each.schedule.cron for each in made.schedules] == [SCHEDULE["cron"]]
    assert [each.schedule.timezone for each in made.schedules] == [SCHEDULE["timezone"]]
    assert made.concurrency_limit == 1
    assert made.concurrency_options.collision_strategy.value == "CANCEL_NEW"


def test_a_plan_without_a_schedule_waits_to_be_started(tmp_path: Path):
    assert not deployment._deployment(load_plan(write_plan(tmp_path))).schedules


@pytest.mark.parametrize("name", ["other", "../../etc/passwd", "tiny/../tiny", ""])
def test_a_server_can_start_nothing_that_was_not_deployed_here(space, name):
    with pytest.raises(RunError, match="deployed"):
        deployed_federation.fn(name)


def test_a_second_run_of_a_federation_is_refused_while_the_first_goes_on(space, tmp_path):
    Deployed(plan=str(write_plan(tmp_path)), data=str(tmp_path)).write(space, "tiny")
    with (
        deployment._only_run(space, "tiny"),
        pytest.raises(RunError, match="a run of federation tiny is going on already"),
    ):
        deployed_federation.fn("tiny")


def test_an_interrupted_run_of_the_same_plan_is_gone_on_with(space, tmp_path):
    plan = load_plan(write_plan(tmp_path))
    begun = new_run(space, plan, title="Federation", data="/notes", label="main")
    found = deployment._unfinished(space, plan)
    assert found is not None
    assert found.name == begun.name
    changed = load_plan(write_plan(tmp_path, rounds=7))
    assert deployment._unfinished(space, changed) is None


def test_what_is_deployed_is_remembered_by_name(space, tmp_path):
    Deployed(plan="a", data="b").write(space, "tiny")
    Deployed(plan="c", data="d").write(space, "other")
    assert deployed_names(space) == ["other", "tiny"]


BAD_SCHEDULES = {
    "no such time zone": ({"cron": "0 2 * * *", "timezone": "Europe/Rotterdam"}, "no time zone"),
    "a cron of three fields": ({"cron": "0 2 *", "timezone": "UTC"}, "schedule.cron"),
    "a field too many": (SCHEDULE | {"seconds": 5}, "seconds"),
}


@pytest.mark.parametrize("what", BAD_SCHEDULES)
def test_a_wrong_schedule_is_told_with_its_line(tmp_path, what):
    schedule, reason = BAD_SCHEDULES[what]
    with pytest.raises(ConfigError, match=reason):
        load_plan(write_plan(tmp_path, schedule=schedule))


@pytest.mark.parametrize("command", [["deploy", "federation.yaml"], ["serve"]])
def test_without_a_server_it_is_said_which_to_start(command, tmp_path, monkeypatch, capsys):
    write_plan(tmp_path)
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("PREFECT_API_URL", raising=False)
    complaint = type_here(main, command, monkeypatch, capsys).complaint()
    assert "set PREFECT_API_URL" in complaint
