"""Small line charts as SVG text that needs no script, no font and no network.

Every chart has a title and a description for screen readers, and its numbers stand in a table
beside it: colour never carries meaning alone.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from html import escape

from markupsafe import Markup

WIDTH, HEIGHT = 340, 170
_LEFT, _RIGHT, _TOP, _BOTTOM = 44, 14, 24, 30

Point = tuple[float, float]


@dataclass(frozen=True)
class Line:
    """A named line; `limit` draws it dashed, as something not to be passed."""

    name: str
    points: Sequence[Point]
    limit: bool = False


def line_chart(
    title: str,
    description: str,
    lines: Sequence[Line],
    *,
    y_label: str,
    x_label: str = "round",
) -> Markup:
    """Draw lines over rounds, or over something else that is counted; heights start at 0."""
    points = [point for line in lines for point in line.points]
    highest_x = max((x for x, _ in points), default=1) or 1
    lowest_x = min((x for x, _ in points), default=0)
    ticks = _ticks(max((y for _, y in points), default=1.0))
    scale = _Scale(lowest_x, max(highest_x, lowest_x + 1), ticks[-1])
    parts = [
        f'<svg role="img" viewBox="0 0 {WIDTH} {HEIGHT}" class="chart">',
        f"<title>{escape(title)}</title><desc>{escape(description)}</desc>",
        *_grid(scale, ticks),
        *_labels(x_label, y_label),
        *(_draw(line, scale, index) for index, line in enumerate(lines)),
        "</svg>",
    ]
    return Markup("".join(parts))  # noqa: S704 - every text in it was escaped above


@dataclass(frozen=True)
class _Scale:
    lowest_x: float
    highest_x: float
    highest_y: float

    def x(self, value: float) -> float:
        share = (value - self.lowest_x) / (self.highest_x - self.lowest_x)
        return _LEFT + share * (WIDTH - _LEFT - _RIGHT)

    def y(self, value: float) -> float:
        return HEIGHT - _BOTTOM - value / self.highest_y * (HEIGHT - _TOP - _BOTTOM)


def _ticks(highest: float) -> list[float]:
    """Round numbers from 0 to at least `highest`, at most six of them."""
    if highest < 1e-6:
        return [0.0, 1.0]
    step = 10.0 ** math.floor(math.log10(highest))
    step = next(s for s in (step / 5, step / 2, step, step * 2) if highest / s <= 5)
    return [round(step * index, 10) for index in range(math.ceil(highest / step - 1e-9) + 1)]


def _grid(scale: _Scale, ticks: Sequence[float]) -> list[str]:
    parts = []
    for tick in ticks:
        y = scale.y(tick)
        parts.append(
            f'<line class="grid" x1="{_LEFT}" x2="{WIDTH - _RIGHT}" y1="{y:.1f}" y2="{y:.1f}"/>'
            f'<text class="tick" x="{_LEFT - 5}" y="{y + 3.5:.1f}" text-anchor="end">'
            f"{tick:g}</text>"
        )
    for x in _whole_numbers(scale):
        parts.append(
            f'<text class="tick" x="{scale.x(x):.1f}" y="{HEIGHT - _BOTTOM + 14}"'
            f' text-anchor="middle">{x}</text>'
        )
    return parts


def _labels(x_label: str, y_label: str) -> list[str]:
    middle = (_LEFT + WIDTH - _RIGHT) / 2
    return [
        f'<text class="tick" x="{middle:.0f}" y="{HEIGHT - 3}" text-anchor="middle">'
        f"{escape(x_label)}</text>",
        f'<text class="tick" x="2" y="9">{escape(y_label)}</text>',
    ]


def _whole_numbers(scale: _Scale) -> list[int]:
    first, last = math.ceil(scale.lowest_x), math.floor(scale.highest_x)
    step = max(1, math.ceil((last - first) / 6))
    return [*range(first, last - step // 2, step), last]


def _draw(line: Line, scale: _Scale, index: int) -> str:
    if not line.points:
        return ""
    places = [(scale.x(x), scale.y(y)) for x, y in line.points]
    path = " ".join(f"{x:.1f},{y:.1f}" for x, y in places)
    style = "limit" if line.limit else f"line line-{index % 4}"
    x, y = places[-1]
    dots = "" if line.limit else "".join(
        f'<circle class="dot line-{index % 4}" cx="{x:.1f}" cy="{y:.1f}" r="2.6"/>'
        for x, y in places
    )  # fmt: skip
    label = (
        f'<text class="name" x="{min(x, WIDTH - _RIGHT):.1f}" y="{y - 5:.1f}" text-anchor="end">'
        f"{escape(line.name)}</text>"
    )
    return f'<polyline class="{style}" points="{path}"/>{dots}{label}'
