import re
from itertools import pairwise

import pytest

from fedclinic.synthetic import frames_test, frames_train
from fedclinic.synthetic.bank import Frame, bank
from fedclinic.synthetic.kinds import NOTE_TYPES, Split
from fedclinic.synthetic.layout import LAYOUTS, SECTIONS
from fedclinic.synthetic.slots import SLOTS

SPLITS: tuple[Split, Split] = ("train", "test")
RUN = 4
"""So many words in a row, at least, may not be shared by a training and a test frame."""


def all_frames(split: Split) -> list[Frame]:
    return [frame for frames in bank(split).frames.values() for frame in frames]


def skeleton(frame: Frame) -> str:
    """What is left of a frame without its fills: words and punctuation in lower case."""
    return re.sub(r"\s+", " ", " _ ".join(text for text, _, _ in frame.steps)).strip().lower()


def word_runs(frame: Frame) -> set[tuple[str, ...]]:
    runs = set()
    for text, _, _ in frame.steps:
        words = re.findall(r"[a-z']+", text.lower())
        runs |= {tuple(words[at : at + RUN]) for at in range(len(words) - RUN + 1)}
    return runs


def headings(split: Split) -> set[str]:
    made = bank(split)
    groups = (*made.titles.values(), *made.headings.values())
    return {re.sub(r"[^a-z ]", "", text.lower()) for group in groups for text in group}


def has_words(frame: Frame) -> bool:
    return any(re.search(r"[a-z]{2}", text.lower()) for text, _, _ in frame.steps)


def test_no_sentence_frame_occurs_in_both_splits():
    train, test = ({skeleton(f) for f in all_frames(split) if has_words(f)} for split in SPLITS)
    assert train & test == set()


def test_no_run_of_four_words_occurs_in_frames_of_both_splits():
    train, test = (set().union(*map(word_runs, all_frames(split))) for split in SPLITS)
    assert train & test == set()


def test_no_title_or_heading_occurs_in_both_splits():
    assert headings("train") & headings("test") == set()


def test_frames_without_words_occur_in_one_split_only():
    wordless = [[f for f in all_frames(split) if not has_words(f)] for split in SPLITS]
    assert {f.steps for f in wordless[0]} & {f.steps for f in wordless[1]} == set()


@pytest.mark.parametrize("split", SPLITS)
def test_every_slot_of_a_frame_can_be_filled(split: Split):
    used = {slot for frame in all_frames(split) for _, slot, _ in frame.steps if slot}
    assert used <= set(SLOTS)


@pytest.mark.parametrize("split", SPLITS)
def test_every_group_section_and_note_type_of_the_layout_has_text(split: Split):
    groups = {group for section in SECTIONS.values() for group in section.groups}
    assert groups <= set(bank(split).frames)
    assert set(bank(split).headings) == set(SECTIONS)
    assert set(bank(split).titles) == set(LAYOUTS) == set(NOTE_TYPES)


@pytest.mark.parametrize(("split", "least"), [("train", 350), ("test", 250)])
def test_a_bank_has_hundreds_of_different_frames(split: Split, least: int):
    assert len({skeleton(frame) for frame in all_frames(split)}) >= least


@pytest.mark.parametrize("source", [frames_train, frames_test])
def test_no_group_holds_a_line_twice_or_with_stray_blanks(source: object):
    for text in source.FRAMES.values():  # type: ignore[attr-defined]
        lines = text.strip().split("\n")
        assert all(first != second for first, second in pairwise(sorted(lines)))
        assert all(line == line.strip() and line for line in lines)
