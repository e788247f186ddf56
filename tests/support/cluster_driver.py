"""Runs one job on a Dask cluster, in a process that may be killed or interrupted, and prints what came of it."""

from __future__ import annotations

import json
import sys

from distributed import Client

from images_api import ImagesClient
from images_api.bulk import InterruptedRun, run


def main() -> int:
    told = json.loads(sys.argv[1])
    with Client(told["scheduler"]) as scheduler:
        try:
            summary = run(client=ImagesClient(base_url=told["base_url"]), scheduler=scheduler, **told["run"])
        except InterruptedRun as interrupt:
            sys.stdout.write(f"{interrupt.summary}\n")
            return 130
        sys.stdout.write(f"{summary}\n")
        return summary.exit_status


if __name__ == "__main__":
    sys.exit(main())
