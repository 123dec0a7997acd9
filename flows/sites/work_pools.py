"""The `prefect` transport: every site is a worker of one Prefect server, in one trust domain.

A task is a flow run in the site's work pool, and the answer is the text of its Completed state.
The result of a site's state is never asked for: Prefect would unpickle whatever the site names.
"""

import time
from contextlib import suppress
from types import TracebackType
from typing import Any, Self, cast

import httpx
from prefect.client.orchestration import SyncPrefectClient, get_client
from prefect.client.schemas.actions import WorkPoolCreate
from prefect.client.schemas.objects import FlowRun, State
from prefect.deployments import run_deployment
from prefect.exceptions import ObjectAlreadyExists, PrefectException
from prefect.states import Cancelled, Cancelling
from pydantic import ValidationError

from fedclinic.answers import Answer
from fedclinic.digest import digest_record
from fedclinic.errors import DataError, RunError, SignatureError
from fedclinic.evidence.keys import VerifyKey
from fedclinic.evidence.statement import Envelope, statement_kind
from fedclinic.plan import FederationPlan
from fedclinic.transports import PrefectTransport
from fedclinic.updates.blobs import BlobFolder
from fedclinic.updates.shared_folder import SharedFolder
from flows.settings import Workspace
from flows.sites import EVALUATION_SITE, Sites

FLOW = "site-task"
WORKER_TYPE = "fedclinic-site"
"""Flow and worker type of the site agent; its images know no others."""

ATTEMPTS = 3
"""Flow runs that one task may take: a site answers a task that it has done with the same report."""
POLL_SECONDS = 1.0
RETRY_SECONDS = 5.0

_EMPTY_TEMPLATE: dict[str, Any] = {
    "job_configuration": {"ignored": True},
    "variables": {"type": "object", "properties": {}},
}


class WorkPoolSites:
    """The sites of a plan with `transport: {kind: prefect}`."""

    def __init__(
        self,
        plan: FederationPlan,
        transport: PrefectTransport,
        workspace: Workspace,
        evaluation: Sites,
    ) -> None:
        self._plan = plan
        self._transport = transport
        self._blobs = BlobFolder(workspace.blobs)
        self._shared = SharedFolder(transport.blobs)
        self._evaluation = evaluation
        self._keys = {
            name: VerifyKey(bytes.fromhex(key)) for name, key in transport.site_keys.items()
        }

    def __enter__(self) -> Self:
        """Make each site's pool and deployment where the server has none yet.

        Raises:
            RunError: if the server cannot be reached or refuses.
        """
        try:
            register_sites(self._plan, self._transport)
        except (httpx.HTTPError, PrefectException) as error:
            raise RunError(
                f"Prefect server {self._transport.api}: {_in_words(error)}; check "
                "transport.api and PREFECT_API_AUTH_STRING"
            ) from None
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        """Nothing to close: workers go on polling."""

    def submit(self, site: str, task: Envelope) -> Answer:
        if site == EVALUATION_SITE:
            return self._evaluation.submit(site, task)
        try:
            self._shared.offer_named(task, self._blobs)
            answer = self._answer(site, task)
            self._shared.fetch_named(answer.last, self._blobs)
        except (DataError, SignatureError) as error:
            raise RunError(f"site {site}: {error}") from None
        return answer

    def key(self, site: str) -> VerifyKey:
        if site == EVALUATION_SITE:
            return self._evaluation.key(site)
        return self._keys[site]

    def _answer(self, site: str, task: Envelope) -> Answer:
        """Run the task until a run completes; a run that crashed is tried again."""
        deadline = time.monotonic() + 60 * self._plan.deadline_minutes
        crash: str | None = None
        for attempt in range(1, ATTEMPTS + 1):
            run = self._run(site, task, attempt, deadline)
            state = run.state
            if state is None or not state.is_final():
                _give_up(run)
                raise RunError(f"site {site} did not answer before the deadline")
            if state.is_completed():
                return _read_answer(site, state)
            if not state.is_crashed():
                raise RunError(f"site {site}: its run ended as {state.name}: {state.message}")
            crash = state.message
        raise RunError(f"site {site}: its run crashed {ATTEMPTS} times, at last: {crash}")

    def _run(self, site: str, task: Envelope, attempt: int, deadline: float) -> FlowRun:
        """Create the flow run and wait; asked again with the same key, it is the same run."""
        while True:
            left = deadline - time.monotonic()
            try:
                run = run_deployment(
                    f"{FLOW}/{self._transport.pool(site)}",
                    parameters={"task": task.model_dump(mode="json")},
                    flow_run_name=f"{site}: {statement_kind(task)}",
                    timeout=max(left, 1.0),
                    poll_interval=POLL_SECONDS,
                    tags=[self._plan.federation, site],
                    idempotency_key=f"{digest_record(task)}-{attempt}",
                )
                return cast(FlowRun, run)
            except (httpx.HTTPError, PrefectException) as error:
                if left <= RETRY_SECONDS:
                    raise RunError(f"Prefect server: {_in_words(error)}") from None
                time.sleep(RETRY_SECONDS)


def register_sites(plan: FederationPlan, transport: PrefectTransport) -> None:
    """Make every site's work pool and deployment on the server, or leave them as they are."""
    with get_client(sync_client=True) as client:
        for site in plan.site_names():
            _register(client, transport.pool(site), site)


def _register(client: SyncPrefectClient, pool: str, site: str) -> None:
    wanted = WorkPoolCreate(
        name=pool,
        type=WORKER_TYPE,
        description=f"Tasks of site {site}; only its own agent works here.",
        base_job_template=_EMPTY_TEMPLATE,
        concurrency_limit=1,
    )
    with suppress(ObjectAlreadyExists):
        client.create_work_pool(wanted)
    client.create_deployment(
        client.create_flow_from_name(FLOW),
        pool,
        work_pool_name=pool,
        enforce_parameter_schema=False,
        description="The flow is part of the site agent: nothing set here is run.",
    )


def _read_answer(site: str, state: State[Any]) -> Answer:
    """Read the answer from the state's message; the state's data is left alone."""
    try:
        answer = Answer.model_validate_json(state.message or "")
    except ValidationError:
        raise RunError(f"site {site} completed a task without an answer") from None
    return Answer(statements=answer.statements)


def _give_up(run: FlowRun) -> None:
    """Ask the site to end a run that is too late; whether it hears it matters to nobody."""
    scheduled = run.state is not None and run.state.is_scheduled()
    state: State[Any] = Cancelled() if scheduled else Cancelling()
    try:
        with get_client(sync_client=True) as client:
            client.set_flow_run_state(run.id, state)
    except (httpx.HTTPError, PrefectException):
        return


def _in_words(error: Exception) -> str:
    if isinstance(error, httpx.HTTPStatusError):
        return f"it answered with status {error.response.status_code}"
    return type(error).__name__
