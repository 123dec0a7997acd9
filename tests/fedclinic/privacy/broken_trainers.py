"""Trainers with one mistake each, beside the right one, and what the audit says of them.

A mistake that the plan can express is the production trainer under another plan; the rest replace
one part of `Loop`, which is the production loop with its parts open (a test holds the two equal).
"""

from collections.abc import Callable
from dataclasses import dataclass, field, replace

import numpy as np
import torch
from torch import Tensor, nn

from fedclinic.learning import finetune
from fedclinic.learning.finetune import LocalRound
from fedclinic.learning.note_batches import PHYSICAL_ROWS
from fedclinic.plan import PatientPrivacy
from fedclinic.privacy.accounting import epsilon
from fedclinic.privacy.audit_coordinates import Coordinates, flip_coins
from fedclinic.privacy.audit_verdict import AuditVerdict, Claim, Thresholds, judge
from fedclinic.privacy.bookkeeping import BookKeeping
from fedclinic.privacy.dp_step import noised_mean
from fedclinic.privacy.per_sample import ClippedSum, PerSampleEngine, empty_sum
from fedclinic.privacy.probe import (
    ProbeModel,
    ProbeSite,
    Trainer,
    canary,
    coordinates_of,
    make_site,
    released,
    silent,
)
from fedclinic.privacy.production_trainer import local_round, production_trainer
from fedclinic.privacy.random_stream import RandomStream
from fedclinic.privacy.sampling import draw_one_note, poisson_sample

THRESHOLDS = Thresholds(warn_p=1e-3, fail_p=1e-6, confidence=0.95)


@dataclass
class Loop:
    """The production loop, each part of which can be replaced by a wrong one."""

    sample: Callable[..., np.ndarray] = poisson_sample
    draw: Callable[..., np.ndarray] = draw_one_note
    engine: Callable[[nn.Module], PerSampleEngine] = BookKeeping
    clip: Callable[[LocalRound, PerSampleEngine, np.ndarray, float], ClippedSum] = (
        finetune.clipped_sum
    )
    noise: Callable[..., dict[str, Tensor]] = noised_mean
    dress: Callable[[ProbeSite], ProbeSite] = field(default=lambda site: site)

    def __call__(self, site, privacy, stream, after_step) -> None:
        local = local_round(self.dress(site), after_step)
        mechanism = privacy.mechanism()
        parameters = dict(site.model.named_parameters())
        optimizer = torch.optim.SGD(parameters.values(), lr=site.learning_rate)
        engine = self.engine(site.model)
        try:
            for step in range(mechanism.steps):
                sampled = self.sample(local.notes.patients, mechanism.sampling_rate, stream)
                chosen = self.draw(local.notes.notes_of_patient, sampled, stream)
                total = self.clip(local, engine, chosen, privacy.clipping_norm)
                gradients = self.noise(
                    total.gradients,
                    noise_multiplier=mechanism.noise_multiplier,
                    clipping_norm=privacy.clipping_norm,
                    expected_patients=self.divisor(privacy, total, len(sampled)),
                    stream=stream,
                )
                for name, parameter in parameters.items():
                    parameter.grad = gradients[name]
                optimizer.step()
                local.progress(step + 1, mechanism.steps)
        finally:
            engine.detach()

    def divisor(self, privacy: PatientPrivacy, total: ClippedSum, joined: int) -> float:
        return privacy.expected_patients


def other_plan(change: Callable[[PatientPrivacy], dict[str, float]]) -> Trainer:
    """The production trainer under a plan that is not the one it claims."""

    def train(site, privacy, stream, after_step) -> None:
        changed = privacy.model_copy(update=change(privacy))
        production_trainer(site, changed, stream, after_step)

    return train


def noise_times(factor: float) -> Trainer:
    return other_plan(lambda plan: {"noise_multiplier": plan.noise_multiplier * factor})


def noise_over_root_b(site, privacy, stream, after_step) -> None:
    noise_times(privacy.expected_patients**-0.5)(site, privacy, stream, after_step)


def clip_times(factor: float) -> Trainer:
    """The clip is too large and the noise is that of the planned clip."""
    return other_plan(
        lambda plan: {
            "clipping_norm": plan.clipping_norm * factor,
            "noise_multiplier": plan.noise_multiplier / factor,
        }
    )


def rate_times(factor: float) -> Trainer:
    return other_plan(lambda plan: {"sampling_rate": min(1.0, plan.sampling_rate * factor)})


def note_as_unit(site, privacy, stream, after_step) -> None:
    """Every note is taken for a patient."""
    notes = tuple((note,) for note in site.notes)
    production_trainer(replace(site, patients=notes), privacy, stream, after_step)


class PlainEngine:
    """Per-patient gradients one by one, put together by a rule that may be wrong."""

    combine: Callable[[dict[str, Tensor], float], dict[str, Tensor]]

    def __init__(self, model: ProbeModel) -> None:
        self.parameters = dict(model.named_parameters())

    def clipped_sum(self, losses, grouping=None, *, clipping_norm):
        rows = [
            torch.autograd.grad(loss, list(self.parameters.values()), retain_graph=True)
            for loss in losses
        ]
        stacked = {
            name: torch.stack(gradients)
            for name, gradients in zip(self.parameters, zip(*rows, strict=True), strict=True)
        }
        return ClippedSum(type(self).combine(stacked, clipping_norm), 0, 0)

    def empty(self):
        return empty_sum(self.parameters)

    def detach(self):
        pass


class PerLayerClip(PlainEngine):
    """Each tensor is clipped to C by itself."""

    @staticmethod
    def combine(rows, clipping_norm):
        norms = {n: g.flatten(1).norm(dim=1).clamp(min=1e-12) for n, g in rows.items()}
        return {
            n: torch.einsum("i,i...->...", (clipping_norm / norms[n]).clamp(max=1.0), g)
            for n, g in rows.items()
        }


class BatchMeanClip(PlainEngine):
    """The mean of the batch is clipped, not each patient."""

    @staticmethod
    def combine(rows, clipping_norm):
        means = {n: g.mean(0) for n, g in rows.items()}
        norm = torch.cat([m.flatten() for m in means.values()]).norm()
        factor = min(1.0, clipping_norm / float(norm.clamp(min=1e-12)))
        return {n: m * factor * len(rows[n]) for n, m in means.items()}


class Shuffler:
    """Fixed batches of a shuffled list, reported as Poisson sampling."""

    def __init__(self) -> None:
        self.order: list[int] = []

    def __call__(self, patients, rate, stream):
        size = round(patients * rate)
        if len(self.order) < size:
            self.order = list(np.argsort(stream.uniform(patients)))
        batch, self.order = self.order[:size], self.order[size:]
        return np.array(batch, dtype=np.int64)


def shuffled_batches(site, privacy, stream, after_step) -> None:
    Loop(sample=Shuffler())(site, privacy, stream, after_step)


def same_seed_every_step(total, *, stream, **constants):
    return noised_mean(total, stream=RandomStream(b"\x07" * 32), **constants)


def batches_accumulate(local, engine, chosen, clipping_norm):
    """Each physical batch's sum holds the earlier ones', which are then added again."""
    total, running = engine.empty(), engine.empty()
    for start in range(0, len(chosen), PHYSICAL_ROWS):
        part = chosen[start : start + PHYSICAL_ROWS]
        running = running.plus(finetune.clipped_sum(local, engine, part, clipping_norm))
        total = total.plus(running)
    return total


class SkipsStepsThatAreNotFinite(Loop):
    """A gradient that is not finite drops the whole step, noise included."""

    def __init__(self) -> None:
        super().__init__(clip=self._clip, noise=self._noise)
        self.bad = False

    def _clip(self, local, engine, chosen, clipping_norm):
        total = finetune.clipped_sum(local, engine, chosen, clipping_norm)
        self.bad = total.non_finite > 0
        return total

    def _noise(self, total, **constants):
        if self.bad:
            return {name: torch.zeros_like(value) for name, value in total.items()}
        return noised_mean(total, **constants)


def one_noise_for_all_ranks(total, *, stream, **constants):
    """Every tensor, as if on its own rank, starts the same stream anew."""
    key = stream.uniform(4).tobytes()
    return {
        name: noised_mean({name: value}, stream=RandomStream(key), **constants)[name]
        for name, value in total.items()
    }


class AveragesByNotesInTheBatch(Loop):
    """All notes of a patient, each clipped; divided by the notes a patient that joined has."""

    def __init__(self) -> None:
        super().__init__(draw=self._all_notes)

    def _all_notes(self, notes_of, sampled, stream):
        self.mean = np.mean([len(notes_of[patient]) for patient in sampled] or [1])
        return np.concatenate([notes_of[patient] for patient in sampled] or [np.array([], int)])

    def divisor(self, privacy, total, joined):
        return privacy.expected_patients * self.mean


class DividesByWhoJoined(Loop):
    """The mean over the patients who joined, instead of the plan's constant."""

    def divisor(self, privacy, total, joined):
        return float(max(joined, 1))


def noise_only_where_a_layer_took_part(total, **constants):
    noised = noised_mean(total, **constants)
    return {n: noised[n] if value.any() else torch.zeros_like(value) for n, value in total.items()}


class StaleCache(ProbeSite):
    """Hidden states are cached by place in the batch, so a later note gets an earlier one's."""

    def batch(self, rows):
        hidden, mask = super().batch(rows)
        cache = self.__dict__.setdefault("cache", {})
        for place in range(len(rows)):
            key = (place, hidden.shape[1])
            hidden[place] = cache.setdefault(key, hidden[place].clone())
        return hidden, mask


def stale_cache(site: ProbeSite) -> ProbeSite:
    return StaleCache(site.model, site.patients, site.learning_rate)


def token_mean_over_the_batch(local, engine, chosen, clipping_norm):
    """Losses are divided by the tokens of the whole batch, so patients touch each other."""
    if not len(chosen):
        return engine.empty()
    tokens = torch.tensor([len(local.notes.rows[row].token_ids) for row in chosen])
    losses = finetune.row_losses(local, chosen, shares=torch.ones(len(chosen)))
    weighted = 30 * losses * tokens / tokens.sum()
    return engine.clipped_sum(weighted, clipping_norm=clipping_norm)


@dataclass(frozen=True)
class Broken:
    """A trainer with a mistake, and the check that must name it."""

    train: Callable[[], Trainer]
    caught_by: str
    """The check of the self-test that must name it."""


def _loop(**parts: object) -> Callable[[], Trainer]:
    return lambda: Loop(**parts)


THIRTEEN: dict[str, Broken] = {
    "no noise": Broken(lambda: noise_times(1e-6), "noise, nobody"),
    "noise x 0.5": Broken(lambda: noise_times(0.5), "noise, nobody"),
    "noise x 0.9": Broken(lambda: noise_times(0.9), "noise, nobody"),
    "noise / sqrt(B)": Broken(lambda: noise_over_root_b, "noise, nobody"),
    "clip 2 C": Broken(lambda: clip_times(2), "contribution"),
    "clip 10 C": Broken(lambda: clip_times(10), "contribution"),
    "per-layer clip": Broken(_loop(engine=PerLayerClip), "sensitivity, several notes"),
    "clips the batch mean": Broken(_loop(engine=BatchMeanClip), "contribution"),
    "rate 2 q": Broken(lambda: rate_times(2), "rate"),
    "rate 4 q": Broken(lambda: rate_times(4), "rate"),
    "note as unit": Broken(lambda: note_as_unit, "sensitivity, several notes"),
    "shuffle as Poisson": Broken(lambda: shuffled_batches, "epochs"),
    "same seed every step": Broken(_loop(noise=same_seed_every_step), "fresh noise, nobody"),
}
MORE: dict[str, Broken] = {
    "physical batches accumulate": Broken(_loop(clip=batches_accumulate), "contribution"),
    "skips steps that are not finite": Broken(SkipsStepsThatAreNotFinite, "noise, not finite"),
    "one noise for all ranks": Broken(_loop(noise=one_noise_for_all_ranks), "fresh noise, nobody"),
    "averages by notes in the batch": Broken(
        AveragesByNotesInTheBatch, "sensitivity, several notes"
    ),
    "no noise on a skipped layer": Broken(
        _loop(noise=noise_only_where_a_layer_took_part), "noise, nobody"
    ),
    "stale activation cache": Broken(_loop(dress=stale_cache), "epochs"),
    "divides by who joined": Broken(DividesByWhoJoined, "contribution"),
    "token mean over the batch": Broken(
        _loop(clip=token_mean_over_the_batch), "sensitivity, a long note"
    ),
}
ALL = {**THIRTEEN, **MORE}


def audited_run(
    trainer: Trainer, stream: RandomStream, *, canaries: int = 1000, steps: int = 150
) -> AuditVerdict:
    """Train once with canaries in by coin among other patients, and judge the run."""
    privacy = PatientPrivacy(
        protection="patient_dp",
        target_epsilon=100.0,
        delta=1e-5,
        sampling_rate=0.05,
        steps_per_round=steps,
        clipping_norm=0.5,
        expected_patients=100.0,
        noise_multiplier=1.0,
    )
    coins = flip_coins(canaries, stream.spawn("coins")).coins
    patients = [*(canary(int(j)) for j in np.flatnonzero(coins)), *(silent(),) * 300]
    site = make_site(patients, canaries=canaries, learning_rate=1e-9)
    coordinates: Coordinates = coordinates_of(
        released(trainer, site, privacy, stream.spawn("training"))
    )
    claimed = epsilon([privacy.mechanism()], delta=privacy.delta)
    return judge(coordinates, coins, Claim(privacy.mechanism(), claimed, 1e-5), THRESHOLDS)
