"""Runs jobs in processes that may be killed: `python bulk_victim.py` reads a line of JSON for each run, and forks.

A line says `run`, the arguments of `images_api.bulk.run`; `base_url`; `seconds`, after which the child is killed, or gets
`signal`; `jumps`, whether its clock jumps; and `fills`, whether it fills the disk to the brim. What becomes of the child is told
in a line of JSON: its `status`, below zero for a signal, and what it `said`.
"""

from __future__ import annotations

import json
import os
import random
import signal
import sys
import time
from contextlib import suppress
from typing import Any

from images_api import ImagesClient
from images_api.bulk import InterruptedRun, _recording, run


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


def _no_limit(_: object) -> str:
    return ""


def work(told: dict[str, Any], writing: int) -> None:
    """Run a job, and end the process."""
    with open(writing, "w", encoding="utf-8") as pipe:
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
