"""Write a de-identification run to the site's own MLflow; only this module of a site imports it.

What is written has passed the disclosure policy, as what leaves the site does: rounded counts,
shares, digests.
"""

from collections.abc import Mapping

from fedclinic.errors import ConfigError
from fedclinic.rounds import DeidentificationSummary
from site_agent.settings import SiteTracking


def log_deidentification(
    tracking: SiteTracking,
    *,
    site: str,
    summary: DeidentificationSummary,
    digests: Mapping[str, str],
    seconds: float,
) -> str:
    """Write one run; returns its identifier.

    Raises:
        ConfigError: if MLflow is not installed, or the store of site.yaml cannot be used.
    """
    try:
        from mlflow.entities import Metric, RunTag  # noqa: PLC0415 - an extra of some sites
        from mlflow.exceptions import MlflowException  # noqa: PLC0415
        from mlflow.tracking import MlflowClient  # noqa: PLC0415
    except ImportError:
        raise ConfigError("site.yaml names a tracking store: pip install 'mlflow>=3.4'") from None
    try:
        client = MlflowClient(tracking_uri=tracking.uri)
        found = client.get_experiment_by_name(tracking.experiment)
        experiment = found.experiment_id if found else client.create_experiment(tracking.experiment)
        run = client.create_run(experiment, run_name=f"de-identification of {site}")
        now = int(run.info.start_time)
        metrics = _metrics(summary) | {"seconds": seconds}
        client.log_batch(
            run.info.run_id,
            metrics=[Metric(name, float(value), now, 0) for name, value in metrics.items()],
            tags=[RunTag(f"deid.{name}", value) for name, value in digests.items()],
        )
        client.set_terminated(run.info.run_id)
    except MlflowException as error:
        reason = str(error.message).splitlines()[0]
        raise ConfigError(f"tracking.uri {tracking.uri} cannot be used: {reason}") from None
    return str(run.info.run_id)


def _metrics(summary: DeidentificationSummary) -> dict[str, float]:
    """Every number that the disclosure policy did not withhold."""
    shown: dict[str, float | None] = {
        "deid.notes": summary.notes,
        "deid.quarantined": summary.quarantined,
        **{f"deid.replaced.{kind}": count for kind, count in summary.replaced.items()},
        **{f"deid.recall.{kind}": share for kind, share in summary.recall.items()},
    }
    return {name: float(value) for name, value in shown.items() if value is not None}
