"""One sample of any kind of work, measured in fresh processes."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
import time
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING

from tools.bench.pictures import make_picture
from tools.bench.workloads import Metric

if TYPE_CHECKING:
    from collections.abc import Generator, Mapping, Sequence

    from tools.bench.workloads import Contestant, Workload

ROOT = Path(__file__).resolve().parents[2]
# No proxy, no key and no tuning of this machine; the same order of every set and dictionary in each process.
_ENVIRONMENT = {name: os.environ[name] for name in ("PATH", "HOME", "LANG") if name in os.environ} | {"PYTHONHASHSEED": "0"}
# httpx imports its command line where click is installed, which has nothing to do with what is compared.
_WITHOUT_CLICK = "import sys; sys.modules['click'] = None; "
# /tmp is a RAM disk on many systems, and what is saved is to go to a real one.
_DISK = "/var/tmp" if Path("/var/tmp").is_dir() else None  # noqa: S108  only folders of random names are made there
_VALGRIND = ("valgrind", "--tool=cachegrind", "--cache-sim=no", "--cachegrind-out-file=/dev/null")
_REFERENCES = re.compile(r"I\s+refs:\s+([\d,]+)")
_TIMEOUT = 600


def counts_instructions() -> bool:
    """Tell whether there is something to count them with."""
    return shutil.which(_VALGRIND[0]) is not None


@contextmanager
def running_server() -> Generator[str]:
    """Run the server, which ends when its input is closed; gives its address."""
    command = [sys.executable, "-m", "tools.bench.server"]
    with subprocess.Popen(  # noqa: S603  our own command
        command, cwd=ROOT, env=_ENVIRONMENT, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as process:
        if process.stdout is None:
            raise AssertionError("it is a pipe")
        yield f"http://127.0.0.1:{int(process.stdout.readline())}"


def measure(workload: Workload, contestant: Contestant, server: str, *, quick: bool) -> Mapping[Metric, float]:
    """Measure one sample.

    Returns:
        Seconds of CPU and time, MiB, milliseconds and instructions, whichever the work has.
    """
    if workload.work == "command":
        return {Metric.WALL: _wall_of(workload.argv)}
    if workload.from_outside:
        code = contestant.imports
        if workload.work == "first-call":
            call = f"Client({server + workload.reply.path!r}).call()"
            code = f"from tools.bench.clients.{contestant.module} import Client; {call}"
        return {Metric.CPU: _cpu_of(_WITHOUT_CLICK + code) - _cpu_of(_WITHOUT_CLICK)}
    with TemporaryDirectory(prefix="bench-", dir=_DISK) as name:
        folder = Path(name)
        _make_uploads(folder / "uploads", *workload.uploads)
        command = [sys.executable, "-m", "tools.bench.sample", workload.name, contestant.module, server, name]
        if Metric.INSTRUCTIONS in workload.targets:
            return {Metric.INSTRUCTIONS: _instructions_of(command, workload.rounds)}
        done = _run([*command, "--quick"] if quick else command)
    measured = json.loads(done.stdout)
    return {Metric(name): value for name, value in measured.items()}


def _make_uploads(folder: Path, files: int, size: int) -> None:
    folder.mkdir()
    if files:
        original = folder / "0.png"
        original.write_bytes(make_picture(size))
        for number in range(1, files):
            (folder / f"{number}.png").hardlink_to(original)


def _instructions_of(command: Sequence[str], rounds: int) -> float:
    """Return the instructions that the rounds add to what a process needs anyway."""
    few = rounds // 4 + 1
    _run([*command, "--rounds", "1"])  # so that no module is compiled while it is counted
    return _count([*command, "--rounds", str(few + rounds)]) - _count([*command, "--rounds", str(few)])


def _count(command: Sequence[str]) -> int:
    said = _run([*_VALGRIND, *command]).stderr
    found = _REFERENCES.search(said)
    if found is None:
        raise RuntimeError(f"{_VALGRIND[0]} counted nothing:\n{said}")
    return int(found[1].replace(",", ""))


def _cpu_of(code: str) -> float:
    """Return the seconds of CPU that a new interpreter needs for some code."""
    process = subprocess.Popen([sys.executable, "-c", code], cwd=ROOT, env=_ENVIRONMENT)  # noqa: S603  our own code
    _, status, used = os.wait4(process.pid, 0)
    process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode:
        raise subprocess.CalledProcessError(process.returncode, process.args)
    return used.ru_utime + used.ru_stime


def _wall_of(argv: Sequence[str]) -> float:
    """Return the seconds on the clock that an interpreter takes from its start to its end."""
    begun = time.perf_counter()
    _run([sys.executable, *argv])
    return time.perf_counter() - begun


def _run(command: Sequence[str]) -> subprocess.CompletedProcess[str]:
    done = subprocess.run(  # noqa: S603  our own commands
        command, cwd=ROOT, env=_ENVIRONMENT, timeout=_TIMEOUT, capture_output=True, text=True, check=False
    )
    if done.returncode:
        raise RuntimeError(f"{' '.join(command)} failed:\n{done.stderr}")
    return done
