"""The model card of a run's registered model, as Markdown, from the same records as the report.

Its headings follow Mitchell et al. 2019, "Model Cards for Model Reporting", arXiv 1810.03993. What
is not known is marked as a gap and never filled with prose.
"""

from collections.abc import Iterable, Sequence

from fedclinic.evidence import plain_words
from fedclinic.evidence.gaps import NOT_REGISTERED, find_gaps
from fedclinic.evidence.quality import group_head, group_rows, quality_head, quality_rows
from fedclinic.evidence.run_evidence import RunEvidence

_KINDS = {
    "document_classification": "classifies clinical notes",
    "multilabel_classification": "labels clinical notes",
    "token_classification": "finds entities in clinical notes",
    "language_modelling": "predicts the next token of clinical notes",
}


def render_model_card(data: RunEvidence) -> str:
    """Write the model card of a run."""
    plan = data.plan
    title = f"{data.model.model}, version {data.model.version}" if data.model else plan.federation
    sections = [
        f"# {title}",
        f"A model that {_KINDS[plan.task.kind]}, trained by {len(plan.sites)} sites together.",
        "## Model details",
        _table(("what", "value"), _details(data)),
        "## Intended use",
        "Gap: who may use it, for what, and for what not, is for the federation to write.",
        "## Training data",
        f"Notes of {', '.join(plan.site_names())}, de-identified at each site. "
        "Only changes of the model travelled.",
        "## Privacy",
        plain_words.explain_promise(data.promise()),
        plain_words.MANY_HOSPITALS,
        *_audits(data),
        "## Quality",
        *_quality(data),
        "## Limits",
        "\n".join(f"- Gap: {gap}" for gap in _gaps(data)) or "- None is recorded.",
        f"- {plain_words.NOT_A_CERTIFICATE}",
    ]
    return "\n\n".join(sections) + "\n"


def _gaps(data: RunEvidence) -> list[str]:
    """A card is written before its model has a version: that it has none is no gap of it."""
    return [gap for gap in find_gaps(data) if gap != NOT_REGISTERED]


def _details(data: RunEvidence) -> list[tuple[str, str]]:
    plan = data.plan
    rows = [
        ("run", data.run),
        ("base model", plan.base_model.name),
        ("trained", f"{plan.layers.describe()}, the head"),
        ("labels", ", ".join(plan.task.labels)),
        ("longest note", f"{plan.task.max_tokens} tokens"),
        ("method", f"{plan.method.name}, {plan.rounds} rounds"),
        ("plan", plan.digest()),
    ]
    if data.model is not None:
        rows.append(("state", data.model.state))
        rows.extend((f"file {name}", digest) for name, digest in data.model.files.items())
    return rows


def _audits(data: RunEvidence) -> list[str]:
    if not data.audits:
        return ["Gap: no audit is recorded."]
    lines = [
        f"- {audit.audit} of {audit.about}: **{audit.verdict}**. {plain_words.explain_audit(audit)}"
        for audit in data.audits
    ]
    return [plain_words.AUDITS_FIND_BUGS, "\n".join(lines)]


def _quality(data: RunEvidence) -> list[str]:
    if not any(round_.evaluations for round_ in data.rounds):
        return ["Gap: not measured."]
    groups = group_rows(data)
    return [
        _table(quality_head(data), quality_rows(data)),
        _table(group_head(data), groups)
        if groups
        else "Gap: quality in groups of patients was not measured.",
        plain_words.HOW_SURE,
    ]


def _table(head: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    lines = [head, ["---"] * len(head), *rows]
    return "\n".join("| " + " | ".join(_cell(cell) for cell in line) + " |" for line in lines)


def _cell(text: str) -> str:
    return text.replace("|", "\\|").replace("\n", " ")
