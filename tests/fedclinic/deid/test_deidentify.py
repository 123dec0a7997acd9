import contextlib

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from fedclinic.deid.deidentify import Deidentifier
from fedclinic.deid.kinds import EntityKind
from fedclinic.deid.policy import Mode
from fedclinic.errors import DeidentificationError
from fedclinic.notes import KnownIdentifiers, Note, Span
from tests.fedclinic.deid.makers import (
    KEY,
    FailingDetector,
    ListedDetector,
    RuleDetector,
    make_deidentifier,
    make_note,
    make_policy,
)

NOTE = (
    "Pt John Smith (MRN 4827193), 93 y.o., seen 01/05/2020 by Dr. Lee at Mercy Hospital, "
    "Boston, MA 02115. Phone (617) 555-2368. Parkinson disease stable. BP 120/80."
)


def label(text: str, words: str, name: str = "problem") -> Span:
    start = text.index(words)
    return Span(start, start + len(words), name)


def test_nothing_identifying_is_left_in_the_text() -> None:
    text = make_deidentifier().deidentify(make_note(NOTE)).text
    for value in (
        "John",
        "Smith",
        "4827193",
        "93 y",
        "01/05/2020",
        "Lee",
        "Mercy",
        "02115",
        "2368",
    ):
        assert value not in text


def test_clinical_words_are_left_as_they_were() -> None:
    text = make_deidentifier().deidentify(make_note(NOTE)).text
    assert "Parkinson disease stable. BP 120/80." in text


def test_safe_harbor_keeps_of_a_date_the_year_only_and_of_a_number_nothing() -> None:
    text = make_deidentifier(mode=Mode.SAFE_HARBOR).deidentify(make_note(NOTE)).text
    assert "seen 2020 by" in text
    assert "[MEDICAL_RECORD]" in text
    assert "MA 021XX" in text
    assert "90+ y.o." in text


def test_safe_harbor_hides_a_birth_year_that_shows_an_age_over_89() -> None:
    note = make_note("DOB 03/14/1931. Seen 01/05/2024.")
    text = make_deidentifier(mode=Mode.SAFE_HARBOR).deidentify(note).text
    assert text == "DOB [DATE]. Seen 2024."


def test_the_same_note_gives_the_same_text() -> None:
    first = make_deidentifier().deidentify(make_note(NOTE))
    assert make_deidentifier().deidentify(make_note(NOTE)) == first


def test_a_person_has_the_same_surrogate_in_all_notes_of_a_patient() -> None:
    deidentifier = make_deidentifier()
    first = deidentifier.deidentify(make_note("Mr. Zielinski is well.")).text
    second = deidentifier.deidentify(make_note("Saw Mr. Zielinski again.")).text
    assert first.split()[1] == second.split()[2]


def test_labels_follow_their_text() -> None:
    entity = label(NOTE, "Parkinson disease")
    result = make_deidentifier().run(make_note(NOTE, entities=(entity,)))
    moved = result.note.entities[0]
    assert result.note.text[moved.start : moved.end] == "Parkinson disease"
    assert (result.counts.entities_total, result.counts.entities_survived) == (1, 1)


def test_a_label_on_a_replaced_name_counts_as_lost() -> None:
    entity = label(NOTE, "John Smith", "subject")
    counts = make_deidentifier().run(make_note(NOTE, entities=(entity,))).counts
    assert (counts.entities_total, counts.entities_survived) == (1, 0)


def test_replacements_are_counted_by_kind() -> None:
    counts = make_deidentifier().run(make_note(NOTE)).counts
    assert counts.replaced[EntityKind.PERSON] == 2
    assert counts.replaced[EntityKind.MEDICAL_RECORD] == 1
    assert counts.characters == len(NOTE)


@pytest.mark.parametrize("text", ["", " \n\t"])
def test_a_note_without_text_goes_into_quarantine(text: str) -> None:
    with pytest.raises(DeidentificationError, match="the note holds no text"):
        make_deidentifier().deidentify(make_note(text))


@pytest.mark.parametrize(
    "error", [ValueError("John"), TimeoutError(), KeyError("x"), MemoryError()]
)
def test_a_detector_that_fails_puts_the_note_into_quarantine(error: Exception) -> None:
    with pytest.raises(DeidentificationError, match=type(error).__name__) as refused:
        make_deidentifier(FailingDetector(error)).deidentify(make_note(NOTE))
    assert "John" not in str(refused.value)
    assert refused.value.__cause__ is None


@pytest.mark.parametrize(
    "span",
    [Span(0, 5, "NAME"), Span(0, 999, "PERSON"), Span(5, 5, "PERSON"), Span(-1, 2, "PERSON")],
)
def test_a_detector_that_says_nonsense_puts_the_note_into_quarantine(span: Span) -> None:
    with pytest.raises(DeidentificationError):
        make_deidentifier(ListedDetector((span,))).deidentify(make_note(NOTE))


def test_an_entity_label_outside_the_text_is_refused() -> None:
    with pytest.raises(DeidentificationError, match="entity label"):
        make_deidentifier().deidentify(make_note("short", entities=(Span(2, 99, "problem"),)))


def test_a_note_that_is_mostly_identifiers_is_refused() -> None:
    text = "seen " + "John Smith, " * 60
    with pytest.raises(DeidentificationError, match="larger share"):
        make_deidentifier().deidentify(make_note(text))


def test_a_note_longer_than_the_policy_allows_is_refused() -> None:
    text = "a " * 1_100_000
    with pytest.raises(DeidentificationError, match="more than 2000000"):
        make_deidentifier().deidentify(make_note(text))


SPANISH = (
    "Paciente varón de 53 años sin antecedentes de interés que ingresa procedente de urgencias "
    "con un cuadro de tromboembolismo pulmonar. Ante la sospecha de neoplasia oculta se "
    "procede a la realización de una ecografía abdominal donde se evidencia una masa renal derecha."
)
GERMAN = (
    "Der Patient wurde mit starken Schmerzen in der Brust von dem Notarzt in die Klinik gebracht "
    "und auf der Station aufgenommen. Es ist nicht bekannt, ob eine Allergie besteht, und die "
    "Familie wird noch befragt."
)
RUSSIAN = "Пациент поступил с болью в груди и одышкой, состояние средней тяжести."


@pytest.mark.parametrize("text", [SPANISH, GERMAN, RUSSIAN])
def test_a_note_in_another_language_is_refused(text: str) -> None:
    with pytest.raises(DeidentificationError, match="written in another"):
        make_deidentifier().deidentify(make_note(text))


def test_an_english_note_about_a_spanish_speaker_is_not_refused() -> None:
    text = (
        NOTE
        + " Speaks Spanish: 'me duele la cabeza y el pecho'. The patient was seen with his son."
    )
    assert make_deidentifier().deidentify(make_note(text)).text


def test_a_known_value_that_survives_puts_the_note_into_quarantine() -> None:
    known = KnownIdentifiers("p1", (("PERSON", "Zorvath Quilim"),))
    with pytest.raises(DeidentificationError, match="1 known values") as refused:
        make_deidentifier(ListedDetector()).deidentify(make_note("Zorvath slept well."), known)
    assert "Zorvath" not in str(refused.value)


def test_known_values_are_found_where_no_rule_finds_them() -> None:
    known = KnownIdentifiers("p1", (("PERSON", "zorvath quilim"), ("OTHER_ID", "77-1")))
    text = make_deidentifier().deidentify(
        make_note("quilim slept, zorvath did not; bed 77-1."), known
    )
    assert "quilim" not in text.text
    assert "zorvath" not in text.text


def test_a_known_address_leaves_street_and_state_without_quarantine() -> None:
    known = KnownIdentifiers(
        "p1", (("LOCATION", "412 Cornwallis Street"), ("LOCATION", "Albany, New York"))
    )
    note = make_note("He lives at 412 Cornwallis Street, Albany, New York. He slept well.")
    text = make_deidentifier().deidentify(note, known).text
    assert "Cornwallis" not in text
    assert "Albany" not in text


def test_a_surrogate_is_no_value_of_the_cohort() -> None:
    plain = make_deidentifier().deidentify(make_note("Mr. Zielinski is well.")).text
    taken = plain.split()[1].lower()
    other = make_deidentifier(cohort_values=frozenset({taken}))
    assert taken not in other.deidentify(make_note("Mr. Zielinski is well.")).text.lower()


def test_a_short_key_is_refused() -> None:
    with pytest.raises(DeidentificationError, match="key"):
        make_deidentifier(key=b"short")


def test_the_key_never_shows_in_a_repr() -> None:
    assert "0123456789" not in repr(make_deidentifier())


MESSY = [
    "<p>Pt <b>John</b> <i>Smith</i>, MRN&nbsp;4827193</p>",
    "Pt John\r\nSmith\r\n\tMRN:\t4827193\r\n",
    "Pt Jo\u200bhn Sm\u200dith, MRN 48\u200b27193",
    "\x0cNAME: John Smith\x0cMRN 4827193\x0c",
    "{\\rtf1\\ansi\\b Pt John Smith\\b0\\par MRN 4827193}",
    "Name|John Smith|MRN|4827193|",
    "NAME\tJohn Smith\nMRN\t4827193",
    "Ｊohn Smith, MRN ４８２７１９３",
    "Pt Jоhn Smith, MRN 4827193",
    "Patient: SMITH, JOHN    MRN: 4827193",
    "pt john smith, mrn 4827193, denies pain",
    "Pt John\u00a0Smith — MRN\u00a04827193",
]


@pytest.mark.parametrize("text", MESSY)
def test_identifiers_go_from_messy_text_with_exact_offsets(text: str) -> None:
    result = make_deidentifier().run(make_note(text))
    plain = result.note.text.replace("\u200b", "").replace("\u200d", "").lower()
    assert "smith" not in plain
    assert "4827193" not in plain
    rebuilt, position = "", 0
    for replacement in result.offsets.replacements:
        rebuilt += text[position : replacement.start]
        rebuilt += result.note.text[replacement.new_start : replacement.new_end]
        position = replacement.end
    assert rebuilt + text[position:] == result.note.text


@settings(max_examples=60)
@given(st.text(max_size=300))
def test_any_text_is_either_deidentified_or_refused(text: str) -> None:
    with contextlib.suppress(DeidentificationError):
        make_deidentifier().run(make_note(text))


@settings(max_examples=40)
@given(
    st.lists(st.sampled_from([NOTE, "\n", "<br>", "\u200b", " no acute distress. "]), max_size=5)
)
def test_labels_outside_identifiers_survive_wherever_they_stand(parts: list[str]) -> None:
    text = "".join(parts) + "Severe asthma noted."
    entity = Span(len(text) - 20, len(text) - 7, "problem")
    result = make_deidentifier().run(make_note(text, entities=(entity,)))
    moved = result.note.entities[0]
    assert result.note.text[moved.start : moved.end] == "Severe asthma"


def test_the_detector_reads_the_text_without_mark_up() -> None:
    detector = RuleDetector()
    Deidentifier(make_policy(), detector, KEY).deidentify(Note("n", "p", "<b>John</b> Smith"))
    assert detector.seen == ["John Smith"]
