"""Ways to find identifiers that are compared: stock Presidio and our profiles, a process each."""

import logging
import os
import time
from collections.abc import Callable, Sequence
from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context
from pathlib import Path

import spacy
from presidio_analyzer import AnalyzerEngine
from presidio_analyzer.nlp_engine import SpacyNlpEngine

from fedclinic.deid.deidentify import Deidentifier
from fedclinic.deid.kinds import EntityKind
from fedclinic.deid.policy import Profile, parse_policy
from fedclinic.errors import DeidentificationError
from fedclinic.notes import Span
from site_agent.detectors import make_detector

ROOT = Path(__file__).parent.parent
Find = Callable[[str], Sequence[Span]]


class BlankEngine(SpacyNlpEngine):
    """Presidio's spaCy engine on a pipeline that only splits words."""

    def __init__(self) -> None:
        super().__init__(models=[{"lang_code": "en", "model_name": "blank"}])
        self.nlp = {"en": spacy.blank("en")}

    def load(self) -> None:
        pass


def stock() -> Find:
    """Presidio as it comes, without a downloaded model."""
    engine = AnalyzerEngine(nlp_engine=BlankEngine(), supported_languages=["en"])

    def find(text: str) -> Sequence[Span]:
        return [
            Span(each.start, each.end, _kind(each.entity_type), each.score)
            for each in engine.analyze(text, "en", score_threshold=0.4)
        ]

    return find


def _kind(entity: str) -> str:
    return entity if entity in EntityKind.__members__ else EntityKind.OTHER_ID


def ours(profile: Profile) -> Find:
    """One of our profiles; a refused note has no findings, so a refusal shows as a miss."""
    text = (ROOT / "policies" / "deidentification.yaml").read_text()
    policy = parse_policy(text, mode="expert_determination", profile=profile)
    deidentifier = Deidentifier(policy, make_detector(policy), b"benchmark-key-of-32-bytes-length")

    def find(text: str) -> Sequence[Span]:
        try:
            return deidentifier.find(text)
        except DeidentificationError:
            return []

    return find


class System:
    """One system in a process of its own, what it found in each text and how long it took."""

    def __init__(self, name: str, make: Callable[[], Find]) -> None:
        self.name = name
        self.found: dict[str, Sequence[Span]] = {}
        self.seconds: dict[str, float] = {}
        """CPU seconds by text."""
        os.environ["OMP_NUM_THREADS"] = "1"
        self._process = ProcessPoolExecutor(
            1, mp_context=get_context("spawn"), initializer=_start, initargs=(make,)
        )

    def close(self) -> None:
        """End the process; what it read stays."""
        self._process.shutdown(cancel_futures=True)

    def warm_up(self, texts: Sequence[str]) -> None:
        """Read without being timed, as a process loads its tables once."""
        self._process.submit(_read, texts).result()

    def read(self, texts: Sequence[str]) -> None:
        answers = self._process.submit(_read, texts).result()
        for text, (spans, seconds) in zip(texts, answers, strict=True):
            self.found[text] = spans
            self.seconds[text] = seconds

    def seconds_of(self, texts: Sequence[str]) -> float:
        return sum(self.seconds[text] for text in texts)


_running: list[Find] = []
"""In a system's own process: what finds."""


def _start(make: Callable[[], Find]) -> None:
    logging.disable(logging.WARNING)
    _running.append(make())


def _read(texts: Sequence[str]) -> list[tuple[Sequence[Span], float]]:
    answers = []
    for text in texts:
        started = time.process_time()
        spans = _running[0](text)
        answers.append((spans, time.process_time() - started))
    return answers
