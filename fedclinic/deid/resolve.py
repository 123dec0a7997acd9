"""Make overlapping findings into spans that do not overlap; all that was covered stays so."""

from collections.abc import Iterable, Iterator, Sequence

from fedclinic.notes import Span

_FREE, _COVERED = b"\0", b"\1"
_POSSESSIVES = frozenset({"'s", "’s", "'S", "’S"})


def resolve(spans: Iterable[Span]) -> list[Span]:
    """Give each character to the surest and then longest finding that covers it, in text order.

    A finding that loses a part keeps the rest, so the union of the result is that of `spans`.
    """
    ranked = sorted(spans, key=lambda each: (-each.score, each.start - each.end, each.start))
    covered = bytearray(max((span.end for span in ranked), default=0))
    taken: list[Span] = []
    for span in ranked:
        for start, end in _free_parts(span, covered):
            covered[start:end] = _COVERED * (end - start)
            is_whole = (start, end) == (span.start, span.end)
            taken.append(span if is_whole else Span(start, end, span.label, span.score))
    return sorted(taken, key=lambda each: each.start)


def _free_parts(span: Span, covered: bytearray) -> Iterator[tuple[int, int]]:
    """The stretches of `span` whose characters are not `covered` yet."""
    start = covered.find(_FREE, span.start, span.end)
    while start >= 0:
        end = covered.find(_COVERED, start, span.end)
        end = span.end if end < 0 else end
        yield start, end
        start = covered.find(_FREE, end, span.end)


def without_edges(text: str, spans: Sequence[Span]) -> list[Span]:
    """Shrink spans to their first and last letter or digit, and drop those that hold neither.

    A bracket that opens a span and closes within it, as in (617) 555-0199, stays; so does a
    possessive ending before more of the same kind, as in St. Anne's beside General Hospital.
    """
    trimmed = []
    beginnings = {(span.start, span.label) for span in spans}
    for span in spans:
        start, end = span.start, span.end
        while start < end and not text[start].isalnum():
            start += 1
        while end > start and not text[end - 1].isalnum():
            end -= 1
        goes_on = any((at, span.label) in beginnings for at in (end, end + 1))
        if text[end - 2 : end] in _POSSESSIVES and end - start > 3 and not goes_on:
            end -= 2
        if start > span.start and text[start - 1] == "(" and ")" in text[start:end]:
            start -= 1
        if start < end:
            trimmed.append(Span(start, end, span.label, span.score))
    return trimmed
