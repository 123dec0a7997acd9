"""The notes of a benchmark: public corpora from a folder, and the synthetic cohort."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from fedbench.cell import CorpusChoice, CorpusName
from fedclinic.errors import DataError
from fedclinic.notes import DeidentifiedNote, Note
from fedclinic.plan import Task
from fedclinic.synthetic.cohort import generate_cohort
from fedclinic.synthetic.kinds import SERVICES, Split
from site_agent.readers import FORMATS, read_notes
from site_agent.settings import Fields, NoteSource

HOSPITALS = 4
"""Hospitals of the synthetic cohort, which are its natural sites."""
COHORT_SEED = 11
COHORT_ALPHA = 0.5

DOCUMENT_TYPES = (
    "Surgery",
    "Consult - History and Phy.",
    "Radiology",
    "SOAP / Chart / Progress Notes",
    "Discharge Summary",
    "Emergency Room Reports",
    "Office Notes",
    "Letters",
    "IME-QME-Work Comp etc.",
)


@dataclass(frozen=True)
class Corpus:
    """One split's notes, in order, with the natural site of each patient."""

    task: Task
    notes: tuple[DeidentifiedNote, ...]
    groups: tuple[str, ...]
    """One a patient, in order of appearance: the hospital or department, or the patient itself."""


def load_corpus(choice: CorpusChoice, split: Split, data: Path | None) -> Corpus:
    """Read the first patients of a split.

    Raises:
        DataError: if the corpus is not in the folder, or no folder was given.
    """
    task = _TASKS[choice.name](choice.max_tokens)
    wanted = choice.train if split == "train" else choice.test
    if choice.name == "synthetic":
        return _synthetic(task, split, wanted)
    if data is None:
        raise DataError(f"corpus {choice.name} is read from a folder: name it with --data")
    folder = data / choice.name
    departments = _departments(folder / f"{split}.jsonl") if choice.name == "mtsamples" else {}
    notes = _first_patients(read_notes(_source(choice.name, folder, split), task), wanted)
    patients = dict.fromkeys(note.patient for note in notes)
    return Corpus(task, notes, tuple(departments.get(each, each) for each in patients))


def is_there(name: CorpusName, data: Path | None) -> bool:
    return name == "synthetic" or (data is not None and (data / name / "train.jsonl").is_file())


def _first_patients(notes: Iterator[Note], wanted: int) -> tuple[DeidentifiedNote, ...]:
    """Notes of the first `wanted` patients; the corpora are public and hold no identifiers."""
    kept: list[DeidentifiedNote] = []
    seen: set[str] = set()
    for note in notes:
        if note.patient not in seen and len(seen) == wanted:
            continue
        seen.add(note.patient)
        kept.append(_as_deidentified(note))
    return tuple(kept)


def _as_deidentified(note: Note) -> DeidentifiedNote:
    return DeidentifiedNote(note.note_id, note.patient, note.text, note.labels, note.entities)


def _source(name: CorpusName, folder: Path, split: Split) -> NoteSource:
    fields = {
        "ncbi_disease": Fields(patient="doc_id", text=None, tokens="tokens", tags="tags"),
        "bc5cdr": Fields(patient="id", text=None, tokens="tokens", tags="tags"),
        "mtsamples": Fields(patient="id", label="doc_type"),
    }[name]
    path = folder / f"{split}.jsonl"
    return NoteSource(path=str(path), format="jsonl", fields=fields, skip_unlabelled=True)


def _departments(path: Path) -> dict[str, str]:
    """Department of each note that has one, by the note's identifier."""
    rows = FORMATS["jsonl"](path)
    named = [row.values for row in rows if row.values.get("site")]
    return {str(values["id"]): str(values["site"]) for values in named}


def _synthetic(task: Task, split: Split, patients: int) -> Corpus:
    """One note a patient, the first: enough for a benchmark, and quick to encode."""
    cohort = generate_cohort(
        seed=COHORT_SEED,
        hospitals=[f"hospital-{number}" for number in range(1, HOSPITALS + 1)],
        patients_per_hospital=patients,
        alpha=COHORT_ALPHA,
        split=split,
    )
    first: dict[str, tuple[DeidentifiedNote, str]] = {}
    for each in cohort:
        first.setdefault(each.note.patient, (_as_deidentified(each.note), each.hospital))
    return Corpus(
        task,
        tuple(note for note, _ in first.values()),
        tuple(hospital for _, hospital in first.values()),
    )


def _documents(labels: Sequence[str]) -> Callable[[int], Task]:
    return lambda size: Task(kind="document_classification", labels=tuple(labels), max_tokens=size)


def _tokens(labels: Sequence[str]) -> Callable[[int], Task]:
    return lambda size: Task(kind="token_classification", labels=tuple(labels), max_tokens=size)


_TASKS: dict[CorpusName, Callable[[int], Task]] = {
    "ncbi_disease": _tokens(("Disease",)),
    "bc5cdr": _tokens(("Chemical", "Disease")),
    "mtsamples": _documents(DOCUMENT_TYPES),
    "synthetic": _documents(SERVICES),
}
