"""The report's plot."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import matplotlib as mpl  # pyright: ignore[reportMissingImports]  only `make bench` installs it
from matplotlib.figure import Figure  # pyright: ignore[reportMissingImports]

from tools.bench.workloads import FACADE, HTTPX, RELATIVE, SDK, Metric

if TYPE_CHECKING:
    from pathlib import Path

    from tools.bench.results import Results

_COLOURS = {SDK: "#b0b0b0", HTTPX: "#6f8fb0", FACADE: "#d9822b"}


def draw(results: Results, path: Path) -> None:
    """Draw what each client needs as a multiple of bare httpx, and the peaks of memory, as an SVG."""
    # Text as text, and the same ids each time: the file stays small, and its changes are those of the figures.
    mpl.rcParams.update({"svg.fonttype": "none", "svg.hashsalt": "bench", "font.size": 9})
    figure = Figure(figsize=(9, 6.5), layout="constrained")
    ratios, peaks = figure.subplots(2, 1, height_ratios=(3, 1.4))
    _bars(ratios, results, relative=True)
    ratios.axvline(1, color="black", linewidth=0.8)
    ratios.set_title("CPU or instructions, bare httpx = 1", loc="left")
    _bars(peaks, results, relative=False)
    peaks.set_xscale("symlog", linthresh=1)  # some peaks are 0
    peaks.set_title("Peak memory in MiB over the level before", loc="left")
    handles, labels = peaks.get_legend_handles_labels()
    figure.legend(handles, labels, loc="outside lower center", ncols=len(labels), frameon=False)
    figure.savefig(path, metadata={"Date": None})


def _bars(axes: Any, results: Results, *, relative: bool) -> None:
    contestants = (SDK, FACADE) if relative else (HTTPX, SDK, FACADE)
    metrics = RELATIVE if relative else {Metric.PEAK}
    rows = [(workload, metric) for workload in results.workloads() for metric in workload.targets if metric in metrics]
    height = 0.8 / len(contestants)
    for number, contestant in enumerate(contestants):
        for place, (workload, metric) in enumerate(rows):
            figure = results.judged(workload, contestant, metric)
            if figure is not None:
                label = contestant.title if place == 0 else None
                position = place + (number - (len(contestants) - 1) / 2) * height
                bars = axes.barh(position, figure.value, height * 0.9, color=_COLOURS[contestant], label=label)
                axes.bar_label(bars, [f"{figure.value:,.2f}" if relative else f"{figure.value:,.1f}"], padding=3)
    aims = [workload.targets[metric] for workload, metric in rows]
    axes.scatter(aims, range(len(rows)), marker="|", s=220, color="black", label="aim", zorder=3)
    axes.set_yticks(range(len(rows)), [workload.title for workload, _ in rows])
    axes.invert_yaxis()
    axes.spines[["top", "right"]].set_visible(False)
