"""This library, `images_api`."""

from __future__ import annotations

from typing import TYPE_CHECKING

from images_api import AsyncImagesClient, ImagesClient
from tools.bench.clients.request import AT_ONCE, KEY, MODEL, PROMPT, SIZE, write_job

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path


class Client:
    """For threads."""

    def __init__(self, base_url: str) -> None:
        self._client = ImagesClient(KEY, base_url=base_url)

    def call(self) -> int:
        return sum(len(image.read()) for image in self._client.generate(PROMPT, model=MODEL, size=SIZE))

    def save(self, folder: Path) -> None:
        self._client.generate(PROMPT, model=MODEL, size=SIZE).save(folder)

    def edit(self, paths: Sequence[Path]) -> int:
        return sum(len(image.read()) for image in self._client.edit(paths, PROMPT, model=MODEL, size=SIZE))

    def watch(self, partial_images: int) -> int:
        with self._client.stream_generate(PROMPT, model=MODEL, size=SIZE, partial_images=partial_images) as stream:
            return sum(len(event.image.read()) for event in stream)

    def bulk(self, lines: int, folder: Path) -> None:
        from images_api.bulk import run

        run(write_job(lines, folder), folder / "out", client=self._client, concurrency=AT_ONCE)


class AsyncClient:
    """For asyncio."""

    def __init__(self, base_url: str) -> None:
        self._client = AsyncImagesClient(KEY, base_url=base_url)

    async def call(self) -> int:
        result = await self._client.generate(PROMPT, model=MODEL, size=SIZE)
        return sum([len(await image.aread()) for image in result])

    async def save(self, folder: Path) -> None:
        result = await self._client.generate(PROMPT, model=MODEL, size=SIZE)
        await result.asave(folder)
