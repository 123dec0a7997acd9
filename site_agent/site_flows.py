"""The flows that a site runs: baked in, without private values in anything that Prefect keeps.

Prefect stores a run's name, parameters, state message and the texts of its exceptions. So what a
flow works with and what it gives back pass beside Prefect, in the closure of the call; Prefect sees
the kind of work, and of a failure its error code.
"""

from collections.abc import Callable
from typing import TypeVar
from uuid import UUID

from prefect import flow
from prefect.client.orchestration import get_client
from prefect.client.schemas.objects import State
from prefect.engine import handle_engine_signals
from prefect.events.clients import NullEventsClient
from prefect.events.worker import EventsWorker
from prefect.flow_engine import run_flow
from prefect.flows import Flow
from prefect.states import Completed, Failed

from fedclinic.errors import ErrorCode, FedclinicError, RunError

Result = TypeVar("Result")

SITE_TASK = "site-task"
"""A signed task of a coordinator's, of whatever kind."""
DEIDENTIFICATION = "de-identification"
"""Bring the site's store of de-identified notes up to date."""

FLOWS = frozenset({SITE_TASK, DEIDENTIFICATION})


def send_no_events() -> None:
    """Keep this process's events from the server: they would carry names of what it works on."""
    EventsWorker.set_client_override(NullEventsClient)


def run_as_flow(name: str, run_name: str, work: Callable[[], Result]) -> Result:
    """Do the work inside a flow run of its own, in this process.

    `run_name` is shown to whoever sees the server: site, round and kind of work only.

    Raises:
        RunError: if Prefect does not take the run; the work has not begun then.
        whatever `work` raises, as it raised it; Prefect is told the error code.
    """
    done: list[Result] = []
    raised: list[Exception] = []

    def told() -> State[None]:
        state, error = _outcome(lambda: done.append(work()))
        raised.extend([] if error is None else [error])
        return state

    try:
        _flow(name, told).with_options(flow_run_name=run_name)(return_state=True)
    except Exception as error:  # what is done is done, also if Prefect does not hear of its end
        if not (done or raised):
            raise RunError(f"the site's Prefect does not answer ({type(error).__name__})") from None
    if raised:
        raise raised[0]
    return done[0]


def carry_on_run(run_id: UUID, answer: Callable[[], str]) -> None:
    """Be the process of a flow run that a worker accepted; the answer is its final message.

    Its parameters were read and checked by the worker and are not read again.
    """

    def told(task: object) -> State[None]:
        message: list[str] = []
        state, _ = _outcome(lambda: message.append(answer()))
        return Completed(message=message[0]) if message else state

    with handle_engine_signals(run_id):
        with get_client(sync_client=True) as client:
            run = client.read_flow_run(run_id)
        run_flow(
            _flow(SITE_TASK, told), flow_run=run, parameters={"task": None}, return_type="state"
        )


def _flow(name: str, work: Callable[..., State[None]]) -> Flow[..., State[None]]:
    return flow(
        name=name,
        persist_result=False,
        validate_parameters=False,
        log_prints=False,
        retries=0,
    )(work)


def _outcome(work: Callable[[], object]) -> tuple[State[None], Exception | None]:
    """Do the work; an exception becomes a state that holds its code and nothing else of it."""
    try:
        work()
    except FedclinicError as error:
        return Failed(message=error.code.value), error
    except Exception as error:
        return Failed(message=ErrorCode.UNEXPECTED.value), error
    return Completed(message="done"), None
