"""The folder that is registered as a model: the change, the plan, and a model card."""

import shutil
from pathlib import Path

from fedclinic.methods import ServerState
from fedclinic.updates.codec import encode
from flows.run_store import RunHeader
from flows.settings import Workspace


def write_model_folder(
    workspace: Workspace, header: RunHeader, state: ServerState, card: str
) -> Path:
    """Write the final global model of a run; replaces an unfinished folder of the same run."""
    folder = workspace.models / header.run
    if folder.exists():
        shutil.rmtree(folder)
    folder.mkdir(parents=True)
    (folder / "change.safetensors").write_bytes(encode(state.change, "F32"))
    (folder / "plan.json").write_text(header.plan.model_dump_json(indent=1), encoding="utf-8")
    (folder / "README.md").write_text(card, encoding="utf-8")
    return folder
