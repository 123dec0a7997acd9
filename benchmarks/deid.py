"""Score and time de-identification beside stock Presidio, all in one run.

    python -m benchmarks.deid [--notes 200] [--profiles fast default] [--speed-only]

Texts: long synthetic notes of the test split (other templates than the tagger was trained with; a
third with composed names that no dictionary holds, some all in capitals or small letters), notes of
`fresh_notes`, whose sentences stand in no generator, both splits of `unseen_notes`, the shared
clinical queries, and ordinary clinical prose to count what is replaced without need. Times are CPU
seconds of a process for each system, in one thread, as a site runs it; the systems take turns, and
how many times faster than stock Presidio one is, is the median over turns. Stock Presidio runs on a
blank pipeline: no model is downloaded.
"""

import argparse
import json
import logging
from collections.abc import Callable, Iterable, Sequence
from contextlib import ExitStack, closing
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from statistics import median

from benchmarks.deid_systems import System, ours, stock
from benchmarks.fresh_notes import fresh_notes
from benchmarks.unseen_notes import unseen_notes
from benchmarks.unseen_templates import SPLITS
from fedclinic.deid.gold import CLASSES, GoldDocument, make_gold, parse_gold_jsonl
from fedclinic.deid.policy import Profile
from fedclinic.deid.score import ALL, DeidentificationScore, score
from fedclinic.synthetic.cohort import generate_cohort
from fedclinic.synthetic.profile import DEIDENTIFICATION

ROOT = Path(__file__).parent.parent
HOSPITALS = ("Grantham Hospital", "Willow Creek Clinic", "Eastfield General")
WARM_UP = 10
"""Documents read before the clock starts, as a process loads its tables once."""
TURN = 5
"""Documents that one system reads before the next one does."""
WHOLE = ("synthetic", "fresh", "unseen first", "unseen kept", "queries")
"""Which stock Presidio reads too."""
TIMED = (*WHOLE, "queries upper", "queries lower", "prose")
"""The others are parts of these."""


@dataclass(frozen=True)
class Corpus:
    """Documents of one origin and stratum."""

    name: str
    documents: tuple[GoldDocument, ...]


def synthetic(notes: int) -> list[Corpus]:
    """The test split, whole and by stratum."""
    strata: dict[str, list[GoldDocument]] = {}
    cohort = generate_cohort(
        seed=2027,
        hospitals=HOSPITALS,
        patients_per_hospital=max(1, notes // 9),
        alpha=1.0,
        split="test",
        profile=DEIDENTIFICATION,
    )
    for each in cohort:
        gold = make_gold(each.note.note_id, each.note.text, list(each.phi), each.note.entities)
        strata.setdefault(each.stratum, []).append(gold)
    every = [document for documents in strata.values() for document in documents]
    named = {"synthetic": every} | {f"synthetic {name}": found for name, found in strata.items()}
    return [Corpus(name, tuple(documents)) for name, documents in named.items()]


def fresh(notes: int) -> list[Corpus]:
    """Notes of templates that no generator holds, whole and by stratum."""
    strata: dict[str, list[GoldDocument]] = {}
    for each in fresh_notes(notes, seed=77):
        strata.setdefault(each.stratum, []).append(each.document)
    every = [document for documents in strata.values() for document in documents]
    named = {"fresh": every} | {f"fresh {name}": found for name, found in strata.items()}
    return [Corpus(name, tuple(documents)) for name, documents in named.items()]


def unseen(notes: int, *, seed: int) -> list[Corpus]:
    """Notes of both splits of `unseen_notes`, each whole and by stratum."""
    corpora = []
    for split in SPLITS:
        strata: dict[str, list[GoldDocument]] = {}
        for each in unseen_notes(split, notes, seed):
            strata.setdefault(each.stratum, []).append(each.document)
        every = [document for documents in strata.values() for document in documents]
        corpora.append(Corpus(f"unseen {split}", tuple(every)))
        for name, documents in strata.items():
            corpora.append(Corpus(f"unseen {split} {name}", tuple(documents)))
    return corpora


def queries(shared: Path) -> list[Corpus]:
    """The clinical queries as they are and in one case, and those without identifiers."""
    file = shared / "data" / "deid" / "clinical_queries_dev.jsonl"
    if not file.exists():
        return []
    documents = list(parse_gold_jsonl(file.read_text(encoding="utf-8")))
    negatives = [document for document in documents if not document.spans]
    return [
        Corpus("queries", tuple(documents)),
        Corpus("queries upper", tuple(_recased(documents, str.upper))),
        Corpus("queries lower", tuple(_recased(documents, str.lower))),
        Corpus("hard negatives", tuple(negatives)),
    ]


def _recased(
    documents: Iterable[GoldDocument], recase: Callable[[str], str]
) -> Iterable[GoldDocument]:
    for document in documents:
        text = recase(document.text)
        if len(text) == len(document.text):
            yield GoldDocument(document.document_id, text, document.spans, document.ignored)


def prose(shared: Path) -> list[Corpus]:
    """Public transcriptions; their few dates and names are counted as replaced without need."""
    file = shared / "data" / "mtsamples" / "test.jsonl"
    if not file.exists():
        return []
    rows = [json.loads(line) for line in file.read_text(encoding="utf-8").splitlines()[:200]]
    return [Corpus("prose", tuple(GoldDocument(row["id"], row["text"], ()) for row in rows))]


def read_in_turn(systems: Sequence[System], corpus: Corpus) -> None:
    """Let the systems read a few documents each in turn: what else runs slows all of them alike."""
    texts = [document.text for document in corpus.documents]
    for system in systems:
        system.warm_up(texts[:WARM_UP])
    for first in range(0, len(texts), TURN):
        for system in systems:
            system.read(texts[first : first + TURN])


def times_faster(system: System, baseline: System, corpus: Corpus) -> float:
    """Median over turns of the baseline's seconds by the system's: one disturbed turn is no matter.

    Both have read the corpus.
    """
    texts = [document.text for document in corpus.documents]
    turns = [texts[first : first + TURN] for first in range(0, len(texts), TURN)]
    return median(baseline.seconds_of(turn) / system.seconds_of(turn) for turn in turns)


def report(system: System, corpora: Iterable[Corpus], baseline: System) -> None:
    """Print one line a corpus that was read, and the recall of each class of the larger ones.

    Strata are parts of a corpus, and their speed is not told apart.
    """
    for corpus in corpora:
        texts = [document.text for document in corpus.documents]
        if not all(text in system.found for text in texts):
            continue
        found = [system.found[text] for text in texts]
        altered = sum(bool(spans) for spans in found) / len(found)
        result = score(corpus.documents, found)
        kilobytes = sum(map(len, texts)) / 1024
        seconds = system.seconds_of(texts)
        speed = (
            f"{1000 * seconds / kilobytes:6.2f} ms/KB {kilobytes / 2.7 / seconds:6.0f} notes/s"
            if corpus.name in TIMED
            else ""
        )
        if corpus.name in WHOLE and system is not baseline:
            speed += f" {times_faster(system, baseline, corpus):.2f} x stock"
        print(
            f"{system.name:8} {corpus.name:22} n={len(found):4} {speed:39}  {_summary(result)}  "
            f"altered {altered:.1%}",
            flush=True,
        )
        if corpus.name in WHOLE:
            recalls = (
                f"{name} {result.binary[name].recall():.1%}"
                for name in CLASSES
                if name in result.binary and result.binary[name].recall() is not None
            )
            print(f"{'':8}   recall by class: {', '.join(recalls)}")


def _summary(result: DeidentificationScore) -> str:
    recall, precision = result.binary[ALL].recall(), result.binary[ALL].precision()
    strict = result.strict[ALL].f1() if ALL in result.strict else None
    shown = [
        f"{name} {value:.2%}"
        for name, value in (("recall", recall), ("precision", precision), ("strict F1", strict))
        if value is not None
    ]
    survived = (
        f" labels kept {result.entities_survived / result.entities_total:.2%}"
        if result.entities_total
        else ""
    )
    return (
        f"{' '.join(shown)} over-redaction {result.over_redaction():.2f}/1000 "
        f"leaked spans {result.leaked.get(ALL, 0)}{survived}"
    )


def linearity(system: System, documents: Sequence[GoldDocument]) -> None:
    """Print the time a kilobyte for texts of growing length."""
    text = "\n".join(document.text for document in documents)
    for kilobytes in (4, 16, 64, 256, 1024):
        sample = (text * (1 + kilobytes * 1024 // len(text)))[: kilobytes * 1024]
        system.read([sample])
        print(f"  {kilobytes:5} KB {1000 * system.seconds[sample] / kilobytes:6.2f} ms/KB")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--notes", type=int, default=200)
    parser.add_argument("--unseen-seed", type=int, default=11)
    parser.add_argument("--shared", type=Path, default=ROOT.parent / "shared")
    parser.add_argument("--profiles", nargs="+", type=Profile, default=list(Profile))
    parser.add_argument("--speed-only", action="store_true")
    arguments = parser.parse_args()
    logging.disable(logging.WARNING)
    notes = synthetic(arguments.notes)
    corpora = (
        notes[:1]
        if arguments.speed_only
        else [
            *notes,
            *fresh(arguments.notes),
            *unseen(arguments.notes, seed=arguments.unseen_seed),
            *queries(arguments.shared),
            *prose(arguments.shared),
        ]
    )
    with ExitStack() as running:
        baseline = running.enter_context(closing(System("stock", stock)))
        profiles = [
            running.enter_context(closing(System(profile, partial(ours, profile))))
            for profile in arguments.profiles
        ]
        for corpus in corpora:
            if corpus.name in TIMED:
                systems = [baseline, *profiles] if corpus.name in WHOLE else profiles
                read_in_turn(systems, corpus)
        report(baseline, [corpus for corpus in corpora if corpus.name in WHOLE], baseline)
        for system in profiles:
            report(system, corpora, baseline)
        print(f"{profiles[-1].name}, one document of growing length:")
        linearity(profiles[-1], notes[0].documents)


if __name__ == "__main__":
    main()
