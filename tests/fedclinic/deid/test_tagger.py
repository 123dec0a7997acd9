from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from safetensors.numpy import load, save

from fedclinic.deid.gate import gate
from fedclinic.deid.lexicon import lexicon
from fedclinic.deid.mentions import further_mentions
from fedclinic.deid.rules.openings import openings_of
from fedclinic.deid.tagger import Features, embedded_tagger, read_tagger, tokenize
from fedclinic.deid.tagging import Tagging, find_tagged
from fedclinic.errors import ModelError
from fedclinic.notes import Span
from tests.fedclinic.deid.makers import ROOT

WEIGHTS = ROOT / "fedclinic" / "deid" / "tagger_data" / "tagger.safetensors"
FEATURES = Features(lexicon())


def tagged(text: str, threshold: float = 0.5) -> dict[str, str]:
    spans = find_tagged(text, Tagging(embedded_tagger(), FEATURES, threshold))
    return {text[span.start : span.end]: span.label for span in spans}


def test_the_embedded_weights_are_smaller_than_twelve_megabytes() -> None:
    assert WEIGHTS.stat().st_size < 12_000_000


@pytest.mark.parametrize(
    "name", ["Wexthrop Ombledine", "Quirvane Astelby", "Thazmin Orlovitchka", "Drenholt Vasquemont"]
)
def test_names_that_no_dictionary_holds_are_found_by_what_stands_around_them(name: str) -> None:
    text = f"Attending Physician: {name}, MD. The case was discussed with {name} by telephone."
    words = " ".join(value for value, label in tagged(text).items() if label == "PERSON")
    assert all(part in words for part in name.split())


def test_ordinary_prose_has_no_findings() -> None:
    text = "The lungs are clear to auscultation. No murmur. Continue metoprolol 25 mg twice daily."
    assert tagged(text) == {}


@given(st.text(max_size=200))
def test_tokens_are_sorted_and_never_overlap(text: str) -> None:
    places = tokenize(text)
    assert all(a[1] <= b[0] for a, b in pairwise(places))


@settings(max_examples=30)
@given(st.text(max_size=200), st.sampled_from([0.3, 0.5, 0.9]))
def test_spans_stay_within_the_text_and_scores_are_probabilities(
    text: str, threshold: float
) -> None:
    for span in find_tagged(text, Tagging(embedded_tagger(), FEATURES, threshold)):
        assert 0 <= span.start < span.end <= len(text)
        assert threshold <= span.score <= 1


def test_cutting_a_long_text_into_chunks_changes_nothing() -> None:
    text = "Seen by Dr. Drenholt Vasquemont on 3/4/2020 at Mercy Hospital. Stable, no pain.\n" * 40
    whole = find_tagged(text, Tagging(embedded_tagger(), FEATURES, 0.5))
    cut = find_tagged(text, Tagging(embedded_tagger(), FEATURES, 0.5, chunk_tokens=64))

    def covered(spans: list[Span]) -> set[int]:
        return {at for span in spans for at in range(span.start, span.end) if text[at].isalnum()}

    assert covered(cut) == covered(whole)


def test_numpy_computes_what_torch_trained() -> None:
    torch = pytest.importorskip("torch")
    from fedclinic.deid.tagger_training import Network  # noqa: PLC0415 - torch only here

    torch.manual_seed(0)
    network = Network().eval()
    rows = FEATURES.rows([f"word{index}" for index in range(30)])
    with torch.no_grad():
        expected = torch.softmax(network(torch.from_numpy(rows)[None])[0], dim=1).numpy()
    numpy_tagger = read_tagger(save(network.weights()))
    np.testing.assert_allclose(numpy_tagger.probabilities(rows), expected, atol=2e-3)


def test_weights_without_a_tensor_are_refused() -> None:
    tensors = load(WEIGHTS.read_bytes())
    del tensors["second.bias"]
    with pytest.raises(ModelError, match=r"second\.bias"):
        read_tagger(save(tensors))


def test_weights_of_another_shape_are_refused() -> None:
    tensors = load(WEIGHTS.read_bytes())
    tensors["table0"] = tensors["table0"][:-1].copy()
    with pytest.raises(ModelError, match="other shapes"):
        read_tagger(save(tensors))


def gated(text: str, words: str, label: str, score: float = 0.8) -> list[str]:
    start = text.index(words)
    kept = gate(text, [Span(start, start + len(words), label, score)], lexicon())
    return [text[span.start : span.end] for span in kept]


def test_the_gate_lets_an_unknown_word_with_a_capital_pass() -> None:
    assert gated("saw Vasquemont today", "Vasquemont", "PERSON") == ["Vasquemont"]


@pytest.mark.parametrize(
    ("text", "words", "label"),
    [
        ("the chest pain resolved", "chest pain", "PERSON"),
        ("given 25 mg daily", "25 mg", "OTHER_ID"),
        ("in 2019 he", "2019", "DATE_TIME"),
        ("at 10:30 he", "10:30", "DATE_TIME"),
        ("treated for GERD again", "GERD", "PERSON"),
        ("room 12", "12", "OTHER_ID"),
    ],
)
def test_the_gate_stops_what_dictionaries_or_form_speak_against(
    text: str, words: str, label: str
) -> None:
    assert gated(text, words, label) == []


def test_the_gate_cuts_small_words_off_a_name() -> None:
    assert gated("by Vasquemont may", "by Vasquemont may", "PERSON") == ["Vasquemont"]


def test_a_person_found_once_is_found_at_every_further_mention() -> None:
    text = "Dr. Vasquemont saw him. Later Vasquemont's note; a vasquemont is no name here."
    first = Span(4, 14, "PERSON")
    mentions = further_mentions(text, openings_of(text), [first], lexicon())
    assert [text[span.start : span.end] for span in mentions] == ["Vasquemont", "Vasquemont"]


def test_an_ordinary_word_of_a_name_is_no_further_mention() -> None:
    text = "Ms. Young slept. Young adults do well."
    assert further_mentions(text, openings_of(text), [Span(4, 9, "PERSON")], lexicon()) == []
