"""Write the documents that regulators ask for, and state that they were handed out."""

import platform
import time
from collections.abc import Mapping
from datetime import UTC, datetime
from importlib.metadata import distributions
from pathlib import Path
from typing import Literal

from fedclinic.digest import digest_bytes
from fedclinic.errors import ConfigError
from fedclinic.evidence.events import COORDINATOR, ExportMade
from fedclinic.evidence.exports import EXPORTS, render_export
from fedclinic.evidence.model_card import render_model_card
from fedclinic.evidence.qualification import (
    canonical,
    read_junit,
    read_pins,
    render_qualification,
)
from flows.auditing.bundles import find_log
from flows.auditing.reports import evidence_of
from flows.auditing.self_check import check_own_log
from flows.run_store import find_run, write_whole
from flows.settings import Workspace

MODEL_CARD, QUALIFICATION = "model-card", "qualification"
_REGISTERED_AS: Mapping[str, Literal["model-card", "expert-pack"]] = {
    MODEL_CARD: "model-card",
    "expert-pack": "expert-pack",
}
KINDS = (MODEL_CARD, *EXPORTS, QUALIFICATION)


def export_document(workspace: Workspace, run: str, what: str, out: Path | None) -> Path:
    """Write one document about a run; an entry of the register of outputs goes into the log.

    Raises:
        RunError: if there is no such run.
    """
    find_run(workspace, run)
    log, _ = find_log(workspace, run)
    data = evidence_of(workspace, log, run, check_own_log(log))
    text = render_model_card(data) if what == MODEL_CARD else render_export(what, data)
    path = out or Path(f"{run}-{what}.md")
    event = ExportMade(
        at=time.time(),
        actor=COORDINATOR,
        run=run,
        what=_REGISTERED_AS.get(what, "other"),
        digest=digest_bytes(text.encode()),
        recipient=f"who asked for {what}",
    )
    log.state(event)
    write_whole(path, text.encode())
    return path


def export_qualification(junit: Path | None, constraints: Path | None, out: Path | None) -> Path:
    """Write IQ, OQ and PQ of this installation."""
    ran, cases = ("", []) if junit is None else read_junit(_read(junit))
    pins = {} if constraints is None else read_pins(_read(constraints).decode(errors="replace"))
    text = render_qualification(
        made=datetime.now(UTC).strftime("%Y-%m-%d %H:%M UTC"),
        machine=f"{platform.platform()}, Python {platform.python_version()}",
        installed={canonical(d.metadata["Name"]): d.version for d in distributions()},
        pinned=pins,
        ran=ran,
        cases=cases,
    )
    path = out or Path("qualification.md")
    write_whole(path, text.encode())
    return path


def _read(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError as error:
        raise ConfigError(f"cannot read {path}: {error.strerror}") from None
