"""Read `federation.yaml`, fill in what is calculated, and derive the runs it is compared with."""

from pathlib import Path

from pydantic import ValidationError

from fedclinic.documents import load_document
from fedclinic.errors import ConfigError
from fedclinic.method_plan import Centralised, brought_adapter
from fedclinic.plan import Evaluation, FederationPlan, PatientPrivacy, PlannedSite, Privacy, Variant
from fedclinic.privacy.accounting import calibrate_noise_multiplier
from fedclinic.transports import ExchangeTransport, LocalTransport, Transport


def load_plan(path: Path) -> FederationPlan:
    """Read and check a plan; relative paths in it become absolute, sigma is calibrated.

    Raises:
        ConfigError: if the file is missing, unreadable or wrong.
    """
    plan = load_document(path, FederationPlan, "plan")
    plan = calibrate(resolve_paths(plan, path.resolve().parent))
    for variant in plan.comparison:
        _check_variant(plan, variant, path)
    return plan


def resolve_paths(plan: FederationPlan, folder: Path) -> FederationPlan:
    return plan.model_copy(
        update={
            "transport": _resolve_transport(plan.transport, folder),
            "evaluation": _resolve_evaluation(plan.evaluation, folder),
            "comparison": tuple(_resolve_variant(variant, folder) for variant in plan.comparison),
        }
    )


def _resolve_evaluation(evaluation: Evaluation, folder: Path) -> Evaluation:
    if evaluation.site_config is None:
        return evaluation
    return evaluation.model_copy(update={"site_config": str(folder / evaluation.site_config)})


def _resolve_transport(transport: Transport, folder: Path) -> Transport:
    if isinstance(transport, LocalTransport):
        return transport.model_copy(update={"site_config": str(folder / transport.site_config)})
    if isinstance(transport, ExchangeTransport) or transport.certificate is None:
        return transport
    return transport.model_copy(update={"certificate": str(folder / transport.certificate)})


def calibrate(plan: FederationPlan) -> FederationPlan:
    """Fill in the noise multiplier that reaches the target epsilon over all rounds.

    Raises:
        ConfigError: if a given noise multiplier is too small for the target.
    """
    return plan.model_copy(
        update={
            "privacy": _calibrated(plan.privacy, plan.rounds),
            "comparison": tuple(_calibrated_variant(variant, plan) for variant in plan.comparison),
        }
    )


def variant_of(plan: FederationPlan, variant: Variant) -> FederationPlan:
    """The plan of a run to compare with."""
    changes: dict[str, object] = {"comparison": ()}
    for field in ("method", "layers", "optimizer", "privacy", "rounds"):
        value = getattr(variant, field)
        if value is not None:
            changes[field] = value
    if variant.method is not None and variant.layers is None and brought_adapter(plan.method):
        changes["layers"] = plan.layers.model_copy(update={"adapter": None})
    if variant.pooled_config is not None:
        changes["method"] = variant.method or Centralised()
        changes["sites"] = (PlannedSite(name="pooled", weight=1.0),)
        changes["quorum"] = 1
        changes["transport"] = LocalTransport(kind="local", site_config=variant.pooled_config)
    return FederationPlan.model_validate(plan.model_copy(update=changes).model_dump(mode="json"))


def _check_variant(plan: FederationPlan, variant: Variant, path: Path) -> None:
    try:
        variant_of(plan, variant)
    except ValidationError as error:
        reason = error.errors()[0]["msg"].removeprefix("Value error, ")
        raise ConfigError(f"{path}: comparison '{variant.name}': {reason}") from None


def _resolve_variant(variant: Variant, folder: Path) -> Variant:
    if variant.pooled_config is None:
        return variant
    return variant.model_copy(update={"pooled_config": str(folder / variant.pooled_config)})


def _calibrated_variant(variant: Variant, plan: FederationPlan) -> Variant:
    """Calibrate a variant's own privacy; with other rounds, the plan's needs another sigma."""
    if variant.privacy is None and variant.rounds is None:
        return variant
    chosen = variant.privacy or plan.privacy
    if variant.privacy is None and isinstance(chosen, PatientPrivacy):
        chosen = chosen.model_copy(update={"noise_multiplier": None})
    privacy = _calibrated(chosen, variant.rounds or plan.rounds)
    return variant.model_copy(update={"privacy": privacy})


def _calibrated(privacy: Privacy, rounds: int) -> Privacy:
    if not isinstance(privacy, PatientPrivacy):
        return privacy
    needed = calibrate_noise_multiplier(
        target_epsilon=privacy.target_epsilon,
        delta=privacy.delta,
        sampling_rate=privacy.sampling_rate,
        steps=rounds * privacy.steps_per_round,
    )
    if privacy.noise_multiplier is None:
        return privacy.model_copy(update={"noise_multiplier": needed})
    if privacy.noise_multiplier < needed:
        raise ConfigError(
            f"privacy.noise_multiplier {privacy.noise_multiplier} does not reach epsilon "
            f"{privacy.target_epsilon}: at least {needed} is needed over {rounds} rounds"
        )
    return privacy
