"""What every client asks for."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pathlib import Path

KEY = "bench"
PROMPT = "a baby sea otter, floating on its back"
MODEL = "gpt-image-1.5"
SIZE = "1024x1024"
# Of a job.
AT_ONCE = 8


def write_job(lines: int, folder: Path) -> Path:
    """Write a job of so many lines, in the Batch API's form."""
    path = folder / "job.jsonl"
    with path.open("w", encoding="utf-8") as file:
        for number in range(lines):
            body = {"prompt": f"{PROMPT}, {number}", "model": MODEL, "size": SIZE}
            line = {"custom_id": f"{number:06}", "method": "POST", "url": "/v1/images/generations", "body": body}
            file.write(json.dumps(line) + "\n")
    return path
