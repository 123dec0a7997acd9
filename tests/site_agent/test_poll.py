"""The agent of an exchange and its work process: what dies, hangs or takes too much is contained.

The work process is a program of a few lines that misbehaves in one way.
"""

import sys
import textwrap
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from pathlib import Path

import pytest

from fedclinic.digest import digest_bytes
from fedclinic.errors import ConfigError, ErrorCode
from fedclinic.exchange_protocol import BlobRef
from fedclinic.local_protocol import Answered, Problem
from flows.exchange.settings import Limits
from flows.exchange.task_rows import TaskView
from site_agent.poll import CLOSED_SECONDS, WORK_ATTEMPTS, Agent, only_agent_of
from site_agent.settings import Orchestration, SiteConfig
from site_agent.site_home import SiteHome
from site_agent.work_process import WorkProcess, passed_names, work_command
from tests.factories import site_values
from tests.fakes import FakeClock
from tests.flows.exchange.desk import SITE_KEYS, Desk, make_answer, make_task_envelope

ANSWERED = Answered(key=SITE_KEYS["north"].public.raw.hex(), answer=make_answer())
MINUTE = 60.0


@dataclass
class RunningClock(FakeClock):
    """Goes on by itself from the time that the test set."""

    began: float = field(default_factory=time.monotonic)

    def __call__(self) -> float:
        return self.now + time.monotonic() - self.began


class StopAfter(threading.Event):
    """Lets the agent ask so many times; remembers how long it would have waited in between."""

    def __init__(self, times: int) -> None:
        super().__init__()
        self.left, self.waited = times, list[float | None]()

    def is_set(self) -> bool:
        self.left -= 1
        return self.left < 0

    def wait(self, timeout: float | None = None) -> bool:
        self.waited.append(timeout)
        return False


@dataclass
class Bench:
    """An exchange, and an agent whose work process is a given program."""

    desk: Desk
    root: Path
    said: list[str] = field(default_factory=list)
    started: list[WorkProcess] = field(default_factory=list)

    def give(self, seconds: float = MINUTE, blobs: tuple[BlobRef, ...] = ()) -> str:
        """Queue a task that ends in some seconds."""
        until = self.desk.clock() + seconds
        return self.desk.exchange.queue.submit("north", make_task_envelope(), blobs, until)

    def let_agent_ask(
        self, program: str = "", times: int = 1, hours: str | None = None, skew: float = 0
    ) -> Agent:
        """Let the agent ask for work; its machine's clock is off by `skew`."""
        path = self.root / "program.py"
        path.write_text("import sys, time, os\n" + textwrap.dedent(program))

        def start() -> WorkProcess:
            self.started.append(
                WorkProcess([sys.executable, str(path)], self.root / "work.log", ("PATH",))
            )
            return self.started[-1]

        client = replace(self.desk.client(), clock=lambda: self.desk.clock() + skew)
        agent = Agent(
            client=client,
            home=SiteHome(self.root / "home"),
            start_work=start,
            say=self.said.append,
            hours=hours,
            stop=StopAfter(times),
        )
        agent.run()
        return agent

    def task(self, number: str) -> TaskView:
        return self.desk.exchange.queue.find(number)


@pytest.fixture
def bench(tmp_path: Path) -> Bench:
    desk = Desk(tmp_path, limits=Limits(lease_seconds=0.4), clock=RunningClock())
    return Bench(desk, tmp_path)


def answering(before: str = "") -> str:
    """A program that answers, after it has done something else."""
    reply = ANSWERED.model_dump_json()
    return f"""
for line in sys.stdin:
{textwrap.indent(textwrap.dedent(before) or "pass", "    ")}
    print({reply!r}, flush=True)
"""


def test_an_answer_is_brought_and_the_process_is_ended_with_the_agent(bench):
    task = bench.give()
    bench.let_agent_ask(answering())
    assert bench.task(task).answer == ANSWERED.answer
    assert [process.alive for process in bench.started] == [False]


def test_a_process_that_dies_is_started_again_for_the_same_task(bench):
    task = bench.give()
    count = str(bench.root / "count")
    bench.let_agent_ask(
        answering(f"""
        with open({count!r}, "a") as file:
            file.write("x")
        if os.path.getsize({count!r}) < {WORK_ATTEMPTS}:
            os._exit(3)
        """)
    )
    assert bench.task(task).answer == ANSWERED.answer
    assert len(bench.started) == WORK_ATTEMPTS
    assert "ended with code 3" in bench.said[1]


def test_a_process_that_dies_every_time_ends_the_task_and_not_the_agent(bench):
    task = bench.give()
    bench.let_agent_ask("sys.exit(7)")
    assert bench.task(task).error is ErrorCode.UNEXPECTED
    assert len(bench.started) == WORK_ATTEMPTS


def test_a_process_that_wants_more_memory_than_it_may_have_is_ended_alone(bench):
    task = bench.give()
    bench.let_agent_ask(
        answering("""
        from site_agent.confinement import confine
        confine(1.0)
        block = bytearray(2 << 30)
        """)
    )
    assert bench.task(task).error is ErrorCode.UNEXPECTED
    assert "MemoryError" in (bench.root / "work.log").read_text()


def test_a_process_that_the_system_kills_for_memory_is_told_in_words(bench):
    bench.give()
    bench.let_agent_ask(answering("os.kill(os.getpid(), 9)"))
    assert "was killed; out of memory, or past the deadline?" in bench.said[1]


def test_a_process_that_hangs_is_ended_at_the_deadline_of_its_task(bench):
    task = bench.give(seconds=1.0)
    began = time.monotonic()
    bench.let_agent_ask("time.sleep(600)")
    assert time.monotonic() - began < MINUTE
    assert [process.alive for process in bench.started] == [False]
    assert bench.said[-1].endswith("what it charged stays charged")
    assert bench.task(task).answer is None


def test_a_process_that_hangs_is_ended_when_the_coordinator_gives_up(bench):
    task = bench.give()
    threading.Timer(0.5, bench.desk.exchange.queue.give_up, [task]).start()
    bench.let_agent_ask("time.sleep(600)")
    assert [process.alive for process in bench.started] == [False]
    assert "was cancelled" in bench.said[-1]


def test_what_is_no_reply_ends_the_task(bench):
    task = bench.give()
    bench.let_agent_ask('print(\'{"say": "hello"}\', flush=True); time.sleep(600)')
    assert bench.task(task).error is ErrorCode.UNEXPECTED
    assert "wrote a line that is no reply" in bench.said[1]


def test_a_task_that_the_site_cannot_answer_ends_with_the_word_for_it(bench):
    task = bench.give()
    problem = Problem(
        code=ErrorCode.SIGNATURE, message="a task of another version"
    ).model_dump_json()
    bench.let_agent_ask(f"print({problem!r}, flush=True); time.sleep(600)")
    assert bench.task(task).error is ErrorCode.SIGNATURE
    assert bench.said[-1].endswith("a task of another version")


def test_a_task_whose_blob_is_gone_is_given_back_at_once(bench):
    task = bench.give(blobs=(BlobRef(digest=digest_bytes(b"gone"), bytes=4),))
    bench.let_agent_ask(answering())
    assert bench.task(task).error is ErrorCode.UNEXPECTED
    assert "no longer at the exchange" in bench.said[-1]
    assert bench.started == []


def test_a_revoked_key_ends_the_agent(bench):
    bench.desk.exchange.registry.revoke("north")
    with pytest.raises(ConfigError, match="revoked this site's key"):
        bench.let_agent_ask()


@pytest.mark.parametrize("skew", [-3600.0, 3600.0])
def test_a_clock_that_is_an_hour_off_is_told_and_nothing_is_lost_by_it(bench, skew):
    task = bench.give()
    bench.let_agent_ask(answering(), skew=skew)
    assert bench.said[-1] == (
        "this machine's clock is wrong by more than five minutes: set it right"
    )
    assert bench.task(task).state == "queued"
    bench.let_agent_ask(answering())
    assert bench.task(task).answer == ANSWERED.answer


def test_outside_of_its_hours_the_agent_asks_for_nothing(bench):
    task = bench.give()
    later = [datetime.now() + timedelta(hours=hours) for hours in (2, 3)]
    agent = bench.let_agent_ask(hours="-".join(f"{time:%H:%M}" for time in later), times=3)
    assert bench.task(task).state == "queued"
    assert agent.stop.waited == [CLOSED_SECONDS] * 3


def test_one_agent_works_in_a_home(tmp_path):
    home = SiteHome(tmp_path)
    with (
        only_agent_of(home),
        pytest.raises(ConfigError, match="another agent works in"),
        only_agent_of(home),
    ):
        pass
    with only_agent_of(home):
        assert home.lock.exists()


def test_the_process_inherits_named_variables_alone(tmp_path, monkeypatch):
    for name in (
        "AWS_SECRET_ACCESS_KEY",
        "HTTPS_PROXY",
        "LD_PRELOAD_NOT",
        "PREFECT_API_AUTH_STRING",
    ):
        monkeypatch.setenv(name, "strange")
    seen = tmp_path / "seen"
    program = f"import os; open({str(seen)!r}, 'w').write(repr(dict(os.environ)))"
    process = WorkProcess([sys.executable, "-c", program], tmp_path / "log")
    wait_until(lambda: not process.alive)
    assert "strange" not in seen.read_text()


@pytest.mark.parametrize(("limit", "told"), [(None, []), (6.5, ["--memory-gib", "6.5"])])
def test_the_process_is_told_how_much_memory_the_site_gives_it(tmp_path, limit, told):
    command = work_command(tmp_path / "site.yaml", SiteHome(tmp_path), {}, limit)
    assert "--confined" in command
    assert command[command.index("--confined") + 1 :] == told


@pytest.mark.parametrize(
    ("api", "wanted"), [("in_process", False), ("https://prefect.hospital.example/api", True)]
)
def test_only_the_hospitals_own_prefect_server_is_a_reason_to_pass_its_credential(api, wanted):
    config = SiteConfig.model_validate(site_values(Path("notes")))
    config = config.model_copy(update={"orchestration": Orchestration(api=api)})
    assert ("PREFECT_API_AUTH_STRING" in passed_names(config)) is wanted


def wait_until(condition: Callable[[], bool]) -> None:
    until = time.monotonic() + MINUTE
    while not condition():
        assert time.monotonic() < until
        time.sleep(0.02)
