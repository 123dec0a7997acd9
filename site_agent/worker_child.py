"""The process in which a worker's flow runs do their work: one at a time, until it is ended."""

import os
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial

from fedclinic.answers import Answer
from fedclinic.errors import ConfigError
from fedclinic.evidence.statement import Envelope
from fedclinic.local_protocol import Progress, Reply
from fedclinic.updates.blobs import BlobFolder
from fedclinic.updates.shared_folder import SharedFolder
from site_agent.confinement import confine
from site_agent.opening import OpenSite
from site_agent.site import fresh_noise_key
from site_agent.standard_output import take_standard_output
from site_agent.task_handler import TaskHandler
from site_agent.worker_order import Order


def carry_out(
    open_site: Callable[[], OpenSite], noise_key: Callable[[], bytes] = fresh_noise_key
) -> None:
    """Answer orders, one a line of standard input, each as its flow run, until the input ends.

    Every answer is followed by a line of output. What a site loads for one task, and its trainer's
    self-test, serve the next ones too.
    """
    sys.excepthook = lambda kind, *_: print(f"ended by {kind.__name__}", file=sys.stderr)
    confine(None)
    done = take_standard_output()
    from site_agent.live_progress import LiveProgress  # noqa: PLC0415 - after the environment
    from site_agent.site_flows import carry_on_run, send_no_events  # noqa: PLC0415

    send_no_events()
    desk = Desk(open_site, noise_key)
    for line in sys.stdin:
        order = Order.model_validate_json(line)
        if os.getppid() != order.worker:
            return
        os.environ["PREFECT__FLOW_RUN_ID"] = str(order.flow_run)
        answer = partial(desk.answer, order.task, LiveProgress().show)
        carry_on_run(order.flow_run, answer)
        done.write("done\n")
        done.flush()


@dataclass
class Desk:
    """The site behind the orders, opened for the first and kept."""

    open_site: Callable[[], OpenSite]
    noise_key: Callable[[], bytes]
    show: Callable[[int, int], None] = lambda done, total: None
    handler: TaskHandler | None = None

    def answer(self, task: Envelope, show: Callable[[int, int], None]) -> str:
        """Fetch what the task names, do it, leave what the answer names; returns the answer's JSON.

        Raises:
            FedclinicError: if the task is not a trusted coordinator's, or blobs cannot be moved.
        """
        if self.handler is None:
            site = self.open_site()
            own = BlobFolder(site.home.blobs)
            self.handler = TaskHandler(site, own, self._say, time.time, self.noise_key)
        self.show = show
        worker = self.handler.site.config.worker
        if worker is None:
            raise ConfigError("site.yaml has no worker section")
        shared = SharedFolder(worker.blobs)
        shared.fetch_named(task, self.handler.blobs)
        answer = self.handler.handle(task)
        shared.offer_named(answer.last, self.handler.blobs)
        return Answer(statements=answer.statements).model_dump_json()

    def _say(self, reply: Reply) -> None:
        if isinstance(reply, Progress) and reply.stage == "train":
            self.show(reply.done, reply.total)
