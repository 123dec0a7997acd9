"""Say in words what a plan will do, before anybody runs it."""

import math

from rich.console import Console
from rich.table import Table

from fedclinic.plan import FederationPlan, PatientPrivacy


def print_plan(plan: FederationPlan, console: Console) -> None:
    table = Table(title=f"{plan.federation}: the plan is valid", title_justify="left", box=None)
    table.add_column("", style="bold")
    table.add_column("")
    for name, value in _lines(plan):
        table.add_row(name, value)
    console.print(table)


def _lines(plan: FederationPlan) -> list[tuple[str, str]]:
    task = plan.task
    return [
        ("task", f"{task.kind.replace('_', ' ')}, {len(task.labels) or 'no'} labels"),
        ("base model", plan.base_model.name),
        ("trained", f"{plan.layers.describe()}, and the task head"),
        ("method", plan.method.name),
        ("rounds", str(plan.rounds)),
        ("sites", f"{', '.join(plan.site_names())} (quorum {plan.quorum})"),
        ("privacy", _privacy(plan)),
        ("update bound", _bound(plan)),
        ("compared with", ", ".join(variant.title for variant in plan.comparison) or "nothing"),
        ("digest", plan.digest()),
    ]


def _privacy(plan: FederationPlan) -> str:
    privacy = plan.privacy
    if not isinstance(privacy, PatientPrivacy):
        return "none: notes must be declared public or synthetic by each site"
    return (
        f"({privacy.target_epsilon:g}, {privacy.delta:g})-DP for each patient of a site over the "
        f"run (add or remove one patient; PLD): q {privacy.sampling_rate:g}, "
        f"sigma {privacy.noise_multiplier:g}, {privacy.steps_per_round} steps a round, "
        f"C {privacy.clipping_norm:g}"
    )


def _bound(plan: FederationPlan) -> str:
    """The largest update, beside what the noise alone gives: too small a bound refuses everybody.

    How many parameters train is known when the sites have opened the model; a run that cannot
    pass is refused then, before any budget is spent.
    """
    bound = f"norm {plan.admission.max_update_norm:g}"
    privacy, optimizer = plan.privacy, plan.optimizer
    if not isinstance(privacy, PatientPrivacy) or optimizer.name != "sgd" or optimizer.momentum:
        return bound
    steps = privacy.steps_per_round
    rates = optimizer.rates(round_number=1, rounds=plan.rounds, steps=steps)
    noise = privacy.mechanism().noise_multiplier * privacy.clipping_norm / privacy.expected_patients
    unit = noise * math.sqrt(math.fsum(rate**2 for rate in rates))
    return (
        f"{bound}; the noise alone gives a round's update {unit:.3g} times the root of the blocks' "
        f"trained parameters, and {unit * optimizer.head_factor:.3g} times that of the head's"
    )
