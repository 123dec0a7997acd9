"""Text as it comes: mark-up, odd spaces and marks, tables, huge and empty notes; nothing breaks."""

import re

import pytest

from fedclinic.deid.deidentify import Deidentifier
from fedclinic.deid.policy import Profile
from fedclinic.errors import DeidentificationError
from fedclinic.notes import Note, Span
from site_agent.detectors import make_detector
from tests.fedclinic.deid.makers import KEY, make_policy

POLICY = make_policy(profile=Profile.DEFAULT)
DETECTOR = make_detector(POLICY)


def treat(text: str, **changes: object) -> Deidentifier:
    return Deidentifier(POLICY.model_copy(update=changes), DETECTOR, KEY)


def treated(text: str, *entities: Span) -> str:
    return treat(text).run(Note("n", "p", text, (), entities)).note.text


FORMS = {
    "HTML": "<p>Seen by <b>Dr. Rachel Okafor</b> on 03/04/2021.</p><br/>Cough &amp; fever.",
    "RTF remains": r"{\rtf1\ansi\par Seen by Dr. Rachel Okafor\par on 03/04/2021. Cough\par}",
    "tabs": "Provider:\tDr. Rachel Okafor\tDate:\t03/04/2021\tComplaint:\tcough",
    "form feeds": "page 1\fSeen by Dr. Rachel Okafor on 03/04/2021.\fpage 2: cough",
    "carriage returns": "Seen by Dr. Rachel\r\nOkafor on 03/04/2021.\r\nCough.\r\n",
    "zero-width characters": "Seen by Dr. Ra\u200bchel Oka\u200dfor on 03/04/20\ufeff21. Cough.",
    "no-break spaces": "Seen by Dr.\u00a0Rachel\u00a0Okafor on\u00a003/04/2021. Cough.",
    "look-alike letters": "Seen by Dr. R\u0430chel Ok\u0430for on 03/04/2021. Cough.",
    "full-width digits": (
        "Seen by Dr. Rachel Okafor on \uff10\uff13/\uff10\uff14/\uff12\uff10\uff12\uff11. Cough."
    ),
    "a name at a line break": (
        "Seen with the family at length by Dr. Rachel\nOkafor on 03/04/2021 for cough."
    ),
    "a table with bars": "Name | MRN | Visit\nRachel Okafor | 48271936 | 03/04/2021\nfor cough",
    "a table with semicolons": "Surname;Given;Chart;Seen\nOkafor;Rachel;48271936;03/04/2021\ncough",
    "a header with dots": "FULL NAME........Okafor, Rachel\nDATE.....03/04/2021\ncough",
    "a template header": "Patient Name: [Okafor, Rachel]  DOB: [03/04/2021]  Ward: [ ]\ncough",
    "mixed scripts": "Seen by Dr. Rachel Okafor on 03/04/2021. Β-blocker, 37 °C, ÅÄÖ 患者. Cough.",
}
_HIDDEN = "[\u200b\u200d\ufeff]?"
_IDENTIFIERS = re.compile(
    "|".join(
        _HIDDEN.join(f"[{letter}{other}]" for letter, other in word)
        for word in (
            (("R", ""), ("a", "\u0430"), ("c", ""), ("h", ""), ("e", ""), ("l", "")),
            (("O", ""), ("k", ""), ("a", "\u0430"), ("f", ""), ("o", ""), ("r", "")),
            tuple((each, chr(ord(each) + 0xFEE0)) for each in "03/04/2021"),
            tuple((each, "") for each in "48271936"),
        )
    )
)


@pytest.mark.parametrize("form", FORMS)
def test_names_and_dates_go_and_words_stay_in_any_form(form):
    shown = treated(FORMS[form]).replace("\u200b", "").replace("\u200d", "").replace("\ufeff", "")
    for value in ("Rachel", "Okafor", "R\u0430chel", "03/04/2021", "48271936", "\uff10\uff13"):
        assert value not in shown
    assert "ough" in shown


@pytest.mark.parametrize("form", FORMS)
def test_what_is_replaced_is_the_identifier_to_the_letter_in_any_form(form):
    text = FORMS[form]
    spans = treat(text).run(Note("n", "p", text)).spans
    replaced = {at for span in spans for at in range(span.start, span.end) if text[at].isalnum()}
    meant = {at for match in _IDENTIFIERS.finditer(text) for at in range(*match.span())}
    assert replaced == {at for at in meant if text[at].isalnum()}


@pytest.mark.parametrize("form", FORMS)
def test_labels_stay_on_their_words_in_any_form(form):
    text = FORMS[form]
    at = text.lower().rindex("ough")
    result = treat(text).run(Note("n", "p", text, (), (Span(at, at + 4, "problem"),)))
    (label,) = result.note.entities
    assert result.note.text[label.start : label.end] == "ough"


@pytest.mark.parametrize("text", ["", " ", "\n", "\u200b", "<p></p>", "&nbsp;"])
def test_a_note_without_text_is_refused(text):
    with pytest.raises(DeidentificationError, match="the note holds no text"):
        treated(text)


@pytest.mark.parametrize("text", [".", "a", "7", "\x00", "👩‍⚕️"])
def test_notes_without_anything_to_find_come_back_as_they_are(text):
    assert treated(text) == text


@pytest.mark.parametrize(
    "text",
    [
        "La paciente refiere dolor en el pecho desde hace dos días y no ha tomado las medicinas "
        "que le dieron en la clínica. Se le explica que debe volver si empeora.",
        "Пациент поступил в отделение с жалобами на кашель и лихорадку",
        "患者因咳嗽和发热入院治疗",
    ],
)
def test_a_note_in_another_language_or_script_is_refused(text):
    with pytest.raises(DeidentificationError, match=r"another (language|script)"):
        treated(text)


def test_a_note_longer_than_the_policy_allows_is_refused_before_it_is_read():
    text = "x" * 10_000_000
    with pytest.raises(DeidentificationError, match="10000000 characters, more than 2000000"):
        treated(text)


def test_a_note_that_is_nearly_all_identifiers_is_refused():
    text = "\n".join(f"Okafor{n}, Rachel 48271936{n} (617) 555-01{n:02d}" for n in range(60))
    with pytest.raises(DeidentificationError, match="larger share"):
        treated(text)
