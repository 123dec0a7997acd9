"""What the page says of each suite: tables, figures, and sentences that follow from them."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from fedbench.cell import Cell
from fedbench.plots import Axes
from fedbench.results import Result
from fedbench.suites.privacy import ALONE, DEPARTMENTS, EPSILONS, NO_DP, PATIENTS
from fedbench.suites.quality import CENTRALISED, RECIPES
from fedbench.suites.robustness import DEFENCES
from fedbench.summary import Mean, Measured, bytes_a_round, shares, show

MEGABYTE = 1e6


@dataclass(frozen=True)
class Table:
    columns: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]


@dataclass(frozen=True)
class Lines:
    name: str
    lines: Mapping[str, Sequence[tuple[float, Mean]]]
    axes: Axes


@dataclass(frozen=True)
class Bars:
    name: str
    groups: Mapping[str, Mapping[str, Mean]]
    axes: Axes


@dataclass(frozen=True)
class Section:
    """One suite's part of the page."""

    remarks: tuple[str, ...]
    tables: tuple[Table, ...]
    figures: tuple[Lines | Bars, ...] = field(default=())


def quality(measured: Measured) -> Section:
    corpora = measured.corpora()
    rows = []
    for arm in measured.arms():
        row = [arm]
        for corpus in corpora:
            own = measured.by_seed(arm=arm, corpus=corpus)
            whole = measured.by_seed(arm=CENTRALISED, corpus=corpus)
            row.append(show(measured.score(arm=arm, corpus=corpus)))
            row.append("" if arm == CENTRALISED else show(shares(own, whole), scale=100, digits=1))
        rows.append(tuple(row))
    columns = ["trained as"]
    for corpus in corpora:
        columns += [f"{corpus}", "% of centralised"]
    bars = {
        corpus: {
            arm: mean
            for arm in measured.arms()
            if (mean := measured.score(arm=arm, corpus=corpus)) is not None
        }
        for corpus in corpora
    }
    remarks = (
        "Scores are strict F1 of entities (ncbi_disease, bc5cdr) and accuracy of documents. Rounds "
        "of one pass over each site's notes, and passes of centralised training: "
        + "; ".join(f"{c} {RECIPES[c].rounds} and {RECIPES[c].passes}" for c in corpora)
        + ".",
        sizes(measured),
    )
    figure = Bars("quality", bars, Axes("", "score"))
    federated = [arm for arm in measured.arms() if "sites" in arm and "alone" not in arm]
    tables = (Table(tuple(columns), tuple(rows)), _bytes_sent(measured, federated))
    return Section(remarks, tables, (figure,))


def byte_counts(measured: Measured) -> Section:
    remarks = ("Up alone; the first round downloads nothing, a later one the whole state in fp32.",)
    return Section(remarks, (_bytes_sent(measured, measured.arms()),))


def _bytes_sent(measured: Measured, arms: Sequence[str]) -> Table:
    """What one site sends in one round, beside the whole model."""
    rows = []
    for arm in arms:
        result = next(iter(measured.by_seed(arm=arm).values()))
        up, _ = bytes_a_round(result)
        whole = 4 * result.model_parameters
        rows.append(
            (
                arm,
                f"{result.trained_parameters:,}",
                f"{up / MEGABYTE:.3f}",
                f"{100 * (1 - up / whole):.2f}",
            )
        )
    columns = ("sent", "parameters", "MB up, a site and round", "% below the whole model in fp32")
    return Table(columns, tuple(rows))


def heterogeneity(measured: Measured) -> Section:
    pairs = [arm.split(", ", 1) for arm in measured.arms()]
    methods = list(dict.fromkeys(method for method, _ in pairs))
    places = list(dict.fromkeys(place for _, place in pairs))
    rows = tuple(
        (place, *(show(measured.score(arm=f"{method}, {place}")) for method in methods))
        for place in places
    )
    bars = {
        place: {
            method: mean
            for method in methods
            if (mean := measured.score(arm=f"{method}, {place}")) is not None
        }
        for place in places
    }
    figure = Bars("heterogeneity", bars, Axes("", "score"))
    return Section((sizes(measured),), (Table(("sites", *methods), rows),), (figure,))


def privacy(measured: Measured) -> Section:
    arms = [NO_DP, ALONE, *(f"epsilon {epsilon:g}" for epsilon in EPSILONS)]
    rows = [
        (str(count), *(show(measured.score(arm=arm, patients=count)) for arm in arms))
        for count in PATIENTS
    ]
    departments = (show(measured.score(arm=arm, corpus=DEPARTMENTS["name"])) for arm in arms)
    rows.append(("60 to 220: departments of mtsamples", *departments))
    lines = {
        arm: points
        for arm in arms
        if (
            points := [
                (float(count), mean)
                for count in PATIENTS
                if (mean := measured.score(arm=arm, patients=count)) is not None
            ]
        )
    }
    remarks = (
        "Accuracy on notes of other patients; four hospitals of the synthetic cohort, one note a "
        "patient, and the eight largest departments of mtsamples. "
        "(epsilon, 1e-05)-DP for each patient of a hospital over the whole run, add or remove one "
        "patient, PLD accountant; half of the patients a step. Without DP the top block and the "
        "head train with Adam; with DP the head alone, with plain SGD: there is less to noise.",
        _gain(measured),
        _gain_of_departments(measured),
    )
    columns = ("patients a hospital", *arms)
    figure = Lines("dp", lines, Axes("patients a hospital", "accuracy", logarithmic=True))
    return Section(remarks, (Table(columns, tuple(rows)),), (figure,))


def _gain(measured: Measured) -> str:
    """Tell from how many patients on a hospital gains by a federation under DP."""
    gains = []
    for epsilon in EPSILONS:
        pairs = [
            (count, under, alone)
            for count in PATIENTS
            if (under := measured.score(arm=f"epsilon {epsilon:g}", patients=count))
            and (alone := measured.score(arm=ALONE, patients=count))
        ]
        lost = [count for count, under, alone in pairs if under.value <= alone.value]
        won = [count for count, _, _ in pairs if count > max(lost, default=0)]
        if pairs:
            gains.append(
                f"at epsilon {epsilon:g} "
                + (f"from {min(won)} patients a hospital on" if won else "at no size")
                + f" (measured at {', '.join(str(count) for count, _, _ in pairs)})"
            )
    found = "; ".join(gains) or "not run"
    return f"A hospital that joins under DP has a better model than alone without: {found}."


def _gain_of_departments(measured: Measured) -> str:
    """Tell at which epsilons the departments' model is better than what each has alone."""
    corpus = DEPARTMENTS["name"]
    alone = measured.score(arm=ALONE, corpus=corpus)
    better = [
        f"{epsilon:g}"
        for epsilon in EPSILONS
        if (under := measured.score(arm=f"epsilon {epsilon:g}", corpus=corpus))
        and alone is not None
        and under.value > alone.value
    ]
    found = ", ".join(better) or ("not run" if alone is None else "none of those that were run")
    return f"So do the departments of mtsamples, of 60 to 220 patients each, at epsilon: {found}."


def robustness(measured: Measured) -> Section:
    damages = list(dict.fromkeys(arm.split("; ", 1)[1] for arm in measured.arms()))
    rows = tuple(
        (damage, *(show(measured.score(arm=f"{each}; {damage}"), digits=0) for each in DEFENCES))
        for damage in damages
    )
    remarks = (
        "Perplexity of next tokens on synthetic test notes, lower is better, of a small GPT that "
        "starts at random (a uniform guess has 1024); no bound on an update's norm, so that every "
        "update counts. Attackers know what all honest sites sent.",
        sizes(measured),
    )
    return Section(remarks, (Table(("bad sites", *DEFENCES), rows),))


def scale(measured: Measured) -> Section:
    rows = []
    for arm in measured.arms():
        for result in measured.by_seed(arm=arm).values():
            last = result.last()
            turns = last.round_number * len(result.patients)
            rows.append(
                (
                    arm,
                    f"{last.cpu_seconds / last.round_number:.1f}",
                    f"{1000 * last.cpu_seconds / turns:.0f}",
                    f"{last.bytes_up / last.round_number / MEGABYTE:.1f}",
                    f"{last.seconds / 60:.1f}",
                )
            )
    columns = (
        "federation",
        "CPU s a round",
        "CPU ms a site and round",
        "MB up a round",
        "minutes of all rounds",
    )
    remarks = ("A GPT of six blocks of width 64 from random weights; updates in BF16.",)
    return Section((*remarks, sizes(measured)), (Table(columns, tuple(rows)),))


def sizes(measured: Measured) -> str:
    """Say how small the corpora were that a CPU got through."""
    parts = {}
    for cell, result in measured.pairs:
        parts[cell.corpus.name] = _size(cell, result)
    return "Patients or documents: " + "; ".join(f"{k}: {v}" for k, v in parts.items()) + "."


def _size(cell: Cell, result: Result) -> str:
    return (
        f"the first {sum(result.patients)} to train, {result.test_notes} test notes, "
        f"{cell.corpus.max_tokens} tokens"
    )
