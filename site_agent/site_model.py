"""The site's own token classifier for de-identification: a local folder, pinned by its digest.

It raises where it cannot tell, so that the note goes to quarantine; nothing is downloaded and no
code of the folder is run.
"""

import importlib
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from fedclinic.errors import ConfigError, DeidentificationError, ModelError
from fedclinic.notes import Span
from fedclinic.records import Digest
from site_agent.model_folder import digest_files, load_pretrained
from site_agent.settings import SiteModelChoice

if TYPE_CHECKING:
    from site_agent.detectors import SiteModel

PICKLED = (".bin", ".pt", ".pth", ".pkl", ".pickle", ".ckpt", ".h5", ".msgpack", ".py")
OVERLAP_TOKENS = 32
BATCH_WINDOWS = 8
SPACY_CHARACTERS = 50_000
SCORE = 0.85
"""Of every finding: the model's own threshold has decided by then."""


def load_site_model(choice: SiteModelChoice) -> "SiteModel":
    """Load the model that site.yaml names, after its digest is found to be the pinned one.

    Raises:
        ModelError: if the folder is missing, was changed, cannot be loaded, or has a label that
            `deidentification.model.labels` does not name.
        ConfigError: if it is a spaCy pipeline and spaCy is not installed.
    """
    folder = Path(choice.path)
    found = digest_model_folder(folder)
    if found != choice.digest:
        raise ModelError(
            f"{folder}: digest {found} is not the one in site.yaml; the model was changed"
        )
    if choice.kind == "spacy":
        return SpacyModel(folder, choice)
    return TokenClassifier(folder, choice)


def digest_model_folder(folder: Path) -> Digest:
    """Digest every file of a folder by its name, length and content.

    Raises:
        ModelError: if there is no such folder, it is empty, or a file cannot be read.
    """
    files = [path for path in folder.rglob("*") if path.is_file()]
    if not files:
        raise ModelError(f"{folder} holds no model")
    return digest_files(folder, files)


def check_labels(labels: Iterable[str], choice: SiteModelChoice) -> None:
    """Refuse a model with a label whose meaning nobody gave: it would be passed over in silence.

    Raises:
        ModelError: naming the labels.
    """
    missing = sorted({_plain(label) for label in labels} - {"O"} - set(choice.labels))
    if missing:
        raise ModelError(
            f"{choice.path}: deidentification.model.labels does not say what "
            f"{', '.join(missing)} mean"
        )
    if not any(choice.labels.values()):
        raise ModelError(f"{choice.path}: no label means an identifier")


def _plain(label: str) -> str:
    """A label without the prefix of the BIO, BIOES and BILOU schemes."""
    head, mark, rest = label.partition("-")
    return rest if mark and head in ("B", "I", "E", "S", "L", "U") else label


class TokenClassifier:
    """A Hugging Face token classifier with a fast tokenizer and safetensors weights."""

    def __init__(self, folder: Path, choice: SiteModelChoice) -> None:
        if any(path.suffix in PICKLED for path in folder.rglob("*")):
            raise ModelError(f"{folder}: pickled weights and code are never read; use safetensors")
        self._network, self._tokenizer = _load(folder)
        labels: Mapping[int, str] = self._network.config.id2label
        check_labels(labels.values(), choice)
        self._kinds = [choice.labels.get(_plain(labels[index])) for index in sorted(labels)]
        self._threshold = choice.threshold
        self._window = _window_of(self._network, self._tokenizer)

    def find(self, text: str) -> list[Span]:
        """Words that the model takes for identifiers, neighbours of one kind together.

        Raises:
            DeidentificationError: if the model gives no numbers for a text that has words.
        """
        if not text.strip():
            return []
        encoded = self._tokenizer(
            text,
            truncation=True,
            max_length=self._window,
            stride=min(OVERLAP_TOKENS, self._window // 4),
            return_overflowing_tokens=True,
            return_offsets_mapping=True,
            padding=True,
            return_tensors="pt",
        )
        offsets = encoded.pop("offset_mapping").tolist()
        encoded.pop("overflow_to_sample_mapping", None)
        marked: dict[int, tuple[str, float]] = {}
        for first in range(0, len(offsets), BATCH_WINDOWS):
            part = slice(first, first + BATCH_WINDOWS)
            probabilities = self._probabilities({key: each[part] for key, each in encoded.items()})
            for places, rows in zip(offsets[part], probabilities, strict=True):
                self._mark(places, rows, marked)
        if not any(end > start for window in offsets for start, end in window):
            raise DeidentificationError("the site's model read no word of the note")
        return _spans(text, marked)

    def _probabilities(self, inputs: dict[str, Any]) -> list[list[list[float]]]:
        """Probability of each label, shape `(windows, tokens, labels)`."""
        import torch  # noqa: PLC0415 - slow to load, and only a site model needs it

        with torch.inference_mode():
            scores = self._network(**inputs).logits.float()
            if scores.shape[-1] != len(self._kinds) or not bool(torch.isfinite(scores).all()):
                raise DeidentificationError("the site's model gave no usable numbers")
            found: list[list[list[float]]] = scores.softmax(-1).tolist()
        return found

    def _mark(
        self,
        places: list[list[int]],
        rows: list[list[float]],
        marked: dict[int, tuple[str, float]],
    ) -> None:
        """Keep the kind of each character that a token covers, the surest of several windows."""
        for (start, end), row in zip(places, rows, strict=True):
            sums: dict[str, float] = {}
            for meant, probability in zip(self._kinds, row, strict=True):
                if meant is not None:
                    sums[meant] = sums.get(meant, 0.0) + probability
            total = sum(sums.values())
            if end <= start or total < self._threshold:
                continue
            kind = max(sums, key=lambda name: sums[name])
            for at in range(start, end):
                if at not in marked or marked[at][1] < total:
                    marked[at] = kind, total


def _load(folder: Path) -> tuple[Any, Any]:
    try:
        found = load_pretrained(folder, "AutoModelForTokenClassification")
    except Exception as error:
        raise ModelError(
            f"{folder}: cannot be loaded ({type(error).__name__}); it must be a Hugging Face token "
            "classifier with safetensors"
        ) from None
    tokenizer = found.tokenizer
    if found.missing or not tokenizer.is_fast:
        raise ModelError(f"{folder}: weights of the classifier or the fast tokenizer are missing")
    if tokenizer.pad_token is None:
        tokenizer.pad_token = tokenizer.eos_token
    return found.network, tokenizer


def _window_of(network: Any, tokenizer: Any) -> int:
    """Tokens that the model reads at once."""
    places = getattr(network.config, "max_position_embeddings", 512)
    offset = 2 if getattr(network.config, "model_type", "") in ("roberta", "xlm-roberta") else 0
    return int(min(places - offset, tokenizer.model_max_length, 512))


def _spans(text: str, marked: Mapping[int, tuple[str, float]]) -> list[Span]:
    """Join marked characters to whole words, and words of one kind that a space parts."""
    found: list[Span] = []
    for at in sorted(marked):
        kind, _ = marked[at]
        last = found[-1] if found else None
        if last is not None and at < last.end:
            continue
        start, end = at, at + 1
        while start > 0 and text[start].isalnum() and text[start - 1].isalnum():
            start -= 1
        while end < len(text) and text[end - 1].isalnum() and text[end].isalnum():
            end += 1
        if last is not None and last.label == kind and not text[last.end : start].strip(" "):
            found[-1] = Span(last.start, end, kind, SCORE)
        else:
            found.append(Span(start, end, kind, SCORE))
    return found


class SpacyModel:
    """A spaCy pipeline with an entity recogniser."""

    def __init__(self, folder: Path, choice: SiteModelChoice) -> None:
        try:
            spacy: Any = importlib.import_module("spacy")
        except ImportError:
            raise ConfigError(
                "site.yaml names a spaCy model: pip install 'fedclinic[spacy]'"
            ) from None
        try:
            self._pipeline: Any = spacy.load(folder)
        except Exception as error:
            raise ModelError(f"{folder}: cannot be loaded ({type(error).__name__})") from None
        if "ner" not in self._pipeline.pipe_names:
            raise ModelError(f"{folder}: the pipeline has no entity recogniser")
        check_labels(self._pipeline.get_pipe("ner").labels, choice)
        self._kinds = choice.labels

    def find(self, text: str) -> list[Span]:
        """Entities whose label means an identifier; long texts are read in parts.

        Raises:
            Exception: whatever the pipeline raises, so that the note is quarantined.
        """
        found = []
        for first in range(0, len(text), SPACY_CHARACTERS):
            for entity in self._pipeline(text[first : first + SPACY_CHARACTERS + 200]).ents:
                kind = self._kinds[entity.label_]
                if kind is not None:
                    span = Span(first + entity.start_char, first + entity.end_char, kind, SCORE)
                    found.append(span)
        return found
