"""A task at the exchange: leased by one agent at a time, ended once, or never."""

import pytest

from fedclinic.errors import ErrorCode
from fedclinic.exchange_protocol import Done, Heartbeat, Leave
from site_agent.exchange_client import TroubleError
from tests.flows.exchange.desk import (
    OTHER_SESSION,
    Desk,
    asking,
    make_answer,
    make_task_envelope,
    problem_of,
)

LATER = 4e9


def end(desk: Desk, lease: str, task: str, site: str = "north", **answer: object) -> None:
    done = Done(lease=lease, statements=make_answer(site, **answer).statements)
    desk.client(site).done(task, done, until=0)


def trouble(call: object, *arguments: object, **named: object) -> str:
    with pytest.raises(TroubleError) as caught:
        call(*arguments, **named)
    return caught.value.problem.problem.value


def test_a_task_reaches_its_site_as_it_was_signed_and_its_answer_comes_back(desk):
    task = desk.submit()
    leased = desk.lease()
    assert leased.task == task
    assert leased.envelope == make_task_envelope()
    end(desk, leased.lease, task)
    view = desk.exchange.queue.find(task)
    assert view.state == "done"
    assert view.answer == make_answer()


def test_a_site_without_work_is_told_so(desk):
    assert desk.client().lease(asking()) is None


def test_a_site_that_waits_gets_its_task_when_it_comes(desk):
    with desk.http:
        task = desk.submit()
        leased = desk.client().lease(asking(wait_seconds=20))
    assert leased is not None
    assert leased.task == task


def test_one_sites_task_is_no_other_sites_business(desk):
    task = desk.submit("north")
    assert desk.client("south").lease(asking()) is None
    leased = desk.lease()
    beat = Heartbeat(lease=leased.lease)
    assert trouble(desk.client("south").heartbeat, task, beat) == "not-found"
    done = Done(lease=leased.lease, statements=make_answer().statements)
    assert trouble(desk.client("south").done, task, done, until=0) == "not-found"


def test_progress_reaches_the_coordinator(desk):
    desk.submit()
    leased = desk.lease()
    beat = Heartbeat(lease=leased.lease, stage="train", done=3, total=10)
    desk.client().heartbeat(leased.task, beat)
    view = desk.exchange.queue.find(leased.task)
    assert (view.stage, view.done, view.total) == ("train", 3, 10)


def test_a_silent_agent_loses_its_task_to_the_next(desk):
    desk.submit()
    first = desk.lease()
    desk.clock.now += desk.limits.lease_seconds + 1
    second = desk.lease(session=OTHER_SESSION)
    assert second.task == first.task
    assert second.lease != first.lease
    assert trouble(end, desk, first.lease, first.task) == "no-lease"
    end(desk, second.lease, second.task)


def test_an_agent_that_says_it_is_alive_keeps_its_task(desk):
    desk.submit()
    leased = desk.lease()
    for _ in range(5):
        desk.clock.now += desk.limits.lease_seconds - 1
        desk.client().heartbeat(leased.task, Heartbeat(lease=leased.lease))
    end(desk, leased.lease, leased.task)


def test_a_second_agent_of_a_site_is_refused_while_the_first_is_alive(desk):
    desk.client().lease(asking())
    assert trouble(desk.client().lease, asking(OTHER_SESSION)) == "second-agent"
    desk.clock.now += desk.limits.agent_seconds + 1
    assert desk.client().lease(asking(OTHER_SESSION)) is None


def test_an_agent_that_leaves_makes_room_at_once(desk):
    desk.client().lease(asking())
    desk.client().leave(asking().session)
    assert desk.client().lease(asking(OTHER_SESSION)) is None


def test_leaving_ends_nobody_elses_session(desk):
    desk.client().lease(asking())
    response = desk.send(
        "POST", "/v1/leave", Leave(session=OTHER_SESSION).model_dump_json().encode()
    )
    assert response.status_code == 200
    assert trouble(desk.client().lease, asking(OTHER_SESSION)) == "second-agent"


def test_a_new_agent_takes_over_what_a_dead_one_held(desk):
    desk.submit()
    desk.lease()
    desk.client().leave(asking().session)
    assert desk.lease(session=OTHER_SESSION).task


def test_ending_a_task_again_with_the_same_answer_changes_nothing(desk):
    task = desk.submit()
    leased = desk.lease()
    for _ in range(3):
        end(desk, leased.lease, task)
    assert desk.exchange.queue.find(task).answer == make_answer()


def test_an_ended_task_cannot_get_another_answer(desk):
    task = desk.submit()
    leased = desk.lease()
    end(desk, leased.lease, task)
    assert trouble(end, desk, leased.lease, task, nonce="1" * 32) == "no-lease"
    assert desk.exchange.queue.find(task).answer == make_answer()


def test_a_late_answer_is_refused_and_the_site_is_told(desk):
    task = desk.submit()
    leased = desk.lease()
    desk.clock.now += 601
    assert trouble(desk.client().heartbeat, task, Heartbeat(lease=leased.lease)) == "late"
    assert trouble(end, desk, leased.lease, task) == "late"
    assert desk.client().lease(asking()) is None
    assert desk.exchange.queue.find(task).state == "late"


def test_a_task_that_is_given_up_is_refused_at_the_next_heartbeat(desk):
    task = desk.submit()
    leased = desk.lease()
    assert desk.exchange.queue.give_up(task)
    assert trouble(desk.client().heartbeat, task, Heartbeat(lease=leased.lease)) == "late"


def test_a_task_that_ended_cannot_be_given_up(desk):
    task = desk.submit()
    end(desk, desk.lease().lease, task)
    assert not desk.exchange.queue.give_up(task)
    assert desk.exchange.queue.find(task).state == "done"


def test_the_same_round_submitted_again_is_the_same_task_and_keeps_its_answer(desk):
    task = desk.submit()
    end(desk, desk.lease().lease, task)
    assert desk.submit(deadline=LATER) == task
    assert desk.exchange.queue.find(task).answer == make_answer()
    assert desk.client().lease(asking()) is None


def test_a_late_round_submitted_again_goes_out_again(desk):
    task = desk.submit()
    desk.exchange.queue.give_up(task)
    assert desk.submit() == task
    assert desk.lease().task == task


def test_another_attempt_of_a_round_is_another_task(desk):
    assert desk.submit() != desk.submit(attempt=2)


def test_a_failure_is_told_by_one_word(desk):
    task = desk.submit()
    leased = desk.lease()
    desk.client().done(task, Done(lease=leased.lease, error=ErrorCode.TRAINING), until=0)
    view = desk.exchange.queue.find(task)
    assert (view.state, view.error, view.answer) == ("done", ErrorCode.TRAINING, None)


def test_tasks_go_out_in_the_order_in_which_they_came(desk):
    numbers = [desk.submit(round_number=n) for n in (1, 2, 3)]
    for number in numbers:
        leased = desk.lease()
        assert leased.task == number
        desk.client().done(number, Done(lease=leased.lease, error=ErrorCode.DATA), until=0)


def test_an_agent_of_another_version_is_told_so(desk):
    assert trouble(desk.client().lease, asking(protocol=2)) == "version"


def test_what_the_coordinator_queued_outlives_the_service(desk, tmp_path):
    task = desk.submit()
    again = Desk(tmp_path, clock=desk.clock, database=desk.database)
    assert again.lease().task == task


def test_a_free_text_has_no_place_in_an_answer(desk):
    task = desk.submit()
    leased = desk.lease()
    body = Done(lease=leased.lease, error=ErrorCode.DATA).model_dump_json()
    for changed in (
        body.replace('"data"', '"patient Jan Jansen"'),
        body.replace("{", '{"note":"patient Jan Jansen",', 1),
    ):
        response = desk.send("POST", f"/v1/tasks/{task}/done", changed.encode())
        assert problem_of(response) == "request"
        assert "Jansen" not in response.text
    assert "Jansen" not in desk.exchange.settings.calls.read_text()
