"""Do a site's work as flow runs of its own Prefect, where site.yaml asks for that.

The runs are for the hospital's own people: what ran when, how long, and how it ended. They are on
an API inside the process, whose SQLite file is in the site's home, or on the hospital's server.
"""

import sys
from collections.abc import Callable
from typing import TypeVar

from fedclinic.errors import SignatureError
from fedclinic.evidence.statement import Envelope, statement_kind
from site_agent.opening import OpenSite
from site_agent.prefect_environment import enter_prefect
from site_agent.trusted_task import TASKS

Result = TypeVar("Result")


def as_flow(site: OpenSite, task: Envelope, work: Callable[[], Result]) -> Result:
    """Do the work of a task, as a flow run if the site keeps such runs.

    Raises:
        RunError: if Prefect does not answer; the work has not begun then.
        whatever `work` raises.
    """
    chosen = site.config.orchestration
    if chosen is None:
        return work()
    if "site_agent.site_flows" not in sys.modules:
        enter_prefect(site.home.prefect, chosen.api, chosen.certificate)
    from site_agent.site_flows import SITE_TASK, run_as_flow, send_no_events  # noqa: PLC0415

    send_no_events()
    return run_as_flow(SITE_TASK, _name(task), work)


def _name(task: Envelope) -> str:
    """The kind of a task that the agent knows: nothing that an envelope merely claims."""
    try:
        kind = statement_kind(task)
    except SignatureError:
        return "no task"
    return kind if kind in TASKS else "no task"
