"""The coordinator remembers how far each site's ledger was."""

from pathlib import Path

from fedclinic.rounds import LedgerHead
from flows.run_store import RoundRecord, RunHeader, RunStore, SiteOutcome
from flows.settings import Workspace
from flows.witnessed import last_heads
from tests.factories import DIGEST, make_plan, make_report, make_round_task


def head(sequence: int) -> LedgerHead:
    return LedgerHead(sequence=sequence, hash=f"{sequence:064x}")


def write_run(space: Workspace, run: str, sequence: int, **plan: object) -> None:
    store = RunStore(space.runs / run)
    store.write_header(RunHeader(run=run, title=run, plan=make_plan(**plan), data=""))
    report = make_report(make_round_task(run=run), ledger=head(sequence))
    store.write_round(
        RoundRecord(
            round_number=1,
            checkpoint=DIGEST,
            state_bytes=0,
            seconds=1.0,
            outcomes=(
                SiteOutcome(site="north", verdict="admitted", report=report),
                SiteOutcome(site="south", verdict="late"),
            ),
            diagnostics=None,
            evaluations=(),
        )
    )


def test_the_newest_head_of_a_federation_counts_whichever_run_it_was_in(tmp_path: Path):
    space = Workspace(tmp_path)
    write_run(space, "run-a", 9)
    write_run(space, "run-b", 4)
    write_run(space, "run-c", 99, federation="another")
    assert last_heads(space, "trial") == {"north": head(9)}


def test_before_the_first_run_nothing_is_witnessed(tmp_path: Path):
    assert last_heads(Workspace(tmp_path), "trial") == {}
