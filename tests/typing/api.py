"""Calls as apps write them, for type checkers. Never run: each line is right if mypy and pyright agree with it."""

from __future__ import annotations

from collections.abc import Coroutine, Sequence
from io import BytesIO
from pathlib import Path
from typing import TYPE_CHECKING, Any, BinaryIO, assert_type

import httpx
from PIL import Image

from images_api import (
    APIConnectionError,
    APIStatusError,
    AsyncImagesClient,
    AsyncImageStream,
    CompletedImage,
    ContentPolicyError,
    DownloadError,
    GeneratedImage,
    HTTPInfo,
    ImagesClient,
    ImagesResult,
    ImageStream,
    InvalidRequestError,
    PartialImage,
    Problem,
    RateLimitError,
    ResponseError,
    StreamEvent,
    StreamInterruptedError,
    TokenDetails,
    Usage,
)
from images_api.sandbox import ReceivedImage, ReceivedRequest, Sandbox
from images_api.testing import fake_async_stream, fake_error, fake_image, fake_result, fake_stream
from images_api_client import Client

if TYPE_CHECKING:
    from typing import Unpack

    from images_api import ImageInput
    from images_api.options import CreateImageEditOptions, CreateImageOptions, CreateImageVariationOptions

Calls = Coroutine[Any, Any, ImagesResult]


def construction() -> None:
    assert_type(ImagesClient(), ImagesClient)
    ImagesClient("sk-key", base_url="http://127.0.0.1:8080/v1", organization="org", project="proj", timeout=60, max_retries=0)
    ImagesClient(lambda: "sk-key", timeout=httpx.Timeout(600, connect=5), retry_ambiguous=True, validate="warn")
    ImagesClient(headers={"X-Trace": "1"}, auth_header="api-key", http_client=httpx.Client(), max_download_bytes=1 << 20)
    ImagesClient(model="dall-e-3", size="1024x1792")
    AsyncImagesClient(api_key="sk-key", http_client=httpx.AsyncClient())
    ImagesClient(validate="lenient")  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType]
    ImagesClient(timeout="60")  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType]
    ImagesClient(http_client=httpx.AsyncClient())  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType]
    AsyncImagesClient(http_client=httpx.Client())  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType]
    ImagesClient("sk-key", "http://127.0.0.1:8080/v1")  # type: ignore[call-arg]  # pyright: ignore[reportCallIssue]


def sync_calls(client: ImagesClient, file: BinaryIO) -> None:
    assert_type(client.generate("an otter", model="gpt-image-2", n=2, size="1536x1024", quality="high"), ImagesResult)
    assert_type(client.edit("otter.png", "give it a beret", mask=Path("mask.png")), ImagesResult)
    assert_type(client.edit([b"\x89PNG", file, BytesIO(), Image.new("RGB", (8, 8))], "a raft", markup=file), ImagesResult)
    assert_type(client.edit(("otter.png", file), "a beret", mask=("mask.png", b"", "image/png")), ImagesResult)
    assert_type(client.create_variation("otter.png", n=3, model="dall-e-2"), ImagesResult)
    assert_type(client.stream_generate("an otter", partial_images=2), ImageStream)
    assert_type(client.stream_edit("otter.png", "a beret", mask="mask.png", partial_images=1), ImageStream)
    assert_type(client.stream_variation("otter.png"), ImageStream)
    assert_type(client.low_level, Client)
    assert_type(client.close(), None)
    with client as same:
        assert_type(same, ImagesClient)


async def async_calls(client: AsyncImagesClient) -> None:
    call = assert_type(client.generate("an otter"), Calls)
    assert_type(await call, ImagesResult)
    assert_type(await client.generate("an otter", model="gpt-image-2", n=2), ImagesResult)
    assert_type(await client.edit("otter.png", "give it a beret", mask="mask.png"), ImagesResult)
    assert_type(await client.create_variation("otter.png", n=3), ImagesResult)
    assert_type(client.stream_generate("an otter", partial_images=2), AsyncImageStream)
    assert_type(client.stream_edit("otter.png", "a beret"), AsyncImageStream)
    assert_type(client.stream_variation("otter.png"), AsyncImageStream)
    assert_type(client.low_level, Client)
    async with client as same:
        assert_type(same, AsyncImagesClient)
    with client:  # type: ignore[attr-defined]  # pyright: ignore[reportGeneralTypeIssues, reportAttributeAccessIssue]
        pass


def options(client: ImagesClient) -> None:
    creation: CreateImageOptions = {
        "model": "gpt-image-2",
        "size": "64x64",
        "svg": {"model": "m", "reasoning": {"effort": "low"}},
    }
    client.generate("an otter", **creation)
    client.generate("an otter", **creation, timeout=5, max_retries=0, extra_headers={"X-Trace": None}, extra_query={"a": [1, 2]})
    edit: CreateImageEditOptions = {"input_fidelity": "high", "background": "transparent", "output_format": "webp"}
    client.stream_edit("otter.png", "a beret", **edit, extra_body={"seed": 1})
    variation: CreateImageVariationOptions = {"n": 2, "response_format": "b64_json", "user": "me"}
    client.create_variation("otter.png", **variation)
    client.generate("an otter", model=None, size="auto", style="vivid")
    client.generate("an otter", model="a-model-of-my-own", size="100x7")


def wrap(client: ImagesClient, **options: Unpack[CreateImageOptions]) -> ImagesResult:
    return client.generate("an otter", **options)


def images_that_came_back(client: ImagesClient, image: ImageInput) -> None:
    made = client.generate("an otter")
    assert_type(client.edit(made[0], "a beret"), ImagesResult)
    assert_type(client.edit(made, "both in one"), ImagesResult)
    assert_type(client.edit([made[0], image], "both in one", mask=made[1]), ImagesResult)


def defaults() -> None:
    ImagesClient(model="dall-e-3", size="1024x1792", n=1)
    AsyncImagesClient(model=None, moderation="low")
    ImagesClient(modle="dall-e-3")  # type: ignore[call-arg]  # pyright: ignore[reportCallIssue]
    ImagesClient(model=3)  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType]
    AsyncImagesClient(quality=7)  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType]


def wrong_options(client: ImagesClient) -> None:
    client.generate()  # type: ignore[call-arg]  # pyright: ignore[reportCallIssue]
    client.generate("an otter", "64x64")  # type: ignore[call-arg]  # pyright: ignore[reportCallIssue]
    client.generate("an otter", n="2")  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType]
    client.generate("an otter", quality=7)  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType]
    client.generate("an otter", stream=True)  # type: ignore[call-arg]  # pyright: ignore[reportCallIssue]
    client.generate("an otter", sice="64x64")  # type: ignore[call-arg]  # pyright: ignore[reportCallIssue]
    client.generate("an otter", extra_query="a=1")  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType]
    client.generate("an otter", input_fidelity="high")  # type: ignore[call-arg]  # pyright: ignore[reportCallIssue]
    client.edit("otter.png")  # type: ignore[call-arg]  # pyright: ignore[reportCallIssue]
    client.edit(7, "a beret")  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType]
    client.edit("otter.png", "a beret", "mask.png")  # type: ignore[call-arg]  # pyright: ignore[reportCallIssue]
    client.edit("otter.png", "a beret", style="vivid")  # type: ignore[call-arg]  # pyright: ignore[reportCallIssue]
    client.create_variation(["otter.png"])  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType]
    client.create_variation("otter.png", prompt="x")  # type: ignore[call-arg]  # pyright: ignore[reportCallIssue]
    client.create_variation("otter.png", size=64)  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType]


def result(result: ImagesResult) -> None:
    assert_type(result[0], GeneratedImage)
    assert_type(result[1:], Sequence[GeneratedImage])
    assert_type([image.index for image in result], list[int])
    assert_type(len(result), int)
    assert_type(result.created, int | None)
    assert_type(result.size, str | None)
    assert_type(result.save("otters/"), list[Path])
    assert_type(result.save(Path("otter"), overwrite=False), list[Path])
    assert_type(result.usage, Usage | None)
    if result.usage:
        assert_type(result.usage.total_tokens, int | None)
        assert_type(result.usage.input_tokens_details, TokenDetails | None)
    assert_type(result.http, HTTPInfo)
    assert_type(result.http.status_code, int)
    assert_type(result.http.request_id, str | None)
    assert_type(result.http.rate_limits, dict[str, str])
    assert_type(result.http.headers, httpx.Headers)
    assert_type(result.http.elapsed, float)
    result.size = "64x64"  # type: ignore[misc]  # pyright: ignore[reportAttributeAccessIssue]


async def picture(image: GeneratedImage) -> None:
    assert_type(image.read(), bytes)
    assert_type(await image.aread(), bytes)
    assert_type(image.save("otter.png"), Path)
    assert_type(await image.asave(Path("otter.png"), overwrite=False), Path)
    assert_type(image.url, str | None)
    assert_type(image.b64_json, str)
    assert_type(image.revised_prompt, str | None)
    assert_type(image.format, str)
    assert_type(image.width, int | None)
    assert_type(image.height, int | None)
    assert_type(image.to_pil(), Image.Image)


def stream(stream: ImageStream) -> None:
    with stream as same:
        assert_type(same, ImageStream)
        for event in same:
            assert_type(event, StreamEvent)
            assert_type(event.image, GeneratedImage)
            assert_type(event.index, int)
            if isinstance(event, CompletedImage):
                assert_type(event.usage, Usage | None)
            elif isinstance(event, PartialImage):
                event.usage  # type: ignore[attr-defined]  # pyright: ignore[reportAttributeAccessIssue, reportUnusedExpression]  # noqa: B018
        assert_type(stream.result(), ImagesResult)
        assert_type(stream.http, HTTPInfo)


async def async_stream(stream: AsyncImageStream) -> None:
    async with stream as same:
        assert_type(same, AsyncImageStream)
        async for event in same:
            assert_type(event, StreamEvent)
        assert_type(await stream.aresult(), ImagesResult)
        assert_type(stream.http, HTTPInfo)


def errors(client: ImagesClient) -> None:
    try:
        client.generate("an otter")
    except InvalidRequestError as error:
        assert_type(error.problems, tuple[Problem, ...])
        assert_type(error.problems[0].parameter, str)
    except APIConnectionError as error:
        assert_type(error.may_have_run, bool)
    except RateLimitError as error:
        assert_type(error.retry_after, float | None)
    except ContentPolicyError as error:
        assert_type(error.code, str | None)
    except APIStatusError as error:
        assert_type(error.status_code, int)
        assert_type(error.request_id, str | None)
        assert_type(error.headers, httpx.Headers)
        assert_type(error.body, object)
    except StreamInterruptedError as error:
        assert_type(error.partial_images, tuple[GeneratedImage, ...])
    except ResponseError as error:
        assert_type(error.body, bytes)
        assert_type(error.images, tuple[GeneratedImage, ...])
    except DownloadError as error:
        assert_type(error.url, str)
        assert_type(error.status_code, int | None)


def tests_of_an_app(images_sandbox: Sandbox) -> None:
    assert_type(images_sandbox.base_url, str)
    assert_type(images_sandbox.pictures_made, int)
    for request in images_sandbox.requests:
        assert_type(request, ReceivedRequest)
        assert_type(request.parameters["size"], object)
        assert_type(request.images["image"][0], ReceivedImage)
        assert_type(request.images["image"][0].to_pil(), Image.Image)
        assert_type(request.headers["user-agent"], str)


def without_a_server() -> None:
    usage = Usage(input_tokens=20, output_tokens=300, total_tokens=320)
    assert_type(fake_image("an otter", size="64x64", output_format="webp", url="https://example.com/1.webp"), GeneratedImage)
    assert_type(fake_result(n=2, usage=usage, revised_prompt="an otter", headers={"x-a": "b"}, request_id="req_1"), ImagesResult)
    assert_type(fake_stream(partial_images=1, finished=False, usage=usage), ImageStream)
    assert_type(fake_async_stream(n=2), AsyncImageStream)
    assert_type(fake_error(429, "slow down", code="rate_limit_exceeded", retry_after=1), APIStatusError)
