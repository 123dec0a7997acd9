"""A registered model predicts on text from its folder and a base model, and from no other one."""

import json
import shutil
from pathlib import Path

import numpy as np
import pytest

from fedclinic.errors import AdmissionError, ModelError
from fedclinic.methods.method import zeros
from fedclinic.plan import FederationPlan
from fedclinic.updates.codec import encode
from site_agent.models import digest_folder
from site_agent.served_model import BASE_MODEL_VARIABLE, ServedModel, _load_pyfunc
from tests.factories import DIGEST, LABELS, make_plan, plan_values
from tests.tiny_models import HIDDEN

TOKEN_TASK = plan_values()["task"] | {"kind": "token_classification", "labels": ["Drug"]}


@pytest.fixture(autouse=True)
def _base_model(tiny_model_folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(BASE_MODEL_VARIABLE, str(tiny_model_folder))


def load(folder: Path, plan: FederationPlan, favoured: int) -> ServedModel:
    """Register a change that makes one class win everywhere, and load it."""
    outputs = len(plan.task.labels) if plan.task.kind == "document_classification" else 3
    change = zeros({"head.weight": (outputs, HIDDEN), "head.bias": (outputs,)})
    change["head.bias"][favoured] = 1.0
    (folder / "plan.json").write_text(plan.model_dump_json())
    (folder / "change.safetensors").write_bytes(encode(change, "F32"))
    return _load_pyfunc(str(folder))


def head_only(**changes: object) -> FederationPlan:
    return make_plan(layers={"top": 0}, **changes)


@pytest.mark.parametrize("favoured", [0, 1, 2])
def test_a_document_gets_the_label_of_the_likeliest_class(tmp_path, favoured):
    served = load(tmp_path, head_only(), favoured)
    assert served.predict({"text": ["the patient has cough", ""]}) == [LABELS[favoured]] * 2


def test_a_text_gets_its_entities_with_their_characters(tmp_path):
    served = load(tmp_path, head_only(task=TOKEN_TASK), favoured=1)
    assert served.predict({"text": ["cough fever"]}) == ["0-5 Drug; 6-11 Drug"]


def test_a_text_without_entities_gets_none(tmp_path):
    served = load(tmp_path, head_only(task=TOKEN_TASK), favoured=0)
    assert served.predict({"text": ["cough fever"]}) == [""]


def test_another_base_model_than_the_plans_is_refused(tmp_path, tiny_model_folder):
    right = digest_folder(tiny_model_folder)
    load(tmp_path, head_only(base_model={"name": "tiny", "digest": right}), 0)
    with pytest.raises(ModelError, match="set FEDCLINIC_BASE_MODEL to the right folder"):
        load(tmp_path, head_only(base_model={"name": "tiny", "digest": DIGEST}), 0)


def test_a_change_of_other_layers_is_refused(tmp_path):
    with pytest.raises(AdmissionError):
        load(tmp_path, make_plan(layers={"top": 2}), 0)


def test_a_base_model_that_is_none_is_refused(tmp_path, monkeypatch):
    shutil.rmtree(tmp_path / "model", ignore_errors=True)
    monkeypatch.setenv(BASE_MODEL_VARIABLE, str(tmp_path / "model"))
    with pytest.raises(ModelError, match="is not a model folder"):
        load(tmp_path, head_only(), 0)


def test_a_registered_plan_is_plain_json(tmp_path):
    load(tmp_path, head_only(), 0)
    content = json.loads((tmp_path / "plan.json").read_text())
    assert content["layers"]["top"] == 0
    assert np.isfinite(content["privacy"]["noise_multiplier"])
