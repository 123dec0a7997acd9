"""What a person sees in the terminal: progress of notes, steps and rounds, then tables."""

from types import TracebackType
from typing import Self

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TaskID, TextColumn
from rich.table import Table

from fedclinic.local_protocol import Counted
from fedclinic.local_protocol import Progress as SiteProgress
from fedclinic.rounds import SitePrepared
from flows.round_table import round_lines
from flows.run_store import RoundRecord, RunHeader

STAGES = {
    "de-identify": "notes de-identified",
    "encode": "rows encoded",
    "train": "steps trained",
    "evaluate": "notes evaluated",
}


class RunConsole:
    """Shows runs as they go on; one bar a site and one for the rounds."""

    def __init__(self, console: Console) -> None:
        self.console = console
        self._bars = Progress(
            TextColumn("{task.description:<28}"),
            BarColumn(bar_width=30),
            MofNCompleteColumn(),
            TextColumn("{task.fields[stage]}", style="dim"),
            console=console,
            transient=True,
        )
        self._sites: dict[str, TaskID] = {}
        self._counts: dict[str, Counted] = {}
        self._rounds: TaskID | None = None

    def __enter__(self) -> Self:
        self._bars.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self._bars.stop()

    def progress(self, site: str, progress: SiteProgress) -> None:
        if site not in self._sites:
            self._sites[site] = self._bars.add_task(site, stage="", total=None)
        self._bars.update(
            self._sites[site],
            completed=progress.done,
            total=progress.total,
            stage=STAGES[progress.stage],
        )

    def counted(self, site: str, counted: Counted) -> None:
        self._counts[site] = counted

    def prepared(self, header: RunHeader, sites: dict[str, SitePrepared]) -> None:
        plan = header.plan
        table = Table(title=header.title, caption=f"run {header.run}", title_justify="left")
        table.caption_justify = "left"
        for column in ("site", "patients", "notes", "quarantined"):
            table.add_column(column, justify="left" if column == "site" else "right")
        for name, site in sites.items():
            table.add_row(name, *self._counts_of(name, site))
        self.console.print(table)
        for bar in self._sites.values():
            self._bars.remove_task(bar)
        self._sites.clear()
        self._rounds = self._bars.add_task("rounds", total=plan.rounds, stage="rounds finished")

    def _counts_of(self, name: str, site: SitePrepared) -> tuple[str, str, str]:
        """Exact counts where the site is on this machine, else what its policy lets out."""
        exact = self._counts.get(name)
        if exact is not None:
            return str(exact.patients), str(exact.notes), str(exact.quarantined)
        told = site.deidentification
        return "not told", _about(told.notes), _about(told.quarantined)

    def round_finished(self, header: RunHeader, record: RoundRecord) -> None:
        if self._rounds is not None:
            self._bars.update(self._rounds, completed=record.round_number)
        if record.round_number:
            for line in round_lines(record):
                self.console.print(line, soft_wrap=True)
        for outcome in record.outcomes:
            if outcome.verdict != "admitted":
                self.console.print(
                    f"  [yellow]{outcome.site} {outcome.verdict}: {outcome.reason}[/yellow]",
                    highlight=False,
                )


def _about(count: int | None) -> str:
    return "few" if count is None else f"about {count}"
