"""Output files of the Batch API, as large as one likes, and what memory importing them takes."""

from __future__ import annotations

import base64
import json
import subprocess
import sys
from typing import TYPE_CHECKING

from pictures import drawn, padded

from images_api.bulk._lines import by_url

if TYPE_CHECKING:
    from pathlib import Path

_IMPORT = """
import sys
from pathlib import Path
from images_api.bulk import import_batch
imported = import_batch(*sys.argv[1:3], job=sys.argv[3])
assert (imported.taken, imported.left, imported.exit_status) == (int(sys.argv[4]), 0, 0), imported
print(*(line.split()[1] for line in Path("/proc/self/status").read_text().splitlines() if line.startswith("VmHWM:")))
"""


def import_peak(folder: Path, *, lines: int, size: int) -> int:
    """Import so many lines, each with an image of so many bytes, in a process of its own, and return its peak in bytes."""
    job, output, into = (folder / f"{lines}-{name}" for name in ("job.jsonl", "output.jsonl", "run"))
    url = next(iter(by_url()))
    image = padded(drawn(64, 64), size)
    text = base64.b64encode(image).decode()
    with job.open("w") as asked, output.open("w") as answered:
        for number in range(lines):
            asked.write(json.dumps({"custom_id": f"{number}", "url": url, "body": {"prompt": f"cat {number}"}}) + "\n")
        for number in reversed(range(lines)):
            response = {"status_code": 200, "request_id": f"r{number}", "body": {"data": [{"b64_json": ""}]}}
            said = json.dumps({"id": f"b{number}", "custom_id": f"{number}", "response": response, "error": None})
            answered.write(said.replace('"b64_json": ""', f'"b64_json": "{text}"') + "\n")
    arguments = [output, into, job, lines]
    done = subprocess.run(  # noqa: S603  our own
        [sys.executable, "-c", _IMPORT, *map(str, arguments)], capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    assert all((into / f"{number}.png").read_bytes() == image for number in {0, lines - 1})
    assert len([*into.glob("*.png")]) == lines
    return int(done.stdout) << 10
