"""Compare this library with the official SDK and bare httpx: python -m tools.bench.

A whole run writes BENCHMARKS.md, its plot and the README's lines of it. With options a part is run, and only printed.
"""

from __future__ import annotations

import argparse
import re
from typing import TYPE_CHECKING

from tools.bench import report
from tools.bench.processes import ROOT, counts_instructions, measure, running_server
from tools.bench.results import Results
from tools.bench.workloads import CONTESTANTS, FACADE, GROWTH, PROMPT, WORKLOADS, Metric

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from tools.bench.workloads import Contestant, Workload

_README_LINES = re.compile(r"(?<=<!-- make bench writes this -->\n).*?(?=\n<!-- to here -->)", re.DOTALL)


def main(arguments: Sequence[str] | None = None) -> None:
    """Run the command.

    Args:
        arguments: The command line; that of the process where it is None.
    """
    parser = argparse.ArgumentParser(prog="make bench", description="Compare this library with the official SDK and bare httpx.")
    names = [workload.name for workload in WORKLOADS + GROWTH + PROMPT]
    parser.add_argument("--only", nargs="+", choices=names, metavar="NAME", default=names, help=f"any of {', '.join(names)}")
    parser.add_argument(
        "--samples", type=int, metavar="N", help="how many of each, at least 1, instead of as many as it is worth"
    )
    parser.add_argument("--quick", action="store_true", help="one sample of a hundredth of the work, to see that it runs")
    options = parser.parse_args(arguments)
    if not counts_instructions():
        print("instructions are not counted: valgrind is not installed")
    with running_server() as server:
        compared, growth, prompt = (
            _take(
                [each for each in group if each.name in options.only], contestants, server, options.samples, quick=options.quick
            )
            for group, contestants in ((WORKLOADS, CONTESTANTS), (GROWTH, (FACADE,)), (PROMPT, (FACADE,)))
        )
    if options.only != names or options.samples or options.quick:
        tables = ((report.comparison, compared), (report.growth, growth), (report.prompt, prompt))
        print(*(table(results) for table, results in tables if results.samples), sep="\n\n")
    else:
        _write(compared, growth, prompt)


def _take(
    workloads: Iterable[Workload], contestants: Iterable[Contestant], server: str, samples: int | None, *, quick: bool
) -> Results:
    """Take all samples, one client after the other, so that what the machine does beside hits all alike."""
    taken: dict[tuple[Workload, Contestant], list[Mapping[Metric, float]]] = {}
    for whole in workloads:
        if Metric.INSTRUCTIONS in whole.targets and not counts_instructions():
            continue
        print(f"{whole.title} ...", flush=True)
        workload = whole.quick() if quick else whole
        for _ in range(samples or workload.samples):
            for contestant in filter(workload.suits, contestants):
                taken.setdefault((workload, contestant), []).append(measure(workload, contestant, server, quick=quick))
    return Results(taken)


def _write(compared: Results, growth: Results, prompt: Results) -> None:
    from tools.bench.plot import draw  # matplotlib is needed here alone

    readme = ROOT / "README.md"
    text, found = _README_LINES.subn(report.summary(compared).replace("\\", r"\\"), readme.read_text(encoding="utf-8"))
    if found != 1:
        raise ValueError(f"{readme.name} has no one place for the benchmark's lines: {_README_LINES.pattern}")
    readme.write_text(text, encoding="utf-8")
    draw(compared, ROOT / report.PLOT)
    (ROOT / report.FILE).write_text(report.document(compared, growth, prompt), encoding="utf-8")
    print(f"{report.FILE} is written, with {report.PLOT} and the README's lines")


if __name__ == "__main__":
    main()
