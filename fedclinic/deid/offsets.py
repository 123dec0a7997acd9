"""Replace spans of a text and carry every other position over to the new text."""

from bisect import bisect_right
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from fedclinic.errors import DeidentificationError
from fedclinic.notes import Span


@dataclass(frozen=True)
class Replacement:
    """`original[start:end]` became `new[new_start:new_end]`."""

    start: int
    end: int
    new_start: int
    new_end: int


@dataclass(frozen=True)
class OffsetMap:
    """Where each stretch of the original text went; all between two replacements was only moved."""

    replacements: tuple[Replacement, ...]

    def start(self, position: int) -> int:
        """New position of a span's start; inside a replacement, where that begins."""
        before = self._last_starting_at_or_before(position)
        if before is None:
            return position
        if position < before.end:
            return before.new_start
        return before.new_end + position - before.end

    def end(self, position: int) -> int:
        """New position of a span's end; inside a replacement, where that ends."""
        before = self._last_starting_at_or_before(position - 1)
        if before is None:
            return position
        if position <= before.end:
            return before.new_end
        return before.new_end + position - before.end

    def touches(self, span: Span) -> bool:
        """Tell whether a replacement changed any character of `span`."""
        before = self._last_starting_at_or_before(span.end - 1)
        return before is not None and before.end > span.start

    def move(self, span: Span) -> Span:
        return Span(self.start(span.start), self.end(span.end), span.label, span.score)

    def _last_starting_at_or_before(self, position: int) -> Replacement | None:
        index = bisect_right(self.replacements, position, key=lambda each: each.start)
        return self.replacements[index - 1] if index else None


def replace_spans(text: str, spans: Sequence[Span], values: Iterable[str]) -> tuple[str, OffsetMap]:
    """Put `values` in place of `spans`, which are sorted and do not overlap.

    Raises:
        DeidentificationError: if a span is empty, outside the text or overlaps the one before it.
    """
    parts: list[str] = []
    replacements: list[Replacement] = []
    position = length = 0
    for span, value in zip(spans, values, strict=True):
        if not position <= span.start < span.end <= len(text):
            raise DeidentificationError("spans to replace overlap or leave the text")
        length += span.start - position
        parts += [text[position : span.start], value]
        replacements.append(Replacement(span.start, span.end, length, length + len(value)))
        length += len(value)
        position = span.end
    return "".join([*parts, text[position:]]), OffsetMap(tuple(replacements))
