"""The site's agent for an exchange: ask for work, have it done, bring back what was stated.

It decides nothing: the work process checks signature, policy and budget. It runs nothing from
outside: a task is an argument of this package's own program. What it fetches and uploads are the
blobs that signed statements name.
"""

import fcntl
import os
import secrets
import signal
import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from datetime import datetime
from importlib.metadata import version
from pathlib import Path

import click

from fedclinic.answers import Answer
from fedclinic.errors import ConfigError, ErrorCode, FedclinicError, RunError
from fedclinic.evidence.statement import digests_in
from fedclinic.exchange_protocol import PROTOCOL, Done, Lease, Leased, Trouble
from fedclinic.local_protocol import Answered, Problem, Progress
from fedclinic.updates.blobs import BlobFolder
from site_agent.enrolment import load_address
from site_agent.exchange_client import ExchangeClient, TroubleError, UnreachableError
from site_agent.hours import is_open
from site_agent.keys import load_signing_key
from site_agent.lease_keeper import LeaseKeeper
from site_agent.settings import load_site_config
from site_agent.site_home import SiteHome
from site_agent.work_process import WORK_PROGRAM, WorkProcess, passed_names, work_command

WAIT_SECONDS = 20.0
PAUSE_SECONDS = 5.0
CLOSED_SECONDS = 30.0
WORK_ATTEMPTS = 3

_FATAL = {
    Trouble.REVOKED: "the coordinator has revoked this site's key",
    Trouble.UNKNOWN_SITE: "the exchange does not know this site: join again",
    Trouble.SIGNATURE: "the exchange knows another key of this site: was it rotated elsewhere?",
    Trouble.VERSION: f"the exchange speaks another version than this agent's {PROTOCOL}: "
    "install the version that the coordinator names",
}
_PASSING = {
    Trouble.SECOND_AGENT: "another agent of this site was active a moment ago; waiting for it",
    Trouble.CLOCK: "this machine's clock is wrong by more than five minutes: set it right",
}


@dataclass
class Agent:
    """One site's agent; `stop` ends it after what it is doing."""

    client: ExchangeClient
    home: SiteHome
    start_work: Callable[[], WorkProcess]
    say: Callable[[str], None]
    hours: str | None = None
    stop: threading.Event = field(default_factory=threading.Event)
    session: str = field(default_factory=lambda: secrets.token_hex(16))
    work: WorkProcess | None = None

    def run(self) -> None:
        """Ask for tasks and carry them out until told to stop.

        Raises:
            ConfigError: if the exchange will never have this agent as it is.
        """
        self.say(f"site {self.client.address.site} asks {self.client.address.url} for work")
        said = ""
        try:
            while not self.stop.is_set():
                trouble = self._once()
                if trouble and trouble != said:
                    self.say(trouble)
                said = trouble
                if trouble:
                    self.stop.wait(PAUSE_SECONDS)
        finally:
            self._kill_work()
            with suppress(RunError):
                self.client.leave(self.session)

    def _once(self) -> str:
        """Ask once; returns what keeps the agent from working, if something does."""
        if not is_open(self.hours, datetime.now()):
            self.stop.wait(CLOSED_SECONDS)
            return ""
        asked = Lease(
            session=self.session,
            protocol=PROTOCOL,
            version=version("fedclinic"),
            wait_seconds=WAIT_SECONDS,
        )
        try:
            leased = self.client.lease(asked)
            if leased is not None:
                self._carry_out(leased)
        except TroubleError as error:
            if error.problem.problem in _FATAL:
                raise ConfigError(_FATAL[error.problem.problem]) from None
            return _PASSING.get(error.problem.problem, str(error))
        except UnreachableError as error:
            return str(error)
        return ""

    def _carry_out(self, leased: Leased) -> None:
        """Do a task and bring its answer, as long as the lease is held and the time is not over."""
        blobs = BlobFolder(self.home.in_transit)
        keeper = LeaseKeeper(self.client, leased, self._kill_work)
        with keeper:
            try:
                for blob in leased.blobs:
                    self.client.fetch(leased.task, blob, blobs, until=leased.deadline)
                answer = self._work_on(leased, keeper)
                if isinstance(answer, Answer):
                    ended = self._bring(leased, answer, blobs)
                else:
                    ended = Done(lease=leased.lease, error=answer)
                self.client.done(leased.task, ended, until=leased.deadline)
            except (TroubleError, UnreachableError) as error:
                self._explain_loss(leased, keeper.lost or _trouble(error))
            except (FedclinicError, OSError) as error:
                self.say(f"task {leased.task[:8]} failed: {error}")
                with suppress(RunError):
                    self.client.done(leased.task, _failed(leased), until=leased.deadline)
        for path in self.home.in_transit.glob("*"):
            path.unlink()

    def _work_on(self, leased: Leased, keeper: LeaseKeeper) -> Answer | ErrorCode:
        """Have the work process answer, or say by one word why there is none.

        A process that dies is started again: what it charged it charges no second time.
        """
        for _ in range(WORK_ATTEMPTS):
            try:
                return self._ask_work(leased, keeper)
            except RunError as error:
                self._kill_work()
                if keeper.lost is not None:
                    break
                self.say(f"task {leased.task[:8]}: {error}")
        return ErrorCode.UNEXPECTED

    def _ask_work(self, leased: Leased, keeper: LeaseKeeper) -> Answer | ErrorCode:
        work = self.work
        if work is None or not work.alive:
            self.work = work = self.start_work()
        work.ask(leased.envelope)
        while True:
            match reply := work.reply():
                case Progress():
                    keeper.progress(reply)
                case Answered():
                    if reply.answer.problem:
                        self.say(f"task {leased.task[:8]}: {reply.answer.problem}")
                    return reply.answer
                case Problem():
                    self.say(f"task {leased.task[:8]}: {reply.message}")
                    return reply.code

    def _bring(self, leased: Leased, answer: Answer, blobs: BlobFolder) -> Done:
        """Upload what the answer's statements name and the process put out."""
        given = {blob.digest for blob in leased.blobs}
        named = {
            digest: None for statement in answer.statements for digest in digests_in(statement)
        }
        ours = [d for d in named if d not in given and blobs.path(d).is_file()]
        for digest in ours:
            path = blobs.path(digest)
            self.client.upload(leased.task, leased.lease, path, digest, until=leased.deadline)
        return Done(lease=leased.lease, statements=answer.statements, blobs=tuple(ours))

    def _explain_loss(self, leased: Leased, trouble: Trouble | None) -> None:
        name = f"task {leased.task[:8]}"
        if trouble is Trouble.LATE:
            self.say(
                f"{name} came after its deadline or was cancelled: its result is not used, and "
                "what it charged stays charged"
            )
        elif trouble is Trouble.NO_LEASE:
            self.say(f"{name} was given out again while the exchange could not be reached")
        elif trouble in _FATAL:
            raise ConfigError(_FATAL[trouble]) from None
        elif trouble is Trouble.NOT_FOUND:
            self.say(f"{name} names a blob that is no longer at the exchange: it is given back")
            with suppress(RunError):
                self.client.done(leased.task, _failed(leased), until=leased.deadline)
        else:
            self.say(f"{name} could not be ended: {trouble.value if trouble else 'no connection'}")

    def _kill_work(self) -> None:
        work, self.work = self.work, None
        if work is not None:
            work.kill()


def run_agent(
    config: Path,
    home: SiteHome,
    values: dict[str, str],
    program: Sequence[str] = WORK_PROGRAM,
) -> None:
    """Open the site's configuration and be its agent until a signal.

    Raises:
        ConfigError: if the site has not joined, is configured for another exchange, or has an
            agent already.
    """
    found = load_site_config(config, values)
    address = load_address(home)
    if found.site != address.site:
        raise ConfigError(f"{config} is of site {found.site}; {home.root} joined as {address.site}")
    command = [*program, *work_command(config, home, values, found.agent.memory_gib)]
    with only_agent_of(home):
        agent = Agent(
            client=ExchangeClient.open(address, load_signing_key(home)),
            home=home,
            start_work=lambda: WorkProcess(command, home.root / "work.log", passed_names(found)),
            say=lambda text: click.echo(f"{datetime.now():%Y-%m-%d %H:%M:%S} {text}"),
            hours=found.agent.hours,
        )
        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, lambda *_: _stop(agent))
        agent.run()


@contextmanager
def only_agent_of(home: SiteHome) -> Iterator[None]:
    """Hold the home folder's lock.

    Raises:
        ConfigError: if another process holds it.
    """
    home.root.mkdir(parents=True, exist_ok=True)
    descriptor = os.open(home.lock, os.O_RDWR | os.O_CREAT, 0o600)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        os.close(descriptor)
        raise ConfigError(f"another agent works in {home.root}") from None
    try:
        yield
    finally:
        os.close(descriptor)


def _stop(agent: Agent) -> None:
    agent.stop.set()
    raise KeyboardInterrupt


def _failed(leased: Leased) -> Done:
    return Done(lease=leased.lease, error=ErrorCode.UNEXPECTED)


def _trouble(error: RunError) -> Trouble | None:
    return error.problem.problem if isinstance(error, TroubleError) else None
