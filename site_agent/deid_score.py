"""One `fedclinic-site deid score`: detect in gold documents, compare, print and write the table."""

import csv
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from importlib import resources
from pathlib import Path

from rich.console import Console

from fedclinic.deid.deidentify import Deidentifier
from fedclinic.deid.gold import (
    GoldDocument,
    class_of,
    parse_brat,
    parse_gold_jsonl,
    parse_i2b2,
)
from fedclinic.deid.policy import DeidentificationPolicy, parse_policy
from fedclinic.deid.score import score
from fedclinic.errors import ConfigError, DataError, DeidentificationError
from fedclinic.notes import Span
from site_agent.deid_view import print_score
from site_agent.detectors import SiteModel, make_detector
from site_agent.policy_files import deidentification_policy
from site_agent.settings import load_site_config
from site_agent.site_model import load_site_model

_NO_KEY = bytes(32)
"""Scoring replaces nothing, so that no surrogate is ever made with this."""

_SUFFIXES = {".jsonl": "jsonl", ".json": "jsonl", ".xml": "i2b2", ".ann": "brat", ".txt": "brat"}


@dataclass(frozen=True)
class ScoreOptions:
    """What is scored, on what gold, and where the table goes."""

    gold: Path
    gold_format: str | None
    config: Path | None
    substitutions: Mapping[str, str]
    profile: str | None
    out: Path
    with_text: bool


def score_gold(options: ScoreOptions) -> None:
    """Score a detector on gold documents; a document that is refused counts as missed whole.

    Raises:
        FedclinicError: saying what is wrong and what to do.
    """
    console = Console()
    if options.out.is_dir() or not options.out.parent.is_dir():
        raise ConfigError(f"--out {options.out} is no place for a file: name one in a folder")
    policy, model = _detector_of(options)
    documents = list(read_gold(options.gold, options.gold_format))
    find = Deidentifier(policy, make_detector(policy, model), _NO_KEY).find
    detected: list[Sequence[Span]] = []
    refused = 0
    for document in documents:
        try:
            detected.append(find(document.text))
        except DeidentificationError:
            detected.append(())
            refused += 1
    console.print(
        f"policy version {policy.version}, {policy.mode}, profile {policy.profile}"
        f"{', with the model of site.yaml' if model else ''}; {refused} documents refused",
        highlight=False,
    )
    print_score(console, score(documents, detected))
    _write_table(options, documents, detected)
    console.print(f"table  {options.out}", highlight=False, soft_wrap=True)


def _detector_of(options: ScoreOptions) -> tuple[DeidentificationPolicy, SiteModel | None]:
    if options.config is None:
        text = resources.files("policies").joinpath("deidentification.yaml").read_text("utf-8")
        return parse_policy(text, mode="safe_harbor", profile=options.profile or "default"), None
    config = load_site_config(options.config, options.substitutions)
    choice = config.deidentification
    if options.profile is not None:
        choice = choice.model_copy(update={"profile": options.profile})
    model = load_site_model(choice.model) if choice.model is not None else None
    return deidentification_policy(choice, options.config), model


def read_gold(path: Path, gold_format: str | None) -> Iterator[GoldDocument]:
    """Read a gold file, or every gold file of a folder, in order of name.

    Raises:
        DataError: if nothing is there, or a file is not what its name or the format says.
    """
    if not path.exists():
        raise DataError(f"no gold at {path}")
    files = sorted(path.iterdir()) if path.is_dir() else [path]
    count = 0
    for file in files:
        kind = gold_format or _SUFFIXES.get(file.suffix)
        if kind is None:
            raise DataError(f"{file}: name the gold's format with --format")
        for document in _READERS[kind](file):
            count += 1
            yield document
    if not count:
        raise DataError(f"{path}: no gold document")


def _read_brat(file: Path) -> Iterator[GoldDocument]:
    """The text and annotations of one document; read when the annotations come."""
    if file.suffix == ".ann":
        text = _read(file.with_suffix(".txt"))
        yield parse_brat(text, _read(file), document_id=file.stem)


def _read(file: Path) -> str:
    try:
        with file.open(encoding="utf-8", newline="") as opened:
            return opened.read()
    except FileNotFoundError:
        raise DataError(f"no gold at {file}") from None
    except (OSError, UnicodeDecodeError) as error:
        reason = "not UTF-8" if isinstance(error, UnicodeDecodeError) else error.strerror
        raise ConfigError(f"cannot read {file}: {reason}") from None


def _read_jsonl(file: Path) -> Iterator[GoldDocument]:
    text = _read(file)
    try:
        yield from parse_gold_jsonl(text)
    except DataError as error:
        raise DataError(f"{file}: {error}") from None


_READERS: dict[str, Callable[[Path], Iterable[GoldDocument]]] = {
    "jsonl": _read_jsonl,
    "i2b2": lambda file: [parse_i2b2(_read(file), document_id=file.stem)],
    "brat": _read_brat,
}


def _write_table(
    options: ScoreOptions, documents: Sequence[GoldDocument], detected: Sequence[Sequence[Span]]
) -> None:
    """A row for each gold span and for each detected one that no gold span touches."""
    with options.out.open("w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(["document", "start", "end", "gold", "detected", "outcome", "text"])
        for document, found in zip(documents, detected, strict=True):
            for span, gold, kinds, outcome in _rows(document, found):
                text = document.text[span.start : span.end] if options.with_text else ""
                row = [document.document_id, span.start, span.end, gold, kinds, outcome, text]
                writer.writerow(row)


def _rows(document: GoldDocument, found: Sequence[Span]) -> Iterator[tuple[Span, str, str, str]]:
    touched: set[Span] = set()
    for gold in document.spans:
        parts = [each for each in found if each.start < gold.end and gold.start < each.end]
        touched.update(parts)
        covered = {at for each in parts for at in range(each.start, each.end)}
        left = [
            at
            for at in range(gold.start, gold.end)
            if document.text[at].isalnum() and at not in covered
        ]
        kinds = sorted({class_of(each.label) for each in parts})
        outcome = "missed" if not parts else "partly" if left else "found"
        if outcome == "found" and kinds != [gold.label]:
            outcome = "found as another kind"
        yield gold, gold.label, " ".join(kinds), outcome
    for each in found:
        ignored = any(each.start < o.end and o.start < each.end for o in document.ignored)
        if each not in touched and not ignored:
            yield each, "", class_of(each.label), "not in the gold"
