"""Runs jobs in processes that may be killed: `python bulk_victim.py` reads a line of JSON for each run, and forks.

A line says `run`, the arguments of `images_api.bulk.run`; `base_url`; `seconds`, after which the child is killed, or gets
`signal`; `jumps`, whether its clock jumps; `fills`, whether it fills the disk to the brim; and `dies`: the name of a step, its
how manieth call, from 1, and whether before or after it. What becomes of the child is told in a line of JSON: its `status`, below
zero for a signal, and what it `said`.
"""

from __future__ import annotations

import json
import os
import random
import signal
import sys
import time
from contextlib import suppress
from itertools import count
from pathlib import Path
from typing import Any

from images_api import ImagesClient
from images_api.bulk import InterruptedRun, _recording, run
from images_api.bulk._journal import Journal
from images_api.bulk._saving import Store

# Where a step between an answer and its image's name is defined.
STEPS = {"write": Store, "sync": Store, "record": Journal, "publish": Store, "fsync": os, "replace": Path, "take_over": Journal}


def main() -> None:
    for text in sys.stdin:
        told = json.loads(text)
        reading, writing = os.pipe()
        child = os.fork()
        if not child:
            os.close(reading)
            work(told, writing)
        os.close(writing)
        if told.get("seconds") is not None:
            time.sleep(told["seconds"])
            with suppress(ProcessLookupError):
                os.kill(child, told.get("signal", signal.SIGKILL))
        with open(reading, encoding="utf-8") as pipe:
            said = pipe.read()
        _, status = os.waitpid(child, 0)
        sys.stdout.write(json.dumps({"status": os.waitstatus_to_exitcode(status), "said": said}) + "\n")
        sys.stdout.flush()


def die(step: str, number: int, when: str) -> None:
    """End the process, as a kill does, at a call of a step."""
    owner: Any = STEPS[step]
    original, calls = getattr(owner, step), count(1)

    def dying(*arguments: Any, **options: Any) -> Any:
        is_last = next(calls) == number
        if is_last and when == "before":
            os._exit(9)
        result = original(*arguments, **options)
        if is_last:
            os._exit(9)
        return result

    setattr(owner, step, dying)


def _no_limit(_: object) -> str:
    return ""


def work(told: dict[str, Any], writing: int) -> None:
    """Run a job, and end the process."""
    signal.signal(signal.SIGINT, signal.default_int_handler)  # which a shell's background jobs don't have
    with open(writing, "w", encoding="utf-8") as pipe:
        if told.get("dies"):
            die(*told["dies"])
        if told.get("fills"):
            vars(_recording)["Recorder"].room = _no_limit
        if told.get("jumps"):
            time.time = lambda: random.uniform(0, 4e9)  # noqa: S311  no secret
        try:
            client = ImagesClient(base_url=told["base_url"])
            summary = run(client=client, **told["run"])
            status = summary.exit_status
        except InterruptedRun as interrupt:
            summary, status = interrupt.summary, 130
        except Exception as error:  # noqa: BLE001  told to the test
            print(f"{type(error).__name__}: {error}", file=pipe, flush=True)
            os._exit(1)
        print(summary, file=pipe, flush=True)
    os._exit(status)


if __name__ == "__main__":
    main()
