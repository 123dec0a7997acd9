"""What the page says of suites whose answer is in their curves: over rounds, or over work."""

from collections import Counter

from fedbench.plots import Axes
from fedbench.sections import Lines, Section, Table, sizes
from fedbench.suites.targeted import RANDOM
from fedbench.suites.time_to_accuracy import NO_DROPOUT
from fedbench.summary import Measured, mean_of, show
from fedbench.trajectories import (
    best,
    curve_of,
    final_perplexity,
    relative_gain,
    speed_up,
    work_until,
)

TARGET_SHARE = 0.95


def targeted(measured: Measured) -> Section:
    rows = []
    for arm in measured.arms():
        own = final_perplexity(measured, arm)
        gain = relative_gain(own, final_perplexity(measured, RANDOM))
        kept = Counter[str]()
        for result in measured.by_seed(arm=arm).values():
            kept.update({block.rpartition(".")[2]: n for block, n in result.selected.items()})
        often = ", ".join(f"{block}: {count}" for block, count in sorted(kept.items())) or "all"
        better = "" if arm == RANDOM else show(gain, scale=100, digits=2)
        rows.append((arm, show(mean_of(list(own.values())), digits=1), better, often))
    lines = {
        arm: curve_of(list(measured.by_seed(arm=arm).values()), "perplexity")
        for arm in measured.arms()
    }
    remarks = (
        "Perplexity of next tokens on test notes, lower is better; `better than random` is 1 - "
        "ours / random's, seed by seed. A GPT of six blocks of width 64 that starts at random, at "
        "ten sites; embeddings, which are the output layer too, and the last norm are always kept.",
        sizes(measured),
    )
    columns = ("whose change is kept", "perplexity", "% better than random", "block: rounds kept")
    figure = Lines("fedtlu", lines, Axes("round", "perplexity"))
    return Section(remarks, (Table(columns, tuple(rows)),), (figure,))


def time_to_accuracy(measured: Measured) -> Section:
    plain = measured.by_seed(arm=NO_DROPOUT)
    rows = []
    for arm in measured.arms():
        own = measured.by_seed(arm=arm)
        needed = [
            needed
            for seed, result in own.items()
            if seed in plain and (needed := work_until(result, TARGET_SHARE * best(plain[seed])))
        ]
        reached = f"{len(needed)} of {len(own)}"
        faster = speed_up(own, plain, share=TARGET_SHARE)
        a_round = mean_of([r.last().cpu_seconds / r.last().round_number for r in own.values()])
        rows.append(
            (
                arm,
                show(mean_of([best(result) for result in own.values()])),
                a_round.show(digits=2),
                mean_of(needed).show(digits=1) if needed else "not reached",
                reached,
                "" if arm == NO_DROPOUT or faster is None else show(faster, digits=2),
            )
        )
    columns = (
        "layer dropout",
        "best accuracy",
        "CPU s a round",
        "CPU s to target",
        "seeds that reach it",
        "times faster",
    )
    lines = {
        arm: curve_of(list(measured.by_seed(arm=arm).values()), "accuracy", by_work=True)
        for arm in measured.arms()
    }
    remarks = (
        f"The target is {TARGET_SHARE:.0%} of the best accuracy without dropout, seed by seed; "
        "work is seconds of the processor, which other programs change less than time. LoRA of "
        "rank 8 in all six blocks; exactly K active blocks a step. The bandit's rewards come of "
        "the test notes, as in a federation of public ones; measuring them is not counted. What a "
        "step keeps in memory is measured by `python -m benchmarks.method_checks`.",
        sizes(measured),
    )
    figure = Lines("time_to_accuracy", lines, Axes("CPU seconds of training", "accuracy"))
    return Section(remarks, (Table(columns, tuple(rows)),), (figure,))
