"""Fixtures that cost seconds to make and are made once, and how properties are searched."""

import os
from pathlib import Path

import pytest
from hypothesis import settings

os.environ.setdefault("OMP_NUM_THREADS", "1")
"""Tiny tensors: more threads would only wait for each other."""

for _name, _value in {
    "PREFECT_LOGGING_LEVEL": "CRITICAL",
    "PREFECT_SERVER_LOGGING_LEVEL": "ERROR",
    "PREFECT_SERVER_ANALYTICS_ENABLED": "false",
    "PREFECT_SERVER_EPHEMERAL_STARTUP_TIMEOUT_SECONDS": "120",
}.items():
    os.environ.setdefault(_name, _value)
"""As in production; a server that ends with the process says nothing after pytest has closed."""

settings.register_profile("fedclinic", deadline=None)
settings.load_profile("fedclinic")


@pytest.fixture(scope="session")
def tiny_model_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with a BERT of three small blocks and a WordPiece tokenizer, as a hub gives it."""
    from tests.tiny_models import save_tiny_bert  # noqa: PLC0415 - torch only where it is needed

    folder = tmp_path_factory.mktemp("tiny-model")
    save_tiny_bert(folder)
    return folder
