"""One sample, in a process of its own: python -m tools.bench.sample WORKLOAD CLIENT SERVER FOLDER. It prints JSON.

The work is done once in small before it is measured, so that nothing is measured that happens once in a process.
"""

from __future__ import annotations

import argparse
import asyncio
import gc
import json
import resource
import sys
import time
from dataclasses import replace
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING, cast

from tools.bench.pictures import make_picture
from tools.bench.workloads import GROWTH, WORKLOADS, AsyncClient, Client, Metric, Workload

if TYPE_CHECKING:
    from collections.abc import Sequence

    from tools.bench.workloads import BulkClient

_SMALL = 1000
_TICK = 0.005


def main() -> None:
    """Measure one sample."""
    parser = argparse.ArgumentParser(prog="python -m tools.bench.sample")
    workloads = {workload.name: workload for workload in WORKLOADS + GROWTH}
    parser.add_argument("workload", choices=workloads)
    parser.add_argument("client")
    parser.add_argument("server", help="such as http://127.0.0.1:8000")
    parser.add_argument("folder", type=Path, help="the uploads are in its folder `uploads`, the results go beside them")
    parser.add_argument("--quick", action="store_true")
    parser.add_argument("--rounds", type=int)
    options = parser.parse_args()
    workload = workloads[options.workload]
    workload = workload.quick() if options.quick else workload
    workload = replace(workload, rounds=options.rounds or workload.rounds)
    clients = import_module(f"tools.bench.clients.{options.client}")
    if workload.at_once is None:
        measured = _sample(workload, clients.Client, options.server, options.folder)
    else:
        measured = asyncio.run(_async_sample(workload, clients.AsyncClient, options.server, options.folder))
    json.dump(measured, sys.stdout)


def _sample(workload: Workload, make: type[Client], server: str, folder: Path) -> dict[Metric, float]:
    small = folder / "small.png"
    small.write_bytes(make_picture(_SMALL))
    warm_up = _in_small(workload)
    _check(warm_up, _do(workload, make(server + warm_up.reply.path), folder / "warm-up", [small]))
    client, uploads = make(server + workload.reply.path), sorted(folder.glob("uploads/*"))
    meter = _Meter()
    received = sum(_do(workload, client, folder / str(number), uploads) for number in range(workload.rounds))
    measured = meter.read()
    _check(workload, received)
    return measured


def _do(workload: Workload, client: Client, folder: Path, uploads: Sequence[Path]) -> int:
    """Do it once, and return how many bytes of pictures came."""
    match workload.work:
        case "call":
            return client.call()
        case "edit":
            return client.edit(uploads)
        case "watch":
            return client.watch(workload.reply.pictures - 1)
        case "save":
            folder.mkdir()
            client.save(folder)
            return _size(folder)
        case "bulk":
            folder.mkdir()
            cast("BulkClient", client).bulk(workload.lines, folder)
            return sum(path.stat().st_size for path in folder.rglob("*.png"))
        case _:
            raise ValueError(f"{workload.work} is measured from outside")


async def _async_sample(workload: Workload, make: type[AsyncClient], server: str, folder: Path) -> dict[Metric, float]:
    warm_up = _in_small(workload)
    _check(warm_up, await _async_do(workload, make(server + warm_up.reply.path), folder / "warm-up"))
    client = make(server + workload.reply.path)
    meter = _Meter()
    watched = asyncio.Event()
    stall = asyncio.create_task(_longest_stall(watched)) if Metric.STALL in workload.targets else None
    received = 0
    for number in range(workload.rounds):
        folders = [folder / f"{number}-{place}" for place in range(workload.at_once or 1)]
        received += sum(await asyncio.gather(*(_async_do(workload, client, each) for each in folders)))
    measured = meter.read()
    if stall:
        watched.set()
        measured[Metric.STALL] = 1000 * await stall
    _check(workload, received)
    return measured


async def _async_do(workload: Workload, client: AsyncClient, folder: Path) -> int:
    match workload.work:
        case "call":
            return await client.call()
        case "save":
            folder.mkdir()  # noqa: ASYNC240  an instant, beside what is measured
            await client.save(folder)
            return _size(folder)
        case _:
            raise ValueError(f"{workload.work} is not done in an event loop")


async def _longest_stall(end: asyncio.Event) -> float:
    """Return for how many seconds the loop kept a task waiting at most."""
    longest = 0.0
    while not end.is_set():
        begun = time.perf_counter()
        await asyncio.sleep(_TICK)
        longest = max(longest, time.perf_counter() - begun - _TICK)
    return longest


def _in_small(workload: Workload) -> Workload:
    return replace(workload, reply=replace(workload.reply, size=_SMALL), at_once=workload.at_once and 1, lines=1, rounds=1)


def _size(folder: Path) -> int:
    return sum(path.stat().st_size for path in folder.iterdir())


def _check(workload: Workload, received: int) -> None:
    """Refuse a figure of work that wasn't done."""
    wanted = workload.calls * workload.reply.pictures * workload.reply.size
    if received < wanted:
        raise ValueError(f"{workload.name}: {received} bytes of pictures came of the {wanted} that were sent")


class _Meter:
    """What the process uses from now on."""

    def __init__(self) -> None:
        gc.collect()
        self._level = _forget_peak()
        self._begun = time.perf_counter(), _cpu()

    def read(self) -> dict[Metric, float]:
        """Return seconds, and MiB over the level at the beginning."""
        wall, cpu = time.perf_counter() - self._begun[0], _cpu() - self._begun[1]
        return {Metric.CPU: cpu, Metric.WALL: wall, Metric.PEAK: (_peak() - self._level) / 1024}


def _cpu() -> float:
    used = resource.getrusage(resource.RUSAGE_SELF)
    return used.ru_utime + used.ru_stime


def _forget_peak() -> int:
    """Make the kernel forget the peak so far, and return from where the next one counts, in KiB.

    Where it can't, that is the peak so far: https://docs.kernel.org/filesystems/proc.html
    """
    try:
        Path("/proc/self/clear_refs").write_text("5", encoding="ascii")
        return _memory("VmRSS")
    except OSError:
        return _peak()


def _peak() -> int:
    if sys.platform == "linux":
        return _memory("VmHWM")
    used = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return used // 1024 if sys.platform == "darwin" else used


def _memory(name: str) -> int:
    lines = Path("/proc/self/status").read_text(encoding="ascii").splitlines()
    return next(int(line.split()[1]) for line in lines if line.startswith(f"{name}:"))


if __name__ == "__main__":
    main()
