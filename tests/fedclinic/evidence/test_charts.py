"""Charts stay inside their frame for any numbers, and words for numbers are right."""

import math
import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fedclinic.evidence.charts import HEIGHT, WIDTH, Line, line_chart
from fedclinic.evidence.plain_words import explain_promise, in_bytes
from fedclinic.privacy.mechanism import PrivacyPromise

values = st.floats(0, 1e9, allow_nan=False)


@given(st.lists(values, min_size=1, max_size=60), st.integers(0, 3))
def test_every_point_lies_inside_the_frame(heights, first):
    points = [(first + number, height) for number, height in enumerate(heights)]
    chart = line_chart("t", "d", [Line("a", points), Line("cap", points, limit=True)], y_label="y")
    for text in re.findall(r'points="([^"]*)"', chart):
        for pair in text.split():
            x, y = (float(part) for part in pair.split(","))
            assert 0 <= x <= WIDTH
            assert 0 <= y <= HEIGHT


def test_a_chart_of_nothing_is_an_empty_frame():
    chart = line_chart("t", "d", [Line("a", [])], y_label="y")
    assert "<polyline" not in chart
    assert chart.endswith("</svg>")


def test_names_in_a_chart_are_escaped():
    chart = line_chart("<b>", "&", [Line("<i>", [(0, 1)])], y_label="<u>")
    assert not re.search("<[biu]>", chart)


@pytest.mark.parametrize(
    ("count", "text"), [(0, "0 B"), (999, "999 B"), (14_200_000, "14.2 MB"), (5e12, "5000.0 GB")]
)
def test_sizes_are_written_as_people_do(count, text):
    assert in_bytes(count) == text


def test_a_promise_is_told_as_odds():
    told = explain_promise(PrivacyPromise(epsilon=math.log(4), delta=1e-6))
    assert "at most 4.0 times surer" in told
    assert "1 in 1,000,000" in told
