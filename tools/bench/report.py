"""The report, as Markdown."""

from __future__ import annotations

import os
import platform
import re
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path
from typing import TYPE_CHECKING

from tools.bench.workloads import FACADE, HTTPX, RAW, RELATIVE, SDK, Metric

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from tools.bench.results import Results
    from tools.bench.workloads import Contestant, Workload

FILE = "BENCHMARKS.md"
PLOT = "tools/bench/benchmarks.svg"

_PACKAGES = ("images-api", "httpx", "openai", "jsonschema-rs", "pybase64")
_COLUMNS = ("work", "measured", RAW.title, HTTPX.title, SDK.title, FACADE.title, "aim")
_HEADLINES = ("big-reply", "uploads", "stream")


def comparison(results: Results) -> str:
    """Return a row for each thing that is aimed at."""
    rows = [_row(results, workload, metric) for workload in results.workloads() for metric in workload.targets]
    return _markdown(_COLUMNS, rows)


def _row(results: Results, workload: Workload, metric: Metric) -> list[str]:
    reached = {True: "reached", False: "**missed**", None: "not measured"}[results.reached(workload, metric)]
    return [
        workload.title,
        str(metric),
        *(_cell(results, workload, contestant, metric) for contestant in (RAW, HTTPX, SDK, FACADE)),
        f"{_judged(workload.targets[metric], metric)}, {reached}",
    ]


def _cell(results: Results, workload: Workload, contestant: Contestant, metric: Metric) -> str:
    if metric in RELATIVE and contestant == HTTPX:
        amount = results.amount(workload, contestant, metric)
        return _quantity(amount.value, metric) if amount else ""
    figure = results.judged(workload, contestant, metric)
    if figure is None:
        return ""
    spread = "" if figure.least == figure.most else f" ({_number(figure.least)} to {_number(figure.most)})"
    return _judged(figure.value, metric) + spread


def _judged(value: float, metric: Metric) -> str:
    return _number(value) if metric in RELATIVE else _quantity(value, metric)


def _quantity(value: float, metric: Metric) -> str:
    match metric:
        case Metric.INSTRUCTIONS:
            return f"{_number(value / 1e6)} M"
        case Metric.PEAK:
            return f"{_number(value)} MiB"
        case Metric.STALL:
            return f"{_number(value)} ms"
        case _:
            return f"{_number(1000 * value)} ms" if value < 1 else f"{_number(value)} s"


def _number(value: float) -> str:
    """Return it with three digits, or all before the point."""
    digits = 0 if abs(value) >= 100 else 1 if abs(value) >= 10 else 2  # noqa: PLR2004  powers of ten
    return f"{value:,.{digits}f}"


def growth(results: Results) -> str:
    """Return what this library needs for more and more of the same."""
    rows: list[list[str]] = []
    for workload in results.workloads():
        cpu, peak = (results.amount(workload, FACADE, metric) for metric in (Metric.CPU, Metric.PEAK))
        if cpu and peak:
            decoded = workload.reply.pictures * workload.reply.size
            rows.append(
                [
                    workload.title,
                    _quantity(cpu.value, Metric.CPU),
                    _quantity(1e9 * cpu.value / decoded, Metric.CPU) if workload.work == "save" else "",
                    _quantity(peak.value, Metric.PEAK),
                ]
            )
    return _markdown(("work", "CPU a call", "CPU a GB of pictures", "peak memory"), rows)


def prompt(results: Results) -> str:
    """Return how long the command line takes to answer, beside a bare interpreter."""
    times = {workload: results.amount(workload, FACADE, Metric.WALL) for workload in results.workloads()}
    rows = [[workload.title, _quantity(time.value, Metric.WALL)] for workload, time in times.items() if time]
    return _markdown(("command", "time"), rows)


def summary(results: Results) -> str:
    """Return the lines that matter most."""
    lines = [_headline(results, workload) for workload in results.workloads() if workload.name in _HEADLINES]
    return "\n".join(["CPU and peak memory of a call, in medians:", "", *lines])


def _headline(results: Results, workload: Workload) -> str:
    shares = [f"{contestant.title} {_needs(results, workload, contestant)}" for contestant in (FACADE, SDK, HTTPX)]
    return f"- {workload.title[0].upper()}{workload.title[1:]}: {'; '.join(shares)}"


def _needs(results: Results, workload: Workload, contestant: Contestant) -> str:
    amounts = [(metric, results.amount(workload, contestant, metric)) for metric in workload.targets]
    return " and ".join(_quantity(amount.value, metric) for metric, amount in amounts if amount)


def document(compared: Results, grown: Results, prompted: Results) -> str:
    """Return the whole report."""
    return f"""# Benchmarks

`make bench` wrote this on {datetime.now(UTC):%Y-%m-%d}, on {_machine()}.

{summary(compared)}

![CPU, instructions and memory of the clients]({PLOT})

## Compared

{comparison(compared)}

- CPU and instructions are those of a call, as multiples of {HTTPX.title}, whose own are given. Memory is the peak over the
  level before the work. All are medians; in brackets, the least and the most.
- {HTTPX.title}: JSON parsed, base64 decoded by the standard library, pictures written to disk.
- {RAW.title}: the bytes moved, and no more.
- The imports are processes of their own, less a bare interpreter, as if click were not installed: where it is, httpx imports
  its command line.
- All else is done once in small before it is measured. Every sample is a fresh process, the clients take turns, and HTTP is
  plain, on the loopback.
- What the server allows, in seconds on the clock. {_server_speed(compared)}.

## What grows

{growth(grown)}

## At the prompt

{prompt(prompted)}

From a process's start to its end, in medians. `--version` and `--help` are to take at most twice a bare interpreter's time and
0.1 s.

## Run it

`make bench` takes about three minutes. `make bench ARGS="--only big-reply uploads --samples 3"` runs a part and prints it,
`ARGS=--quick` a hundredth of the work. Instructions are counted by valgrind, where it is installed. What is measured and
aimed at stands in `tools/bench/workloads.py`, how each client is used in `tools/bench/clients`.
"""


def _server_speed(results: Results) -> str:
    said: list[str] = []
    for workload in results.workloads():
        limit = results.amount(workload, RAW, Metric.WALL)
        others = [results.amount(workload, contestant, Metric.WALL) for contestant in (HTTPX, SDK, FACADE)]
        if limit and (times := [other.value for other in others if other]):
            raw, fastest = _quantity(limit.value, Metric.WALL), _quantity(min(times), Metric.WALL)
            said.append(f"{workload.title}: {raw} over {RAW.title}, {fastest} by the fastest client")
    return "; ".join(said)


def _machine() -> str:
    """Return what the figures depend on."""
    packages = ", ".join(f"{name} {version(name)}" for name in _PACKAGES)
    kernel = f"{platform.system()} {platform.release().partition('-')[0]}"
    python = f"{platform.python_implementation()} {platform.python_version()}"
    return f"{_processor()}, {os.cpu_count()} cores, {kernel}, {python}; {packages}"


def _processor() -> str:
    facts = Path("/proc/cpuinfo")
    found = re.search(r"model name\s*:\s*(.+)", facts.read_text(encoding="utf-8")) if facts.exists() else None
    return found[1] if found else platform.processor() or platform.machine()


def _markdown(head: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    lines = (head, ["---"] * len(head), *rows)
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)
