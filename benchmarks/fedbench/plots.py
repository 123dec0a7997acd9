"""Small figures as SVG; the only place that imports matplotlib."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import matplotlib as mpl
from matplotlib.figure import Figure

from fedbench.summary import Mean

mpl.rcParams.update(
    {
        "svg.fonttype": "none",
        "svg.hashsalt": "fedclinic",
        "font.size": 9,
        "axes.spines.top": False,
        "axes.spines.right": False,
        "legend.frameon": False,
    }
)
_MARKERS = "os^Dv*Px"


@dataclass(frozen=True)
class Axes:
    """What the axes say."""

    x: str
    y: str
    logarithmic: bool = False


def draw_lines(path: Path, lines: Mapping[str, Sequence[tuple[float, Mean]]], axes: Axes) -> None:
    """Draw a line a name, with the intervals of its points where there are any."""
    figure, plot = _canvas()
    for (name, points), marker in zip(lines.items(), _MARKERS * 4, strict=False):
        plot.errorbar(
            [x for x, _ in points],
            [mean.value for _, mean in points],
            yerr=[mean.half_width or 0.0 for _, mean in points],
            label=name,
            marker=marker,
            markersize=4,
            linewidth=1.2,
            capsize=2,
        )
    if axes.logarithmic:
        plot.set_xscale("log")
    _finish(figure, path, axes)


def draw_bars(path: Path, groups: Mapping[str, Mapping[str, Mean]], axes: Axes) -> None:
    """Draw a cluster of bars a group, one bar a name."""
    figure, plot = _canvas()
    names = list(dict.fromkeys(name for bars in groups.values() for name in bars))
    width = 0.8 / len(names)
    for place, name in enumerate(names):
        here = [(at, bars[name]) for at, bars in enumerate(groups.values()) if name in bars]
        plot.bar(
            [at + (place - (len(names) - 1) / 2) * width for at, _ in here],
            [mean.value for _, mean in here],
            width,
            yerr=[mean.half_width or 0.0 for _, mean in here],
            label=name,
            capsize=2,
        )
    plot.set_xticks(range(len(groups)), list(groups), rotation=20, ha="right")
    _finish(figure, path, axes)


def _canvas() -> tuple[Figure, "mpl.axes.Axes"]:
    figure = Figure(figsize=(6.4, 3.2), layout="constrained")
    return figure, figure.subplots()


def _finish(figure: Figure, path: Path, axes: Axes) -> None:
    plot = figure.axes[0]
    plot.set_xlabel(axes.x)
    plot.set_ylabel(axes.y)
    plot.grid(alpha=0.3, linewidth=0.5)
    plot.legend(loc="center left", bbox_to_anchor=(1.0, 0.5), fontsize=8)
    path.parent.mkdir(parents=True, exist_ok=True)
    figure.savefig(path, format="svg", metadata={"Date": None})
