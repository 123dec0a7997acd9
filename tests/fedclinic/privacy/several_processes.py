"""What each of a site's processes runs under torchrun in test_distributed_sum; rank 0 writes down
what came out."""

import json
import os
import sys
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from typing import Any

import numpy as np
import torch
import torch.distributed as dist

from fedclinic.learning.finetune import (
    LocalRound,
    follow_training,
    train_privately,
    with_canaries,
)
from fedclinic.plan import PatientPrivacy
from fedclinic.privacy.audit_coordinates import Canaries
from fedclinic.privacy.distributed_sum import Following, Leading, Rank, StepGroup, join, leave
from fedclinic.privacy.probe import ProbeSite
from fedclinic.privacy.production_trainer import local_round
from fedclinic.privacy.random_stream import RandomStream
from fedclinic.privacy.self_test import check_noise, run_self_test
from tests.factories import make_privacy
from tests.tiny_rounds import make_local_round, notes_of_windows, one_note_each

KEY = b"\x07" * 32
FOLLOWERS_KEY = b"\x08" * 32
PRIVACY = make_privacy(sampling_rate=0.5, expected_patients=4.0, steps_per_round=4)
ROUNDS: dict[str, Callable[[], LocalRound]] = {
    "documents": lambda: make_local_round(one_note_each(20)),
    "tokens of several rows": lambda: make_local_round(notes_of_windows()),
    "fewer patients than processes": lambda: make_local_round(one_note_each(1)),
    "canaries of an audit": lambda: with_canaries(
        make_local_round(one_note_each(20)), Canaries(np.arange(40) % 2 == 0), PRIVACY
    ),
}


class NoisyFollowing(Following):
    """The mistake: every process adds the noise to its own sum, from `stream`."""

    def take_part(self, compute):
        def noisy(chosen):
            scale = PROBE["privacy"].noise_multiplier * PROBE["privacy"].clipping_norm
            return {
                name: total + scale * _drawn(total.numel()).view(total.shape).to(total.dtype)
                for name, total in sorted(compute(chosen).items())
            }

        super().take_part(noisy)


PROBE: dict[str, Any] = {}
"""Stream and privacy of the probe that a broken follower takes part in."""


def _drawn(count: int) -> torch.Tensor:
    return torch.from_numpy(PROBE["stream"].gaussian(count))


def lead(rank: Rank, out: Path) -> None:
    group = Leading(rank)
    found: dict[str, list[str]] = {}
    for name, make_round in ROUNDS.items():
        np.savez(out / f"{name}.npz", **released_by(make_round(), group))
    for mistake in ("none", "noise by every process", "one seed for every process"):
        trainer = probe_trainer(group, mistake)
        if mistake == "none":
            found[mistake] = run_self_test(trainer, RandomStream(KEY)).failed()
        else:
            checks = check_noise(trainer, RandomStream(KEY))
            found[mistake] = [check.name for check in checks if not check.passed]
    dist.broadcast_object_list([None])
    (out / "self-tests.json").write_text(json.dumps(found))


def released_by(local: LocalRound, group: StepGroup) -> dict[str, np.ndarray]:
    """What a round lets out: its update and, of an audited one, the canaries' coordinates."""
    update = train_privately(local, PRIVACY, RandomStream(KEY), group)
    if local.audit is None:
        return update
    coordinates = local.audit.trace.coordinates()
    return update | {"audit.left": coordinates.left, "audit.right": coordinates.right}


def probe_trainer(group: Leading, mistake: str):
    def train(site, privacy, stream, after_step):
        dist.broadcast_object_list([(site, privacy, mistake, stream._root)])
        train_privately(local_round(site, after_step), privacy, stream, group)

    return train


def follow(rank: Rank) -> None:
    for make_round in ROUNDS.values():
        follow_training(make_round(), PRIVACY, Following(rank))
    while (probe := _next_probe()) is not None:
        site, privacy, mistake, leaders_key = probe
        group = Following(rank)
        if mistake != "none":
            same = mistake == "one seed for every process"
            PROBE.update(
                privacy=privacy, stream=RandomStream(leaders_key if same else FOLLOWERS_KEY)
            )
            group = NoisyFollowing(rank)
        follow_training(local_round(site, lambda: None), privacy, group)


def _next_probe() -> tuple[ProbeSite, PatientPrivacy, str, bytes] | None:
    received: list[Any] = [None]
    dist.broadcast_object_list(received)
    return received[0]


if __name__ == "__main__":
    torch.set_num_threads(1)
    folder = Path(sys.argv[1])
    me = join(
        number=int(os.environ["RANK"]),
        processes=int(os.environ["WORLD_SIZE"]),
        meeting=folder / "meeting",
        backend="gloo",
        wait=timedelta(minutes=2),
    )
    if me.number == 0:
        lead(me, folder)
    else:
        follow(me)
    leave()
