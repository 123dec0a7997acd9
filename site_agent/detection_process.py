"""A process of the site's own that de-identifies notes: one note in, one answer out.

A note that takes longer than the policy allows ends the process, whatever it is doing; whoever
asked refuses that note and starts another process. Answers travel through a pipe, nowhere else.
"""

import os
import signal
import subprocess
import sys
import threading
from collections.abc import Iterable, Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from random import Random
from typing import IO, Self, TextIO

from pydantic import Field

from fedclinic.deid.agreement import Agreement, compare
from fedclinic.deid.canaries import CanaryCounts, CanaryMaker, shadow_run
from fedclinic.deid.deidentify import Deidentifier
from fedclinic.deid.lexicon import lexicon
from fedclinic.deid.tagger import Features, embedded_tagger
from fedclinic.errors import ConfigError, DeidentificationError
from fedclinic.records import Count, Digest, Record
from site_agent.roster import Roster
from site_agent.treatment import (
    Job,
    NoteMessage,
    Outcome,
    TreatedMessage,
    job_of,
    note_message,
    outcome_of,
    treat,
    treated_message,
)

STOP_SECONDS = 5.0


class SitePlace(Record):
    """Where a site's configuration and home are: all that a process needs to open its detector."""

    config: str
    home: str
    substitutions: dict[str, str] = {}

    def arguments(self) -> list[str]:
        values = [f"--set={name}={value}" for name, value in self.substitutions.items()]
        return ["--config", self.config, "--home", self.home, *values]


class Question(Record):
    """What a detection process is asked of one note."""

    note: NoteMessage = Field(repr=False)
    canaries_seed: Count | None = None
    """Plant canaries in a shadow of the note instead of de-identifying it."""


class Answer(Record):
    """What a detection process answers; the first answer says that it is ready."""

    problem: str | None = None
    """Why no note can be treated at all."""
    treated: TreatedMessage | None = Field(default=None, repr=False)
    canaries: tuple[CanaryCounts, ...] = ()
    agreement: Agreement = Agreement()


class OpenDetector:
    """A de-identifier with the roster, ready in a detection process."""

    def __init__(self, deidentifier: Deidentifier, roster: Roster) -> None:
        self._deidentifier = deidentifier
        self._roster = roster
        self._features = Features(lexicon())
        self.seconds = deidentifier.policy.max_seconds_per_note

    def answer(self, question: Question) -> Answer:
        job = job_of(question.note)
        if question.canaries_seed is None:
            return Answer(treated=treated_message(treat(job, self._deidentifier, self._roster)))
        rng = Random(question.canaries_seed)
        maker = CanaryMaker(lexicon(), rng)
        with suppress(DeidentificationError):
            return Answer(
                canaries=shadow_run(job.note.text, self._deidentifier.find, maker, rng),
                agreement=compare(job.note.text, lexicon(), embedded_tagger(), self._features),
            )
        return Answer()


def serve(detector: OpenDetector, questions: Iterable[str], replies: TextIO) -> None:
    """Answer each line; the process is ended by the system where one takes too long.

    The system's own alarm needs no turn of the interpreter, so that a regular expression or a
    model in the middle of its work is stopped too.
    """
    signal.signal(signal.SIGALRM, signal.SIG_DFL)
    _say(replies, Answer())
    for line in questions:
        signal.setitimer(signal.ITIMER_REAL, detector.seconds)
        try:
            answer = detector.answer(Question.model_validate_json(line))
        except Exception as error:
            reason = f"the detector failed with {type(error).__name__}"
            answer = Answer(treated=TreatedMessage(refused=reason))
        signal.setitimer(signal.ITIMER_REAL, 0)
        _say(replies, answer)


def say_problem(replies: TextIO, problem: str) -> None:
    """Tell the asking process that no note can be treated."""
    _say(replies, Answer(problem=problem))


def _say(replies: TextIO, answer: Answer) -> None:
    replies.write(answer.model_dump_json() + "\n")
    replies.flush()


class _EndedError(Exception):
    """The detection process ended instead of answering."""


class DetectionProcess:
    """The asking end of one detection process, which is started when it is first needed."""

    def __init__(self, place: SitePlace, max_seconds: float) -> None:
        self._place = place
        self._max_seconds = max_seconds
        self._process: subprocess.Popen[bytes] | None = None
        self._stopped = False

    @property
    def identity(self) -> int | None:
        """The operating system's number of the process; None before it was needed."""
        return self._process.pid if self._process is not None else None

    def treat(self, job: Job) -> Outcome:
        """De-identify one note; where the process ends over it, the note is refused.

        Raises:
            ConfigError: if no note can be treated; the message says why.
        """
        try:
            answer = self._ask(Question(note=note_message(job)))
        except _EndedError as ended:
            return outcome_of(TreatedMessage(refused=str(ended)), job.note)
        return outcome_of(answer.treated or TreatedMessage(), job.note)

    def measure(self, job: Job, seed: int) -> Answer:
        """Plant canaries in a shadow of one note; no counts where the process ends over it.

        Raises:
            ConfigError: if no note can be treated; the message says why.
        """
        try:
            return self._ask(Question(note=note_message(job), canaries_seed=seed))
        except _EndedError:
            return Answer()

    def stop(self) -> None:
        """End the process for good: whatever it still treats is refused."""
        self._stopped = True
        self._end()

    def _end(self) -> None:
        if self._process is None:
            return
        self._process.kill()
        self._process.wait()
        for pipe in (self._process.stdin, self._process.stdout):
            if pipe is not None:
                with suppress(OSError):
                    pipe.close()
        self._process = None

    def _ask(self, question: Question) -> Answer:
        requests, replies = self._pipes()
        try:
            requests.write(question.model_dump_json().encode() + b"\n")
            requests.flush()
            line = replies.readline()
        except OSError:
            line = b""
        if line:
            return Answer.model_validate_json(line)
        raise _EndedError(self._why_it_ended())

    def _pipes(self) -> tuple[IO[bytes], IO[bytes]]:
        if self._stopped:
            raise _EndedError("the run was stopped")
        if self._process is None:
            self._process = _start(self._place)
            stdout = self._process.stdout
            first = stdout.readline() if stdout is not None else b""
            problem = Answer.model_validate_json(first).problem if first else "it did not start"
            if problem is not None:
                self._end()
                raise ConfigError(f"the detector cannot be used: {problem}")
        if self._process.stdin is None or self._process.stdout is None:
            raise ConfigError("the detection process has no pipes")
        return self._process.stdin, self._process.stdout

    def _why_it_ended(self) -> str:
        code = self._process.wait() if self._process is not None else 0
        self._end()
        if code == -signal.SIGALRM:
            return f"detection took longer than {self._max_seconds:g} seconds"
        name = signal.Signals(-code).name if code < 0 else f"code {code}"
        return f"the detection process ended with {name}"


def _start(place: SitePlace) -> subprocess.Popen[bytes]:
    """Start in a session of its own: Ctrl-C ends the asking process, which then ends this one."""
    command = [sys.executable, "-m", "site_agent", "deid", "detect-pipe", *place.arguments()]
    return subprocess.Popen(
        command,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        env=os.environ | {"OMP_NUM_THREADS": "1", "MKL_NUM_THREADS": "1"},
        start_new_session=True,
    )


class DetectionPool:
    """Detection processes for as many threads as ask at once."""

    def __init__(self, place: SitePlace, max_seconds: float) -> None:
        self._place = place
        self._max_seconds = max_seconds
        self._lock = threading.Lock()
        self._idle: list[DetectionProcess] = []
        self._all: list[DetectionProcess] = []

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def treat(self, jobs: Sequence[Job]) -> list[Outcome]:
        with _Borrowed(self) as process:
            return [process.treat(job) for job in jobs]

    def measure(self, jobs: Sequence[Job], seed: int) -> list[Answer]:
        with _Borrowed(self) as process:
            return [process.measure(job, seed + job.position) for job in jobs]

    def close(self) -> None:
        with self._lock:
            for process in self._all:
                process.stop()
            self._all.clear()
            self._idle.clear()

    def borrow(self) -> DetectionProcess:
        with self._lock:
            if self._idle:
                return self._idle.pop()
            process = DetectionProcess(self._place, self._max_seconds)
            self._all.append(process)
            return process

    def give_back(self, process: DetectionProcess) -> None:
        with self._lock:
            self._idle.append(process)


@dataclass(frozen=True)
class OneProcess:
    """A `Treatment` that gives notes to one detection process, one after the other."""

    pool: DetectionPool
    digest: Digest
    roster: Roster = field(repr=False)

    def run(self, jobs: Iterable[Job]) -> Iterator[tuple[Job, Outcome]]:
        for job in jobs:
            yield job, self.pool.treat([job])[0]


class _Borrowed:
    def __init__(self, pool: DetectionPool) -> None:
        self._pool = pool

    def __enter__(self) -> DetectionProcess:
        self._process = self._pool.borrow()
        return self._process

    def __exit__(self, *_: object) -> None:
        self._pool.give_back(self._process)
