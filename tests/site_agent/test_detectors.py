from dataclasses import dataclass

import pytest
from presidio_analyzer import EntityRecognizer, RecognizerResult

from fedclinic.deid.deidentify import Deidentifier
from fedclinic.deid.policy import DeidentificationPolicy, Mode, Profile
from fedclinic.errors import DeidentificationError, PolicyError
from fedclinic.notes import KnownIdentifiers, Note, Span
from site_agent.detectors import (
    ClinicalRecognizer,
    PresidioDetector,
    SiteModelRecognizer,
    make_detector,
)
from tests.fedclinic.deid.makers import KEY, make_policy

TEXT = "Pt John Smith (MRN 4827193) seen 01/05/2020 by Dr. Lee at Mercy Hospital."


class BrokenRecognizer(EntityRecognizer):
    """Fails as a model without memory would."""

    def __init__(self) -> None:
        super().__init__(supported_entities=["PERSON"], name="Broken", supported_language="en")

    def load(self) -> None:
        pass

    def analyze(
        self, text: str, entities: list[str], nlp_artifacts: object = None
    ) -> list[RecognizerResult]:
        raise RuntimeError(f"out of memory at {text}")


@dataclass(frozen=True)
class OneWordModel:
    """A site model that knows a single word."""

    word: str

    def find(self, text: str) -> list[Span]:
        start = text.find(self.word)
        return [Span(start, start + len(self.word), "PERSON", 0.9)] if start >= 0 else []


def without_tagger() -> DeidentificationPolicy:
    policy = make_policy()
    settings = policy.settings.model_copy(update={"tagger": "off"})
    return policy.model_copy(update={"settings": settings})


def found(text: str, policy: DeidentificationPolicy) -> set[str]:
    return {text[s.start : s.end] for s in make_detector(policy).detect(text, None)}


@pytest.mark.parametrize("profile", Profile)
def test_every_profile_finds_the_identifiers_of_a_plain_note(profile: Profile) -> None:
    policy = make_policy(profile=profile)
    note = Note("n1", "p1", TEXT)
    text = Deidentifier(policy, make_detector(policy), KEY).deidentify(note).text
    for value in ("John", "Smith", "4827193", "01/05/2020", "Lee", "Mercy"):
        assert value not in text


def test_a_recogniser_that_fails_puts_the_note_into_quarantine() -> None:
    detector = PresidioDetector([ClinicalRecognizer(), BrokenRecognizer()], language="en")
    with pytest.raises(DeidentificationError, match="RuntimeError") as refused:
        Deidentifier(make_policy(), detector, KEY).deidentify(Note("n1", "p1", TEXT))
    assert "John" not in str(refused.value)


def test_known_values_of_the_patient_are_found_in_that_note_only() -> None:
    detector = make_detector(without_tagger())
    known = KnownIdentifiers("p1", (("PERSON", "zorvath"),))
    text = "later zorvath and so on"
    assert Span(6, 13, "PERSON", 0.99) in detector.detect(text, known)
    assert detector.detect(text, None) == []


def test_a_card_number_is_found_by_its_checksum() -> None:
    policy = make_policy(profile=Profile.DEFAULT)
    assert "4012888888881881" in found("paid with 4012888888881881 today", policy)


def test_the_embedded_model_finds_names_that_no_rule_announces() -> None:
    text = "Case reviewed with Drenholt Vasquemont and the team."
    assert not found(text, without_tagger())
    words = " ".join(found(text, make_policy(profile=Profile.DEFAULT)))
    assert "Drenholt" in words
    assert "Vasquemont" in words


def test_a_site_model_adds_its_findings() -> None:
    detector = make_detector(make_policy(), OneWordModel("umbrella"))
    assert Span(4, 12, "PERSON", 0.9) in detector.detect("the umbrella was wet", None)


def test_a_site_model_that_fails_puts_the_note_into_quarantine() -> None:
    class Failing:
        def find(self, text: str) -> list[Span]:
            raise ValueError(text)

    detector = PresidioDetector([SiteModelRecognizer(Failing())], language="en")
    with pytest.raises(DeidentificationError, match="ValueError"):
        Deidentifier(make_policy(), detector, KEY).deidentify(Note("n1", "p1", TEXT))


def test_a_policy_may_forbid_the_embedded_detectors_alone() -> None:
    strict = make_policy().model_copy(update={"embedded_detector_alone": False})
    with pytest.raises(PolicyError, match="site model"):
        make_detector(strict)
    assert make_detector(strict, OneWordModel("x")).detect("a dry day", None) == []


def test_detection_opens_no_connection(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: object, **__: object) -> None:
        raise AssertionError("a connection was opened")

    monkeypatch.setattr("socket.socket.connect", refuse)
    monkeypatch.setattr("socket.create_connection", refuse)
    policy = make_policy(Mode.SAFE_HARBOR, Profile.STRICT)
    assert found("write to jane.roe@hospital.example.org or www.example.org", policy)
