"""Does a job, and prints the peak of its memory in KiB: `python bulk_measured.py JOB INTO BASE_URL`."""

from __future__ import annotations

import sys
from pathlib import Path

from images_api import ImagesClient
from images_api.bulk import run


def main() -> None:
    job, into, base_url = sys.argv[1:]
    with ImagesClient(base_url=base_url) as client:
        summary = run(job, into, client=client, report=lambda _: None)
    assert summary.is_complete, summary
    # Not what getrusage says, which begins with the peak of the process that started this one.
    [peak] = (text.split()[1] for text in Path("/proc/self/status").read_text().splitlines() if text.startswith("VmHWM:"))
    sys.stdout.write(peak)


if __name__ == "__main__":
    main()
