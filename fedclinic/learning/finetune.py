"""Train the trunk on a site's notes for one round, with patient-level privacy or without.

With privacy this is DP-SGD (Abadi et al. 2016, arXiv 1607.00133) whose unit is the patient: a step
draws patients by Poisson sampling and one note of each, or takes all their notes; clips each
patient's summed gradient, sums, adds Gaussian noise to every trained tensor and divides by a
constant of the plan. Adjacency: adding or removing one patient. No quantity of the plan is computed
from the site's number of patients.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

import numpy as np
import torch
from torch import Tensor, nn

from fedclinic.errors import TrainingError
from fedclinic.learning.hidden_states import HiddenStates, Precision
from fedclinic.learning.importance import GradientWatch
from fedclinic.learning.layer_dropout import BlockSkipper, SeededDraws
from fedclinic.learning.layers import SplitModel
from fedclinic.learning.local_optimizer import add_proximal, make_optimizer, set_rate
from fedclinic.learning.note_batches import (
    note_shares,
    physical_batches,
    rows_of,
    shuffled_batches,
)
from fedclinic.learning.row_losses import losses_of_rows
from fedclinic.learning.tasks import EncodedNotes, IntArray
from fedclinic.method_parts import PLAIN_TRAINING, Training
from fedclinic.plan import Optimizer, PatientPrivacy, Unprotected
from fedclinic.privacy.audit_coordinates import Canaries
from fedclinic.privacy.distributed_sum import ALONE, ClipAndAdd, Following, StepGroup
from fedclinic.privacy.dp_step import noised_mean
from fedclinic.privacy.engine_names import EngineName
from fedclinic.privacy.engines import make_engine
from fedclinic.privacy.per_sample import ClippedSum, Patients, PerSampleEngine, precise
from fedclinic.privacy.random_stream import RandomStream
from fedclinic.privacy.run_audit import CanaryStates, RunAudit, add_canaries, start_audit
from fedclinic.privacy.sampling import draw_one_note, poisson_sample

Progress = Callable[[int, int], None]
"""Called with steps done and steps planned."""


@dataclass(frozen=True)
class LocalRound:
    """What one round of local training needs, beside its privacy."""

    model: SplitModel
    notes: EncodedNotes
    hidden: HiddenStates
    precision: Precision
    optimizer: Optimizer
    round_number: int
    rounds: int
    progress: Progress
    audit: RunAudit | None = None
    """Canaries beside the notes, which then are among `notes` and `hidden`; see `with_canaries`."""
    engine: EngineName = "book_keeping"
    """Changes speed and memory only."""
    training: Training = PLAIN_TRAINING
    watch: GradientWatch | None = None
    """Measures gradients by block, for a round without privacy only."""

    def network(self) -> nn.Module:
        """What a forward pass goes through, and an engine listens to."""
        return self.model.trunk if self.audit is None else self.audit.network

    def skipper(self) -> BlockSkipper:
        """What skips blocks in each step, if the method does."""
        dropout = self.training.dropout
        blocks = self.model.trunk_blocks() if dropout is not None else ()
        return BlockSkipper(blocks, self.model.blocks_return_pairs, dropout)


def with_canaries(local: LocalRound, canaries: Canaries, privacy: PatientPrivacy) -> LocalRound:
    """Put an audit's canaries among the patients of a round; what it releases stays the same.

    They join steps as patients do and count nowhere: the plan's constants know no number of
    patients, and budgets and reports count the notes that the site's store holds.
    """
    notes, canary_of_row = add_canaries(local.notes, canaries)
    audit = start_audit(
        local.model.trunk,
        canary_of_row,
        canaries=len(canaries.coins),
        clipping_norm=privacy.clipping_norm,
        expected_patients=privacy.expected_patients,
    )
    hidden = CanaryStates(local.hidden, canary_of_row)
    return replace(local, notes=notes, hidden=hidden, audit=audit)


def train_privately(
    local: LocalRound,
    privacy: PatientPrivacy,
    stream: RandomStream,
    group: StepGroup = ALONE,
) -> dict[str, np.ndarray]:
    """Run the round's DP-SGD steps and return the change of every trained tensor.

    With a `group` its other processes run `follow_training` at the same time.

    Raises:
        TrainingError: if the trained weights are no longer finite, or the round cannot be shared.
    """
    if local.training.dropout is not None:
        _check_skipping(local, group)
    mechanism = privacy.mechanism()
    trained = dict(local.model.trained())
    before = _snapshot(trained)
    optimizer = make_optimizer(local.optimizer, trained)
    rates = _rates(local, mechanism.steps)
    skipper, masks = local.skipper(), stream.spawn("layer dropout")
    engine = make_engine(local.engine, local.network())
    compute = _clip_and_add(local, engine, privacy)
    try:
        group.share(trained)
        for step in range(mechanism.steps):
            sampled = poisson_sample(local.notes.patients, mechanism.sampling_rate, stream)
            chosen = sampled
            if privacy.contribution == "one_note":
                chosen = draw_one_note(local.notes.notes_of_patient, sampled, stream)
            with skipper.step(masks):
                total = group.add_up(chosen, compute)
            gradients = noised_mean(
                total,
                noise_multiplier=mechanism.noise_multiplier,
                clipping_norm=privacy.clipping_norm,
                expected_patients=privacy.expected_patients,
                stream=stream,
            )
            if local.audit is not None:
                gradients = local.audit.take(gradients)
            set_rate(optimizer, rates[step])
            for name, parameter in local.model.trunk.named_parameters():
                if parameter.requires_grad:
                    parameter.grad = gradients[name].to(parameter.device)
            add_proximal(trained, before, local.training.proximal)
            optimizer.step()
            group.share(trained)
            local.progress(step + 1, mechanism.steps)
    finally:
        engine.detach()
    return _change(trained, before)


def _check_skipping(local: LocalRound, group: StepGroup) -> None:
    """Refuse layer dropout where a skipped layer would be computed, or mistaken for one that ran.

    Raises:
        TrainingError: saying what to change.
    """
    if group is not ALONE:
        raise TrainingError("layer dropout runs in one process: its masks are not shared out")
    if local.engine != "book_keeping":
        raise TrainingError(f"layer dropout needs engine book_keeping, not {local.engine}")


def follow_training(local: LocalRound, privacy: PatientPrivacy, group: Following) -> None:
    """Compute this process's part of every step of another's `train_privately`.

    Leaves the round's trained weights in the model.
    """
    trained = dict(local.model.trained())
    engine = make_engine(local.engine, local.network())
    compute = _clip_and_add(local, engine, privacy)
    try:
        group.receive(trained)
        for _ in range(privacy.steps_per_round):
            group.take_part(compute)
            group.receive(trained)
    finally:
        engine.detach()


def _clip_and_add(
    local: LocalRound, engine: PerSampleEngine, privacy: PatientPrivacy
) -> ClipAndAdd:
    def compute(chosen: IntArray) -> dict[str, Tensor]:
        if privacy.contribution == "one_note":
            return clipped_sum(local, engine, chosen, privacy.clipping_norm).gradients
        everything = [local.notes.notes_of_patient[patient] for patient in chosen]
        return clipped_sum_of_patients(local, engine, everything, privacy.clipping_norm).gradients

    return compute


def clipped_sum(
    local: LocalRound, engine: PerSampleEngine, chosen: IntArray, clipping_norm: float
) -> ClippedSum:
    """Sum the clipped gradients of patients with one note each, by the number of that note."""
    return clipped_sum_of_patients(
        local, engine, [np.array([note]) for note in chosen], clipping_norm
    )


def clipped_sum_of_patients(
    local: LocalRound, engine: PerSampleEngine, patients: Sequence[IntArray], clipping_norm: float
) -> ClippedSum:
    """Sum the patients' clipped gradients in physical batches.

    `patients` holds the numbers of the notes that each brings. They stay in one batch, since the
    gradients of all their rows are added before they are clipped.
    """
    total = engine.empty()
    for batch in physical_batches(local.notes, patients):
        notes = np.concatenate(batch)
        rows = np.concatenate([local.notes.rows_of_note[note] for note in notes])
        owner = np.repeat(np.arange(len(batch)), [rows_of(local.notes, own) for own in batch])
        losses = row_losses(local, rows, shares=note_shares(local.notes, notes))
        if local.audit is not None:
            losses = losses + local.audit.losses(rows)
        grouping = Patients.of(torch.from_numpy(owner).to(local.precision.device), len(batch))
        total = total.plus(engine.clipped_sum(losses, grouping, clipping_norm=clipping_norm))
    return total


def train_unprotected(local: LocalRound, plan: Unprotected) -> dict[str, np.ndarray]:
    """Run ordinary epochs over all notes and return the change of every trained tensor.

    Raises:
        TrainingError: if the trained weights are no longer finite.
    """
    trained = dict(local.model.trained())
    before = _snapshot(trained)
    optimizer = make_optimizer(local.optimizer, trained)
    order = np.random.default_rng([plan.seed, local.round_number])
    masks = SeededDraws(np.random.default_rng([plan.seed, local.round_number, 1]))
    skipper = local.skipper()
    batches = [
        batch
        for _ in range(plan.epochs_per_round)
        for batch in shuffled_batches(local.notes, plan.batch_notes, order)
    ]
    rates = _rates(local, len(batches))
    for step, notes in enumerate(batches):
        rows = np.concatenate([local.notes.rows_of_note[note] for note in notes])
        optimizer.zero_grad(set_to_none=True)
        with skipper.step(masks):
            losses = row_losses(local, rows, shares=note_shares(local.notes, notes))
            (losses.sum() / len(notes)).backward()  # type: ignore[no-untyped-call]
        if local.watch is not None:
            local.watch.step(trained)
        add_proximal(trained, before, local.training.proximal)
        set_rate(optimizer, rates[step])
        optimizer.step()
        local.progress(step + 1, len(batches))
    return _change(trained, before)


def row_losses(local: LocalRound, rows: IntArray, *, shares: Tensor) -> Tensor:
    """Loss of each row, shape (rows,), such that the rows of one note sum to the note's mean loss.

    `shares` is the part of its note's labelled positions that a row holds: the loss of a note never
    depends on another note of the batch.
    """
    hidden, mask = local.hidden.batch(rows.tolist())
    with local.precision.autocast():
        logits = local.network()(hidden, mask)
    return losses_of_rows(local.notes, rows, precise(logits), shares=shares)


def _rates(local: LocalRound, steps: int) -> list[float]:
    return local.optimizer.rates(round_number=local.round_number, rounds=local.rounds, steps=steps)


def _snapshot(trained: dict[str, nn.Parameter]) -> dict[str, Tensor]:
    return {name: parameter.detach().clone() for name, parameter in trained.items()}


def _change(trained: dict[str, nn.Parameter], before: dict[str, Tensor]) -> dict[str, np.ndarray]:
    change = {
        name: (parameter.detach() - before[name]).float().cpu().numpy()
        for name, parameter in trained.items()
    }
    if not all(np.isfinite(values).all() for values in change.values()):
        raise TrainingError("the trained weights are not finite; lower the learning rate")
    return change
