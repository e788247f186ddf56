"""What an app does with the installed distribution.

Run by test_package.py in an environment of its own, with a folder for pictures and, where the sandbox is not installed, the base
URL of a server. Prints a JSON object: where the packages come from, what was saved, and which modules can't be imported.
"""

from __future__ import annotations

import asyncio
import json
import sys
from contextlib import ExitStack
from importlib import import_module
from importlib.metadata import version

import images_api
import images_api_client
from images_api import AsyncImagesClient, ImagesClient

OPTIONAL = ("PIL", "starlette", "uvicorn", "click", "rich", "dask", "fsspec", "openai", "pytest")


def missing(name: str) -> bool:
    try:
        import_module(name)
    except ModuleNotFoundError:
        return True
    return False


async def generate(base_url: str) -> int:
    async with AsyncImagesClient(base_url=base_url) as client:
        return len(await client.generate("an otter", n=2, size="64x64", model="gpt-image-next"))


def main(folder: str, base_url: str = "") -> None:
    with ExitStack() as running:
        if not base_url:
            from images_api.sandbox import Sandbox

            base_url = running.enter_context(Sandbox(any_model=True)).base_url
        with ImagesClient(base_url=base_url) as client:
            otters = client.generate("an otter", n=2, size="64x32", model="gpt-image-next").save(f"{folder}/otter.png")
            edited = client.edit(otters[0], "a beret", size="64x64", model="gpt-image-next").save(f"{folder}/beret.png")
        awaited = asyncio.run(generate(base_url))
    said = {
        "packages": [images_api.__file__, images_api_client.__file__],
        "versions": [version("images-api"), images_api.__version__, images_api_client.__version__],
        "saved": [path.name for path in (*otters, *edited)],
        "awaited": awaited,
        "missing": [name for name in OPTIONAL if missing(name)],
    }
    json.dump(said, sys.stdout)


if __name__ == "__main__":
    main(*sys.argv[1:])
