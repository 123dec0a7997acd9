"""Rules are tried only where they can begin, and find all the same what a whole reading finds."""

from dataclasses import replace

import pytest

from fedclinic.deid.clinical import prepare_text
from fedclinic.deid.lexicon import lexicon
from fedclinic.deid.rules import addresses, calendar, contacts, institutions, names, numbers
from fedclinic.deid.rules.openings import openings_of, whole_words
from fedclinic.deid.rules.pattern import PatternRule
from fedclinic.deid.truecase import shout
from fedclinic.synthetic.cohort import generate_cohort
from fedclinic.synthetic.profile import DEIDENTIFICATION


def rules_of(module: object) -> list[PatternRule]:
    """Every rule that a module holds."""
    found = []
    for value in vars(module).values():
        found += [each for each in (value if isinstance(value, tuple) else (value,))
                  if isinstance(each, PatternRule)]  # fmt: skip
    return found


@pytest.fixture(scope="module")
def notes() -> list[str]:
    cohort = generate_cohort(
        seed=5,
        hospitals=("Eastfield General",),
        patients_per_hospital=6,
        alpha=1.0,
        split="test",
        profile=DEIDENTIFICATION,
    )
    return [each.note.text for each in cohort]


@pytest.mark.parametrize(
    "module",
    [addresses, calendar, contacts, institutions, names, numbers],
    ids=lambda m: m.__name__,
)
def test_a_rule_with_openings_finds_what_it_finds_when_all_text_is_tried(module, notes):
    for text in notes:
        prepared = prepare_text(text, lexicon())
        for read in (prepared.cased, shout(prepared.joined)):
            for rule in rules_of(module):
                everywhere = replace(rule, opens=frozenset(), digits=(), needs=())
                at_openings = rule.find(read, openings_of(read))
                assert at_openings == everywhere.find(read, openings_of(read)), rule.pattern


def test_words_and_numbers_are_known_by_where_they_begin():
    openings = openings_of("Seen 12 May, seen 2021")
    assert openings.of_words(["seen", "may", "june"]) == [0, 8, 13]
    assert openings.of_numbers([2, 4]) == [5, 18]


@pytest.mark.parametrize(
    ("text", "words", "shortest", "found"),
    [
        ("Rose-Marie and Rose came", {"rose"}, 1, ["Rose-Marie", "Rose"]),
        ("Rose-Marie and Marie came", {"marie"}, 1, ["Marie"]),
        ("O'Brien and Brien came", {"brien"}, 1, ["Brien"]),
        ("O'Brien and Brien came", {"brien"}, 3, ["Brien", "Brien"]),
        ("nobody came", {"brien"}, 1, []),
    ],
)
def test_a_whole_word_begins_where_no_mark_joins_it_to_another(text, words, shortest, found):
    matches = whole_words(text, openings_of(text), words, shortest=shortest)
    assert [match.group() for match in matches] == found
