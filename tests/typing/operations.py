"""The generated operations as clients inherit them. Never run: each line is right if mypy and pyright agree with it."""

from __future__ import annotations

from collections.abc import Coroutine
from pathlib import Path
from typing import TYPE_CHECKING, Any, Unpack, assert_type

import httpx

from images_api_client.operations import ImageOperations

if TYPE_CHECKING:
    from images_api_client.options import CreateImageOptions, ImageModel, ImageOptions

ImageInput = str | Path | bytes


class Result:
    """What an operation gives."""


class Stream:
    """What it gives while it streams."""


class AsyncStream:
    """The same, asynchronously."""


class Client(ImageOperations["ImageInput", "Result", "Stream"]):
    """A client whose calls give results."""

    def __init__(self, api_key: str | None = None, *, timeout: float | None = None, **defaults: Unpack[ImageOptions]) -> None:
        """Take what every call takes where it says nothing itself."""

    def _call(self, operation: str, arguments: dict[str, Any]) -> Result:
        return Result()

    def _stream(self, operation: str, arguments: dict[str, Any]) -> Stream:
        return Stream()


class AsyncClient(ImageOperations["ImageInput", Coroutine[Any, Any, "Result"], "AsyncStream"]):
    """A client whose calls are awaited."""

    async def _call(self, operation: str, arguments: dict[str, Any]) -> Result:
        return Result()

    def _stream(self, operation: str, arguments: dict[str, Any]) -> AsyncStream:
        return AsyncStream()


def sync_calls(client: Client, model: ImageModel, options: CreateImageOptions) -> None:
    assert_type(client.generate("an otter", model=model, n=2, size="1536x1024", quality="high", style=None), Result)
    assert_type(client.generate(prompt="an otter", **options, timeout=httpx.Timeout(5), max_retries=0), Result)
    assert_type(client.edit("otter.png", "a beret", mask=Path("mask.png"), extra_headers={"X-Trace": None}), Result)
    assert_type(client.edit([b"", "otter.png"], "a raft", svg={"model": "m", "reasoning": {"effort": "low"}}), Result)
    assert_type(client.create_variation("otter.png", size="256x256", extra_query={"a": [1]}, extra_body={"b": 1}), Result)
    assert_type(client.stream_generate("an otter", partial_images=2, timeout=5), Stream)
    assert_type(client.stream_edit("otter.png", "a beret", markup=b""), Stream)
    assert_type(client.stream_variation("otter.png"), Stream)


async def async_calls(client: AsyncClient) -> None:
    call = assert_type(client.generate("an otter"), Coroutine[Any, Any, Result])
    assert_type(await call, Result)
    assert_type(await client.edit(image="otter.png", prompt="a beret", model="a-model-of-my-own"), Result)
    assert_type(client.stream_variation("otter.png"), AsyncStream)


def defaults() -> None:
    Client("sk-key", model="dall-e-3", size="1024x1792", n=None)
    Client(modle="x")  # type: ignore[call-arg]  # pyright: ignore[reportCallIssue]
    Client(quality=7)  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType]
    Client(prompt="an otter")  # type: ignore[call-arg]  # pyright: ignore[reportCallIssue]
    Client(mask="mask.png")  # type: ignore[call-arg]  # pyright: ignore[reportCallIssue]


def wrong_calls(client: Client) -> None:
    client.generate()  # type: ignore[call-arg]  # pyright: ignore[reportCallIssue]
    client.generate("an otter", "64x64")  # type: ignore[call-arg]  # pyright: ignore[reportCallIssue]
    client.generate("an otter", n="2")  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType]
    client.generate("an otter", quality=7)  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType]
    client.generate("an otter", stream=True)  # type: ignore[call-arg]  # pyright: ignore[reportCallIssue]
    client.generate("an otter", sice="64x64")  # type: ignore[call-arg]  # pyright: ignore[reportCallIssue]
    client.generate(None)  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType]
    client.edit(7, "a beret")  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType]
    client.edit("otter.png", "a beret", "mask.png")  # type: ignore[call-arg]  # pyright: ignore[reportCallIssue]
    client.edit("otter.png", "a beret", style="vivid")  # type: ignore[call-arg]  # pyright: ignore[reportCallIssue]
    client.create_variation(["otter.png"])  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType]
    client.create_variation("otter.png", size=64)  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType]
