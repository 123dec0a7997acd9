"""A site's work as a child process of its agent, or of a coordinator on the same machine.

Lines in, lines out. The process ends when its parent closes the pipe or dies. Whatever happens,
nothing but the replies of fedclinic.local_protocol is written, and an unexpected error is told by
its type alone.
"""

import errno
import os
import queue
import sys
import threading
import time
import traceback
from collections.abc import Callable, Iterator
from contextlib import suppress
from functools import partial
from pathlib import Path

from fedclinic.errors import ErrorCode, FedclinicError
from fedclinic.local_protocol import Answered, Ask, Problem, Reply
from fedclinic.updates.blobs import BlobFolder
from site_agent.opening import OpenSite
from site_agent.orchestration import as_flow
from site_agent.site import fresh_noise_key
from site_agent.standard_output import take_standard_output
from site_agent.task_handler import TaskHandler

LOG = "agent.log"
FULL = (errno.ENOSPC, errno.EDQUOT)


def serve(
    open_site: Callable[[], OpenSite],
    blobs: BlobFolder,
    home: Path,
    noise_key: Callable[[], bytes] = fresh_noise_key,
) -> None:
    """Answer requests from standard input until it closes.

    A site that cannot be opened says why to every request.
    """
    sys.excepthook = _tell_type_alone
    replies = take_standard_output()

    def say(reply: Reply) -> None:
        replies.write(reply.model_dump_json() + "\n")
        replies.flush()

    handler: TaskHandler | None = None
    for line in _lines_until_parent_ends():
        try:
            handler = handler or TaskHandler(open_site(), blobs, say, time.time, noise_key)
            task = Ask.model_validate_json(line).task
            answer = as_flow(handler.site, task, partial(handler.handle, task))
            say(Answered(key=handler.site.key.public.raw.hex(), answer=answer))
        except FedclinicError as error:
            say(Problem(code=error.code, message=str(error)))
        except Exception as error:
            with suppress(OSError):
                _log_without_values(home / LOG, error)
            say(Problem(code=ErrorCode.UNEXPECTED, message=in_words(error, home)))


def in_words(error: Exception, home: Path) -> str:
    """What a site's administrator can do about an unexpected error, without its own text."""
    if isinstance(error, OSError) and error.errno in FULL:
        return f"the disk of {home} is full: make room"
    return f"{type(error).__name__}; see {home / LOG}"


def _lines_until_parent_ends() -> Iterator[str]:
    """Yield lines; when the pipe closes, end the process at once, even in the middle of a round.

    What a round has done by then is durable in ledger and outbox, so nothing is lost.
    """
    lines: queue.SimpleQueue[str] = queue.SimpleQueue()

    def read() -> None:
        for line in sys.stdin:
            lines.put(line)
        os._exit(0)

    threading.Thread(target=read, daemon=True).start()
    while True:
        yield lines.get()


def end_with_input() -> None:
    """End this process at once when its standard input is closed."""

    def wait() -> None:
        sys.stdin.buffer.read()
        os._exit(0)

    threading.Thread(target=wait, daemon=True).start()


def _tell_type_alone(kind: type[BaseException], *_: object) -> None:
    """Take the place of Python's last traceback, whose messages might quote a note."""
    print(f"ended by {kind.__name__}", file=sys.stderr)


def _log_without_values(path: Path, error: Exception) -> None:
    """Write where an unexpected error arose; its message might quote a note and is left out."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("a", encoding="utf-8") as log:
        log.write(f"{type(error).__name__}\n")
        for frame in traceback.extract_tb(error.__traceback__):
            log.write(f"  {frame.filename}:{frame.lineno} in {frame.name}\n")
