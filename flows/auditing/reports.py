"""Write pages for people: a run's report, a federation over time, and either as PDF."""

import shutil
import subprocess
from datetime import UTC, datetime
from pathlib import Path
from tempfile import TemporaryDirectory

from fedclinic.errors import EvidenceError, RunError
from fedclinic.evidence.federation_report import render_federation_report
from fedclinic.evidence.report import render_report
from fedclinic.evidence.run_evidence import RunEvidence, Verification
from flows.auditing.bundles import find_log
from flows.auditing.self_check import check_with_mlflow
from flows.federation_log import FederationLog
from flows.run_evidence import Status, gather_evidence
from flows.run_store import RunStore, write_whole
from flows.settings import Workspace

BROWSERS = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable", "chrome")
PDF_SECONDS = 120


def write_report(workspace: Workspace, name: str, out: Path | None, *, pdf: bool) -> Path:
    """Write the report of a run, or of a federation's runs; returns the file.

    Raises:
        EvidenceError: if there is no such log, or no browser to make a PDF with.
    """
    log, run = find_log(workspace, name)
    federation = log.origin.partition("/")[0]
    checked = check_with_mlflow(log, workspace, federation)
    page = (
        render_report(evidence_of(workspace, log, run, checked))
        if run is not None
        else _over_time(workspace, log, checked)
    )
    path = out or Path(f"{name}.{'pdf' if pdf else 'html'}")
    if pdf:
        print_page(page, path)
    else:
        write_whole(path, page.encode())
    return path


def evidence_of(
    workspace: Workspace, log: FederationLog, run: str, checked: Verification | None
) -> RunEvidence:
    """One run's records, as it stands now."""
    return gather_evidence(
        workspace,
        run,
        status_of(RunStore(workspace.runs / run)),
        entries=log.entries(),
        verification=checked,
    )


def status_of(store: RunStore) -> Status:
    """Whether a run came to its end; one that did not was stopped, or failed for all we know."""
    return "finished" if store.is_finished() else "stopped"


def _over_time(workspace: Workspace, log: FederationLog, checked: Verification) -> str:
    federation = log.origin.partition("/")[0]
    stores = [RunStore(path.parent) for path in sorted(workspace.runs.glob("*/run.json"))]
    runs = [store for store in stores if store.header().plan.federation == federation]
    if not runs:
        raise RunError(f"federation '{federation}' has no run in {workspace.runs}")
    runs.sort(key=lambda store: (store.root / "run.json").stat().st_mtime)
    evidence = [evidence_of(workspace, log, store.name, checked) for store in runs]
    made = datetime.now(UTC).strftime("%Y-%m-%d %H:%M UTC")
    return render_federation_report(evidence, generated_at=made)


def print_page(page: str, path: Path) -> None:
    """Print a page to PDF with a headless browser of the Chromium family.

    Raises:
        EvidenceError: if none is installed, or it fails.
    """
    browser = next((found for name in BROWSERS if (found := shutil.which(name))), None)
    if browser is None:
        raise EvidenceError(
            "a PDF needs Chromium or Chrome on this machine; without one, open the HTML report in "
            "any browser and print it"
        )
    with TemporaryDirectory() as scratch:
        source, made = Path(scratch) / "report.html", Path(scratch) / "report.pdf"
        source.write_text(page, encoding="utf-8")
        command = [browser, "--headless", "--no-sandbox", "--disable-gpu", "--no-pdf-header-footer"]
        command += [f"--user-data-dir={scratch}/profile", f"--print-to-pdf={made}"]
        try:
            subprocess.run(
                [*command, source.as_uri()], capture_output=True, check=False, timeout=PDF_SECONDS
            )
        except subprocess.TimeoutExpired:
            raise EvidenceError(f"{browser} did not print within {PDF_SECONDS} s") from None
        if not made.is_file():
            raise EvidenceError(f"{browser} printed nothing")
        write_whole(path, made.read_bytes())
