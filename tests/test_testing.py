"""Results, streams and errors without a server: as real as those of a call, in whatever a test of an app may look at."""

from __future__ import annotations

import asyncio
import pickle
import subprocess
import sys
from typing import TYPE_CHECKING, Any
from unittest.mock import AsyncMock, create_autospec

import pytest

from images_api import (
    APIStatusError,
    AsyncImagesClient,
    AuthenticationError,
    BadRequestError,
    CompletedImage,
    ContentPolicyError,
    ImagesClient,
    ImagesResult,
    ImageStream,
    InternalServerError,
    NotFoundError,
    PartialImage,
    QuotaExceededError,
    RateLimitError,
    StreamInterruptedError,
    TokenDetails,
    Usage,
)
from images_api.testing import fake_async_stream, fake_error, fake_image, fake_result, fake_stream

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from images_api import StreamEvent

FORMATS = ["png", "jpeg", "webp", "gif"]
USAGE = Usage(20, 300, 320, TokenDetails(5, 15, {"cached_tokens": 2}), extra={"cost": 0.04})


class TestImages:
    @pytest.mark.parametrize("kind", FORMATS)
    @pytest.mark.parametrize("size", ["1x1", "16x16", "640x3"])
    def test_they_are_real(self, kind: str, size: str) -> None:
        image = fake_image(size=size, output_format=kind)
        assert (image.format, f"{image.width}x{image.height}") == (kind, size)
        assert image.to_pil().size == (image.width, image.height)

    def test_they_look_like_what_they_are_about(self) -> None:
        colours = fake_image("an otter", size="300x200").to_pil().getcolors()
        assert colours is not None
        assert [count for count, _ in colours] == [60_000]
        assert fake_image("an otter").read() == fake_image("an otter").read()
        assert fake_image("an otter").read() != fake_image("a cat").read()

    def test_they_say_what_they_are_told(self, tmp_path: Path) -> None:
        image = fake_image("an otter", url="https://example.com/1.png", revised_prompt="an otter, at sea", extra={"seed": 7})
        assert (image.url, image.revised_prompt, image.extra) == ("https://example.com/1.png", "an otter, at sea", {"seed": 7})
        assert image.save(tmp_path / "{subject}.{ext}").name == "an-otter.png"
        assert image.read().startswith(b"\x89PNG")

    def test_they_go_into_a_call(self, client: ImagesClient) -> None:
        assert client.edit(fake_image(size="64x64"), "a beret", model="gpt-image-next", size="64x64")

    @pytest.mark.parametrize(
        "size", ["", "16", "0x16", "16x", "-1x16", "16x16\n", "auto", "100000x1", "1x\N{ARABIC-INDIC DIGIT ONE}"]
    )
    def test_a_size_is_two_numbers(self, size: str) -> None:
        with pytest.raises(ValueError, match="size must be a width and a height such as 16x16, got "):
            fake_image(size=size)

    def test_a_format_is_one_that_can_be_made(self) -> None:
        with pytest.raises(ValueError, match="output_format must be one of png, jpeg, webp, gif, got 'svg'"):
            fake_image(output_format="svg")

    def test_only_other_formats_need_pillow(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setitem(sys.modules, "PIL", None)
        assert fake_image().format == "png"
        with pytest.raises(ImportError, match="a fake webp needs Pillow, which isn't installed: pip install pillow"):
            fake_image(output_format="webp")


class TestResults:
    def test_one_has_as_many_images_as_asked(self) -> None:
        result = fake_result(n=3)
        assert isinstance(result, ImagesResult)
        assert [image.index for image in result] == [0, 1, 2]
        assert len({image.read() for image in result}) == 3

    def test_it_says_what_it_is_told(self) -> None:
        result = fake_result(
            n=2,
            size="32x16",
            output_format="webp",
            url="https://example.com/{index}.webp",
            revised_prompt="an otter, at sea",
            usage=USAGE,
            created=1_700_000_000,
            extra={"model": "their-own"},
            headers={"x-ratelimit-remaining-images": "4"},
            request_id="req_1",
        )
        assert [image.url for image in result] == ["https://example.com/1.webp", "https://example.com/2.webp"]
        assert {image.revised_prompt for image in result} == {"an otter, at sea"}
        assert (result.size, result.output_format, result.usage) == ("32x16", "webp", USAGE)
        assert (result.created, result.extra) == (1_700_000_000, {"model": "their-own"})
        http = result.http
        assert (http.status_code, http.request_id, http.rate_limits) == (200, "req_1", {"remaining-images": "4"})
        assert http.cost == 0.04

    def test_without_words_it_is_plain(self) -> None:
        result = fake_result()
        (image,) = result
        assert (image.url, image.revised_prompt, result.usage, result.extra, result.failures) == (None, None, None, {}, ())
        assert result.http.request_id
        assert result.created

    def test_it_saves_like_any_other(self, tmp_path: Path) -> None:
        assert [path.name for path in fake_result("an otter", n=2).save(tmp_path)] == ["an-otter-1.png", "an-otter-2.png"]

    def test_what_was_never_asked_of_a_server_can_be_awaited_and_kept(self) -> None:
        image = fake_result(url="https://example.com/1.png")[0]
        assert asyncio.run(image.aread()) == image.read() == pickle.loads(pickle.dumps(image)).read()  # noqa: S301  ours

    @pytest.mark.parametrize("make", [fake_result, fake_stream, fake_async_stream])
    def test_there_is_one_image_at_least(self, make: Callable[..., object]) -> None:
        with pytest.raises(ValueError, match="n must be at least 1, got 0"):
            make(n=0)

    def test_a_mocked_client_gives_it(self) -> None:
        client = create_autospec(ImagesClient, instance=True)
        client.generate.return_value = fake_result(n=2)
        assert len(client.generate("an otter", n=2)) == 2
        with pytest.raises(TypeError):
            client.generate("an otter", no_such_option=1)

    def test_so_does_one_for_asyncio(self) -> None:
        client = create_autospec(AsyncImagesClient, instance=True)
        client.generate.side_effect = AsyncMock(return_value=fake_result(n=2))

        async def app() -> int:
            return len(await client.generate("an otter", n=2))

        assert asyncio.run(app()) == 2


def kinds(events: list[StreamEvent]) -> list[type]:
    return [type(event) for event in events]


async def everything(**options: Any) -> tuple[list[StreamEvent], ImagesResult]:
    async with fake_async_stream(**options) as stream:
        events = [event async for event in stream]
        return events, await stream.aresult()


class TestStreams:
    @pytest.mark.parametrize("is_async", [False, True], ids=["sync", "async"])
    def test_one_brings_unfinished_images_and_then_the_finished_one(self, *, is_async: bool) -> None:
        options: dict[str, Any] = {"n": 2, "partial_images": 2, "size": "8x4", "usage": USAGE, "request_id": "req_1"}
        if is_async:
            events, result = asyncio.run(everything(**options))
        else:
            with fake_stream("an otter", **options) as stream:
                events, result = list(stream), stream.result()
        assert kinds(events) == [PartialImage, PartialImage, CompletedImage] * 2
        assert len({event.image.read() for event in events}) == 6
        assert {(event.image.width, event.image.height) for event in events} == {(8, 4)}
        assert [event.usage for event in events if isinstance(event, CompletedImage)] == [USAGE, USAGE]
        assert [image.read() for image in result] == [events[2].image.read(), events[5].image.read()]
        assert (result.usage, result.http.request_id) == (USAGE, "req_1")

    def test_one_may_end_too_early(self) -> None:
        with pytest.raises(StreamInterruptedError) as caught:
            list(fake_stream(partial_images=2, finished=False))
        assert [image.format for image in caught.value.partial_images] == ["png", "png"]

    def test_one_may_have_finished_images_alone(self) -> None:
        assert kinds(list(fake_stream(partial_images=0, output_format="jpeg"))) == [CompletedImage]

    def test_a_mocked_client_gives_it(self) -> None:
        client = create_autospec(ImagesClient, instance=True)
        client.stream_generate.return_value = fake_stream()
        with client.stream_generate("an otter", partial_images=2) as stream:
            assert isinstance(stream, ImageStream)
            assert len(list(stream)) == 3

    def test_a_mocked_client_for_asyncio_gives_it(self) -> None:
        client = create_autospec(AsyncImagesClient, instance=True)
        client.stream_generate.return_value = fake_async_stream()

        async def app() -> int:
            return len([event async for event in client.stream_generate("an otter", partial_images=2)])

        assert asyncio.run(app()) == 3


ERRORS: list[tuple[int, dict[str, Any], type[APIStatusError]]] = [
    (400, {}, BadRequestError),
    (400, {"code": "moderation_blocked"}, ContentPolicyError),
    (401, {}, AuthenticationError),
    (404, {"code": "model_not_found", "param": "model"}, NotFoundError),
    (429, {"retry_after": 1.5}, RateLimitError),
    (429, {"code": "insufficient_quota"}, QuotaExceededError),
    (500, {"type": "server_error"}, InternalServerError),
    (529, {}, InternalServerError),
]


class TestErrors:
    @pytest.mark.parametrize(("status", "said", "kind"), ERRORS)
    def test_one_is_what_a_client_raises(self, status: int, said: dict[str, Any], kind: type[APIStatusError]) -> None:
        error = fake_error(status, "it can't be", **said)
        assert (type(error), error.status_code) == (kind, status)
        assert "it can't be" in str(error)
        for name, value in said.items():
            assert getattr(error, name) == value
        assert (error.request_id, error.__traceback__) == ("req_fake", None)

    def test_it_has_the_headers_that_it_is_told(self) -> None:
        error = fake_error(429, headers={"x-ratelimit-limit-images": "5"}, request_id="req_1")
        assert (error.http.rate_limits, error.request_id) == ({"limit-images": "5"}, "req_1")

    @pytest.mark.parametrize("status", [-1, 0, 200, 302, 399, 1000])
    def test_only_refusals_are_errors(self, status: int) -> None:
        with pytest.raises(ValueError, match=f"status_code must be from 400 to 999, got {status}"):
            fake_error(status)

    def test_a_mocked_client_raises_it(self) -> None:
        client = create_autospec(ImagesClient, instance=True)
        client.generate.side_effect = fake_error(429, retry_after=1)
        with pytest.raises(RateLimitError):
            client.generate("an otter")


def test_no_setting_from_outside_has_a_say(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OPENAI_BASE_URL", "no URL at all")
    monkeypatch.setenv("OPENAI_API_KEY", "no key at all")
    monkeypatch.setenv("HTTPS_PROXY", "http://192.0.2.1:3128")
    assert fake_result()
    assert list(fake_stream())


def test_they_need_neither_pytest_nor_an_extra() -> None:
    program = """if True:
        import sys
        sys.modules.update(dict.fromkeys(["pytest", "PIL", "starlette", "uvicorn", "multipart", "images_api.sandbox"]))
        from images_api.testing import fake_error, fake_result, fake_stream
        fake_result(n=2)[1].read(), list(fake_stream()), fake_error(429)
    """
    subprocess.run([sys.executable, "-W", "error", "-c", program], check=True)  # noqa: S603  ours
