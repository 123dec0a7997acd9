"""The one gate through which everything that leaves a site passes: an allow-list, not a filter.

A field leaves only if the policy names it, and only as what the policy says it is: a word of a
closed list, a digest, a number, a blurred count. There is no rule for free text, so no note, name
or identifier has a way out. Rounded counts are statistical disclosure control (as offices round
hospital counts), not differential privacy: what needs that is noised and charged, or withheld.
"""

import math
import re
from collections.abc import Mapping
from typing import Literal

import numpy as np
import numpy.typing as npt
from pydantic import Field, JsonValue, PositiveInt

from fedclinic.errors import PolicyError
from fedclinic.privacy.mechanism import Mechanism
from fedclinic.privacy.random_stream import RandomStream
from fedclinic.records import Record

Rule = Literal[
    "known",
    "word",
    "year",
    "digest",
    "hash",
    "signature",
    "whole",
    "number",
    "share",
    "count",
    "withheld",
    "words",
    "numbers",
    "shapes",
    "digests",
]

_DIGEST = re.compile(r"sha256:[0-9a-f]{64}")
_HASH = re.compile(r"[0-9a-f]{64}")
_SIGNATURE = re.compile(r"[0-9a-f]{128}")
_YEAR = re.compile(r"[0-9]{4}")
_KEY = re.compile(r"[A-Z][A-Z0-9_]{0,31}")
_LARGEST = 2**53
_SHARE_STEPS = 100


class DisclosurePolicy(Record):
    """What may leave a site (`policies/disclosure.yaml`); nothing here has a default."""

    round_counts_to: PositiveInt
    """Counts leave as multiples of this."""
    smallest_count: PositiveInt
    """A smaller count, zero included, leaves as null."""
    words: tuple[str, ...]
    """The only texts that a `word` may be."""
    fields: dict[str, dict[str, Rule]] = Field(min_length=1)
    """For each kind of message: dotted field to rule; `*` stands for any key of capital letters."""


def disclose(
    kind: str,
    message: Mapping[str, JsonValue],
    policy: DisclosurePolicy,
    *,
    known: frozenset[str],
) -> dict[str, JsonValue]:
    """Return the message as it may leave, blurred and withheld where the policy says so.

    Args:
        kind: a message kind of `policy.fields`.
        message: what would leave, as JSON values.
        policy: the site's policy.
        known: texts that the other side already has (run, site, nonce), for `known` fields.

    Raises:
        PolicyError: naming the field, never its value, if one is not allowed or not what it should
            be; then nothing leaves.
    """
    if kind not in policy.fields:
        raise PolicyError(f"the disclosure policy lets no message of kind {kind} out")
    gate = _Gate(policy, policy.fields[kind], known)
    return {key: gate.admit(_step("", key), value) for key, value in message.items()}


def blur(count: int, policy: DisclosurePolicy) -> int | None:
    """Round a count; None if it is small enough to be somebody."""
    if count < policy.smallest_count:
        return None
    return round(count / policy.round_counts_to) * policy.round_counts_to


def noised_metric(
    per_patient: npt.NDArray[np.float64],
    *,
    bound: float,
    expected_patients: float,
    mechanism: Mechanism,
    stream: RandomStream,
) -> float:
    """Release an average over patients with patient-level privacy; reserve `mechanism` before.

    Each patient's value is clipped to [-bound, bound], so adding or removing one patient moves the
    sum by at most `bound`: one Gaussian mechanism of `mechanism.noise_multiplier`. Divided by a
    constant of the plan, not by the number of patients.

    Raises:
        PolicyError: if the mechanism is not one step in which every patient takes part.
    """
    if mechanism.sampling_rate != 1 or mechanism.steps != 1:
        raise PolicyError("a metric is one step over all patients: its mechanism must say so")
    finite = np.where(np.isfinite(per_patient), per_patient, 0.0)
    total = float(np.clip(finite, -bound, bound).sum())
    noise = float(stream.gaussian(1)[0]) * mechanism.noise_multiplier * bound
    return (total + noise) / expected_patients


_TABLES: Mapping[str, tuple[Rule, Rule]] = {
    "words": ("word", "word"),
    "numbers": ("word", "number"),
    "shapes": ("known", "whole"),
    "digests": ("word", "digest"),
}
"""Rules for keys and values of a mapping whose keys are not fixed by the message's kind."""


class _Gate:
    """The rules of one kind of message."""

    def __init__(
        self, policy: DisclosurePolicy, rules: Mapping[str, Rule], known: frozenset[str]
    ) -> None:
        self.policy, self.rules, self.known = policy, rules, known

    def admit(self, field: str, value: JsonValue) -> JsonValue:
        table = _TABLES.get(self.rules.get(field, ""))
        if table is not None and isinstance(value, dict):
            return self._admit_table(field, value, *table)
        if isinstance(value, list):
            return [
                self.admit(field, item) if isinstance(item, dict) else self._admit_one(field, item)
                for item in value
            ]
        if isinstance(value, dict):
            return {key: self.admit(_step(field, key), inner) for key, inner in value.items()}
        if value is None and any(rule.startswith(f"{field}.") for rule in self.rules):
            return None
        return self._admit_one(field, value)

    def _admit_one(self, field: str, value: JsonValue) -> JsonValue:
        rule = self._rule(field)
        if rule == "withheld" or value is None:
            return None
        if rule == "count" and _is_whole(value):
            return blur(int(str(value)), self.policy)
        if rule == "share" and isinstance(value, int | float) and 0 <= value <= 1:
            return math.floor(_SHARE_STEPS * value) / _SHARE_STEPS
        if not self._fits(rule, value):
            raise PolicyError(f"field {_shown(field, self.rules)} is not a {rule}: nothing leaves")
        return value

    def _admit_table(
        self, field: str, table: Mapping[str, JsonValue], key_rule: Rule, value_rule: Rule
    ) -> JsonValue:
        """Let a mapping out whose keys, too, are texts of a closed list."""
        for key, value in table.items():
            items = value if isinstance(value, list) else [value]
            fits = self._fits(key_rule, key) and all(self._fits(value_rule, v) for v in items)
            if not fits or isinstance(value, list) != (value_rule == "whole"):
                raise PolicyError(f"field '{field}' is not {self.rules[field]}: nothing leaves")
        return dict(table)

    def _rule(self, field: str) -> Rule:
        rule = self.rules.get(field) or self.rules.get(_starred(field))
        if rule is None:
            raise PolicyError(
                f"the disclosure policy has no field {_shown(field, self.rules)}: nothing leaves"
            )
        return rule

    def _fits(self, rule: Rule, value: JsonValue) -> bool:
        if isinstance(value, str):
            return (
                (rule == "known" and value in self.known)
                or (rule == "word" and value in self.policy.words)
                or (rule == "year" and _YEAR.fullmatch(value) is not None)
                or (rule == "digest" and _DIGEST.fullmatch(value) is not None)
                or (rule == "hash" and _HASH.fullmatch(value) is not None)
                or (rule == "signature" and _SIGNATURE.fullmatch(value) is not None)
            )
        if rule == "number":
            return isinstance(value, int | float) and _is_finite(value)
        return rule == "whole" and _is_whole(value)


def _step(field: str, key: str) -> str:
    return f"{field}.{key}" if field else key


def _starred(field: str) -> str:
    """Replace a last key of capital letters by a star: `replaced.PERSON` is `replaced.*`."""
    head, _, key = field.rpartition(".")
    return f"{head}.*" if head and _KEY.fullmatch(key) else field


def _shown(field: str, rules: Mapping[str, Rule]) -> str:
    """Name a field without repeating a key that nobody agreed to: it may hold anything."""
    if field in rules or _starred(field) in rules:
        return f"'{field}'"
    known = {part for rule in rules for part in rule.split(".")}
    return "'" + ".".join(p if p in known else "(unknown)" for p in field.split(".")) + "'"


def _is_whole(value: JsonValue) -> bool:
    return isinstance(value, int) and not isinstance(value, bool) and 0 <= value <= _LARGEST


def _is_finite(value: float) -> bool:
    return not isinstance(value, bool) and math.isfinite(value)
