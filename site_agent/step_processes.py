"""Several processes of one site for one round: the agent's own leads, the others follow.

With GPUs each process has one of them (NCCL); else they share the machine's cores (gloo). A
follower opens the site's store and model by itself; between processes travel the numbers of the
chosen notes, sums of clipped gradients and parameters, over this machine's own sockets.
"""

import os
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import IO, Literal

import torch
from pydantic import PositiveInt

from fedclinic.errors import ConfigError, TrainingError
from fedclinic.learning.finetune import follow_training
from fedclinic.plan import PatientPrivacy
from fedclinic.privacy.auditing_policy import AuditingPolicy
from fedclinic.privacy.distributed_sum import ALONE, Following, Leading, StepGroup, join, leave
from fedclinic.records import Record
from fedclinic.rounds import RoundTask
from site_agent.audit_secrets import AuditSecrets
from site_agent.auditing import Auditing
from site_agent.keys import load_secret
from site_agent.local_round import local_round
from site_agent.note_store import NoteStore
from site_agent.prefect_environment import environment_of_child
from site_agent.settings import SiteConfig
from site_agent.site_home import SiteHome
from site_agent.workbench import build_workbench

Backend = Literal["gloo", "nccl"]

WAIT = timedelta(minutes=10)
"""How long a process waits for another: to load its model, or for one step."""
STOP_SECONDS = 10.0


class FollowerOrder(Record):
    """What the leader tells a follower on its standard input; closing it ends the follower."""

    config: SiteConfig
    home: str
    auditing: AuditingPolicy
    task: RoundTask
    number: PositiveInt
    processes: PositiveInt
    meeting: str
    backend: Backend


@dataclass(frozen=True)
class StepProcesses:
    """How a site's rounds find their processes."""

    config: SiteConfig
    home: SiteHome
    auditing: AuditingPolicy

    @contextmanager
    def __call__(self, task: RoundTask) -> Iterator[StepGroup]:
        """Give the group of a round; its followers end with it.

        Raises:
            ConfigError: if site.yaml asks for more processes than there are GPUs.
            TrainingError: if a follower does not come.
        """
        if self.config.processes == 1:
            yield ALONE
            return
        backend = _backend(self.config)
        os.environ["GLOO_SOCKET_IFNAME"] = "lo"
        with tempfile.TemporaryDirectory(dir=self.home.root) as folder:
            meeting = Path(folder) / "meeting"
            followers = [
                self._start(task, number, meeting, backend)
                for number in range(1, self.config.processes)
            ]
            try:
                rank = join(
                    number=0,
                    processes=self.config.processes,
                    meeting=meeting,
                    backend=backend,
                    wait=WAIT,
                )
                yield Leading(rank)
            finally:
                leave()
                for follower in followers:
                    _end(follower)

    def _start(
        self, task: RoundTask, number: int, meeting: Path, backend: Backend
    ) -> subprocess.Popen[bytes]:
        order = FollowerOrder(
            config=self.config,
            home=str(self.home.root),
            auditing=self.auditing,
            task=task,
            number=number,
            processes=self.config.processes,
            meeting=str(meeting),
            backend=backend,
        )
        with (self.home.root / "stderr.log").open("ab") as log:
            follower = subprocess.Popen(
                [sys.executable, "-m", "site_agent", "follow-round"],
                stdin=subprocess.PIPE,
                stdout=log,
                stderr=log,
                env=environment_of_child() | {"GLOO_SOCKET_IFNAME": "lo"},
            )
        if follower.stdin is None:
            raise TrainingError("a follower has no pipe")
        with suppress(OSError):
            follower.stdin.write(order.model_dump_json().encode() + b"\n")
            follower.stdin.flush()
        return follower


def follow(orders: IO[bytes], watch_parent: Callable[[], None]) -> None:
    """Read one order and take part in its round.

    Raises:
        TrainingError: if the leader ended.
    """
    order = FollowerOrder.model_validate_json(orders.readline())
    watch_parent()
    privacy = order.task.work.privacy
    if not isinstance(privacy, PatientPrivacy):
        raise TrainingError("only rounds with patient-level privacy are shared out")
    if order.backend == "nccl":
        torch.cuda.set_device(order.number)
    home = SiteHome(Path(order.home))
    store = NoteStore.open(home.notes, load_secret(home.store_key))
    work = order.task.work
    bench = build_workbench(
        order.config, home, store, (work.task, work.base_model, work.layers), _unwatched
    )
    auditing = Auditing(order.auditing, AuditSecrets(home.audits, lambda: os.urandom(32)))
    local = local_round(auditing, order.task, bench, _unwatched)
    rank = join(
        number=order.number,
        processes=order.processes,
        meeting=Path(order.meeting),
        backend=order.backend,
        wait=WAIT,
    )
    try:
        follow_training(local, privacy, Following(rank))
    finally:
        leave()


def _backend(config: SiteConfig) -> Backend:
    gpus = torch.cuda.device_count() if config.device != "cpu" else 0
    if not gpus:
        return "gloo"
    if gpus < config.processes:
        raise ConfigError(
            f"site.yaml asks for {config.processes} processes, and there are {gpus} GPUs: "
            "each process needs its own"
        )
    return "nccl"


def _end(follower: subprocess.Popen[bytes]) -> None:
    """Let a follower end, and make it."""
    if follower.stdin is not None:
        with suppress(OSError):
            follower.stdin.close()
    try:
        follower.wait(STOP_SECONDS)
    except subprocess.TimeoutExpired:
        follower.kill()
        follower.wait()


def _unwatched(done: int, total: int) -> None:
    """The leader says how far the round is."""
