"""Open local Hugging Face folders: safetensors and fast tokenizers, no code of theirs, no network.

The only place that does; what a model is for, and which ones are allowed, its callers know.
"""

import os
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from types import ModuleType
from typing import Any, Literal

from fedclinic.digest import digest_chunks
from fedclinic.errors import ModelError
from fedclinic.records import Digest

os.environ.setdefault("HF_HUB_DISABLE_PROGRESS_BARS", "1")
os.environ.setdefault("HF_HUB_OFFLINE", "1")
os.environ.setdefault("TOKENIZERS_PARALLELISM", "false")
os.environ.setdefault("TRANSFORMERS_VERBOSITY", "error")

CHUNK_BYTES = 1 << 20
_LOCAL: dict[str, Any] = {"local_files_only": True, "trust_remote_code": False}


@dataclass(frozen=True)
class Pretrained:
    """A network in float32, ready to be used, and its tokenizer."""

    network: Any
    tokenizer: Any
    missing: tuple[str, ...]
    """Tensors of the network that the folder's weights lack: they hold random numbers."""


def read_configuration(folder: Path) -> Any:
    """Read what the folder says of its network.

    Raises:
        Exception: whatever the library raises.
    """
    return _transformers().AutoConfig.from_pretrained(folder, **_LOCAL)


def load_pretrained(
    folder: Path, kind: Literal["AutoModel", "AutoModelForTokenClassification"]
) -> Pretrained:
    """Load a network and its tokenizer.

    Raises:
        Exception: whatever the library raises.
    """
    library = _transformers()
    network, loading = getattr(library, kind).from_pretrained(
        folder, use_safetensors=True, output_loading_info=True, **_LOCAL
    )
    tokenizer = library.AutoTokenizer.from_pretrained(folder, use_fast=True, **_LOCAL)
    return Pretrained(network.float().eval(), tokenizer, tuple(loading["missing_keys"]))


def digest_files(folder: Path, files: Iterable[Path]) -> Digest:
    """Digest files of a folder by their names below it, lengths and contents.

    Raises:
        ModelError: if a file cannot be read.
    """

    def chunks() -> Iterator[bytes]:
        for path in sorted(files):
            yield f"{path.relative_to(folder).as_posix()}\0{path.stat().st_size}\0".encode()
            with path.open("rb") as file:
                while block := file.read(CHUNK_BYTES):
                    yield block

    try:
        return digest_chunks(chunks())
    except OSError as error:
        name = Path(str(error.filename)).name
        raise ModelError(f"{folder}: {name} cannot be read: {error.strerror}") from None


def _transformers() -> ModuleType:
    """The library, silent; imported only where a model is loaded: it takes seconds."""
    import transformers  # noqa: PLC0415

    transformers.utils.logging.disable_progress_bar()  # type: ignore[no-untyped-call]
    return transformers
