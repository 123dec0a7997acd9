"""One run's report as one HTML file that anyone can open: no script, no network, prints on paper.

A pure function of the run's records: the same evidence gives the same bytes.
"""

from typing import Any

from fedclinic.evidence import plain_words
from fedclinic.evidence.budget_charts import budget_chart, budget_row
from fedclinic.evidence.deid_section import deid_tables
from fedclinic.evidence.findings import Severity, verdict_of
from fedclinic.evidence.gaps import find_gaps
from fedclinic.evidence.pages import render_html
from fedclinic.evidence.quality import (
    group_head,
    group_rows,
    last_quality,
    quality_charts,
    quality_head,
    quality_rows,
)
from fedclinic.evidence.regulations import answer_regulations
from fedclinic.evidence.run_evidence import RoundEvidence, RunEvidence, SiteRound

CONTENTS = (
    ("summary", "Summary"),
    ("promised", "Promised and measured"),
    ("budgets", "Budgets of the sites"),
    ("audits", "Audits"),
    ("deid", "De-identification"),
    ("rounds", "Sites and rounds"),
    ("refusals", "Refusals and quarantines"),
    ("quality", "Quality of the model"),
    ("outputs", "Register of outputs"),
    ("law", "Where regulators' questions are answered"),
    ("digests", "Digests, and how to verify"),
)

FIRST = 5
"""Failures that are told at the top of the page."""


def render_report(data: RunEvidence) -> str:
    """Render a run's report."""
    return render_html("report.html.j2", _values(data))


def _values(data: RunEvidence) -> dict[str, Any]:
    rounds = [round_ for round_ in data.rounds if round_.round_number > 0]
    return {
        **_headline(data, rounds),
        **_budgets(data),
        **deid_tables(data),
        **_rounds(data.plan.site_names(), rounds),
        **_closing(data),
        "promised": _promised(data, rounds),
        "audits": [
            (a.audit, a.about, a.verdict, plain_words.explain_audit(a)) for a in data.audits
        ],
        "refusals": _refusals(rounds),
        "quality_charts": quality_charts(data),
        "quality_head": quality_head(data),
        "quality_rows": quality_rows(data),
        "group_head": group_head(data),
        "group_rows": group_rows(data),
        "how_sure": plain_words.HOW_SURE,
    }


def _headline(data: RunEvidence, rounds: list[RoundEvidence]) -> dict[str, Any]:
    return {
        "federation": data.plan.federation,
        "run": data.run,
        "generated_at": data.generated_at,
        "sites": data.plan.site_names(),
        "rounds": rounds,
        "contents": CONTENTS,
        "verdict": _verdict(data),
        "facts": _facts(data, rounds),
        "promise_text": plain_words.explain_promise(data.promise()),
        "many_hospitals": plain_words.MANY_HOSPITALS,
        "audits_find_bugs": plain_words.AUDITS_FIND_BUGS,
        "not_a_certificate": plain_words.NOT_A_CERTIFICATE,
        "gaps": find_gaps(data),
    }


def _budgets(data: RunEvidence) -> dict[str, Any]:
    sites = [s for s in data.plan.site_names() if any(r.budget for r in data.reports(s))]
    return {
        "budgets": [(site, budget_chart(data, site)) for site in sites],
        "budget_rows": [budget_row(data, site) for site in sites],
    }


def _closing(data: RunEvidence) -> dict[str, Any]:
    findings = data.verification.findings if data.verification else ()
    return {
        "outputs": [(o.name, o.what, o.recipient, _size(o.bytes), o.digest) for o in data.outputs],
        "law": answer_regulations(data),
        "digests": _digests(data),
        "findings": [(f.severity.value, f.where, f.what) for f in findings],
    }


def _verdict(data: RunEvidence) -> dict[str, Any]:
    bad_audits = [audit for audit in data.audits if audit.verdict == "fail"]
    checked = verdict_of(data.verification.findings) if data.verification else None
    if checked == "failed" or bad_audits:
        what = "The evidence contradicts itself" if checked == "failed" else "An audit failed"
        return {
            "tone": "bad",
            "mark": "Failed",
            "title": f"{what}: do not use this model before it is explained.",
            "text": "Everything that was found is under Audits and under Digests.",
            "first": _first_failures(data),
        }
    if data.verification and checked == "verified" and data.status == "finished":
        warned = [audit.audit for audit in data.audits if audit.verdict == "warn"]
        warning = f" Look at the warning of the audit: {', '.join(warned)}." if warned else ""
        return {
            "tone": "good",
            "mark": "Verified",
            "title": "The run finished, its evidence was verified, and no budget was passed.",
            "text": f"{data.verification.statements} signed statements were checked.{warning}",
            "first": [],
        }
    problem = {
        None: "its evidence was not verified when this report was made",
        "cannot verify": "a part of its evidence cannot be verified",
        "verified": "it did not finish",
    }[checked]
    return {
        "tone": "warn",
        "mark": "Not known",
        "title": f"The run {data.status}; {problem}.",
        "text": "What is missing is listed below as gaps.",
        "first": [],
    }


def _first_failures(data: RunEvidence) -> list[str]:
    """The first few things that failed, as a board member must see them."""
    audits = [
        f"audit {audit.audit} of {audit.about}: {audit.reason or 'it failed'}"
        for audit in data.audits
        if audit.verdict == "fail"
    ]
    findings = data.verification.findings if data.verification else ()
    rows = [f"{f.where}: {f.what}" for f in findings if f.severity == Severity.FAILED]
    return [*audits, *rows][:FIRST]


def _facts(data: RunEvidence, rounds: list[RoundEvidence]) -> list[dict[str, str]]:
    promise = data.promise()
    spent = [value for site in data.plan.site_names() if (value := data.spent(site)) is not None]
    unused = [entry for round_ in rounds for entry in round_.sites if entry.verdict != "admitted"]
    facts = [
        ("Sites", str(len(data.plan.sites)), f"{data.plan.quorum} needed for a round"),
        ("Rounds", f"{len(rounds)} of {data.plan.rounds}", f"the run {data.status}"),
        (
            "Privacy promised",
            f"ε {promise.epsilon:g}" if promise else "none",
            f"for each patient, δ {promise.delta:g}" if promise else "no protection",
        ),
        (
            "Privacy spent",
            f"ε {max(spent):.3g}" if spent else "none signed",
            "the most at any site" if spent else "",
        ),
        ("Updates not used", str(len(unused)), "refused, quarantined or absent"),
    ]
    facts += last_quality(data)
    return [{"name": name, "value": value, "note": note} for name, value, note in facts]


def _promised(data: RunEvidence, rounds: list[RoundEvidence]) -> list[tuple[str, str, str]]:
    promise = data.promise()
    spent = [value for site in data.plan.site_names() if (value := data.spent(site)) is not None]
    norms = [
        entry.report.update.norm
        for round_ in rounds
        for entry in round_.sites
        if entry.verdict == "admitted" and entry.report and entry.report.update
    ]
    admitted = [sum(e.verdict == "admitted" for e in round_.sites) for round_ in rounds]
    bound = data.plan.admission.max_update_norm
    none = "not signed"
    return [
        (
            "epsilon of the run",
            f"at most {promise.epsilon:g}" if promise else "no bound",
            f"{max(spent):.4g} at most" if spent else none,
        ),
        ("rounds", str(data.plan.rounds), str(len(rounds))),
        (
            "sites in a round",
            f"at least {data.plan.quorum}",
            f"{min(admitted)} at least" if admitted else none,
        ),
        ("norm of an update", f"at most {bound:g}", f"{max(norms):.4g} at most" if norms else none),
    ]


def _rounds(sites: tuple[str, ...], rounds: list[RoundEvidence]) -> dict[str, Any]:
    return {
        "round_head": ("round", "sites used", "uploaded", "downloaded", "seconds", "state after"),
        "round_rows": [
            (
                r.round_number,
                f"{sum(e.verdict == 'admitted' for e in r.sites)} of {len(r.sites)}",
                plain_words.in_bytes(
                    sum(e.report.update.bytes for e in r.sites if e.report and e.report.update)
                ),
                plain_words.in_bytes(r.bytes_down * len(r.sites)),
                f"{r.seconds:.0f}",
                r.checkpoint.removeprefix("sha256:")[:12] if r.checkpoint else "none",
            )
            for r in rounds
        ],
        "verdict_rows": [
            (r.round_number, *(_verdict_at(r, site) for site in sites)) for r in rounds
        ],
    }


def _verdict_at(round_: RoundEvidence, site: str) -> str:
    entry = _entry(round_, site)
    return "used" if entry and entry.verdict == "admitted" else entry.verdict if entry else "absent"


def _entry(round_: RoundEvidence, site: str) -> SiteRound | None:
    return next((entry for entry in round_.sites if entry.site == site), None)


def _refusals(rounds: list[RoundEvidence]) -> list[tuple[object, ...]]:
    return [
        (round_.round_number, entry.site, entry.verdict, entry.reason or "no reason was given")
        for round_ in rounds
        for entry in round_.sites
        if entry.verdict != "admitted"
    ]


def _digests(data: RunEvidence) -> list[tuple[str, str]]:
    rows = [("plan", data.plan.digest())]
    if data.model is not None:
        rows += [("state of the registered model", data.model.state)]
        rows += [(f"model file {name}", digest) for name, digest in data.model.files.items()]
    if data.verification is not None:
        seal = data.verification
        rows += [
            ("signed log", f"{seal.origin}, {seal.statements} statements"),
            ("root of the log", seal.root),
            ("cosigned by", ", ".join(seal.witnesses) or "nobody"),
        ]
    return rows + _policies(data) + sorted(data.software.items())


def _policies(data: RunEvidence) -> list[tuple[str, str]]:
    """Which version of each policy was in force where, as the sites' last reports say."""
    sites: dict[tuple[str, str], list[str]] = {}
    for site in data.plan.site_names():
        for report in data.reports(site)[-1:]:
            for document, digest in report.policies.items():
                sites.setdefault((document, digest), []).append(site)
    return [
        (f"{document} policy of {', '.join(names)}", digest)
        for (document, digest), names in sorted(sites.items())
    ]


def _size(count: int | None) -> str:
    return "not stated" if count is None else plain_words.in_bytes(count)
