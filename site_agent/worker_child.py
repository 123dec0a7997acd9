"""The process in which a worker's one flow run does its work, and which ends with it."""

import ctypes
import os
import signal
import sys
import time
from collections.abc import Callable

from fedclinic.answers import Answer
from fedclinic.errors import ConfigError
from fedclinic.evidence.statement import Envelope
from fedclinic.local_protocol import Progress, Reply
from fedclinic.updates.blobs import BlobFolder
from fedclinic.updates.shared_folder import SharedFolder
from site_agent.agent import fresh_noise_key
from site_agent.opening import OpenSite
from site_agent.task_handler import TaskHandler
from site_agent.worker_order import Order

_DIE_WITH_PARENT = 1
"""PR_SET_PDEATHSIG of prctl(2)."""


def carry_out(
    open_site: Callable[[], OpenSite], noise_key: Callable[[], bytes] = fresh_noise_key
) -> None:
    """Read one order from standard input, answer it as its flow run, and return."""
    sys.excepthook = lambda kind, *_: print(f"ended by {kind.__name__}", file=sys.stderr)
    order = Order.model_validate_json(sys.stdin.buffer.read())
    ctypes.CDLL(None).prctl(_DIE_WITH_PARENT, signal.SIGKILL)
    if os.getppid() != order.worker:
        return
    from site_agent.live_progress import LiveProgress  # noqa: PLC0415 - after the environment
    from site_agent.site_flows import carry_on_run, send_no_events  # noqa: PLC0415

    send_no_events()
    progress = LiveProgress()

    def show(reply: Reply) -> None:
        if isinstance(reply, Progress) and reply.stage == "train":
            progress.show(reply.done, reply.total)

    carry_on_run(order.flow_run, lambda: answer_task(open_site(), order.task, show, noise_key))


def answer_task(
    site: OpenSite,
    task: Envelope,
    say: Callable[[Reply], None],
    noise_key: Callable[[], bytes],
) -> str:
    """Fetch what the task names, do it, leave what the answer names; returns the answer's JSON.

    Raises:
        FedclinicError: if the task is not a trusted coordinator's, or blobs cannot be moved.
    """
    if site.config.worker is None:
        raise ConfigError("site.yaml has no worker section")
    own = BlobFolder(site.home.blobs)
    shared = SharedFolder(site.config.worker.blobs)
    handler = TaskHandler(site, own, say, time.time, noise_key)
    shared.fetch_named(task, own)
    answer = handler.handle(task)
    shared.offer_named(answer.last, own)
    return Answer(statements=answer.statements).model_dump_json()
