"""What the coordinator takes from a site's flow run: the text of its state, and never its data."""

import pickle
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest
from prefect.client.schemas.objects import FlowRun, State
from prefect.settings import PREFECT_API_URL, temporary_settings
from prefect.states import Cancelled, Completed, Crashed, Failed, Running

from fedclinic.answers import Answer
from fedclinic.errors import RunError
from fedclinic.evidence.statement import Envelope, sign
from fedclinic.rounds import REPORT_KIND, TASK_KIND
from flows.settings import Workspace
from flows.sites.work_pools import ATTEMPTS, WorkPoolSites
from tests.factories import make_plan, make_report, make_round_task, make_signing_key

SITES = {"north": make_signing_key(2), "south": make_signing_key(3)}
ROUND = make_round_task(site="north")
TASK = sign(ROUND, TASK_KIND, make_signing_key(1))
ANSWER = Answer(statements=(sign(make_report(ROUND), REPORT_KIND, SITES["north"]),))


class Touched:
    """Leaves a file behind when it is unpickled."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def __reduce__(self) -> Any:
        return (Path.touch, (self.path,))


class ScriptedPools(WorkPoolSites):
    """The transport, with flow runs that end as the test says."""

    def end_as(self, *states: State[Any]) -> None:
        self.states = list(states)
        self.attempts: list[int] = []

    def _run(self, site: str, task: Envelope, attempt: int, deadline: float) -> FlowRun:
        self.attempts.append(attempt)
        return FlowRun(id=uuid4(), flow_id=uuid4(), state=self.states[len(self.attempts) - 1])


@pytest.fixture
def pools(tmp_path: Path) -> Iterator[ScriptedPools]:
    transport = {
        "kind": "prefect",
        "api": "http://127.0.0.1:9/api",
        "blobs": f"file://{tmp_path}/shared",
        "site_keys": {site: key.public.raw.hex() for site, key in SITES.items()},
    }
    plan = make_plan(transport=transport)
    with temporary_settings({PREFECT_API_URL: plan.transport.api}):
        yield ScriptedPools(plan, plan.transport, Workspace(tmp_path / "space"), None)


def test_an_answer_is_read_from_the_completed_states_message(pools):
    pools.end_as(Completed(message=ANSWER.model_dump_json()))
    assert pools.submit("north", TASK) == ANSWER
    assert pools.key("north") == SITES["north"].public


def test_a_pickle_that_a_site_names_as_its_result_is_never_opened(pools, tmp_path):
    trap = tmp_path / "opened"
    pickled = tmp_path / "result"
    pickled.write_bytes(pickle.dumps(Touched(trap)))
    data = {"storage_key": str(pickled), "serializer": {"type": "pickle"}, "storage": {}}
    state = State(type="COMPLETED", message=ANSWER.model_dump_json(), data=data)
    pools.end_as(state, state)
    assert pools.submit("north", TASK) == ANSWER
    assert not trap.exists()
    pickle.loads(pickled.read_bytes())  # noqa: S301 - the trap works
    assert trap.exists()


def test_words_that_a_site_adds_are_left_out(pools):
    words = ANSWER.model_copy(update={"problem": "Jan Jansen"})
    pools.end_as(Completed(message=words.model_dump_json()))
    assert pools.submit("north", TASK).problem == ""


NO_ANSWERS = {
    "no message": (Completed(), "completed a task without an answer"),
    "another message": (Completed(message="done"), "completed a task without an answer"),
    "a failure": (Failed(message="signature"), "ended as Failed: signature"),
    "a cancellation": (Cancelled(message="no"), "ended as Cancelled: no"),
}


@pytest.mark.parametrize("what", NO_ANSWERS)
def test_a_run_without_an_answer_is_told_in_one_line(pools, what):
    state, reason = NO_ANSWERS[what]
    pools.end_as(state)
    with pytest.raises(RunError, match=f"site north.*{reason}"):
        pools.submit("north", TASK)
    assert pools.attempts == [1]


def test_a_crashed_run_is_tried_again(pools):
    pools.end_as(Crashed(), Completed(message=ANSWER.model_dump_json()))
    assert pools.submit("north", TASK) == ANSWER
    assert pools.attempts == [1, 2]


def test_a_site_that_crashes_every_time_is_given_up(pools):
    pools.end_as(*[Crashed(message="exit code -9")] * ATTEMPTS)
    with pytest.raises(RunError, match=f"crashed {ATTEMPTS} times, at last: exit code -9"):
        pools.submit("north", TASK)


def test_a_site_that_does_not_end_in_time_is_given_up_also_without_a_server(pools):
    pools.end_as(Running())
    with pytest.raises(RunError, match="did not answer before the deadline"):
        pools.submit("north", TASK)
