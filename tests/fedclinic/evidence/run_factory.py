"""One run's evidence for reports: four hospitals, ten rounds, a quarantine and an absent site."""

from fedclinic.evidence.events import AuditJudged, ModelRegistered
from fedclinic.evidence.run_evidence import (
    Alternative,
    Output,
    RoundEvidence,
    RunEvidence,
    SiteRound,
    Verification,
)
from fedclinic.plan import FederationPlan
from fedclinic.privacy.mechanism import PrivacyPromise, PrivacySpent
from fedclinic.rounds import (
    BudgetLeft,
    DeidentificationSummary,
    EvaluationReport,
    GroupQuality,
    SiteReport,
    UpdateManifest,
)
from tests.fedclinic.evidence.factory import digest

SITES = ("mercy", "northgate", "st_elsewhere", "university")
ROUNDS = 10
RUN = "demo-0001"


def make_plan(**changes: object) -> FederationPlan:
    document: dict = {
        "federation": "discharge-letters",
        "task": {"kind": "document_classification", "labels": ["a", "b"], "max_tokens": 128},
        "base_model": {"name": "minilm"},
        "layers": {"top": 2},
        "method": {"name": "fedavg"},
        "rounds": ROUNDS,
        "optimizer": {"name": "sgd", "learning_rate": 0.5},
        "privacy": {
            "protection": "patient_dp",
            "target_epsilon": 3.0,
            "delta": 1e-5,
            "sampling_rate": 0.05,
            "steps_per_round": 20,
            "clipping_norm": 1.0,
            "expected_patients": 32.0,
            "noise_multiplier": 1.0,
        },
        "admission": {"max_update_norm": 10.0},
        "sites": [{"name": site, "weight": 1.0} for site in SITES],
        "quorum": 3,
        "deadline_minutes": 30,
        "transport": {"kind": "local", "site_config": "site.yaml"},
        "evaluation": {"site_config": "evaluation.yaml"},
    }
    return FederationPlan.model_validate(document | changes)


def make_site_report(site: str, round_number: int, plan: FederationPlan) -> SiteReport:
    protected = plan.privacy.protection == "patient_dp"
    spent = 3.0 * (round_number / ROUNDS) ** 0.6
    before = float(SITES.index(site))
    return SiteReport(
        run=RUN,
        round_number=round_number,
        attempt=1,
        site=site,
        plan_digest=plan.digest(),
        nonce="0" * 32,
        status="completed",
        update=UpdateManifest(
            blob=digest(f"{site}{round_number}"), bytes=14_200_000, parameters=3_550_000, norm=2.5
        ),
        privacy=PrivacySpent(epsilon=spent, delta=1e-5, rounds=round_number) if protected else None,
        budget=BudgetLeft(spent_epsilon=before + spent, cap_epsilon=8.0, delta=1e-5)
        if protected
        else None,
        deidentification=DeidentificationSummary(
            policy=digest("policy"),
            notes=12_400,
            quarantined=10,
            replaced={"PERSON": 48_200, "DATE": 91_000, "MRN": None},
            recall={"COMMON_NAME": 0.99, "RECORD_NUMBER": 1.0},
            recall_low={"COMMON_NAME": 0.98, "RECORD_NUMBER": 0.94},
            recall_high={"COMMON_NAME": 1.0, "RECORD_NUMBER": 1.0},
        )
        if site != "mercy"
        else None,
        policies={"privacy": digest("privacy"), "deidentification": digest("policy")},
    )


def make_round(round_number: int, plan: FederationPlan) -> RoundEvidence:
    sites = []
    for site in SITES if round_number else ():
        if (site, round_number) == ("northgate", 4):
            reason = "update: norm 0.81 of group 'blocks' is below the noise floor 1.62"
            sites.append(SiteRound(site=site, verdict="quarantined", reason=reason))
        elif (site, round_number) == ("mercy", 7):
            sites.append(SiteRound(site=site, verdict="absent", reason="no answer by the deadline"))
        else:
            report = make_site_report(site, round_number, plan)
            sites.append(SiteRound(site=site, verdict="admitted", report=report))
    metrics = {
        "macro_f1": 0.12 + 0.6 * (round_number / ROUNDS) ** 0.5,
        "accuracy": 0.2 + 0.62 * (round_number / ROUNDS) ** 0.4,
    }
    evaluation = EvaluationReport(
        run=RUN,
        round_number=round_number,
        subject="global",
        notes=800,
        metrics=metrics,
        lower={name: value - 0.03 for name, value in metrics.items()},
        upper={name: value + 0.03 for name, value in metrics.items()},
        groups=(*(make_group(site, metrics) for site in SITES[:3]), make_group(SITES[3], {})),
    )
    return RoundEvidence(
        round_number=round_number,
        seconds=31.5,
        bytes_down=14_200_000 if round_number > 1 else 0,
        checkpoint=digest(f"state {round_number}") if round_number else None,
        sites=tuple(sites),
        evaluations=(evaluation,),
    )


def make_group(site: str, metrics: dict[str, float]) -> GroupQuality:
    """The quality at a hospital, or that it has too few notes to be told."""
    return GroupQuality(
        name=site,
        notes=200 if metrics else None,
        metrics=metrics,
        lower={name: value - 0.06 for name, value in metrics.items()},
        upper={name: value + 0.06 for name, value in metrics.items()},
    )


def make_audits() -> tuple[AuditJudged, ...]:
    return (
        AuditJudged(
            at=1e9,
            run=RUN,
            round_number=ROUNDS,
            site="mercy",
            audit="audit-head",
            verdict="pass",
            numbers={"epsilon_lower_bound": 0.98, "largest_refutable_epsilon": 5.78},
        ),
        AuditJudged(
            at=1e9,
            run=RUN,
            round_number=None,
            site=None,
            audit="memorisation",
            verdict="warn",
            numbers={"exposure_bits": 6.3},
        ),
    )


def make_run_evidence(**changes: object) -> RunEvidence:
    plan = changes.pop("plan", make_plan())
    values: dict = {
        "generated_at": "21 November 2026, 04:00 UTC",
        "run": RUN,
        "status": "finished",
        "plan": plan,
        "software": {"fedclinic": "0.1.0", "code": digest("code")},
        "rounds": tuple(make_round(number, plan) for number in range(ROUNDS + 1)),
        "alternatives": (
            Alternative(
                title="mercy alone",
                protection="ε 3",
                metrics={"macro_f1": 0.49, "accuracy": 0.61},
            ),
            Alternative(
                title="centralised",
                protection="none",
                metrics={"macro_f1": 0.76, "accuracy": 0.85},
            ),
        ),
        "audits": make_audits(),
        "model": ModelRegistered(
            at=1e9,
            run=RUN,
            model="discharge-letters",
            version="3",
            mlflow_run="0af1",
            source="models:/m-3",
            state=digest(f"state {ROUNDS}"),
            files={"model.safetensors": digest("model")},
            promise=PrivacyPromise(epsilon=3.0, delta=1e-5),
            gate="pass",
        ),
        "outputs": (
            Output(
                name="discharge-letters 3",
                what="model",
                recipient="the four hospitals",
                digest=digest("model"),
                bytes=90_300_000,
            ),
        ),
        "verification": Verification(
            origin="discharge-letters/log",
            statements=271,
            root=digest("root"),
            witnesses=("mercy", "university"),
            compared_with_mlflow=True,
            findings=(),
        ),
    }
    return RunEvidence(**(values | changes))
