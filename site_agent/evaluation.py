"""Measure a global model on this site's notes, where its administrator declared them public."""

from collections.abc import Iterable, Mapping

import numpy as np

from fedclinic.digest import canonical_json, digest_chunks
from fedclinic.errors import PolicyError
from fedclinic.learning.evaluate import count
from fedclinic.learning.intervals import Interval, intervals
from fedclinic.learning.metrics import Tally
from fedclinic.learning.tasks import EncodedNotes
from fedclinic.notes import DeidentifiedNote
from fedclinic.records import Digest
from fedclinic.rounds import EvaluationReport, EvaluationTask, GroupQuality
from fedclinic.updates.blobs import BlobFolder
from fedclinic.updates.codec import Tensors, UpdateFile
from site_agent.settings import SiteConfig
from site_agent.workbench import Workbench


def evaluate(
    task: EvaluationTask,
    bench: Workbench,
    config: SiteConfig,
    blobs: BlobFolder,
    *,
    smallest_group: int,
) -> EvaluationReport:
    """Compute the task's metrics; they leave without noise.

    Args:
        task: names the state to measure, and the groups to tell apart.
        bench: the evaluation notes, and a model.
        config: says whether these notes may measure at all.
        blobs: where the state is.
        smallest_group: a group of fewer notes is named, and nothing is told of it.

    Raises:
        PolicyError: if site.yaml does not allow it.
        AdmissionError: if the state is not a change of the plan's layers.
    """
    if not config.permissions.evaluation:
        raise PolicyError(f"site {config.site} lets no metrics out (permissions.evaluation)")
    bench.reset(load_state(task.state, bench, blobs))
    bench.model.trunk.eval()
    tally = count(bench.model, bench.notes, bench.hidden, bench.precision, task.work.task)
    patients = bench.notes.notes_of_patient
    lower, upper = _ends(intervals(tally, patients))
    return EvaluationReport(
        run=task.run,
        round_number=task.round_number,
        subject=task.subject,
        notes=bench.notes.notes,
        metrics=tally.metrics(),
        lower=lower,
        upper=upper,
        groups=tuple(_group(name, tally, bench.notes, smallest_group) for name in task.groups),
    )


def _group(name: str, tally: Tally, notes: EncodedNotes, smallest: int) -> GroupQuality:
    """The quality on the notes of one group; its intervals draw the group's patients again."""
    is_in = np.array([group == name for group in notes.group_of_note])
    if is_in.sum() < smallest:
        return GroupQuality(name=name, notes=None, metrics={}, lower={}, upper={})
    own = (indices[is_in[indices]] for indices in notes.notes_of_patient)
    lower, upper = _ends(intervals(tally, [indices for indices in own if indices.size]))
    part = tally.part(np.flatnonzero(is_in))
    return GroupQuality(
        name=name, notes=int(is_in.sum()), metrics=part.metrics(), lower=lower, upper=upper
    )


def _ends(found: Mapping[str, Interval]) -> tuple[dict[str, float], dict[str, float]]:
    lower = {name: low for name, (low, _) in found.items()}
    return lower, {name: high for name, (_, high) in found.items()}


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
