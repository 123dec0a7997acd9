"""Values for tests: each factory makes a small valid one and takes what the test is about."""

import json
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from fedclinic.evidence.events import SelfTested
from fedclinic.evidence.keys import SigningKey
from fedclinic.notes import DeidentifiedNote, Note, Span
from fedclinic.plan import FederationPlan, PatientPrivacy, Task, Unprotected
from fedclinic.rounds import EvaluationTask, PrepareTask, RoundTask, SiteReport, Work

LABELS = ("cardiology", "pulmonology", "oncology")
DIGEST = "sha256:" + "a" * 64
OTHER_DIGEST = "sha256:" + "b" * 64
FAR_FUTURE = 4_000_000_000.0


def make_signing_key(number: int = 1) -> SigningKey:
    """The key of the number: always the same one, so that a test can be repeated."""
    return SigningKey(bytes([number]) * 32)


def make_learning_task(**changes: Any) -> Task:
    values: dict[str, Any] = {
        "kind": "document_classification",
        "labels": LABELS,
        "max_tokens": 32,
    }
    return Task.model_validate(values | changes)


def make_token_task(labels: Sequence[str] = ("Disease", "Drug"), max_tokens: int = 32) -> Task:
    return make_learning_task(kind="token_classification", labels=labels, max_tokens=max_tokens)


def privacy_values(**changes: Any) -> dict[str, Any]:
    values: dict[str, Any] = {
        "protection": "patient_dp",
        "target_epsilon": 8.0,
        "delta": 1e-5,
        "sampling_rate": 0.25,
        "steps_per_round": 3,
        "clipping_norm": 1.0,
        "expected_patients": 4.0,
        "noise_multiplier": 2.0,
    }
    return values | changes


def make_privacy(**changes: Any) -> PatientPrivacy:
    return PatientPrivacy.model_validate(privacy_values(**changes))


def make_unprotected(**changes: Any) -> Unprotected:
    values = {"protection": "none", "epochs_per_round": 1, "batch_notes": 4, "seed": 0}
    return Unprotected.model_validate(values | changes)


def plan_values(**changes: Any) -> dict[str, Any]:
    """A plan as the mapping that a `federation.yaml` holds."""
    values: dict[str, Any] = {
        "federation": "trial",
        "task": {"kind": "document_classification", "labels": list(LABELS), "max_tokens": 32},
        "base_model": {"name": "tiny"},
        "layers": {"top": 1},
        "method": {"name": "fedavg"},
        "rounds": 2,
        "optimizer": {"name": "sgd", "learning_rate": 0.5},
        "privacy": privacy_values(),
        "admission": {"max_update_norm": 100.0},
        "sites": [{"name": "north", "weight": 1}, {"name": "south", "weight": 3}],
        "quorum": 1,
        "deadline_minutes": 30,
        "transport": {"kind": "local", "site_config": "site.yaml"},
        "evaluation": {"site_config": "evaluation.yaml"},
    }
    return values | changes


def make_plan(**changes: Any) -> FederationPlan:
    return FederationPlan.model_validate(plan_values(**changes))


def make_work(plan: FederationPlan | None = None, **changes: Any) -> Work:
    plan = plan or make_plan()
    work = Work(
        task=plan.task,
        base_model=plan.base_model,
        layers=plan.layers,
        optimizer=plan.optimizer,
        privacy=plan.privacy,
        rounds=plan.rounds,
        dtype=plan.admission.dtype,
        max_update_norm=plan.admission.max_update_norm,
    )
    return work.model_copy(update=changes)


def make_round_task(**changes: Any) -> RoundTask:
    values: dict[str, Any] = {
        "run": "run-a",
        "round_number": 1,
        "site": "north",
        "plan_digest": DIGEST,
        "work": make_work(),
        "state": None,
        "nonce": "0" * 32,
        "deadline": FAR_FUTURE,
    }
    return RoundTask.model_validate(values | changes)


def make_prepare_task(**changes: Any) -> PrepareTask:
    plan = make_plan()
    values: dict[str, Any] = {
        "run": "run-a",
        "site": "north",
        "plan_digest": DIGEST,
        "task": plan.task,
        "base_model": plan.base_model,
        "layers": plan.layers,
        "nonce": "0" * 32,
        "deadline": FAR_FUTURE,
    }
    return PrepareTask.model_validate(values | changes)


def make_evaluation_task(**changes: Any) -> EvaluationTask:
    values: dict[str, Any] = {
        "run": "run-a",
        "round_number": 0,
        "site": "north",
        "subject": "global",
        "plan_digest": DIGEST,
        "work": make_work(),
        "state": None,
        "nonce": "0" * 32,
        "deadline": FAR_FUTURE,
    }
    return EvaluationTask.model_validate(values | changes)


def make_self_tested(site: str = "north") -> SelfTested:
    return SelfTested(
        at=1e9, site=site, code=DIGEST, image=None, verdict="pass", checks={"noise, nobody": "pass"}
    )


def make_report(task: RoundTask, **changes: Any) -> SiteReport:
    """A report that answers `task`; without changes it is a refusal."""
    bound = ("run", "round_number", "attempt", "site", "plan_digest", "nonce")
    values: dict[str, Any] = {name: getattr(task, name) for name in bound}
    return SiteReport.model_validate(values | {"status": "refused", "error": "policy"} | changes)


def make_note(number: int = 0, **changes: Any) -> Note:
    values: dict[str, Any] = {
        "note_id": f"note-{number}",
        "patient": f"patient-{number}",
        "text": f"The patient was seen for cough and fever, visit {number}.",
        "labels": (LABELS[number % len(LABELS)],),
    }
    return Note(**values | changes)


def make_deidentified_note(
    text: str = "the patient has cough .",
    *,
    note_id: str = "note",
    patient: str = "patient",
    labels: Sequence[str] = LABELS[:1],
    entities: Sequence[Span] = (),
) -> DeidentifiedNote:
    return DeidentifiedNote(note_id, patient, text, tuple(labels), tuple(entities))


def note_row(number: int, **changes: Any) -> dict[str, Any]:
    """A note as a row of a site's file, under the default column names and the label's own."""
    note = make_note(number)
    values = {
        "id": note.note_id,
        "patient_id": note.patient,
        "text": note.text,
        "label": note.labels[0],
    }
    return values | changes


def write_jsonl(path: Path, rows: Iterable[dict[str, Any]]) -> Path:
    path.write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")
    return path


def site_values(notes_file: Path, **changes: Any) -> dict[str, Any]:
    """A site as the mapping that a `site.yaml` holds."""
    values: dict[str, Any] = {
        "site": "north",
        "notes": {"path": str(notes_file), "format": "jsonl", "fields": {"label": "label"}},
        "deidentification": {"mode": "safe_harbor", "profile": "fast"},
        "permissions": {
            "coordinators": ["AQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQE="],
            "models": {"tiny": "tiny-model"},
            "max_trained_blocks": 2,
            "unprotected": False,
        },
        "min_patients": 2,
        "device": "cpu",
        "precision": "fp32",
    }
    return values | changes


def random_tensors(
    shapes: dict[str, tuple[int, ...]], *, scale: float = 1.0, seed: int = 0
) -> dict[str, np.ndarray]:
    generator = np.random.default_rng(seed)
    return {
        name: (scale * generator.standard_normal(shape)).astype(np.float32)
        for name, shape in shapes.items()
    }
