"""Start runs from the command line: write the run's folder, run its flow, show what came out."""

import time
from collections.abc import Iterator
from contextlib import contextmanager

from rich.console import Console

from fedclinic.evidence.report import render_report
from fedclinic.plan import FederationPlan
from flows.auditing.bundles import open_log
from flows.comparison import FinishedRun, budget_table, comparison_table, traffic_line
from flows.console import RunConsole
from flows.plan_file import variant_of
from flows.revealing import failures
from flows.run_evidence import gather_evidence
from flows.run_store import RunStore, new_run, write_whole
from flows.settings import Workspace, use_prefect_server


class Session:
    """One command's runs, in one workspace, on one console."""

    def __init__(self, workspace: Workspace, console: Console) -> None:
        self.workspace = workspace
        self.console = console

    def start(self, plan: FederationPlan, title: str, data: str, label: str) -> FinishedRun:
        """Run a plan from its first round."""
        return self.go_on(new_run(self.workspace, plan, title=title, data=data, label=label))

    def go_on(self, store: RunStore) -> FinishedRun:
        """Run, or resume, the run of a folder to its end; a finished one is only shown."""
        if store.is_finished():
            return FinishedRun(store.header(), store.rounds(), 0.0)
        use_prefect_server(store.header().plan.transport)
        from flows.observing import observed_by  # noqa: PLC0415
        from flows.train import federated_training  # noqa: PLC0415 - after settings

        began = time.monotonic()
        with self._explain_stop(store), RunConsole(self.console) as console, observed_by(console):
            federated_training(run=store.name, workspace=str(self.workspace.root))
        return FinishedRun(store.header(), store.rounds(), time.monotonic() - began)

    def compare(
        self, plan: FederationPlan, main: FinishedRun, data: str, *, everything: bool
    ) -> list[FinishedRun]:
        """Run the plan's variants: those it always names, and on request all of them."""
        runs = [main]
        for variant in plan.comparison:
            if everything or not variant.on_request:
                runs.append(
                    self.start(variant_of(plan, variant), variant.title, data, variant.name)
                )
        return runs

    def show(self, runs: list[FinishedRun]) -> None:
        """Print the closing tables and where everything is."""
        main = runs[0]
        self.console.print(comparison_table(runs))
        if main.header.plan.is_protected():
            self.console.print(budget_table(main))
        self.console.print(traffic_line(main), highlight=False)
        root = self.workspace.root
        store = RunStore(self.workspace.runs / main.header.run)
        self._write_report(store, runs[1:])
        for what, where in (
            ("MLflow and Prefect", f"fedclinic ui --workspace {root}"),
            ("report", str(store.report)),
            ("audits", _audits_of(store)),
            ("model", self._model_of(store, main)),
            ("run folder", str(store.root)),
        ):
            self.console.print(f"{what:<20} {where}", highlight=False, soft_wrap=True)

    def _model_of(self, store: RunStore, main: FinishedRun) -> str:
        refused = failures(store.audits())
        if refused:
            return f"none is registered: {'; '.join(refused)}"
        return f"models:/{main.header.plan.federation} in {self.workspace.mlflow_uri()}"

    def _write_report(self, store: RunStore, compared: list[FinishedRun]) -> None:
        """Make the run's page again, now with its comparison and with MLflow checked."""
        from flows.auditing.self_check import check_with_mlflow  # noqa: PLC0415 - after settings

        federation = store.header().plan.federation
        log = open_log(self.workspace, federation)
        evidence = gather_evidence(
            self.workspace,
            store.name,
            "finished",
            entries=log.entries(),
            compared=compared,
            verification=check_with_mlflow(log, self.workspace, federation),
        )
        write_whole(store.report, render_report(evidence).encode())

    @contextmanager
    def _explain_stop(self, store: RunStore) -> Iterator[None]:
        try:
            yield
        except KeyboardInterrupt:
            finished = max((record.round_number for record in store.rounds()), default=0)
            self.console.print(
                f"\nstopped after round {finished}; nothing is lost. Go on with:\n"
                f"  fedclinic train --resume {store.name} --workspace {self.workspace.root}",
                highlight=False,
                soft_wrap=True,
            )
            raise


def _audits_of(store: RunStore) -> str:
    """How the run's audits ended, each with what stands out of it."""
    audits = store.audits()
    odd = [f"{a.audit} of {a.about}: {a.verdict}, {a.reason}" for a in audits if a.reason]
    passed = sum(audit.verdict == "pass" for audit in audits)
    return "; ".join([f"{passed} of {len(audits)} passed", *odd]) if audits else "none was made"
