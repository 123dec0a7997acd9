"""The policy that a privacy officer signs: what happens to each kind of identifier."""

from enum import StrEnum
from typing import Annotated, Any, Literal, Self

import yaml
from pydantic import Field, PositiveFloat, PositiveInt, ValidationError, model_validator

from fedclinic.deid.kinds import EntityKind
from fedclinic.digest import digest_record
from fedclinic.errors import ConfigError
from fedclinic.records import Count, Digest, Record

Share = Annotated[float, Field(ge=0, le=1)]


class Mode(StrEnum):
    """Which of the two HIPAA methods the policy follows."""

    SAFE_HARBOR = "safe_harbor"
    EXPERT_DETERMINATION = "expert_determination"


class Profile(StrEnum):
    """How much work detection may do."""

    FAST = "fast"
    DEFAULT = "default"
    STRICT = "strict"


class Action(StrEnum):
    """What replaces a detected identifier."""

    SURROGATE = "surrogate"
    """A keyed pseudonym of the same form from a reserved list or range."""
    SHIFT = "shift"
    """A date moved by the patient's own number of days; an unreadable one becomes a tag."""
    YEAR = "year"
    """Only the year of a date; none where it would show an age of ninety or more."""
    GENERALIZE = "generalize"
    """A coarser value: three digits of a ZIP code, ages of ninety and more as 90+."""
    TAG = "tag"
    """The kind in square brackets."""


_NAMED = frozenset({Action.SURROGATE, Action.TAG})
_MEANINGFUL: dict[EntityKind, frozenset[Action]] = {
    EntityKind.DATE_TIME: frozenset({Action.SHIFT, Action.YEAR, Action.TAG}),
    EntityKind.AGE: frozenset({Action.GENERALIZE, Action.TAG}),
    EntityKind.LOCATION: frozenset({Action.SURROGATE, Action.GENERALIZE, Action.TAG}),
}


class DateShift(Record):
    """How far a patient's dates move, always the same distance for the same patient."""

    max_days: Annotated[int, Field(ge=7, le=3650)]
    """Dates move back by 1 to `max_days` days."""
    whole_weeks: bool
    """Keep the day of the week: move by multiples of seven days only."""


class DensityLimits(Record):
    """Shares of identifiers outside which a note is not believed and goes to quarantine."""

    max_replaced_share: Share
    """Largest share of its characters that identifiers may take in a note that long or longer."""
    from_characters: PositiveInt
    min_identifiers_per_10000_characters: Annotated[float, Field(ge=0)]
    """Fewest identifiers in a note of 10,000 characters or more; 0 admits notes without any."""


class AuditGates(Record):
    """What a continuous audit must show before de-identified notes may be used."""

    confidence: Annotated[float, Field(ge=0.8, lt=1)]
    """Confidence of the bounds on recall."""
    min_recall: Share
    """Smallest lower bound of recall, for each canary kind and each kind that people reviewed."""
    max_over_redaction: Annotated[float, Field(ge=0)]
    """Most tokens replaced without need in each 1,000."""
    min_label_survival: Share
    max_quarantine_rate: Share
    drift_tolerance: Share
    """How far the estimate from two detectors may fall below its baseline."""


class ProfileSettings(Record):
    """What one profile turns on."""

    threshold: Share
    """Lowest detector score at which a span is replaced."""
    tagger: Literal["off", "narrow", "gated", "open"]
    """Whether the embedded small model runs, and whether dictionaries may veto its findings.

    `narrow` asks it only of words that may open an identifier, `gated` of all that rules left open.
    """
    tagger_threshold: Share
    """Lowest probability at which the embedded model's finding counts."""
    stock_recognizers: bool
    """Whether Presidio's own card, IBAN, UUID, MAC and health identifier recognisers run."""


class ModeSettings(Record):
    """What one mode does with each kind."""

    actions: dict[EntityKind, Action]
    date_shift: DateShift | None

    @model_validator(mode="after")
    def _every_kind_has_a_meaningful_action(self) -> Self:
        missing = set(EntityKind) - set(self.actions)
        if missing:
            raise ValueError(f"no action for {', '.join(sorted(missing))}")
        for kind, action in self.actions.items():
            if action not in _MEANINGFUL.get(kind, _NAMED):
                raise ValueError(f"action {action} means nothing for {kind}")
        if Action.SHIFT in self.actions.values() and self.date_shift is None:
            raise ValueError("dates are shifted but date_shift is not set")
        return self


class DeidentificationPolicies(Record):
    """policies/deidentification.yaml, checked."""

    version: PositiveInt
    language: Literal["en"]
    max_characters: PositiveInt
    """Longest note that is processed; longer ones go to quarantine."""
    max_seconds_per_note: PositiveFloat
    """Time after which the edge that runs the detector gives up on a note."""
    reference_year: Annotated[int, Field(ge=2000, le=2100)]
    """A year ninety or more before this one or the newest of the note shows an age over 89."""
    embedded_detector_alone: bool
    """Whether a site without a model of its own may rely on the embedded detectors; they were never
    validated on real notes."""
    density: DensityLimits
    audit: AuditGates
    profiles: dict[Profile, ProfileSettings]
    modes: dict[Mode, ModeSettings]


class DeidentificationPolicy(Record):
    """One mode and one profile of the signed file: all that de-identifying a note depends on."""

    version: PositiveInt
    mode: Mode
    profile: Profile
    language: Literal["en"]
    max_characters: PositiveInt
    max_seconds_per_note: PositiveFloat
    reference_year: int
    embedded_detector_alone: bool
    density: DensityLimits
    audit: AuditGates
    settings: ProfileSettings
    actions: dict[EntityKind, Action]
    date_shift: DateShift | None

    @model_validator(mode="after")
    def _safe_harbor_never_shifts_dates(self) -> Self:
        if self.mode is Mode.SAFE_HARBOR and Action.SHIFT in self.actions.values():
            raise ValueError("shifted dates are not Safe Harbor")
        return self

    def digest(self) -> Digest:
        return digest_record(self)


class DeidentificationCounts(Record):
    """What happened to one note, in numbers that may be summed and logged at the site."""

    replaced: dict[EntityKind, Count]
    entities_total: Count
    entities_survived: Count
    """Entity labels whose text no replacement touched."""
    characters: Count
    replaced_characters: Count


def parse_policies(text: str) -> DeidentificationPolicies:
    """Read the whole policy file.

    Raises:
        ConfigError: if the text is no YAML or a field is missing, unknown or out of range.
    """
    try:
        content: Any = yaml.safe_load(text)
        return DeidentificationPolicies.model_validate(content)
    except (yaml.YAMLError, ValidationError) as error:
        raise ConfigError(f"de-identification policy: {error}") from error


def parse_policy(text: str, *, mode: Mode | str, profile: Profile | str) -> DeidentificationPolicy:
    """Read the policy file and choose one mode and one profile.

    Raises:
        ConfigError: if the file is wrong or does not hold the mode or the profile.
    """
    policies = parse_policies(text)
    try:
        chosen_mode, chosen_profile = Mode(mode), Profile(profile)
        rules, settings = policies.modes[chosen_mode], policies.profiles[chosen_profile]
    except (KeyError, ValueError) as error:
        raise ConfigError(
            f"de-identification policy has no mode {mode} or no profile {profile}; modes: "
            f"{', '.join(policies.modes)}; profiles: {', '.join(policies.profiles)}"
        ) from error
    try:
        return DeidentificationPolicy(
            version=policies.version,
            mode=chosen_mode,
            profile=chosen_profile,
            language=policies.language,
            max_characters=policies.max_characters,
            max_seconds_per_note=policies.max_seconds_per_note,
            reference_year=policies.reference_year,
            embedded_detector_alone=policies.embedded_detector_alone,
            density=policies.density,
            audit=policies.audit,
            settings=settings,
            actions=rules.actions,
            date_shift=rules.date_shift,
        )
    except ValidationError as error:
        raise ConfigError(f"de-identification policy: {error}") from error
