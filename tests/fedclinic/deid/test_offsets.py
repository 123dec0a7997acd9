import pytest
from hypothesis import given
from hypothesis import strategies as st

from fedclinic.deid.offsets import replace_spans
from fedclinic.errors import DeidentificationError
from fedclinic.notes import Span


@st.composite
def replaced_texts(draw: st.DrawFn) -> tuple[str, list[Span], list[str], Span]:
    """A text, sorted spans to replace, their new values, and one label over it."""
    text = draw(st.text("abcdef \n", min_size=1, max_size=60))
    cuts = sorted(draw(st.sets(st.integers(0, len(text)), max_size=8)))
    pairs = zip(cuts[::2], cuts[1::2], strict=False)
    spans = [Span(start, end, "PERSON") for start, end in pairs]
    values = [draw(st.text("XYZ", max_size=6)) for _ in spans]
    start = draw(st.integers(0, len(text) - 1))
    label = Span(start, draw(st.integers(start + 1, len(text))), "Disease")
    return text, spans, values, label


@given(replaced_texts())
def test_a_label_that_no_replacement_touches_keeps_its_text(
    case: tuple[str, list[Span], list[str], Span],
) -> None:
    text, spans, values, label = case
    new, offsets = replace_spans(text, spans, values)
    if not offsets.touches(label):
        moved = offsets.move(label)
        assert new[moved.start : moved.end] == text[label.start : label.end]


@given(replaced_texts())
def test_a_label_is_touched_exactly_when_a_replacement_overlaps_it(
    case: tuple[str, list[Span], list[str], Span],
) -> None:
    text, spans, values, label = case
    _, offsets = replace_spans(text, spans, values)
    overlaps = any(span.start < label.end and label.start < span.end for span in spans)
    assert offsets.touches(label) == overlaps


@given(replaced_texts())
def test_moved_labels_stay_within_the_new_text(
    case: tuple[str, list[Span], list[str], Span],
) -> None:
    text, spans, values, label = case
    new, offsets = replace_spans(text, spans, values)
    moved = offsets.move(label)
    assert 0 <= moved.start <= moved.end <= len(new)


@given(replaced_texts())
def test_the_map_names_where_each_new_value_stands(
    case: tuple[str, list[Span], list[str], Span],
) -> None:
    text, spans, values, _ = case
    new, offsets = replace_spans(text, spans, values)
    assert [new[r.new_start : r.new_end] for r in offsets.replacements] == values


def test_overlapping_spans_are_refused() -> None:
    spans = [Span(0, 4, "PERSON"), Span(3, 6, "PERSON")]
    with pytest.raises(DeidentificationError):
        replace_spans("abcdefgh", spans, ["x", "y"])


def test_a_span_beyond_the_text_is_refused() -> None:
    with pytest.raises(DeidentificationError):
        replace_spans("abc", [Span(1, 9, "PERSON")], ["x"])
