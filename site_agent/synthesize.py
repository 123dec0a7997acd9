"""Write a synthetic cohort to files, so that a federation can be tried without any real note."""

import json
import re
from collections.abc import Iterable, Sequence
from dataclasses import replace
from pathlib import Path

from fedclinic.errors import ConfigError
from fedclinic.synthetic.cohort import TRAINING, SyntheticNote, as_row, generate_cohort

SITE_NAME = r"[a-z0-9][a-z0-9_-]{0,62}"
RESERVED = ("all", "test")
"""Names of files that the cohort has beside the hospitals'."""


def write_cohort(  # noqa: PLR0913 - what a cohort is like
    out: Path,
    *,
    hospitals: Sequence[str],
    patients: int,
    test_patients: int,
    alpha: float,
    seed: int,
    most_notes: int | None = None,
) -> None:
    """Write `HOSPITAL.jsonl` for each hospital, `all.jsonl` with all of them, and `test.jsonl`.

    Raises:
        ConfigError: if a hospital's name is no name of a site, or is given twice.
    """
    check_names(hospitals)
    out.mkdir(parents=True, exist_ok=True)
    profile = replace(TRAINING, most_notes=most_notes)
    training = generate_cohort(
        seed=seed,
        hospitals=hospitals,
        patients_per_hospital=patients,
        alpha=alpha,
        split="train",
        profile=profile,
    )
    test = generate_cohort(
        seed=seed,
        hospitals=hospitals,
        patients_per_hospital=test_patients,
        alpha=alpha,
        split="test",
        profile=profile,
    )
    _write_by_hospital(out, hospitals, training)
    _write(out / "test.jsonl", test)


def check_names(hospitals: Sequence[str]) -> None:
    """Refuse names that could not be files of their own.

    Raises:
        ConfigError: naming the first.
    """
    if not hospitals:
        raise ConfigError("--hospitals names none")
    for name in hospitals:
        if not re.fullmatch(SITE_NAME, name) or name in RESERVED or hospitals.count(name) > 1:
            raise ConfigError(
                f"--hospitals {name!r}: each is a different name of lower-case letters, digits, "
                f"- and _, and none is {' or '.join(RESERVED)}"
            )


def _write_by_hospital(out: Path, hospitals: Sequence[str], notes: Iterable[SyntheticNote]) -> None:
    files = {name: (out / f"{name}.jsonl").open("w", encoding="utf-8") for name in hospitals}
    try:
        with (out / "all.jsonl").open("w", encoding="utf-8") as everything:
            for note in notes:
                line = json.dumps(as_row(note), ensure_ascii=False) + "\n"
                files[note.hospital].write(line)
                everything.write(line)
    finally:
        for file in files.values():
            file.close()


def _write(path: Path, notes: Iterable[SyntheticNote]) -> None:
    with path.open("w", encoding="utf-8") as file:
        for note in notes:
            file.write(json.dumps(as_row(note), ensure_ascii=False) + "\n")
