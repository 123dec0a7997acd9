"""What a run's evidence does not show: listed as gaps, so that silence is never taken for proof."""

from fedclinic.evidence.deid_section import last_summaries, recall_was_measured
from fedclinic.evidence.run_evidence import RunEvidence

NOT_REGISTERED = "No model of this run is registered."


def find_gaps(data: RunEvidence) -> list[str]:
    """One sentence for each thing that a reader might expect and that is not there."""
    gaps = []
    if data.verification is None:
        gaps.append("The signed log of this run was not verified when this report was made.")
    elif not data.verification.compared_with_mlflow:
        gaps.append("MLflow was not compared with the signed log when this report was made.")
    elif not data.verification.witnesses:
        gaps.append("No hospital cosigned the log: its operator alone could rewrite it.")
    if data.promise() is None:
        gaps.append("The run had no privacy protection: nothing bounds what the model reveals.")
    elif not data.audits:
        gaps.append("No audit of the trainers is recorded: the promise was computed, not tested.")
    if not any(audit.audit in ("memorisation", "membership") for audit in data.audits):
        gaps.append("Whether the model memorised its training notes was not tested.")
    if not recall_was_measured(data):
        gaps.append("How many identifiers the de-identification misses was not measured.")
    silent = [site for site in data.plan.site_names() if site not in last_summaries(data)]
    if silent:
        gaps.append(f"No counts of their de-identification were let out by {', '.join(silent)}.")
    if data.model is None:
        gaps.append(NOT_REGISTERED)
    if not any(round_.evaluations for round_ in data.rounds):
        gaps.append("The model's quality was not measured.")
    elif not any(e.groups for round_ in data.rounds for e in round_.evaluations):
        gaps.append("Whether the model serves some hospitals or patients worse was not measured.")
    return gaps
