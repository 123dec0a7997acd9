"""Serve a registered global model: what `mlflow.pyfunc` loads to predict on notes.

The registered folder holds the change since the base model and the plan; the base model itself is
found on the serving machine: the embedded one, or the folder in FEDCLINIC_BASE_MODEL.
"""

import os
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from fedclinic.errors import ModelError
from fedclinic.learning.evaluate import load_change, perplexity
from fedclinic.learning.hidden_states import ComputedHiddenStates, Precision
from fedclinic.learning.layers import SplitModel, split_for
from fedclinic.learning.predict import predict
from fedclinic.learning.tasks import (
    encode_text,
    entities_of_note,
)
from fedclinic.plan import FederationPlan
from fedclinic.updates.codec import UpdateFile
from site_agent.models import load_folder, pick_precision, resolve_folder

CHANGE_FILE = "change.safetensors"
PLAN_FILE = "plan.json"
BASE_MODEL_VARIABLE = "FEDCLINIC_BASE_MODEL"


@dataclass(frozen=True)
class ServedModel:
    """A base model with the federation's change loaded."""

    model: SplitModel
    tokenizer: Any
    plan: FederationPlan
    precision: Precision

    def predict(self, model_input: Any, params: dict[str, Any] | None = None) -> list[str]:
        """Predict each text: its labels, its perplexity, or entities as `start-end label`."""
        del params
        return [self._predict_one(str(text)) for text in model_input["text"]]

    def _predict_one(self, text: str) -> str:
        task = self.plan.task
        rows = encode_text(text, task, self.tokenizer)
        hidden = ComputedHiddenStates(self.model.stem, rows, self.precision)
        if task.kind == "language_modelling":
            return f"perplexity {perplexity(self.model, rows, hidden, self.precision):.2f}"
        several = task.kind == "multilabel_classification"
        found = dict(
            predict(self.model.trunk, hidden, len(rows), self.precision, several_labels=several)
        )
        if several:
            chosen = zip(task.labels, found[0], strict=True)
            return "; ".join(label for label, holds in chosen if holds)
        if task.kind == "document_classification":
            return task.labels[int(found[0][0])]
        spans = entities_of_note(rows, [found[index] for index in range(len(rows))], task)
        return "; ".join(f"{span.start}-{span.end} {span.label}" for span in spans)


def _load_pyfunc(data_path: str) -> ServedModel:
    """Load from the registered folder; the name is MLflow's."""
    folder = Path(data_path)
    plan = FederationPlan.model_validate_json((folder / PLAN_FILE).read_bytes())
    where = os.environ.get(BASE_MODEL_VARIABLE, "embedded")
    base = load_folder(resolve_folder(where))
    if plan.base_model.digest is not None and base.digest != plan.base_model.digest:
        raise ModelError(
            f"{base.folder} is not the base model of this plan; "
            f"set {BASE_MODEL_VARIABLE} to the right folder"
        )
    precision = pick_precision("auto", "auto")
    model = split_for(base.network, plan.layers, plan.task, plan.base_model.attention)
    with UpdateFile(folder / CHANGE_FILE, model.shapes(), "F32") as file:
        load_change(model, dict(file))
    model.stem.to(precision.device)
    model.trunk.to(precision.device).eval()
    return ServedModel(model, base.tokenizer, plan, precision)
