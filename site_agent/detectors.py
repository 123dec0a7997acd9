"""The detectors of a site: Presidio's AnalyzerEngine with our own registry; the only door to Presidio.

No spaCy pipeline is loaded and nothing is ever downloaded. A recogniser that fails raises, so that the
note goes to quarantine; none of them returns nothing instead.
"""

import logging
from collections.abc import Sequence
from typing import Any

from presidio_analyzer import AnalyzerEngine, EntityRecognizer, RecognizerRegistry, RecognizerResult
from presidio_analyzer.context_aware_enhancers import ContextAwareEnhancer
from presidio_analyzer.nlp_engine import NlpEngineProvider

from fedclinic.deid.clinical import find_identifiers
from fedclinic.deid.deidentify import Detector
from fedclinic.deid.kinds import EntityKind
from fedclinic.deid.known import KnownValues, find_known, prepare
from fedclinic.deid.lexicon import lexicon
from fedclinic.deid.policy import DeidentificationPolicy
from fedclinic.notes import KnownIdentifiers, Span

logging.getLogger("presidio-analyzer").setLevel(logging.ERROR)
_KINDS = [kind.value for kind in EntityKind]


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
        return [Span(each.start, each.end, each.entity_type, each.score) for each in results]


def make_detector(policy: DeidentificationPolicy) -> Detector:
    """Build the detector that the policy asks for; worker processes call this once each."""
    return PresidioDetector([ClinicalRecognizer()], language=policy.language)


def _results(spans: Sequence[Span]) -> list[RecognizerResult]:
    return [RecognizerResult(span.label, span.start, span.end, span.score) for span in spans]
