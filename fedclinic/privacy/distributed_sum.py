"""One DP step over several processes of one site: the patients are shared out, the noise is not.

The leader alone holds a random stream: it draws who joins, adds up what every process summed over
its part of the patients, adds the noise once and steps. A follower never holds a stream, so it can
draw neither patients nor noise, and it never sees the whole sum. Splitting a sum over patients
changes nothing about its sensitivity: each patient is clipped whole, in one process.
"""

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import Literal, Protocol

import numpy as np
import numpy.typing as npt
import torch
import torch.distributed as dist
from torch import Tensor

from fedclinic.errors import TrainingError

LEADER = 0

Chosen = npt.NDArray[np.int64]
ClipAndAdd = Callable[[Chosen], Mapping[str, Tensor]]
"""Sums the clipped gradients of the notes that it is given, one of each patient."""


class StepGroup(Protocol):
    """The processes that compute one step together, as the one that leads it sees them."""

    def add_up(self, chosen: Chosen, compute: ClipAndAdd) -> Mapping[str, Tensor]:
        """Sum the clipped gradients of all chosen notes."""
        ...

    def share(self, parameters: Mapping[str, Tensor]) -> None:
        """Give every process the trained parameters as they now are."""
        ...


class Alone:
    """One process, which is its own group."""

    def add_up(self, chosen: Chosen, compute: ClipAndAdd) -> Mapping[str, Tensor]:
        return compute(chosen)

    def share(self, parameters: Mapping[str, Tensor]) -> None:
        """Nobody else has them."""


ALONE = Alone()


@dataclass(frozen=True)
class Rank:
    """This process's place in the group that `join` made."""

    number: int
    processes: int
    device: torch.device
    """Where tensors must be to travel: the rank's GPU under NCCL, else the CPU."""

    def part_of(self, chosen: Chosen) -> Chosen:
        """Every `processes`-th chosen note: who computes a patient depends on no other patient's
        data, and the parts differ by one patient at most."""
        return chosen[self.number :: self.processes]


@dataclass(frozen=True)
class Leading:
    """The group as its leader sees it."""

    rank: Rank

    def add_up(self, chosen: Chosen, compute: ClipAndAdd) -> Mapping[str, Tensor]:
        """Give everybody their part and collect the sums.

        Raises:
            TrainingError: if another process has ended.
        """
        with _explain_loss():
            _broadcast(self.rank, torch.tensor([len(chosen)]))
            _broadcast(self.rank, torch.from_numpy(chosen))
        own = compute(self.rank.part_of(chosen))
        with _explain_loss():
            return _reduce(self.rank, own)

    def share(self, parameters: Mapping[str, Tensor]) -> None:
        """Give everybody the parameters.

        Raises:
            TrainingError: if another process has ended.
        """
        with _explain_loss():
            for name in sorted(parameters):
                _broadcast(self.rank, parameters[name].detach())


@dataclass(frozen=True)
class Following:
    """The group as every other process sees it."""

    rank: Rank

    def take_part(self, compute: ClipAndAdd) -> None:
        """Sum this process's part of the patients and hand the sum to the leader."""
        count = int(_broadcast(self.rank, torch.zeros(1, dtype=torch.int64)))
        chosen = _broadcast(self.rank, torch.zeros(count, dtype=torch.int64)).cpu().numpy()
        _reduce(self.rank, compute(self.rank.part_of(chosen)))

    def receive(self, parameters: Mapping[str, Tensor]) -> None:
        """Take over the leader's parameters, in place."""
        with torch.no_grad():
            for name in sorted(parameters):
                parameters[name].copy_(_broadcast(self.rank, parameters[name].detach().clone()))


def join(
    *, number: int, processes: int, meeting: Path, backend: Literal["gloo", "nccl"], wait: timedelta
) -> Rank:
    """Meet the other processes of this machine at a file that only their user can read.

    Raises:
        TrainingError: if they do not all come.
    """
    with _explain_loss():
        dist.init_process_group(
            backend,
            store=dist.FileStore(str(meeting), processes),  # type: ignore[attr-defined]
            rank=number,
            world_size=processes,
            timeout=wait,
        )
    device = torch.device("cuda", number) if backend == "nccl" else torch.device("cpu")
    return Rank(number, processes, device)


def leave() -> None:
    """Leave the group; a process is in one at most."""
    if dist.is_initialized():
        dist.destroy_process_group()


def _broadcast(rank: Rank, tensor: Tensor) -> Tensor:
    """Send the leader's tensor, or fill in a follower's; empty ones need not travel."""
    travelling = tensor.to(rank.device).contiguous()
    if travelling.numel():
        dist.broadcast(travelling, LEADER)
    return travelling


def _reduce(rank: Rank, sums: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """Add up everybody's sums at the leader; elsewhere the result means nothing."""
    total = {}
    for name in sorted(sums):
        travelling = sums[name].to(rank.device).contiguous()
        dist.reduce(travelling, LEADER)
        total[name] = travelling.to(sums[name].device)
    return total


@contextmanager
def _explain_loss() -> Iterator[None]:
    try:
        yield
    except RuntimeError as error:
        raise TrainingError(
            f"a process of this site ended or did not answer ({type(error).__name__}), and the "
            "round with it; site.yaml's processes says how many there are"
        ) from None
