"""Measure a global model on this site's notes, where its administrator declared them public."""

from fedclinic.errors import PolicyError
from fedclinic.learning.evaluate import measure
from fedclinic.rounds import EvaluationReport, EvaluationTask
from fedclinic.updates.blobs import BlobFolder
from fedclinic.updates.codec import UpdateFile
from site_agent.settings import SiteConfig
from site_agent.workbench import Workbench


def evaluate(
    task: EvaluationTask, bench: Workbench, config: SiteConfig, blobs: BlobFolder
) -> EvaluationReport:
    """Compute the task's metrics; they leave without noise.

    Raises:
        PolicyError: if site.yaml does not allow it.
        AdmissionError: if the state is not a change of the plan's layers.
    """
    if not config.permissions.evaluation:
        raise PolicyError(f"site {config.site} lets no metrics out (permissions.evaluation)")
    change = None
    if task.state is not None:
        with UpdateFile(blobs.find(task.state), bench.model.shapes(), "F32") as file:
            change = dict(file)
    bench.reset(change)
    bench.model.trunk.eval()
    metrics = measure(bench.model, bench.notes, bench.hidden, bench.precision, task.work.task)
    return EvaluationReport(
        run=task.run,
        round_number=task.round_number,
        subject=task.subject,
        notes=bench.notes.notes,
        metrics=metrics,
    )
