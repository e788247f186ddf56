"""The benchmark runs: every client does its work, and the figures are of it. How good they should be is not for tests to say."""

from __future__ import annotations

import asyncio
import json
import mmap
import re
import sys
import time
from dataclasses import replace
from io import BytesIO
from typing import TYPE_CHECKING

import pytest
from generation import ROOT, run
from PIL import Image
from platforms import POSIX, needs_peak

from images_api._images.headers import is_whole

if not POSIX:
    pytest.skip("what a process used is told by POSIX's getrusage", allow_module_level=True)
from tools.bench import __main__ as command
from tools.bench import processes, report, sample
from tools.bench.pictures import make_picture
from tools.bench.processes import counts_instructions, measure, running_server
from tools.bench.results import Figure, Results
from tools.bench.workloads import CONTESTANTS, FACADE, HTTPX, PROMPT, RAW, SDK, WORKLOADS, Metric, Workload

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path

    from tools.bench.workloads import Contestant

MIB = 1 << 20
BY_NAME = {workload.name: workload for workload in WORKLOADS}
PAIRS = [(workload, contestant) for workload in WORKLOADS for contestant in CONTESTANTS if workload.suits(contestant)]
FROM_OUTSIDE = [(workload, contestant) for workload, contestant in PAIRS if workload.from_outside]
# All samples in one process: to start one takes longer than their work.
SAMPLES = """
import sys
from tools.bench import sample

server, folder, client, *workloads = sys.argv[1:]
for workload in workloads:
    sys.argv[1:] = [workload, client, server, f"{folder}/{workload}", "--quick"]
    sample.main()
    print()
"""


@pytest.fixture(scope="module")
def server() -> Iterator[str]:
    with running_server() as address:
        yield address


@pytest.mark.parametrize("contestant", CONTESTANTS, ids=lambda contestant: contestant.module)
def test_every_client_does_its_work(server: str, contestant: Contestant, tmp_path: Path) -> None:
    workloads = [workload for workload, other in PAIRS if other == contestant and not workload.from_outside]
    for workload in workloads:
        (tmp_path / workload.name).mkdir()
        processes._make_uploads(tmp_path / workload.name / "uploads", *workload.quick().uploads)
    names = [workload.name for workload in workloads]
    printed = run(sys.executable, "-c", SAMPLES, server, str(tmp_path), contestant.module, *names, folder=ROOT)
    for workload, line in zip(workloads, printed.splitlines(), strict=True):
        measured = {Metric(name): value for name, value in json.loads(line).items()}
        assert measured.keys() >= workload.targets.keys() - {Metric.INSTRUCTIONS}  # they take long to count
        assert measured[Metric.CPU] > 0


@pytest.mark.parametrize(("workload", "contestant"), FROM_OUTSIDE, ids=lambda given: getattr(given, "name", None) or given.module)
def test_every_client_is_measured_from_outside(server: str, workload: Workload, contestant: Contestant) -> None:
    measured = measure(workload.quick(), contestant, server, quick=True)
    assert measured.keys() >= workload.targets.keys()
    assert measured[Metric.CPU] > 0


@pytest.mark.skipif(not counts_instructions(), reason="valgrind is not installed")
@pytest.mark.parametrize("workload", PROMPT, ids=lambda workload: workload.name)
def test_commands_are_measured(workload: Workload) -> None:
    measured = measure(workload, FACADE, "", quick=True)
    assert measured[Metric.WALL] > 0
    shown = report.prompt(Results({(workload, FACADE): [measured]}))
    assert shown.startswith("| command | time |\n| --- | --- |\n" + f"| {workload.title} | ")


def test_instructions_are_those_of_the_rounds(server: str, monkeypatch: pytest.MonkeyPatch) -> None:
    count, counted = processes._count, dict[str, int]()

    def count_once(command: Sequence[str]) -> int:
        # Where 50 rounds end is where 248 begin, and it takes seconds to count them.
        rounds = command[-1]
        if rounds not in counted:
            counted[rounds] = count(command)
        return counted[rounds]

    monkeypatch.setattr(processes, "_count", count_once)
    few, many = (replace(BY_NAME["small-call"], rounds=rounds) for rounds in (50, 248))
    one, five = (measure(workload, RAW, server, quick=False)[Metric.INSTRUCTIONS] for workload in (few, many))
    assert len(counted) == 3
    assert one * 4 < five < one * 6


def test_the_peak_is_that_of_the_pictures(server: str) -> None:
    big = BY_NAME["big-reply"].quick()
    whole, pieces = (measure(big, contestant, server, quick=True)[Metric.PEAK] for contestant in (HTTPX, RAW))
    assert pieces < big.reply.pictures * big.reply.size / MIB < whole


@needs_peak
def test_the_peak_counts_what_is_freed_again_and_is_then_forgotten() -> None:
    first = sample._Meter()
    with mmap.mmap(-1, 64 * MIB) as memory:  # from the kernel, not from what the tests before have freed
        for _ in range(64):
            memory.write(b"x" * MIB)
    assert 63 < first.read()[Metric.PEAK] < 70
    assert sample._Meter().read()[Metric.PEAK] < 6


def test_a_stall_is_seen() -> None:
    async def stall() -> float:
        end = asyncio.Event()
        watching = asyncio.create_task(sample._longest_stall(end))
        await asyncio.sleep(0)
        time.sleep(0.1)  # noqa: ASYNC251  the stall
        end.set()
        return await watching

    assert asyncio.run(stall()) >= 0.09


def test_work_that_was_not_done_is_no_sample() -> None:
    work = BY_NAME["big-reply"].quick()
    wanted = work.reply.pictures * work.reply.size
    sample._check(work, wanted)
    with pytest.raises(ValueError, match=f"big-reply: {wanted - 1} bytes of pictures came of the {wanted} that were sent"):
        sample._check(work, wanted - 1)


@pytest.mark.parametrize("size", [100, 1000, 123_456])
def test_the_pictures_are_whole(size: int) -> None:
    content = make_picture(size)
    assert len(content) == size
    assert is_whole(BytesIO(content))
    with Image.open(BytesIO(content)) as picture:
        picture.load()


def taken(**cpu: Sequence[float]) -> Results:
    contestants = {contestant.module: contestant for contestant in CONTESTANTS}
    samples = {(BY_NAME["stream"], contestants[name]): [{Metric.CPU: each} for each in values] for name, values in cpu.items()}
    return Results(samples)


class TestReport:
    aim = BY_NAME["stream"].targets[Metric.CPU]
    calls = BY_NAME["stream"].calls

    def test_ratios_are_those_of_medians_with_the_least_and_the_most_of_a_round(self) -> None:
        results = taken(bare_httpx=[1.0, 2.0, 4.0], facade=[1.0, 1.0, 3.0])
        work = BY_NAME["stream"]
        assert results.ratio(work, FACADE, Metric.CPU) == Figure(0.5, 0.5, 1.0)
        assert results.amount(work, HTTPX, Metric.CPU) == Figure(2 / self.calls, 1 / self.calls, 4 / self.calls)
        assert results.ratio(work, SDK, Metric.CPU) is None

    @pytest.mark.parametrize(
        ("share", "said"), [(0.99, "reached"), (1.0, "reached"), (1.01, "**missed**"), (None, "not measured")]
    )
    def test_it_says_what_is_reached(self, share: float | None, said: str) -> None:
        ours = {} if share is None else {"facade": [self.aim * share * self.calls]}
        row = report.comparison(taken(bare_httpx=[self.calls], **ours)).splitlines()[-1]
        assert row.endswith(f" {self.aim:.2f}, {said} |")

    def test_the_readme_says_what_the_last_whole_run_said(self) -> None:
        (lines,) = command._README_LINES.findall((ROOT / "README.md").read_text(encoding="utf-8"))
        assert len(re.findall("^- ", lines, re.MULTILINE)) == 3
        assert lines in (ROOT / report.FILE).read_text(encoding="utf-8")


def test_a_part_is_printed_and_not_written(capsys: pytest.CaptureFixture[str]) -> None:
    before = (ROOT / report.FILE).read_bytes()
    command.main(["--only", "stream", "--quick"])
    assert f"| {BY_NAME['stream'].title} | CPU |" in capsys.readouterr().out
    assert (ROOT / report.FILE).read_bytes() == before
