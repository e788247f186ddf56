"""Runs the blocks of a page in its own folder, as they stand, against a sandbox in place of the official host and of others."""

from __future__ import annotations

import io
import os
import re
import sys
from contextlib import ExitStack
from pathlib import Path

from PIL import Image

from images_api.sandbox import Sandbox

BLOCKS = re.compile(r"^```python\n(.*?)^```$|^<!-- check:(.*?)-->$", re.MULTILINE | re.DOTALL)
HOST = re.compile(r"^<!-- host: (\S+) dialect: (\S+) -->$", re.MULTILINE)
PICTURES = {"otter.png": ("RGB", 1024), "square.png": ("RGBA", 512), "mask.png": ("RGBA", 1024)}
PHOTOS = {"photo.jpg": "JPEG", "hat.webp": "WEBP"}


def main(page: str) -> None:
    """Run a page's blocks, and print what the official host was asked for and what was written."""
    with ExitStack() as stack:
        official = stack.enter_context(Sandbox())
        os.environ["OPENAI_BASE_URL"] = official.base_url
        for host, dialect in HOST.findall(page):
            elsewhere = stack.enter_context(Sandbox(dialect=dialect, any_model=True))
            page = page.replace(f"http://{host}/v1", elsewhere.base_url)
        names: dict[str, object] = {}
        for code, check in BLOCKS.findall(page):
            exec(compile(code or check, "<page>", "exec"), names)  # noqa: S102  what the page says is what is tested
        asked = [f"{request.method} {request.path}" for request in official.requests]
    written = sorted(path.name for path in Path().iterdir() if path.name not in {*PICTURES, *PHOTOS})
    sys.stdout.write(f"{' '.join(asked)}\n{' '.join(written)}\n")


if __name__ == "__main__":
    for name, (mode, side) in PICTURES.items():
        image = Image.new(mode, (side, side), 1)
        image.save(name)
    for name, kind in PHOTOS.items():
        Image.new("RGB", (64, 64)).save(name, kind)
    main(io.TextIOWrapper(sys.stdin.buffer, encoding="utf-8").read())
