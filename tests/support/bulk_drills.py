"""What bulk must withstand, in any size: `tests/bulk` does it in small, `tests/long` in full."""

from __future__ import annotations

import json
import os
import random
import shutil
import signal
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from itertools import product
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from bulk_jobs import assert_sound, line, saved_images, write_job
from counting_server import CountingServer
from waiting import wait_until

from images_api import ImagesClient
from images_api.bulk import Journal, State, run
from images_api.sandbox import Sandbox

if TYPE_CHECKING:
    from collections.abc import Callable, Generator

HERE = Path(__file__).parent


def tell(text: object) -> None:
    """Say what was measured, where pytest's `-s` lets it through."""
    sys.stdout.write(f"{text}\n")


@contextmanager
def victims() -> Generator[Callable[..., tuple[int, str]]]:
    """Give what runs a job in a process of its own, and returns its exit status, below zero for a signal, and its words."""
    command = [sys.executable, str(HERE / "bulk_victim.py")]
    with subprocess.Popen(  # noqa: S603  our own
        command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as process:
        stdin, stdout = process.stdin, process.stdout
        assert stdin
        assert stdout

        def victim(
            base_url: str, job: Path, into: Path, *, about: dict[str, Any] | None = None, **options: Any
        ) -> tuple[int, str]:
            told = {"base_url": base_url, "run": {"job": str(job), "into": str(into), **options}, **(about or {})}
            stdin.write(json.dumps(told) + "\n")
            stdin.flush()
            answer = json.loads(stdout.readline())
            return answer["status"], answer["said"]

        yield victim
        stdin.close()


def kill_and_resume(folder: Path, *, moments: int, lines: int, chains: int) -> None:
    """Kill runs of jobs at random moments, and let each go on until it is killed again, and in the end to its end.

    Args:
        folder: Where the jobs go.
        moments: How often they are killed in all.
        lines: How many lines each job has.
        chains: How many jobs there are.
    """
    chance = random.Random(f"{moments} {lines}")  # noqa: S311  the same moments each time
    with victims() as victim:
        for chain in range(chains):
            place = folder / f"{chain}"
            place.mkdir()
            job = write_job(place, lines)
            with CountingServer(latency=0.02) as server:
                begun = time.monotonic()
                options = {"concurrency": chance.choice([1, 4, 16])}
                # From before the first byte to the end, about, of what is left to each.
                share = 0.2 + 0.02 * lines / options["concurrency"] / (moments // chains)
                for _ in range(moments // chains):
                    victim(server.base_url, job, place / "out", about={"seconds": chance.uniform(0, share)}, **options)
                    assert max(server.made.values(), default=0) <= 1
                status, said = victim(server.base_url, job, place / "out", **options)
                states = assert_sound(place / "out", server.made)
                assert set(states.values()) <= {State.DONE, State.AMBIGUOUS}
                ambiguous = [each for each, state in states.items() if state == State.AMBIGUOUS]
                assert status == (8 if ambiguous else 0), said
                assert len(states) == lines
                tell(f"job {chain}: {len(ambiguous)} of {lines} ambiguous, {time.monotonic() - begun:.1f} s")
                made = dict(server.made)
                assert victim(server.base_url, job, place / "out", **options)[0] == status
                assert server.made == made
                assert not ambiguous or "may have run and may be billed" in said


# What goes wrong, the state that a line ends in for it, and whether it is billed.
FAULTS = {
    "429; retry-after-ms=5": (None, False),
    "503; retry-after-ms=5": (None, False),
    "reset": (State.AMBIGUOUS, True),
    "cut body": (State.AMBIGUOUS, True),
    "400; code=content_policy_violation": (State.REFUSED, False),
}


def faults_at_rates(folder: Path, *, lines: int, rate: float) -> None:
    """Run a job against a server that fails at rates, and see that each line ends in the right state, and none is paid twice."""
    job = write_job(folder, (line(f"{number}", {"prompt": f"image {number}", "size": "16x16"}) for number in range(lines)))
    with Sandbox(any_model=True, faults=dict.fromkeys(FAULTS, rate), seed=7) as sandbox:
        client = ImagesClient(base_url=sandbox.base_url)
        summary = run(job, folder / "out", client=client, concurrency=8)
        counts = summary.counts
        assert counts[State.DONE] + counts[State.REFUSED] + counts[State.AMBIGUOUS] == lines, summary
        assert summary.stopped is None
        assert sandbox.pictures_made == counts[State.DONE] + counts[State.AMBIGUOUS]
        assert len(saved_images(folder / "out")) == counts[State.DONE]
        tell(summary)
        made = sandbox.pictures_made
        sandbox.clear()
        assert run(job, folder / "out", client=client).counts == counts
        assert sandbox.pictures_made == 0
    # Each fault came about as often as it should, or the drill says nothing.
    assert made > lines / 2
    assert lines < 100 or min(counts[State.AMBIGUOUS], counts[State.REFUSED]) > 0
    with Journal(folder / "out", read_only=True) as journal:
        assert max(entry.attempts for entry in journal.entries()) > 1
        assert {entry.error_code for entry in journal.entries(State.REFUSED)} <= {"content_policy_violation"}
        assert {entry.error_code for entry in journal.entries(State.AMBIGUOUS)} <= {"APIConnectionError"}
        for entry in journal.entries(State.DONE):
            assert len(entry.files) == 1


def die_at_each_step(folder: Path, *, lines: int, calls: int) -> None:
    """End a run before and after each step between a line's note and its image's name, and the next one, too; then resume.

    Args:
        folder: Where the jobs go.
        lines: How many lines each job has.
        calls: At how many of a step's calls there is a run that ends.
    """
    steps = ("record", "write", "fsync", "sync", "replace", "publish")
    moments = [("take_over", 1), *((step, number) for step in steps for number in range(1, calls + 1))]
    with victims() as victim:
        for (step, number), when in product(moments, ("before", "after")):
            place = folder / f"{step} {number} {when}"
            place.mkdir()
            job = write_job(place, lines)
            about = {"dies": [step, number, when]}
            with CountingServer() as server:
                assert victim(server.base_url, job, place / "out", about=about, concurrency=2)[0] == 9, place.name
                if calls > 1:
                    victim(server.base_url, job, place / "out", about=about, concurrency=2)
                victim(server.base_url, job, place / "out", concurrency=2)
                states = assert_sound(place / "out", server.made)
            assert set(states.values()) <= {State.DONE, State.AMBIGUOUS}, place.name
            # What was written whole is found; what was on its way otherwise is the price of a crash.
            assert list(states.values()).count(State.AMBIGUOUS) <= 4, place.name


def interrupt(folder: Path, *, lines: int) -> None:
    """Interrupt a run whose calls are on their way, as Ctrl-C does, and see that it says what may be billed, and goes on."""
    job = write_job(folder, lines)
    with victims() as victim, CountingServer(latency=0) as server:
        server.hold.clear()
        begun = time.monotonic()
        about = {"seconds": 1.5, "signal": signal.SIGINT}
        status, said = victim(server.base_url, job, folder / "out", about=about, concurrency=4)
        took = time.monotonic() - begun
        assert (status, sum(server.made.values())) == (130, 4), said
        assert "stopped: interrupted" in said
        assert "4 lines may have run and may be billed" in said
        tell(f"ended {took - 1.5:.1f} s after the signal")
        server.hold.set()
        status, said = victim(server.base_url, job, folder / "out", concurrency=4)
        states = list(assert_sound(folder / "out", server.made).values())
        assert (status, states.count(State.AMBIGUOUS), states.count(State.DONE)) == (8, 4, lines - 4)


def jumping_clock(folder: Path, *, lines: int) -> None:
    """Run a job while the clock of the machine goes anywhere between 1970 and 2096, cut once."""
    job = write_job(folder, lines)
    with victims() as victim, CountingServer(latency=0.02) as server:
        about = {"jumps": True, "seconds": 0.3}
        victim(server.base_url, job, folder / "out", about=about, images_per_minute=60_000, deadline=1000)
        about = {"jumps": True}
        victim(server.base_url, job, folder / "out", about=about, images_per_minute=60_000, deadline=1000)
        states = assert_sound(folder / "out", server.made)
        assert set(states.values()) <= {State.DONE, State.AMBIGUOUS}
        assert list(states.values()).count(State.DONE) > lines - 20


def two_runs_at_once(folder: Path) -> None:
    """Start a second run in a folder while the first one goes on."""
    job = write_job(folder, 4)
    with victims() as victim, victims() as other, CountingServer() as server:
        server.hold.clear()
        with ThreadPoolExecutor(1) as threads:
            first = threads.submit(victim, server.base_url, job, folder / "out")
            wait_until(lambda: len(server.made) == 4)
            status, said = other(server.base_url, job, folder / "out")
            assert (status, "is used by another run, which must end first" in said) == (1, True), said
            server.hold.set()
            assert first.result()[0] == 0
        assert_sound(folder / "out", server.made)


def full_disk(folder: Path, *, lines: int, size: int, fills: bool) -> None:
    """Run a job on a disk that has room for half of it, then go on with more room: nothing that is paid is lost.

    The disk is a `tmpfs` in a name space of its own; the drill is skipped where the system gives none.

    Args:
        folder: Where all of it goes.
        lines: How many lines the job has.
        size: How large an image is.
        fills: Whether the run doesn't look how much room there is; else it sends nothing on such a small disk.
    """
    job, disk = write_job(folder, lines), folder / "disk"
    disk.mkdir()
    with CountingServer(size=size) as server:
        run_it = f"{sys.executable} {HERE / 'bulk_victim.py'} && cp -a {disk} {folder / 'copy'}"
        script = f"mount -t tmpfs -o size={lines * size // 2 >> 10}k tmpfs {disk} && {run_it}"
        options = {"job": str(job), "into": str(disk / "out"), "concurrency": 4}
        done = subprocess.run(  # noqa: S603  our own
            ["unshare", "--user", "--map-root-user", "--mount", "sh", "-c", script],  # noqa: S607  wherever it is
            input=json.dumps({"base_url": server.base_url, "run": options, "fills": fills}),
            capture_output=True,
            text=True,
            check=False,
            env={**os.environ, "TMPDIR": str(folder)},
        )
        if done.returncode:
            pytest.skip(f"no disk of a size can be had here: {done.stderr}")
        answer = json.loads(done.stdout)
        assert answer["status"] == 8, answer
        out, paid = folder / "copy" / "out", sum(server.made.values())
        if fills:
            assert 4 <= paid < lines
            assert "No space left on device" in answer["said"]
            [rescued] = folder.glob("images-api-rescued-*")
            assert str(rescued) in answer["said"]
            (out / ".images-api").mkdir(exist_ok=True)
            for path in rescued.iterdir():
                path.rename(out / ".images-api" / path.name)
        else:
            assert (paid, "the disk has only " in answer["said"]) == (0, True)
        with ImagesClient(base_url=server.base_url) as client:
            summary = run(job, out, client=client)
            tell(f"{paid} of {lines} were paid before the disk was full; then {summary}")
            # A line that was noted as `sending` and then not sent, for the disk was full, couldn't be noted as pending again.
            states = assert_sound(out, server.made, size)
            assert {states[each] for each in states if server.made[f"image {each}"]} == {State.DONE}
            assert run(job, out, client=client, repeat_ambiguous=True).is_complete
            assert set(server.made.values()) == {1}


def unwritable_folder(folder: Path) -> None:
    """Run a job into a folder that nobody may write to, and see that nothing is sent."""
    job = write_job(folder, 2)
    with CountingServer() as server, victims() as victim:
        status, said = victim(server.base_url, job, Path("/proc/images"))
        assert status == 1
        assert said.startswith(("FileNotFoundError", "PermissionError", "OSError"))
        assert not server.made


def flat_memory(folder: Path, *, lines: int) -> None:
    """Run a job, and one of a tenth of its lines, and see that the peak of memory is the same."""
    peaks = {}
    with fast_server() as base_url:
        for count in (lines // 10, lines):
            peaks[count] = peak(folder / f"{count}", base_url, count)
    tell(f"peak memory: {peaks} KiB")
    assert peaks[lines] < peaks[lines // 10] + 6 * 1024


@contextmanager
def fast_server() -> Generator[str]:
    """Give the base URL of a server in a process of its own, which answers images of 1 kB at once."""
    command = [sys.executable, "-m", "tools.bench.server"]
    folder = HERE.parent.parent
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, cwd=folder) as process:  # noqa: S603  our own
        assert process.stdin
        assert process.stdout
        yield f"http://127.0.0.1:{process.stdout.readline().strip()}/json/1/1000/v1"
        process.stdin.close()


def peak(folder: Path, base_url: str, lines: int) -> int:
    """Return the peak of memory, in KiB, of a job that is done in a process of its own."""
    folder.mkdir()
    job = write_job(folder, lines)
    command = [sys.executable, HERE / "bulk_measured.py", job, folder / "out", base_url]
    done = subprocess.run(list(map(str, command)), capture_output=True, text=True, check=True)  # noqa: S603  our own
    assert sum(path.suffix == ".png" for path in (folder / "out").iterdir()) == lines
    shutil.rmtree(folder)
    return int(done.stdout)
