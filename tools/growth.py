"""How bulk grows: what a job of ten million images on a hundred workers takes, simulated from what is measured here.

python -m tools.growth              # measures, then prints the tables of docs/app/bulk-growth.md
"""

from __future__ import annotations

import argparse
import heapq
import os
import pickle
import random
import subprocess
import sys
import time
from collections import deque
from dataclasses import dataclass, replace
from pathlib import Path
from tempfile import TemporaryDirectory

from images_api import ImagesClient
from images_api.bulk import Line, make_lines, parse_line
from images_api.bulk._checking import taking
from images_api.bulk._journal import FILE, Entry, Journal, SavedFile, State
from images_api.bulk._records import combined, entries_of, journal_of, written

ROOT = Path(__file__).parent.parent
_USAGE = {"input_tokens": 50, "output_tokens": 4160, "total_tokens": 4210, "input_tokens_details": {"text_tokens": 50}}
_MIB, _GB = 1 << 20, 1e9


@dataclass(frozen=True)
class Measured:
    """What was measured, a line.

    Attributes:
        record: The bytes of a record, and of a line of a chunk's journal.
        row: The bytes of a row in the driver's journal.
        payload: The bytes of a line on its way to a worker.
        held: The bytes of a line in the driver's memory while it is with a worker.
        take: The seconds that the driver takes to check it and to take it into the journal.
        give: The seconds that the driver takes to read it again and to note that it is given.
        merge: The seconds that the driver takes to note what became of it.
        work: The seconds of CPU that a worker takes for it: the call, the image of 1 kB, the records.
    """

    record: float
    row: float
    payload: float
    held: float
    take: float
    give: float
    merge: float
    work: float


@dataclass(frozen=True)
class Plan:
    """What is simulated.

    Attributes:
        lines: How many images there are, one a line.
        workers: How many workers there are.
        rate: How many images a minute the provider allows.
        seconds: How long an image takes, on average.
        concurrency: How many calls each worker has on their way.
        chunk: How many lines a chunk has.
        losses: How often a worker is lost, on average, in a thousand hours.
        trip: The seconds that a chunk takes there and back, beside its work.
    """

    lines: int = 10_000_000
    workers: int = 100
    rate: float = 20_000
    seconds: float = 20
    concurrency: int = 100
    chunk: int = 100
    losses: float = 10
    trip: float = 0.1


@dataclass
class Outcome:
    """What came of a simulation.

    Attributes:
        hours: How long the job took.
        driver: Which share of the time the driver was busy.
        idle: Which share of their time workers waited for a chunk.
        waited: How many seconds a worker waited for the driver at most.
        lost: How many workers were lost.
        ambiguous: How many lines were on their way then.
        chunks: How many chunks were given.
    """

    hours: float = 0.0
    driver: float = 0.0
    idle: float = 0.0
    waited: float = 0.0
    lost: int = 0
    ambiguous: int = 0
    chunks: int = 0


def simulate(plan: Plan, measured: Measured, seed: int = 1) -> Outcome:
    """Return what comes of a plan: workers, each with one chunk at a time, and one driver, which serves them in turn."""
    chance = random.Random(seed)  # noqa: S311  the same each time
    outcome = Outcome()
    left, driver, busy, idle, end = plan.lines, 0.0, 0.0, 0.0, 0.0
    # Who comes to the driver when, with how many lines done.
    coming = [(0.0, worker, 0) for worker in range(plan.workers)]
    heapq.heapify(coming)
    pace = min(plan.rate / 60 / plan.workers, plan.concurrency / plan.seconds)
    while coming:
        now, worker, done = heapq.heappop(coming)
        take = min(plan.chunk, left)
        cost = done * measured.merge + take * measured.give
        start = max(now, driver)
        driver = start + cost
        busy += cost
        waited = driver - now
        outcome.waited = max(outcome.waited, waited)
        idle += waited + plan.trip
        end = max(end, driver)
        if not take:
            continue
        left -= take
        outcome.chunks += 1
        # The slowest of the last calls hold a chunk up: so many are on their way when no line is left to be sent.
        tail = plan.seconds * chance.uniform(0.8, 1.5)
        duration = max(take / pace, tail) + plan.trip + measured.work * take
        idle += max(0.0, tail - plan.seconds)
        if chance.random() < 1 - 2.718281828 ** (-plan.losses * duration / 3.6e6):
            outcome.lost += 1
            done = int(take * chance.random())
            sent = min(plan.concurrency, take - done)
            outcome.ambiguous += sent
            left += take - done - sent
            duration = duration * done / take + 60  # until it is missed and another one is there
            take = done + sent
        heapq.heappush(coming, (driver + duration, worker, take))
    outcome.hours = end / 3600
    outcome.driver, outcome.idle = busy / end, idle / (end * plan.workers)
    return outcome


def measure(count: int = 20_000) -> Measured:
    """Measure what a line takes on this machine."""
    entries = [_entry(number) for number in range(count)]
    lines = [_line(number) for number in range(count)]
    with TemporaryDirectory() as folder:
        job = Path(folder, "job.jsonl")
        job.write_bytes(b"".join(line.written() for line in lines))
        with Journal(folder) as journal, ImagesClient(base_url="http://127.0.0.1") as client:
            settings = client.__getstate__()
            begun = time.process_time()
            deque(taking(journal, job, Path(folder), settings, names="{custom_id}"), maxlen=0)
            take = time.process_time() - begun
            give = merge = 0.0
            for first in range(0, count, 100):
                chunk, part = lines[first : first + 100], entries[first : first + 100]
                content = journal_of(entry._replace(digest=line.digest) for entry, line in zip(part, chunk, strict=True))
                begun = time.process_time()
                again = [parse_line(line.written()) for line in chunk]
                given = [_pending(entry)._replace(digest=line.digest) for entry, line in zip(part, again, strict=True)]
                journal.record(entry._replace(state=State.SENDING) for entry in given)
                pickle.dumps((given, again))
                middle = time.process_time()
                said = list(entries_of(content))
                known = [journal.find(entry.custom_id, entry.digest) for entry in said]
                journal.record(combined(old, new) if old else new for old, new in zip(known, said, strict=True))
                give, merge = give + middle - begun, merge + time.process_time() - middle
        row = (Path(folder) / FILE).stat().st_size / count
    payload = len(pickle.dumps((list(map(_pending, entries[:100])), lines[:100]))) / 100
    record = sum(len(written(entry, "0" * 16)) for entry in entries) / count
    return Measured(record, row, payload, 3 * payload, take / count, give / count, merge / count, _work())


def tables(measured: Measured) -> str:
    """Return the tables of the page in the docs."""
    plan = Plan()
    text = [
        "| measured, a line | |",
        "|---|---|",
        f"| a record, or a line of a chunk's journal | {measured.record:.0f} bytes |",
        f"| a row of the driver's journal | {measured.row:.0f} bytes |",
        f"| on its way to a worker | {measured.payload:.0f} bytes |",
        f"| the driver: to check it and take it into the journal | {1e6 * measured.take:.0f} µs |",
        f"| the driver: to give it to a worker | {1e6 * measured.give:.0f} µs |",
        f"| the driver: to note what became of it | {1e6 * measured.merge:.0f} µs |",
        f"| a worker: CPU an image, of 1 kB, records and all | {1e6 * measured.work:.0f} µs |",
        "",
        "| ten million lines | |",
        "|---|---|",
        f"| the driver's journal | {plan.lines * measured.row / _GB:.1f} GB |",
        f"| records | {plan.lines * measured.record / _GB:.1f} GB in {plan.lines:,} files or objects |",
        f"| journals of chunks that are not yet merged, at most | {_in_flight(plan) * measured.record / _MIB:.0f} MiB |",
        f"| lines in the driver's memory | {_in_flight(plan) * measured.held / _MIB:.0f} MiB |",
        f"| to check all lines and take them into the journal | {plan.lines * measured.take / 60:.0f} min |",
        f"| to give and merge all lines | {plan.lines * (measured.give + measured.merge) / 60:.0f} min of the driver's CPU |",
        f"| the limit of one driver | {60 / (measured.give + measured.merge):,.0f} images a minute |",
        "",
        "| images a minute | lines a chunk | hours | driver busy | workers wait | for the driver | chunks | lost | ambiguous |",
        "|---|---|---|---|---|---|---|---|---|",
    ]
    plans = [
        *(replace(plan, chunk=chunk) for chunk in (10, 100, 1000)),
        *(replace(plan, rate=rate) for rate in (2_000, 100_000, 1_000_000)),
        replace(plan, rate=1_000_000, chunk=1000, concurrency=1000),
        replace(plan, losses=1000),
    ]
    for each in plans:
        outcome = simulate(each, measured)
        text.append(
            f"| {each.rate:,.0f} | {each.chunk} | {outcome.hours:.1f} | {outcome.driver:.1%} | {outcome.idle:.1%} "
            f"| {outcome.waited:.1f} s | {outcome.chunks:,} | {outcome.lost:,} | {outcome.ambiguous:,} |"
        )
    return "\n".join(text)


def _in_flight(plan: Plan) -> int:
    return plan.workers * plan.chunk


def _entry(number: int) -> Entry:
    name = f"image-{number:08}"
    files = (SavedFile(f"{name}.png", "ab" * 32, 2_000_000),)
    entry = Entry(name, f"{number:032x}", number + 1, number * 250, State.DONE, 1, f"req_{number:032x}", files, _USAGE)
    return entry._replace(subject="a" * 120, name=f"{name}.{{ext}}", updated=time.time())


def _pending(entry: Entry) -> Entry:
    return entry._replace(state=State.PENDING, files=(), usage=None, request_id=None)


def _line(number: int) -> Line:
    body = {"model": "gpt-image-1", "prompt": f"{number} " + "a" * 120, "size": "1024x1024", "quality": "high"}
    return Line(f"image-{number:08}", "createImage", body, number + 1, number * 250, Path("/jobs"))


def _work(count: int = 400) -> float:
    """Return the CPU time that a worker takes for a line, against a server that answers at once."""
    command = [sys.executable, "-m", "tools.bench.server"]
    with (
        subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, cwd=ROOT) as server,  # noqa: S603  our own
        TemporaryDirectory() as folder,
    ):
        if server.stdin is None or server.stdout is None:
            raise AssertionError
        client = ImagesClient(base_url=f"http://127.0.0.1:{server.stdout.readline().strip()}/json/1/1000/v1")
        make_lines(client, list(map(_line, range(50))), Path(folder), names="warm/{custom_id}")
        begun = time.process_time()
        make_lines(client, list(map(_line, range(50, count + 50))), Path(folder))
        spent = time.process_time() - begun
        server.stdin.close()
    return spent / count


def main() -> None:
    """Measure, simulate, and print."""
    argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter).parse_args()
    sys.stdout.write(f"{tables(measure())}\n\n{os.cpu_count()} CPUs, Python {sys.version.split()[0]}\n")


if __name__ == "__main__":
    main()
