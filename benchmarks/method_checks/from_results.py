"""Checks 2, 7 and 10: what takes hours is judged from the benchmark's results."""

from collections import Counter
from collections.abc import Iterator
from pathlib import Path

from benchmarks.method_checks.verdict import Verdict, judge
from fedbench.curve_sections import TARGET_SHARE
from fedbench.results import ResultsFile
from fedbench.runner import results_path
from fedbench.suites import SUITES
from fedbench.suites.quality import CENTRALISED
from fedbench.suites.robustness import DEFENCES, NO_BAD_SITE
from fedbench.suites.time_to_accuracy import CHOSEN, NO_DROPOUT
from fedbench.summary import Mean, Measured, shares
from fedbench.trajectories import speed_up

RESULTS = Path("benchmarks/results")
OF_CENTRALISED = 0.98
FASTER = 1.3
OF_BEST_ARM = 0.9
SURVIVES = 1.1
"""Perplexity with bad sites over that without, at most."""


def measured(suite: str) -> Measured:
    """Results of the suite's cells as they are now."""
    file = ResultsFile(results_path(RESULTS, suite, quick=False))
    digests = {cell.digest() for cell in SUITES[suite].cells(False)}
    return Measured.of(result for result in file.read() if result.digest in digests)


def check_quality() -> Iterator[Verdict]:
    """The top half of the layers reaches 98 % of centralised quality."""
    found = measured("quality")
    for corpus in ("ncbi_disease", "bc5cdr", "mtsamples"):
        whole = found.by_seed(arm=CENTRALISED, corpus=corpus)
        for sites in (4, 8):
            for partition in ("IID", "Dirichlet 0.5"):
                arm = f"top half, {sites} sites, {partition}"
                reached = shares(found.by_seed(arm=arm, corpus=corpus), whole)
                yield _judge(f"2 {corpus}, {arm}, of centralised", reached, OF_CENTRALISED)


def check_faster() -> Iterator[Verdict]:
    """Layer dropout reaches the target sooner, and the bandit is nearly the best fixed arm."""
    found = measured("time_to_accuracy")
    plain = found.by_seed(arm=NO_DROPOUT)
    fixed: dict[str, Mean] = {}
    for arm in found.arms():
        faster = speed_up(found.by_seed(arm=arm), plain, share=TARGET_SHARE)
        if arm not in (NO_DROPOUT, CHOSEN) and faster is not None:
            fixed[arm] = faster
    tried = [arm for arm in found.arms() if arm not in (NO_DROPOUT, CHOSEN)]
    if not tried or not plain:
        yield Verdict("7 end to end", "not run", "fedclinic bench run time_to_accuracy")
        return
    if not fixed:
        reached = f"none of {', '.join(tried)} reached {TARGET_SHARE:.0%} of the best of p = 0"
        yield Verdict("7 end to end", "falls short", reached)
        return
    best = max(fixed, key=lambda arm: fixed[arm].value)
    yield _judge(f"7 times faster than p = 0, {best}", fixed[best], FASTER)
    chosen = found.by_seed(arm=CHOSEN)
    against = speed_up(chosen, found.by_seed(arm=best), share=TARGET_SHARE)
    yield _judge(f"7 speed of the bandit over that of {best}, end to end", against, OF_BEST_ARM)


def check_poison() -> Iterator[Verdict]:
    """Each aggregator's perplexity with bad sites over that without; the guarded one must hold."""
    found = measured("robustness")
    damages = list(dict.fromkeys(arm.split("; ")[1] for arm in found.arms()))
    if not damages:
        yield Verdict("10 bad sites", "not run", "fedclinic bench run robustness")
    for damage in damages:
        if damage == NO_BAD_SITE:
            continue
        for defence in DEFENCES:
            ratio = shares(
                found.by_seed(arm=f"{defence}; {damage}"),
                found.by_seed(arm=f"{defence}; {NO_BAD_SITE}"),
            )
            if ratio is not None:
                numbers = f"{ratio.show()} of {ratio.seeds} seed(s){_kept(found, defence, damage)}"
                yield judge(f"10 {defence}; {damage}", ratio.value <= SURVIVES, numbers)


def _kept(found: Measured, defence: str, damage: str) -> str:
    """How often each block was kept, where not all are."""
    kept = Counter[str]()
    for result in found.by_seed(arm=f"{defence}; {damage}").values():
        kept.update({block.rpartition(".")[2]: n for block, n in result.selected.items()})
    often = ", ".join(f"{block}: {count}" for block, count in sorted(kept.items()))
    return f"; blocks kept {often}" if often else ""


def _judge(what: str, reached: Mean | None, least: float) -> Verdict:
    if reached is None:
        return Verdict(what, "not run", "fedclinic bench run")
    numbers = f"{reached.show()} over {reached.seeds} seed(s), to be at least {least}"
    return judge(what, reached.value >= least, numbers)
