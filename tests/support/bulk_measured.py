"""Does a job, and prints what it cost: `python bulk_measured.py bare|bulk JOB INTO BASE_URL`."""

from __future__ import annotations

import asyncio
import base64
import json
import resource
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import httpx

AT_ONCE = 8


async def bare(job: Path, into: Path, base_url: str) -> None:
    """Do it with httpx alone: no check, no journal, no sync."""
    import httpx

    with open(job, encoding="utf-8") as lines:  # noqa: ASYNC230  an instant
        async with httpx.AsyncClient(base_url=base_url, timeout=600) as client:

            async def work() -> None:
                for text in lines:
                    line: dict[str, Any] = json.loads(text)
                    response = await client.post("/images/generations", json=line["body"])
                    await asyncio.to_thread(save, response, into / f"{line['custom_id']}.png")

            await asyncio.gather(*(work() for _ in range(AT_ONCE)))


def save(response: httpx.Response, path: Path) -> None:
    for entry in response.raise_for_status().json()["data"]:
        path.write_bytes(base64.b64decode(entry["b64_json"]))


def bulk(job: Path, into: Path, base_url: str) -> None:
    from images_api import ImagesClient
    from images_api.bulk import run

    with ImagesClient(base_url=base_url) as client:
        summary = run(job, into, client=client, concurrency=AT_ONCE, report=lambda _: None)
    assert summary.is_complete, summary


def main() -> None:
    who, job, into, base_url = sys.argv[1:]
    if who == "bare":
        Path(into).mkdir()
        asyncio.run(bare(Path(job), Path(into), base_url))
    else:
        bulk(Path(job), Path(into), base_url)
    used = resource.getrusage(resource.RUSAGE_SELF)
    # Not what getrusage says, which begins with the peak of the process that started this one.
    [peak] = (text.split()[1] for text in Path("/proc/self/status").read_text().splitlines() if text.startswith("VmHWM:"))
    sys.stdout.write(json.dumps({"cpu": used.ru_utime + used.ru_stime, "peak": int(peak)}))


if __name__ == "__main__":
    main()
