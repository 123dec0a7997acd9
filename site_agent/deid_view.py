"""What an administrator sees of de-identification in the terminal: counts, reasons, recall."""

from collections import Counter
from types import TracebackType
from typing import Self

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TaskID, TextColumn
from rich.table import Table

from fedclinic.deid.canaries import by_kind
from fedclinic.deid.score import ALL, DeidentificationScore, Tally
from site_agent.deid_flow import Watcher
from site_agent.deid_measures import Measured
from site_agent.note_store import NoteStore
from site_agent.store_measures import StoreCounts


class DeidentificationBars(Watcher):
    """Progress bars of one run."""

    def __init__(self, console: Console) -> None:
        self._progress = Progress(
            TextColumn("{task.description:<20}"), BarColumn(), MofNCompleteColumn(), console=console
        )
        self._bars: dict[str, TaskID] = {}

    def __enter__(self) -> Self:
        self._progress.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self._progress.stop()

    def notes(self, done: int, total: int) -> None:
        self._show("notes de-identified", done, total)

    def canaries(self, done: int, total: int) -> None:
        self._show("canaries planted", done, total)

    def _show(self, what: str, done: int, total: int) -> None:
        if what not in self._bars:
            self._bars[what] = self._progress.add_task(what, total=total)
        self._progress.update(self._bars[what], completed=done, total=total)


def print_counts(console: Console, store: NoteStore, counts: StoreCounts) -> None:
    """Print what the store holds after a run, and why notes are in quarantine."""
    console.print(
        f"{counts.notes} notes of {counts.patients} patients may be used, {counts.quarantined} are "
        f"in quarantine; {sum(counts.replaced.values())} identifiers were replaced",
        highlight=False,
        soft_wrap=True,
    )
    table = Table("replaced", "")
    for kind, count in sorted(counts.replaced.items(), key=lambda each: -each[1]):
        table.add_row(kind, f"{count:,}")
    if counts.replaced:
        console.print(table)
    reasons = Counter(each.reason for each in store.refused.listed())
    for reason, count in reasons.most_common(5):
        console.print(f"quarantine: {count} notes, {reason}", highlight=False, soft_wrap=True)


def print_measured(console: Console, measured: Measured | None) -> None:
    """Print the recall of the last canaries."""
    if measured is None or not measured.canaries:
        return
    table = Table("canary", "planted", "found", "recall", title_justify="left")
    for kind, (found, planted) in by_kind(measured.canaries).items():
        table.add_row(kind, f"{planted:,}", f"{found:,}", f"{found / planted:.1%}")
    console.print(table)


def print_quarantine(store: NoteStore) -> None:
    """Print every note in quarantine and why it is there."""
    console = Console()
    notes = store.refused.listed()
    if not notes:
        console.print("no note is in quarantine")
        return
    table = Table("note", "place in the files", "reason", "released")
    for each in notes:
        table.add_row(
            each.name, str(each.position + 1), each.reason, "yes" if each.is_released else ""
        )
    console.print(table)


def print_score(console: Console, score: DeidentificationScore) -> None:
    """Print recall, precision and F1 of each class at each grain."""
    console.print(f"{score.documents} documents, {score.tokens} tokens", highlight=False)
    table = Table("class", "grain", "recall", "precision", "F1", "leaked")
    grains = {
        "span": score.strict,
        "token": score.token,
        "character": score.character,
        "any kind": score.binary,
    }
    for name in [*sorted({name for tallies in grains.values() for name in tallies} - {ALL}), ALL]:
        for grain, tallies in grains.items():
            if name in tallies:
                leaked = str(score.leaked.get(name, 0)) if grain == "span" else ""
                table.add_row(name, grain, *_shares(tallies[name]), leaked)
    console.print(table)
    console.print(
        f"replaced without need: {score.over_redaction():.2f} of 1,000 tokens", highlight=False
    )
    if score.entities_total:
        survived = score.entities_survived / score.entities_total
        console.print(f"labels that survived: {survived:.2%}", highlight=False)


def _shares(tally: Tally) -> tuple[str, ...]:
    values = (tally.recall(), tally.precision(), tally.f1())
    return tuple("-" if value is None else f"{value:.2%}" for value in values)
