"""Fixtures that cost seconds to make and are made once, and how properties are searched."""

import os
from pathlib import Path

import pytest
from hypothesis import settings

os.environ.setdefault("OMP_NUM_THREADS", "1")
"""Tiny tensors: more threads would only wait for each other."""

settings.register_profile("fedclinic", deadline=None)
settings.load_profile("fedclinic")


@pytest.fixture(scope="session")
def tiny_model_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with a BERT of three small blocks and a WordPiece tokenizer, as a hub gives it."""
    from tests.tiny_models import save_tiny_bert  # noqa: PLC0415 - torch only where it is needed

    folder = tmp_path_factory.mktemp("tiny-model")
    save_tiny_bert(folder)
    return folder
