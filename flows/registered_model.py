"""The folder that is registered as a model: the change, the plan, and a model card."""

import shutil
from pathlib import Path

from fedclinic.methods import ServerState
from fedclinic.plan import PatientPrivacy
from fedclinic.updates.codec import encode
from flows.run_store import RunHeader, RunStore
from flows.settings import Workspace


def write_model_folder(workspace: Workspace, header: RunHeader, state: ServerState) -> Path:
    """Write the final global model of a run; replaces an unfinished folder of the same run."""
    folder = workspace.models / header.run
    if folder.exists():
        shutil.rmtree(folder)
    folder.mkdir(parents=True)
    (folder / "change.safetensors").write_bytes(encode(state.change, "F32"))
    (folder / "plan.json").write_text(header.plan.model_dump_json(indent=1), encoding="utf-8")
    card = model_card(header, RunStore(workspace.runs / header.run))
    (folder / "README.md").write_text(card, encoding="utf-8")
    return folder


def model_card(header: RunHeader, store: RunStore) -> str:
    """Describe the model in Markdown, from the run's records alone."""
    plan, last = header.plan, store.rounds()[-1]
    quality = [
        f"| {name} | {value:.4f} | {evaluation.notes} |"
        for evaluation in last.evaluations
        for name, value in evaluation.metrics.items()
    ]
    lines = [
        f"# {plan.federation}: {header.title}",
        "",
        f"A {plan.task.kind.replace('_', ' ')} model over {len(plan.task.labels)} labels, trained "
        f"by {len(plan.sites)} sites in {plan.rounds} rounds of {plan.method.name}.",
        "",
        f"- Base model: {plan.base_model.name} ({plan.base_model.digest or 'digest not pinned'}); "
        f"its top {plan.layers.top} blocks and the task head were trained.",
        f"- Plan: {plan.digest()}",
        f"- Run: {header.run}",
        "",
        "## Privacy",
        "",
        *_privacy_lines(header, store),
        "",
        "## Quality on the evaluation notes, after the last round",
        "",
        "| metric | value | notes |",
        "|---|---|---|",
        *quality,
        "",
        "## Limits",
        "",
        "The guarantee holds for each site's own patients; a patient seen at several sites loses "
        "the sum. Labels outside the list above are never predicted. Not a medical device.",
        "",
    ]
    return "\n".join(lines)


def _privacy_lines(header: RunHeader, store: RunStore) -> list[str]:
    privacy = header.plan.privacy
    if not isinstance(privacy, PatientPrivacy):
        return ["Trained **without** differential privacy, on notes declared public or synthetic."]
    reports = [o.report for record in store.rounds() for o in record.outcomes if o.report]
    spent = max((r.privacy.epsilon for r in reports if r.privacy), default=0.0)
    mechanism = privacy.mechanism()
    return [
        f"Each site's patients are protected by ({spent:.3f}, {privacy.delta:g})-differential "
        "privacy; unit: patient; adjacency: add or remove one patient; accountant: PLD; "
        f"q = {mechanism.sampling_rate:g}, sigma = {mechanism.noise_multiplier:g}, "
        f"T = {mechanism.steps} steps a round, C = {privacy.clipping_norm:g}.",
    ]
