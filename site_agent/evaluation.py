"""Measure a global model on this site's notes, where its administrator declared them public."""

from collections.abc import Iterable

from fedclinic.digest import canonical_json, digest_chunks
from fedclinic.errors import PolicyError
from fedclinic.learning.evaluate import measure
from fedclinic.notes import DeidentifiedNote
from fedclinic.records import Digest
from fedclinic.rounds import EvaluationReport, EvaluationTask
from fedclinic.updates.blobs import BlobFolder
from fedclinic.updates.codec import Tensors, UpdateFile
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
    bench.reset(load_state(task.state, bench, blobs))
    bench.model.trunk.eval()
    metrics = measure(bench.model, bench.notes, bench.hidden, bench.precision, task.work.task)
    return EvaluationReport(
        run=task.run,
        round_number=task.round_number,
        subject=task.subject,
        notes=bench.notes.notes,
        metrics=metrics,
    )


def digest_notes(notes: Iterable[DeidentifiedNote]) -> Digest:
    """Digest of notes themselves, in their order, which whoever has them can repeat."""
    return digest_chunks(
        canonical_json({"text": note.text, "labels": note.labels, "entities": _places(note)})
        for note in notes
    )


def _places(note: DeidentifiedNote) -> list[tuple[int, int, str]]:
    return [(span.start, span.end, span.label) for span in note.entities]


def load_state(state: Digest | None, bench: Workbench, blobs: BlobFolder) -> Tensors | None:
    """Read a global model's change; None is the base model itself.

    Raises:
        AdmissionError: if it is not a change of the plan's layers.
    """
    if state is None:
        return None
    with UpdateFile(blobs.find(state), bench.model.shapes(), "F32") as file:
        return dict(file)
