"""A site's own token classifier: pinned, offline, fully labelled, never silent when it fails."""

from pathlib import Path

import pytest
import torch
from transformers import BertConfig, BertForTokenClassification

from fedclinic.deid.deidentify import Deidentifier
from fedclinic.deid.kinds import EntityKind
from fedclinic.errors import DeidentificationError, ModelError
from fedclinic.notes import Note
from site_agent.detectors import PresidioDetector, SiteModelRecognizer
from site_agent.settings import SiteModelChoice
from site_agent.site_model import digest_model_folder, load_site_model
from tests.fedclinic.deid.makers import KEY, make_policy
from tests.tiny_models import VOCABULARY, make_tokenizer

LABELS = ("O", "B-PATIENT", "I-PATIENT", "B-HOSPITAL")
MEANING = {"PATIENT": EntityKind.PERSON, "HOSPITAL": None}


def save_classifier(folder: Path, *, spoil: bool = False) -> None:
    """A classifier that takes every word with a q for a patient, and nothing else."""
    torch.manual_seed(0)
    config = BertConfig(
        vocab_size=len(VOCABULARY),
        hidden_size=16,
        num_hidden_layers=1,
        num_attention_heads=2,
        intermediate_size=16,
        max_position_embeddings=64,
        id2label=dict(enumerate(LABELS)),
        label2id={label: index for index, label in enumerate(LABELS)},
    )
    model = BertForTokenClassification(config)
    with torch.no_grad():
        for parameter in model.parameters():
            parameter.zero_()
        words = model.bert.embeddings.word_embeddings.weight
        for index, piece in enumerate(VOCABULARY):
            words[index, 0] = 1.0 if "q" in piece else -1.0
        model.bert.embeddings.LayerNorm.weight.fill_(1.0)
        for layer in model.bert.encoder.layer:
            layer.attention.output.LayerNorm.weight.fill_(1.0)
            layer.output.LayerNorm.weight.fill_(1.0)
        model.classifier.weight[1, 0] = float("nan") if spoil else 5.0
    model.save_pretrained(folder)
    make_tokenizer().save_pretrained(folder)


def choice(folder: Path, **changes: object) -> SiteModelChoice:
    values = {
        "kind": "huggingface",
        "path": str(folder),
        "digest": digest_model_folder(folder),
        "labels": MEANING,
    }
    return SiteModelChoice.model_validate(values | changes)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    save_classifier(tmp_path / "model")
    return tmp_path / "model"


def found(folder: Path, text: str) -> list[tuple[str, str]]:
    spans = load_site_model(choice(folder)).find(text)
    return [(text[span.start : span.end], span.label) for span in spans]


def test_whole_words_are_found_with_the_kinds_of_the_label_map(folder):
    assert found(folder, "the aqua patient") == [("aqua", EntityKind.PERSON)]


def test_a_note_longer_than_the_models_window_is_read_to_its_end(folder):
    text = "the patient was seen for cough " * 40 + "by aqua"
    assert found(folder, text) == [("aqua", EntityKind.PERSON)]


def test_a_text_without_words_has_no_findings(folder):
    assert found(folder, " \n ") == []


def test_a_changed_file_is_refused(folder):
    pinned = choice(folder)
    (folder / "tokenizer.json").write_text((folder / "tokenizer.json").read_text() + " ")
    with pytest.raises(ModelError, match="is not the one in site"):
        load_site_model(pinned)


def test_a_label_that_nobody_explained_is_refused(folder):
    with pytest.raises(ModelError, match="does not say what HOSPITAL mean"):
        load_site_model(choice(folder, labels={"PATIENT": "PERSON"}))


def test_a_map_without_an_identifier_is_refused(folder):
    with pytest.raises(ModelError, match="no label means an identifier"):
        load_site_model(choice(folder, labels={"PATIENT": None, "HOSPITAL": None}))


def test_pickled_weights_are_never_read(folder):
    (folder / "pytorch_model.bin").write_bytes(b"\x80\x04.")
    with pytest.raises(ModelError, match="pickled weights and code are never read"):
        load_site_model(choice(folder))


def test_a_folder_that_is_missing_or_no_model_is_refused(tmp_path):
    with pytest.raises(ModelError, match="holds no model"):
        digest_model_folder(tmp_path / "nowhere")
    (tmp_path / "config.json").write_text("{}")
    with pytest.raises(ModelError, match="cannot be loaded"):
        load_site_model(choice(tmp_path))


def test_a_model_that_gives_no_numbers_puts_the_note_into_quarantine(tmp_path):
    save_classifier(tmp_path / "model", spoil=True)
    model = load_site_model(choice(tmp_path / "model"))
    detector = PresidioDetector([SiteModelRecognizer(model)], language="en")
    with pytest.raises(DeidentificationError, match="no usable numbers"):
        Deidentifier(make_policy(), detector, KEY).deidentify(Note("n", "p", "the aqua patient"))


def test_a_spacy_pipeline_finds_entities_with_the_kinds_of_the_label_map(tmp_path):
    spacy = pytest.importorskip("spacy")
    pipeline = spacy.blank("en")
    pipeline.add_pipe("ner").add_label("PATIENT")
    pipeline.initialize()
    pipeline.to_disk(tmp_path / "model")
    labels = {"PATIENT": "PERSON"}
    model = load_site_model(choice(tmp_path / "model", kind="spacy", labels=labels))
    assert {span.label for span in model.find("the aqua patient")} <= {"PERSON"}
    with pytest.raises(ModelError, match="does not say what PATIENT mean"):
        load_site_model(choice(tmp_path / "model", kind="spacy", labels={"X": "PERSON"}))


def test_the_label_map_of_a_site_model_names_kinds_that_the_policy_knows(folder):
    with pytest.raises(ValueError, match="PERSON"):
        choice(folder, labels={"PATIENT": "SOMEBODY"})
