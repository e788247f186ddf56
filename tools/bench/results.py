"""What was measured, and what it comes to: medians, and ratios to bare httpx in the same round."""

from __future__ import annotations

from dataclasses import dataclass
from statistics import median
from typing import TYPE_CHECKING

from tools.bench.workloads import FACADE, HTTPX, RELATIVE, Metric

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from tools.bench.workloads import Contestant, Workload


@dataclass(frozen=True)
class Figure:
    """A median, with the least and the most."""

    value: float
    least: float
    most: float


@dataclass(frozen=True)
class Results:
    """The samples of each contestant at each piece of work; the first ones of all were taken in the same round, and so on."""

    samples: Mapping[tuple[Workload, Contestant], Sequence[Mapping[Metric, float]]]

    def workloads(self) -> list[Workload]:
        """Return what was measured, in its order."""
        return list(dict.fromkeys(workload for workload, _ in self.samples))

    def amount(self, workload: Workload, contestant: Contestant, metric: Metric) -> Figure | None:
        """Return what was measured, seconds and instructions by call; None where it wasn't."""
        calls = 1 if metric in {Metric.PEAK, Metric.STALL} else workload.calls
        samples = self.samples.get((workload, contestant), ())
        values = [sample[metric] / calls for sample in samples if metric in sample]
        return Figure(median(values), min(values), max(values)) if values else None

    def ratio(self, workload: Workload, contestant: Contestant, metric: Metric) -> Figure | None:
        """Return it as a multiple of what bare httpx needs: that of the medians, and the least and the most of a round."""
        own, base = self.amount(workload, contestant, metric), self.amount(workload, HTTPX, metric)
        if own is None or base is None:
            return None
        pairs = zip(self.samples[workload, contestant], self.samples[workload, HTTPX], strict=True)
        ratios = [sample[metric] / reference[metric] for sample, reference in pairs]
        return Figure(own.value / base.value, min(ratios), max(ratios))

    def judged(self, workload: Workload, contestant: Contestant, metric: Metric) -> Figure | None:
        """Return what the target is about: the ratio, or the amount where the metric isn't relative."""
        return (self.ratio if metric in RELATIVE else self.amount)(workload, contestant, metric)

    def reached(self, workload: Workload, metric: Metric) -> bool | None:
        """Tell whether this library reaches a target; None where that wasn't measured."""
        figure = self.judged(workload, FACADE, metric)
        return None if figure is None else figure.value <= workload.targets[metric]
