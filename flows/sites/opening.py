"""Reach a plan's sites by the transport that the plan names."""

from collections.abc import Iterator
from contextlib import contextmanager

from fedclinic.plan import FederationPlan
from fedclinic.transports import ExchangeTransport, LocalTransport, PrefectTransport
from fedclinic.updates.blobs import BlobFolder
from flows.settings import Workspace
from flows.sites import Sites, Watcher
from flows.sites.local import LocalSites


@contextmanager
def open_sites(
    plan: FederationPlan, workspace: Workspace, data: str, coordinator: str, watch: Watcher
) -> Iterator[Sites]:
    """Give the plan's sites for as long as a run lasts.

    The evaluation notes are local, unless an agent of the exchange has them.

    Raises:
        RunError: if the sites cannot be reached at all.
    """
    with LocalSites(plan, workspace, data, coordinator, watch) as local:
        match plan.transport:
            case PrefectTransport():
                from flows.sites.work_pools import WorkPoolSites  # noqa: PLC0415 - imports Prefect

                with WorkPoolSites(plan, plan.transport, workspace, local) as pools:
                    yield pools
            case ExchangeTransport():
                from flows.exchange.exchange import open_exchange  # noqa: PLC0415 - imports SQL
                from flows.exchange.settings import exchange_settings  # noqa: PLC0415
                from flows.sites.exchange import ExchangeSites  # noqa: PLC0415

                exchange = open_exchange(exchange_settings(workspace))
                blobs = BlobFolder(workspace.blobs)
                beside = None if plan.evaluation.site_config is None else local
                with ExchangeSites(plan.transport, exchange, blobs, beside, watch) as sites:
                    yield sites
            case LocalTransport(task_runner="threads"):
                yield local
            case LocalTransport():
                from flows.sites.cluster import ClusterSites, make_runner  # noqa: PLC0415

                runner = make_runner(plan.transport, len(plan.sites))
                errand = {"plan": plan, "workspace": str(workspace.root)}
                errand |= {"data": data, "coordinator": coordinator}
                with ClusterSites(errand, runner, local) as on_workers:
                    yield on_workers
