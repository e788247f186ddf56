"""The official SDK, `openai`."""

from __future__ import annotations

import base64
from typing import TYPE_CHECKING

from openai import AsyncOpenAI, OpenAI

from tools.bench.clients.request import KEY, MODEL, PROMPT, SIZE

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path

    from openai.types import ImagesResponse


class Client:
    """For threads."""

    def __init__(self, base_url: str) -> None:
        self._client = OpenAI(api_key=KEY, base_url=base_url)

    def call(self) -> int:
        return sum(map(len, _pictures(self._client.images.generate(prompt=PROMPT, model=MODEL, size=SIZE))))

    def save(self, folder: Path) -> None:
        _save(self._client.images.generate(prompt=PROMPT, model=MODEL, size=SIZE), folder)

    def edit(self, paths: Sequence[Path]) -> int:
        return sum(map(len, _pictures(self._client.images.edit(image=list(paths), prompt=PROMPT, model=MODEL, size=SIZE))))

    def watch(self, partial_images: int) -> int:
        received = 0
        with self._client.images.generate(
            prompt=PROMPT, model=MODEL, size=SIZE, stream=True, partial_images=partial_images
        ) as stream:
            for event in stream:
                received += len(base64.b64decode(event.b64_json))
        return received


class AsyncClient:
    """For asyncio."""

    def __init__(self, base_url: str) -> None:
        self._client = AsyncOpenAI(api_key=KEY, base_url=base_url)

    async def call(self) -> int:
        return sum(map(len, _pictures(await self._client.images.generate(prompt=PROMPT, model=MODEL, size=SIZE))))

    async def save(self, folder: Path) -> None:
        import asyncio

        result = await self._client.images.generate(prompt=PROMPT, model=MODEL, size=SIZE)
        await asyncio.to_thread(_save, result, folder)


def _pictures(result: ImagesResponse) -> Iterator[bytes]:
    for image in result.data or ():
        if image.b64_json is None:
            raise ValueError("the reply holds no picture")
        yield base64.b64decode(image.b64_json)


def _save(result: ImagesResponse, folder: Path) -> None:
    for number, content in enumerate(_pictures(result), 1):
        (folder / f"{number}.png").write_bytes(content)
