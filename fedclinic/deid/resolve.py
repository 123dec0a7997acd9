"""Make overlapping findings into spans that do not overlap; all that was covered stays so."""

from bisect import bisect_right
from collections.abc import Iterable

from fedclinic.notes import Span

_POSSESSIVES = frozenset({"'s", "’s", "'S", "’S"})


def resolve(spans: Iterable[Span]) -> list[Span]:
    """Give each character to the surest and then longest finding that covers it, in text order.

    A finding that loses a part keeps the rest, so the union of the result is that of `spans`.
    """
    taken: list[Span] = []
    starts: list[int] = []
    for span in sorted(spans, key=lambda each: (-each.score, each.start - each.end, each.start)):
        for start, end in _free_parts(span, taken, starts):
            part = span if (start, end) == (span.start, span.end) else _part(span, start, end)
            at = bisect_right(starts, start)
            taken.insert(at, part)
            starts.insert(at, start)
    return taken


def _part(span: Span, start: int, end: int) -> Span:
    return Span(start, end, span.label, span.score)


def _free_parts(span: Span, taken: list[Span], starts: list[int]) -> list[tuple[int, int]]:
    """The stretches of `span` that no span of `taken` covers."""
    parts, position = [], span.start
    index = max(0, bisect_right(starts, span.start) - 1)
    while index < len(taken) and taken[index].start < span.end:
        other = taken[index]
        if other.end > position:
            if other.start > position:
                parts.append((position, other.start))
            position = max(position, other.end)
        index += 1
    if position < span.end:
        parts.append((position, span.end))
    return parts


def without_edges(text: str, spans: Iterable[Span]) -> list[Span]:
    """Shrink spans to their first and last letter or digit, and drop those that hold neither.

    A bracket that opens a span and closes within it, as in (617) 555-0199, stays.
    """
    trimmed = []
    for span in spans:
        start, end = span.start, span.end
        while start < end and not text[start].isalnum():
            start += 1
        while end > start and not text[end - 1].isalnum():
            end -= 1
        if text[end - 2 : end] in _POSSESSIVES and end - start > 3:
            end -= 2
        if start > span.start and text[start - 1] == "(" and ")" in text[start:end]:
            start -= 1
        if start < end:
            trimmed.append(Span(start, end, span.label, span.score))
    return trimmed
