"""Reach a plan's sites by the transport that the plan names."""

from collections.abc import Iterator
from contextlib import contextmanager

from fedclinic.plan import FederationPlan
from fedclinic.transports import PrefectTransport
from flows.settings import Workspace
from flows.sites import Sites, Watcher
from flows.sites.local import LocalSites


@contextmanager
def open_sites(
    plan: FederationPlan, workspace: Workspace, data: str, coordinator: str, watch: Watcher
) -> Iterator[Sites]:
    """Give the plan's sites for as long as a run lasts; evaluation notes are always local.

    Raises:
        RunError: if the sites cannot be reached at all.
    """
    with LocalSites(plan, workspace, data, coordinator, watch) as local:
        if not isinstance(plan.transport, PrefectTransport):
            yield local
            return
        from flows.sites.work_pools import WorkPoolSites  # noqa: PLC0415 - it imports Prefect

        with WorkPoolSites(plan, plan.transport, workspace, local) as pools:
            yield pools
