"""What bulk must withstand on a cluster, in any size: `tests/bulk` does it in small, `tests/long` in full."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import threading
import time
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

from bulk_drills import FAULTS, tell
from bulk_jobs import assert_sound, line, saved_images, write_job
from counting_server import CountingServer
from waiting import wait_until

from images_api import ImagesClient
from images_api.bulk import Journal, State, run
from images_api.sandbox import Sandbox

if TYPE_CHECKING:
    from collections.abc import Callable, Generator, Mapping

HERE = Path(__file__).parent


@contextmanager
def cluster(workers: int = 2, **config: Any) -> Generator[tuple[Any, Any]]:
    """Give a cluster of so many processes on this machine, whose nannies start killed ones anew, and a client of it."""
    import dask.config
    import plain_store
    from distributed import Client, LocalCluster

    preload = {"distributed.worker.preload": [plain_store.__name__]}
    with (
        dask.config.set({**preload, "distributed.nanny.pre-spawn-environ.PYTHONPATH": os.pathsep.join(sys.path), **config}),
        LocalCluster(
            n_workers=workers,
            threads_per_worker=1,
            processes=True,
            dashboard_address=":0",  # None means a port that may be taken
            silence_logs=100,  # what a killed worker makes Dask say is what is tested
        ) as local,
        Client(local) as client,
    ):
        yield local, client


@contextmanager
def without_nannies(workers: int = 2, *, seconds: float) -> Generator[tuple[list[subprocess.Popen[bytes]], Any]]:
    """Give workers that nobody looks after and that are taken for lost after some seconds, and a client of them."""
    command = [sys.executable, "-m", "distributed.cli.dask_worker", "--no-nanny", "--nthreads=1", "--no-dashboard"]
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)}
    with cluster(0, **{"distributed.scheduler.worker-ttl": f"{seconds}s"}) as (local, client), ExitStack() as stack:
        processes = [
            stack.enter_context(
                subprocess.Popen([*command, local.scheduler_address], env=environment, stderr=subprocess.DEVNULL)  # noqa: S603  our own
            )
            for _ in range(workers)
        ]
        for process in processes:
            stack.callback(process.kill)
        wait_until(lambda: len(client.nthreads()) == workers)
        yield processes, client


def pids(local: Any) -> list[int]:
    """Return the process ids of the workers that are there."""
    return [nanny.process.pid for nanny in local.workers.values() if nanny.process and nanny.process.pid]


def wait_for(made: Callable[[], int], enough: int) -> None:
    wait_until(lambda: made() > enough)


def kill_a_worker(local: Any, number: int) -> None:
    wait_until(lambda: len(pids(local)) == 2)
    os.kill(pids(local)[number % 2], signal.SIGKILL)


@contextmanager
def meanwhile(work: Callable[[], None]) -> Generator[None]:
    """Do something in a thread, and see that it came to its end."""
    faults: list[BaseException] = []

    def guarded() -> None:
        try:
            work()
        except BaseException as error:  # noqa: BLE001  told to the test
            faults.append(error)

    thread = threading.Thread(target=guarded)
    thread.start()
    yield
    thread.join()
    assert not faults, faults


def workers_killed(folder: Path, *, lines: int, kills: int = 2, store: str = "") -> None:
    """Kill workers in the middle of a job: every line ends in the right state, none is lost, and none paid twice.

    Args:
        folder: Where all of it goes.
        lines: How many lines the job has.
        kills: How often a worker is killed.
        store: The scheme of a store behind a URL that is to have the images.
    """
    job = write_job(folder, lines)
    into = f"{store}://{folder / 'out'}" if store else folder / "out"
    with CountingServer(latency=0.02) as server, cluster() as (local, scheduler):
        client = ImagesClient(base_url=server.base_url)

        def kill() -> None:
            for number in range(kills):
                wait_for(lambda: sum(server.made.values()), lines * (number + 1) // (kills + 2))
                kill_a_worker(local, number)

        with meanwhile(kill):
            summary = run(job, into, client=client, concurrency=4, scheduler=scheduler, chunk=max(10, lines // 20))
        tell(summary)
        states = assert_sound(folder / "out", server.made)
        assert len(states) == lines
        assert set(states.values()) <= {State.DONE, State.AMBIGUOUS}
        assert list(states.values()).count(State.AMBIGUOUS) <= 2 * 4 * kills  # on their way, or answered and not yet noted
        made = dict(server.made)
        assert run(job, into, client=client, scheduler=scheduler).counts == summary.counts
        assert run(job, into, client=client).counts == summary.counts  # nor does one without a cluster send anything
        assert server.made == made


def workers_killed_with_faults(folder: Path, *, lines: int, rate: float, kills: int = 2) -> None:
    """Kill workers in the middle of a job against a server that fails at rates, whose own count tells what was paid."""
    job = write_job(folder, (line(f"{number}", {"prompt": f"image {number}", "size": "16x16"}) for number in range(lines)))
    with Sandbox(any_model=True, faults=dict.fromkeys(FAULTS, rate), seed=7) as sandbox, cluster() as (local, scheduler):
        client = ImagesClient(base_url=sandbox.base_url)

        def kill() -> None:
            for number in range(kills):
                wait_for(lambda: sandbox.pictures_made, lines * (number + 1) // (kills + 2))
                kill_a_worker(local, number)

        with meanwhile(kill):
            summary = run(job, folder / "out", client=client, concurrency=4, scheduler=scheduler, chunk=max(10, lines // 20))
        tell(summary)
        counts = summary.counts
        assert summary.stopped is None
        assert counts[State.DONE] + counts[State.REFUSED] + counts[State.AMBIGUOUS] == lines, summary
        made = sandbox.pictures_made
        # One that a worker had sent when it was killed may have been refused, or sent so late that it never came.
        lost = lost_lines(folder / "out")
        assert lost <= 2 * 4 * kills
        assert counts[State.DONE] + counts[State.AMBIGUOUS] - lost <= made <= counts[State.DONE] + counts[State.AMBIGUOUS]
        assert len(saved_images(folder / "out")) == counts[State.DONE]
        sandbox.clear()
        assert run(job, folder / "out", client=client, scheduler=scheduler).counts == counts
        assert sandbox.pictures_made == 0


def lost_lines(folder: Path) -> int:
    with Journal(folder, read_only=True) as journal:
        return sum(entry.error_code == "lost" for entry in journal.entries(State.AMBIGUOUS))


def worker_taken_for_lost(folder: Path, *, lines: int) -> None:
    """Stop a worker, so that it is taken for lost and its chunk is given away, and let it live on: it pays nothing twice."""
    job = write_job(folder, lines)
    with (
        CountingServer(latency=0.02) as server,
        without_nannies(seconds=1) as (processes, scheduler),
    ):
        client = ImagesClient(base_url=server.base_url)

        def freeze() -> None:
            wait_until(lambda: sum(server.made.values()) > lines // 5)
            frozen = processes[0].pid
            there = set(scheduler.nthreads())
            os.kill(frozen, signal.SIGSTOP)
            try:
                wait_until(lambda: bool(there - set(scheduler.nthreads())))
                wait_until(lambda: len(server.made) >= lines - 2)  # all but what it may have had in its hands
            finally:
                os.kill(frozen, signal.SIGCONT)

        with meanwhile(freeze):
            summary = run(job, folder / "out", client=client, concurrency=2, scheduler=scheduler, chunk=max(10, lines // 6))
        tell(summary)
        time.sleep(1)  # in which the one that lives on may do what it does
        assert max(server.made.values()) == 1
        summary = run(job, folder / "out", client=client, scheduler=scheduler)
        states = assert_sound(folder / "out", server.made)
        assert len(states) == lines
        assert set(states.values()) <= {State.DONE, State.AMBIGUOUS}
        assert max(server.made.values()) == 1


def driver_killed(folder: Path, *, lines: int, kills: int) -> None:
    """Kill a driver, whose workers go on, and run it again: with its workers, and in the end without."""
    job = write_job(folder, lines)
    with CountingServer(latency=0.02) as server, cluster() as (local, scheduler):
        told = {"base_url": server.base_url, "scheduler": local.scheduler_address}
        told["run"] = {"job": str(job), "into": str(folder / "out"), "concurrency": 2, "chunk": max(5, lines // 20)}
        for number in range(kills):
            with driver(told) as process:
                wait_for(lambda: sum(server.made.values()), lines * (number + 1) // (kills + 2))
                process.kill()
        assert max(server.made.values()) == 1
        client = ImagesClient(base_url=server.base_url)
        summary = run(job, folder / "out", client=client, scheduler=scheduler)
        tell(summary)
        states = wait_for_orphans(job, folder, client, server.made, scheduler)
        assert len(states) == lines
        assert set(states.values()) == {State.DONE}
        assert set(server.made.values()) == {1}


def wait_for_orphans(job: Path, folder: Path, client: ImagesClient, made: Mapping[str, int], scheduler: Any) -> dict[str, State]:
    """Return the states once the workers of killed drivers are done, which have the lines that look ambiguous meanwhile."""
    for _ in range(50):
        summary = run(job, folder / "out", client=client, scheduler=scheduler)
        if summary.is_complete:
            break
        time.sleep(0.1)
    return assert_sound(folder / "out", made)


@contextmanager
def driver(told: dict[str, Any]) -> Generator[subprocess.Popen[str]]:
    """Give a process that runs a job on a cluster."""
    command = [sys.executable, str(HERE / "cluster_driver.py"), json.dumps(told)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:  # noqa: S603  our own
        yield process
