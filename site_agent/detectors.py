"""A site's detectors: Presidio's AnalyzerEngine with our own registry; the door to Presidio.

No spaCy pipeline is loaded and nothing is ever downloaded. A recogniser that fails raises, so that
the note goes to quarantine; none of them returns nothing instead.
"""

import logging
import sys
from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any, Protocol

import regex  # type: ignore[import-untyped]

_UNUSED = [name for name in ("torch", "transformers", "stanza") if name not in sys.modules]
"""Presidio imports these for seconds where they are installed; the `no_op` engine uses none."""

sys.modules.update(dict.fromkeys(_UNUSED))  # type: ignore[arg-type]
from presidio_analyzer import (
    AnalyzerEngine,
    EntityRecognizer,
    PatternRecognizer,
    RecognizerRegistry,
    RecognizerResult,
)
from presidio_analyzer.context_aware_enhancers import ContextAwareEnhancer
from presidio_analyzer.nlp_engine import NlpEngineProvider
from presidio_analyzer.predefined_recognizers import (
    CreditCardRecognizer,
    IbanRecognizer,
    MacAddressRecognizer,
    UsMbiRecognizer,
    UsNpiRecognizer,
)

for _name in _UNUSED:
    del sys.modules[_name]

from fedclinic.deid.beside_names import names_beside
from fedclinic.deid.clinical import find_identifiers, prepare_text
from fedclinic.deid.deidentify import Detector
from fedclinic.deid.gate import gate
from fedclinic.deid.kinds import EntityKind
from fedclinic.deid.known import KnownValues, find_known, prepare
from fedclinic.deid.lexicon import lexicon
from fedclinic.deid.mentions import further_mentions
from fedclinic.deid.policy import DeidentificationPolicy, ProfileSettings
from fedclinic.deid.tagger import Features, embedded_tagger
from fedclinic.deid.tagging import Tagging, find_tagged
from fedclinic.errors import PolicyError
from fedclinic.notes import KnownIdentifiers, Span

logging.getLogger("presidio-analyzer").setLevel(logging.ERROR)
_KINDS = [kind.value for kind in EntityKind]
_TAGGER_SCORE = 0.59
"""Highest score of the tagger's findings: where a rule found more, the rule's kind holds."""
_STOCK_SECONDS = 5.0
_STOCK_FLAGS = regex.DOTALL | regex.MULTILINE | regex.IGNORECASE
_STOCK: tuple[tuple[Callable[[], PatternRecognizer], EntityKind], ...] = (
    (CreditCardRecognizer, EntityKind.ACCOUNT),
    (IbanRecognizer, EntityKind.ACCOUNT),
    (UsMbiRecognizer, EntityKind.HEALTH_PLAN),
    (UsNpiRecognizer, EntityKind.LICENSE),
    (MacAddressRecognizer, EntityKind.DEVICE),
)
"""Presidio's recognisers that a checksum or a strict form keeps precise.

Its e-mail recogniser reaches for the network; its telephone, URL and bank recognisers take half of
the time and find nothing more.
"""


class ClinicalRecognizer(EntityRecognizer):
    """Rules and dictionaries of `fedclinic.deid`."""

    def __init__(self) -> None:
        super().__init__(supported_entities=_KINDS, name="Clinical", supported_language="en")

    def load(self) -> None:
        lexicon()

    def analyze(
        self, text: str, entities: list[str], nlp_artifacts: object = None
    ) -> list[RecognizerResult]:
        return _results(find_identifiers(text, lexicon()))


class TaggerRecognizer(EntityRecognizer):
    """The embedded small model, with or without the dictionaries' veto."""

    def __init__(self, settings: ProfileSettings) -> None:
        self._gated = settings.tagger != "open"
        self._tagging = Tagging(
            embedded_tagger(),
            Features(lexicon()),
            settings.tagger_threshold,
            narrow=settings.tagger == "narrow",
        )
        super().__init__(supported_entities=_KINDS, name="Tagger", supported_language="en")

    def load(self) -> None:
        embedded_tagger()

    def analyze(
        self, text: str, entities: list[str], nlp_artifacts: object = None
    ) -> list[RecognizerResult]:
        cased = prepare_text(text, lexicon()).cased
        rules = find_identifiers(text, lexicon()) if self._gated else ()
        settled = [span for span in rules if span.score > _TAGGER_SCORE]
        found = find_tagged(cased, self._tagging, settled)
        kept = gate(cased, found, lexicon()) if self._gated else found
        return _results([replace(span, score=min(span.score, _TAGGER_SCORE)) for span in kept])


class StockRecognizer(EntityRecognizer):
    """One of Presidio's own pattern recognisers, made to raise where it would skip a pattern."""

    def __init__(self, stock: PatternRecognizer, kind: EntityKind) -> None:
        self._stock = stock
        self._kind = kind
        self._patterns = [
            regex.compile(pattern["regex"], _STOCK_FLAGS) for pattern in stock.to_dict()["patterns"]
        ]
        super().__init__(
            supported_entities=_KINDS, name=type(stock).__name__, supported_language="en"
        )

    def load(self) -> None:
        pass

    def analyze(
        self, text: str, entities: list[str], nlp_artifacts: object = None
    ) -> list[RecognizerResult]:
        """Matches that the recogniser's own checks (checksums, ranges) do not refute.

        Raises:
            TimeoutError: if a pattern takes too long, which Presidio would only log.
        """
        found = []
        for pattern in self._patterns:
            for match in pattern.finditer(text, timeout=_STOCK_SECONDS):
                if self._stock.validate_result(match.group()) is not False:
                    found.append(Span(match.start(), match.end(), self._kind, 0.9))
        return _results(found)


class SiteModel(Protocol):
    """A token classifier that the site trained or chose, read from a local folder."""

    def find(self, text: str) -> list[Span]:
        """Identifiers with `EntityKind` labels; raises where it cannot tell."""
        ...


class SiteModelRecognizer(EntityRecognizer):
    """The site's own model; whatever it raises goes through, so that the note is quarantined."""

    def __init__(self, model: SiteModel) -> None:
        self._model = model
        super().__init__(supported_entities=_KINDS, name="SiteModel", supported_language="en")

    def load(self) -> None:
        pass

    def analyze(
        self, text: str, entities: list[str], nlp_artifacts: object = None
    ) -> list[RecognizerResult]:
        return _results(self._model.find(text))


class KnownValueRecognizer(EntityRecognizer):
    """The patient's own values from the site's roster, for one note."""

    def __init__(self, values: KnownValues) -> None:
        self._values = values
        super().__init__(supported_entities=_KINDS, name="KnownValues", supported_language="en")

    def load(self) -> None:
        pass

    def analyze(
        self, text: str, entities: list[str], nlp_artifacts: object = None
    ) -> list[RecognizerResult]:
        return _results(find_known(text, self._values))


class _NoContext(ContextAwareEnhancer):
    """Leaves scores alone: our rules read the context themselves."""

    def __init__(self) -> None:
        super().__init__(0, 0, 0, 0)

    def enhance_using_context(
        self,
        text: str,
        raw_results: list[RecognizerResult],
        nlp_artifacts: Any,
        recognizers: list[EntityRecognizer],
        context: list[str] | None = None,
    ) -> list[RecognizerResult]:
        return raw_results


class PresidioDetector:
    """Presidio's AnalyzerEngine as our `Detector`."""

    def __init__(self, recognizers: Sequence[EntityRecognizer], *, language: str) -> None:
        configuration = {
            "nlp_engine_name": "no_op",
            "models": [{"lang_code": language, "model_name": "no_op"}],
        }
        self._language = language
        self._engine = AnalyzerEngine(
            registry=RecognizerRegistry(
                recognizers=list(recognizers), supported_languages=[language]
            ),
            nlp_engine=NlpEngineProvider(nlp_configuration=configuration).create_engine(),
            supported_languages=[language],
            context_aware_enhancer=_NoContext(),
        )

    def detect(self, text: str, known: KnownIdentifiers | None) -> list[Span]:
        """Spans that any recogniser found; a recogniser that fails raises."""
        own: list[EntityRecognizer] = (
            [] if known is None else [KnownValueRecognizer(prepare(known, lexicon()))]
        )
        results = self._engine.analyze(text, self._language, ad_hoc_recognizers=own)
        spans = [Span(each.start, each.end, each.entity_type, each.score) for each in results]
        prepared = prepare_text(text, lexicon())
        cased, openings = prepared.cased, prepared.openings
        spans += names_beside(cased, openings, spans, lexicon())
        return [*spans, *further_mentions(cased, openings, spans, lexicon())]


def make_detector(policy: DeidentificationPolicy, site_model: SiteModel | None = None) -> Detector:
    """Build the detector that the policy asks for; worker processes call this once each.

    Raises:
        PolicyError: if the policy forbids to rely on the embedded detectors alone.
    """
    if site_model is None and not policy.embedded_detector_alone:
        raise PolicyError("the policy asks for a site model beside the embedded detectors")
    settings = policy.settings
    recognizers: list[EntityRecognizer] = [ClinicalRecognizer()]
    if settings.tagger != "off":
        recognizers.append(TaggerRecognizer(settings))
    if settings.stock_recognizers:
        recognizers += [StockRecognizer(make(), kind) for make, kind in _STOCK]
    if site_model is not None:
        recognizers.append(SiteModelRecognizer(site_model))
    return PresidioDetector(recognizers, language=policy.language)


def _results(spans: Sequence[Span]) -> list[RecognizerResult]:
    return [RecognizerResult(span.label, span.start, span.end, span.score) for span in spans]
