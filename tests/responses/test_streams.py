"""Streams over real sockets: the sandbox's, and those of servers that stall, break off or answer something else."""

from __future__ import annotations

import asyncio
import json
from base64 import b64encode
from dataclasses import dataclass
from io import BytesIO
from typing import TYPE_CHECKING, Any

import httpx
import pytest
from contract_tables import SCHEMAS
from pictures import drawn
from PIL import Image
from raw_server import END, Do, RawServer, chunk, head, reply
from waiting import wait_until

from images_api import (
    APIConnectionError,
    APITimeoutError,
    AsyncImagesClient,
    AsyncImageStream,
    AuthenticationError,
    CompletedImage,
    ImagesAPIError,
    ImagesClient,
    ImagesResult,
    ImageStream,
    InvalidRequestError,
    PartialImage,
    QuotaExceededError,
    RateLimitError,
    ResponseError,
    StreamEvent,
    StreamInterruptedError,
)

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from images_api.sandbox import Sandbox

MODES = ["sync", "async"]
PNG, SECOND, THIRD = (drawn(side, side) for side in (8, 9, 10))
LIMITS: dict[str, int] = SCHEMAS["CreateImageRequest"]["$defs"]["DrawingRules"]["properties"]["partial_images"]
PARTIAL, FINAL = "image_generation.partial_image", "image_generation.completed"
# So that what a test does wrong ends it, and no test waits ten minutes.
PATIENCE = 60
QUIRKS = ["final first", "named by event", "done", "heartbeats; seconds=0.1", "trickle; seconds=0.1", "json"]


@dataclass
class Seen:
    """What an app saw of a stream."""

    events: list[StreamEvent]
    result: ImagesResult | None = None
    error: ImagesAPIError | None = None

    def pictures(self) -> list[tuple[type[StreamEvent], bytes]]:
        return [(type(event), event.image.read()) for event in self.events]

    def whole(self) -> ImagesResult:
        if self.error:
            raise self.error
        assert self.result is not None
        return self.result

    def interruption(self) -> StreamInterruptedError:
        assert isinstance(self.error, StreamInterruptedError)
        return self.error


def watch(mode: str, base_url: str, method: str, *args: Any, settings: dict[str, Any] | None = None, **options: Any) -> Seen:
    """Iterate over a whole stream and ask for its result, either way."""
    seen = Seen([])
    settings = {"base_url": base_url, "timeout": PATIENCE, **(settings or {})}

    def sync() -> None:
        with ImagesClient(**settings) as client:
            stream: ImageStream
            with getattr(client, f"stream_{method}")(*args, **options) as stream:
                seen.events.extend(stream)
                seen.result = stream.result()

    async def not_sync() -> None:
        async with AsyncImagesClient(**settings) as client:
            stream: AsyncImageStream
            async with getattr(client, f"stream_{method}")(*args, **options) as stream:
                async for event in stream:
                    seen.events.append(event)
                seen.result = await stream.aresult()

    try:
        if mode == "sync":
            sync()
        else:
            asyncio.run(not_sync())
    except ImagesAPIError as error:
        seen.error = error
    return seen


SMALL: dict[str, Any] = {"model": "mine", "size": "64x64"}


def unfinished(sandbox: Sandbox, count: int) -> list[bytes]:
    """Return the unfinished pictures that the sandbox makes of an otter."""
    seen = watch("sync", sandbox.base_url, "generate", "an otter", partial_images=count, **SMALL)
    sandbox.clear()
    return [event.image.read() for event in seen.events if isinstance(event, PartialImage)]


def event(kind: str, picture: bytes | None = None, **more: Any) -> bytes:
    fields = {"type": kind, **({} if picture is None else {"b64_json": b64encode(picture).decode()}), **more}
    return f"event: {kind}\ndata: {json.dumps(fields)}\n\n".encode()


PARTLY = [head(), chunk(event(PARTIAL, PNG))]
WHOLE = [head(), chunk(event(PARTIAL, PNG)), chunk(event(FINAL, SECOND)), END]


# --- the sandbox ------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize("method", ["generate", "edit"])
@pytest.mark.parametrize("count", [None, *range(LIMITS["minimum"], LIMITS["maximum"] + 1)])
def test_a_stream_shows_as_many_unfinished_pictures_as_asked_for(
    sandbox: Sandbox, mode: str, method: str, count: int | None
) -> None:
    args: list[Any] = ["an otter"] if method == "generate" else [drawn(64, 64), "an otter"]
    options: dict[str, Any] = {} if count is None else {"partial_images": count}

    seen = watch(mode, sandbox.base_url, method, *args, size="64x64", model="gpt-image-next", **options)

    assert [type(event) for event in seen.events] == [PartialImage] * (count or 0) + [CompletedImage]
    assert [event.index for event in seen.events] == list(range((count or 0) + 1))
    assert len({event.image.read() for event in seen.events}) == len(seen.events)
    for event in seen.events:
        with Image.open(BytesIO(event.image.read())) as picture:
            picture.load()
            assert picture.size == (64, 64)
    last = seen.events[-1]
    assert isinstance(last, CompletedImage)
    assert last.usage is not None
    assert (list(seen.whole()), seen.whole().usage) == ([last.image], last.usage)
    assert sandbox.pictures_made == 1


@pytest.mark.parametrize("mode", MODES)
def test_each_of_several_pictures_comes_with_its_own_unfinished_ones(sandbox: Sandbox, mode: str) -> None:
    seen = watch(mode, sandbox.base_url, "generate", "an otter", n=2, partial_images=1, size="64x64", model="gpt-image-next")

    assert [type(event) for event in seen.events] == [PartialImage, CompletedImage] * 2
    assert [image.index for image in seen.whole()] == [0, 1]


@pytest.mark.parametrize("mode", MODES)
def test_a_variation_that_the_server_does_not_stream_gives_one_completed_event_a_picture(sandbox: Sandbox, mode: str) -> None:
    seen = watch(
        mode, sandbox.base_url, "variation", drawn(256, 256), n=2, model="small", size="256x256", response_format="b64_json"
    )

    assert list(seen.whole()) == [event.image for event in seen.events]
    assert [(type(event), event.index) for event in seen.events] == [(CompletedImage, 0), (CompletedImage, 1)]


def test_the_loop_that_the_design_shows_runs(sandbox: Sandbox, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OPENAI_BASE_URL", sandbox.base_url)
    monkeypatch.chdir(tmp_path)

    with ImagesClient(size="1024x640") as client, client.stream_generate("a baby sea otter", partial_images=2) as stream:
        for event in stream:
            event.image.save(f"otter-{event.index}.png")

    assert sorted(path.name for path in tmp_path.iterdir()) == ["otter-0.png", "otter-1.png", "otter-2.png"]
    for path in tmp_path.iterdir():
        Image.open(path).verify()


def test_nothing_is_sent_before_the_with_block_is_entered(sandbox: Sandbox, client: ImagesClient) -> None:
    client.stream_generate("an otter")
    refused = client.stream_generate("an otter", n=0)

    with pytest.raises(InvalidRequestError, match="n must be at least 1"):
        refused.__enter__()
    assert sandbox.requests == ()


def test_a_stream_asks_for_events_and_takes_json_as_well(sandbox: Sandbox, client: ImagesClient) -> None:
    with client.stream_generate("an otter", size="64x64", model="gpt-image-next") as stream:
        stream.result()

    (request,) = sandbox.requests
    assert json.loads(request.body)["stream"] is True
    assert {each.strip() for each in request.headers["accept"].split(",")} == {"text/event-stream", "application/json"}


# --- what servers do --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize(
    ("fault", "count"),
    [
        pytest.param("cut body; at=0", 2, id="cut after unfinished pictures"),
        pytest.param("reset body; at=0", 1, id="reset after an unfinished picture"),
        pytest.param("cut body", 1, id="cut within a line"),
        pytest.param("cut body; at=0", 0, id="cut before the first event"),
        pytest.param("no final", 1, id="ended without a finished picture"),
        pytest.param("no final", 0, id="empty"),
        pytest.param("stalled body", 1, id="stalled"),
    ],
)
def test_a_stream_that_ends_too_early_keeps_its_unfinished_pictures_and_is_never_sent_again(
    sandbox: Sandbox, mode: str, fault: str, count: int
) -> None:
    expected = unfinished(sandbox, count)
    stalls = fault.startswith("stalled")
    sandbox.fail_next(fault)

    options = {"partial_images": count, **SMALL}
    seen = watch(mode, sandbox.base_url, "generate", "an otter", settings={"timeout": 1 if stalls else PATIENCE}, **options)

    check_interruption(seen, expected, stalls=stalls, is_cut=fault != "no final")
    assert (len(sandbox.requests), sandbox.pictures_made) == (1, 1)


@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize(
    "script",
    [
        pytest.param([*PARTLY, chunk(event(FINAL, SECOND)[:-1]), Do.CLOSE], id="cut before the blank line"),
        pytest.param([*PARTLY, chunk(b"data: [DONE]\n\n"), END], id="[DONE] without a finished picture"),
    ],
)
def test_nor_is_one_that_ends_so_to_the_byte(mode: str, script: list[bytes | Do]) -> None:
    with RawServer(script) as server:
        seen = watch(mode, server.base_url, "generate", "an otter")

    check_interruption(seen, [PNG], stalls=False, is_cut=END not in script)
    assert len(server.requests) == 1


def check_interruption(seen: Seen, expected: list[bytes], *, stalls: bool, is_cut: bool) -> None:
    error = seen.interruption()
    assert [image.read() for image in error.partial_images] == expected
    assert [event.image.read() for event in seen.events] == expected
    assert error.images == ()
    assert "may be billed" in str(error)
    assert ("ReadTimeout" in str(error)) is stalls
    assert (error.__cause__ is not None) is is_cut


@pytest.mark.parametrize("mode", MODES)
def test_a_cut_between_two_finished_pictures_keeps_the_first(mode: str) -> None:
    with RawServer([*PARTLY, chunk(event(FINAL, SECOND)), chunk(event(PARTIAL, PNG)), Do.CLOSE]) as server:
        seen = watch(mode, server.base_url, "generate", "an otter", n=2)

    assert [image.read() for image in seen.interruption().images] == [SECOND]


@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize("fault", ["cut body; at=1", "reset body; at=1"])
def test_a_cut_behind_the_last_finished_picture_harms_nobody(sandbox: Sandbox, mode: str, fault: str) -> None:
    whole = watch(mode, sandbox.base_url, "generate", "an otter", partial_images=1, **SMALL).pictures()
    sandbox.fail_next(fault)

    seen = watch(mode, sandbox.base_url, "generate", "an otter", partial_images=1, **SMALL)

    assert (seen.error, seen.pictures()) == (None, whole)
    assert [kind for kind, _ in whole] == [PartialImage, CompletedImage]


@pytest.mark.parametrize("mode", MODES)
def test_a_body_that_ends_with_its_connection_is_whole(mode: str) -> None:
    start = b"HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nConnection: close\r\n\r\n"

    with RawServer([start, event(FINAL, PNG), Do.CLOSE]) as server:
        assert watch(mode, server.base_url, "generate", "an otter").pictures() == [(CompletedImage, PNG)]


@pytest.mark.parametrize("mode", MODES)
def test_bytes_that_come_one_by_one_between_heartbeats_make_whole_events(mode: str) -> None:
    trickle = b": hello\r\n\r\n" + event(PARTIAL, PNG).replace(b"\n", b"\r\n") + b":\n\n" + event(FINAL, SECOND) + b": bye\n\n"

    with RawServer([head(), *(chunk(trickle[place : place + 1]) for place in range(len(trickle))), END]) as server:
        seen = watch(mode, server.base_url, "generate", "an otter")

    assert seen.pictures() == [(PartialImage, PNG), (CompletedImage, SECOND)]


@pytest.mark.parametrize("mode", MODES)
def test_an_error_event_ends_the_stream_with_a_typed_error_and_is_not_sent_again(sandbox: Sandbox, mode: str) -> None:
    (expected,) = unfinished(sandbox, 1)
    sandbox.fail_next("error event", message="the well is dry", code="rate_limit_exceeded")

    seen = watch(mode, sandbox.base_url, "generate", "an otter", partial_images=1, **SMALL)

    assert isinstance(seen.error, RateLimitError)
    assert "the well is dry" in str(seen.error)
    assert seen.pictures() == [(PartialImage, expected)]
    assert len(sandbox.requests) == 1


@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize("fault", QUIRKS)
def test_no_quirk_of_a_server_costs_a_finished_picture(sandbox: Sandbox, mode: str, fault: str) -> None:
    whole = watch(mode, sandbox.base_url, "generate", "an otter", partial_images=2, n=2, **SMALL)
    sandbox.fail_next(fault)

    seen = watch(mode, sandbox.base_url, "generate", "an otter", partial_images=2, n=2, **SMALL)

    assert [image.read() for image in seen.whole()] == [image.read() for image in whole.whole()]
    assert sandbox.requests[-1].fault


@pytest.mark.parametrize("mode", MODES)
def test_an_unknown_event_passes_through(mode: str) -> None:
    with RawServer([head(), chunk(event("image.shimmering", note="größe")), chunk(event(FINAL, PNG)), END]) as server:
        note, final = watch(mode, server.base_url, "generate", "an otter").events

    assert (type(note), note.type, note.data["note"]) == (StreamEvent, "image.shimmering", "größe")
    assert isinstance(final, CompletedImage)


@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize("method", ["generate", "edit", "variation"])
def test_a_json_answer_gives_one_completed_event_a_picture(mode: str, method: str) -> None:
    entries = [{"b64_json": b64encode(picture).decode()} for picture in (PNG, SECOND)]
    arguments: dict[str, list[Any]] = {"generate": ["an otter"], "edit": [PNG, "an otter"], "variation": [PNG]}

    with RawServer(reply(json.dumps({"created": 7, "data": entries}).encode())) as server:
        seen = watch(mode, server.base_url, method, *arguments[method])

    assert seen.whole().created == 7
    assert seen.pictures() == [(CompletedImage, PNG), (CompletedImage, SECOND)]


@pytest.mark.parametrize("mode", MODES)
def test_a_bare_picture_gives_one_completed_event(mode: str) -> None:
    with RawServer(reply(PNG, "image/png")) as server:
        assert watch(mode, server.base_url, "generate", "an otter").pictures() == [(CompletedImage, PNG)]


@pytest.mark.parametrize("mode", MODES)
def test_a_page_in_the_place_of_a_stream_is_an_error_with_its_bytes(sandbox: Sandbox, mode: str) -> None:
    sandbox.fail_next("login page")

    error = watch(mode, sandbox.base_url, "generate", "an otter", **SMALL).error

    assert isinstance(error, ResponseError)
    assert "Log in" in str(error)
    assert (error.body[:9], error.body[-8:]) == (b"<!doctype", b"</html>\n")


@pytest.mark.parametrize("mode", MODES)
def test_an_error_status_is_raised_on_entering(sandbox: Sandbox, mode: str) -> None:
    sandbox.fail_next(status=401)

    seen = watch(mode, sandbox.base_url, "generate", "an otter", **SMALL)

    assert isinstance(seen.error, AuthenticationError)
    assert (seen.error.code, seen.events) == ("invalid_api_key", [])


@pytest.mark.parametrize("mode", MODES)
def test_a_stream_that_was_refused_for_its_rate_is_asked_for_again(sandbox: Sandbox, mode: str) -> None:
    sandbox.fail_next("429", retry_after_ms=1)

    seen = watch(mode, sandbox.base_url, "edit", BytesIO(PNG), "an otter", **SMALL)

    assert isinstance(seen.events[-1], CompletedImage)
    first, second = (request.body for request in sandbox.requests)
    assert first == second
    assert PNG in first


@pytest.mark.parametrize("mode", MODES)
def test_a_server_that_never_answers_is_a_timeout_that_may_be_billed(sandbox: Sandbox, mode: str) -> None:
    sandbox.fail_next("silence")

    error = watch(mode, sandbox.base_url, "generate", "an otter", timeout=0.3, **SMALL).error

    assert isinstance(error, APITimeoutError)
    assert error.may_have_run
    wait_until(lambda: len(sandbox.requests) == 1)


@pytest.mark.parametrize("mode", MODES)
def test_a_reset_before_the_answer_is_a_connection_error(sandbox: Sandbox, mode: str) -> None:
    sandbox.fail_next("reset")

    error = watch(mode, sandbox.base_url, "generate", "an otter", **SMALL).error

    assert type(error) is APIConnectionError
    assert error.may_have_run


# --- how apps leave ---------------------------------------------------------------------------------------------------------


class Endless:
    """The sandbox, whose next stream shows one unfinished picture and then waits for the client to leave.

    Attributes:
        settings: Those of a client that asks for such a stream.
    """

    def __init__(self, sandbox: Sandbox) -> None:
        self.expected = unfinished(sandbox, 1)
        self.settings: dict[str, Any] = {"base_url": sandbox.base_url, "partial_images": 1, **SMALL}
        self._sandbox = sandbox
        sandbox.fail_next("stalled body", at=0)

    @property
    def is_left(self) -> bool:
        return self._sandbox.requests[0].seconds is not None

    def wait(self) -> None:
        """Wait until the client has left."""
        wait_until(lambda: self.is_left)


@pytest.fixture
def endless(sandbox: Sandbox) -> Endless:
    return Endless(sandbox)


def test_leaving_early_closes_the_connection(endless: Endless) -> None:
    with ImagesClient(**endless.settings) as client:
        with client.stream_generate("an otter") as stream:
            for _ in stream:
                break
            assert not endless.is_left
        endless.wait()


def test_leaving_without_a_look_closes_the_connection(endless: Endless) -> None:
    with ImagesClient(**endless.settings) as client:
        with client.stream_generate("an otter"):
            pass
        endless.wait()


def test_an_error_of_the_apps_own_closes_the_connection_and_passes_through(endless: Endless) -> None:
    class OwnError(Exception):
        pass

    def app(stream: ImageStream) -> None:
        with stream:
            for _ in stream:
                raise OwnError

    with ImagesClient(**endless.settings) as client:
        with pytest.raises(OwnError):
            app(client.stream_generate("an otter"))
        endless.wait()


@pytest.mark.parametrize("way", ["break", "next"])
def test_a_stream_that_is_dropped_without_with_closes_the_connection(endless: Endless, way: str) -> None:
    with ImagesClient(**endless.settings) as client:
        if way == "break":
            for event in client.stream_generate("an otter"):
                assert isinstance(event, PartialImage)
                break
        else:
            assert isinstance(next(client.stream_generate("an otter")), PartialImage)
        endless.wait()


@pytest.mark.parametrize("way", ["break", "next"])
def test_an_async_one_likewise(endless: Endless, way: str) -> None:
    async def main() -> None:
        async with AsyncImagesClient(**endless.settings) as client:
            if way == "break":
                async for event in client.stream_generate("an otter"):
                    assert isinstance(event, PartialImage)
                    break
            else:
                assert isinstance(await anext(client.stream_generate("an otter")), PartialImage)
            await asyncio.to_thread(endless.wait)

    asyncio.run(main())


@pytest.mark.parametrize("way", ["break", "no look", "error", "cancelled"])
def test_leaving_an_async_stream_early_closes_the_connection(endless: Endless, way: str) -> None:
    async def app(client: AsyncImagesClient, seen: asyncio.Event) -> None:
        async with client.stream_generate("an otter") as stream:
            if way == "no look":
                return
            async for _ in stream:
                seen.set()
                if way == "break":
                    break
                if way == "error":
                    raise KeyError(way)

    async def main() -> None:
        async with AsyncImagesClient(**endless.settings) as client:
            seen = asyncio.Event()
            task = asyncio.create_task(app(client, seen))
            if way == "cancelled":
                await seen.wait()
                task.cancel()
            (outcome,) = await asyncio.gather(task, return_exceptions=True)
            assert type(outcome) is {"error": KeyError, "cancelled": asyncio.CancelledError}.get(way, type(None))
            await asyncio.to_thread(endless.wait)

    asyncio.run(main())


def test_a_finished_stream_leaves_its_connection_for_the_next_call() -> None:
    with RawServer(WHOLE) as server, ImagesClient(base_url=server.base_url) as client:
        for _ in range(3):
            with client.stream_generate("an otter") as stream:
                stream.result()

    assert [request.connection for request in server.requests] == [0, 0, 0]


# --- the result, and iterating ----------------------------------------------------------------------------------------------


def test_the_result_may_be_asked_for_before_during_and_after_iterating() -> None:
    with RawServer(WHOLE) as server, ImagesClient(base_url=server.base_url) as client:
        with client.stream_generate("an otter") as stream:
            assert stream.result()[0].read() == SECOND
            assert list(stream) == []
        with client.stream_generate("an otter") as stream:
            assert isinstance(next(iter(stream)), PartialImage)
            assert stream.result()[0].read() == SECOND
        assert stream.result()[0].read() == SECOND
        assert stream.http.status_code == 200

    assert len(server.requests) == 2


def test_the_async_result_may_be_asked_for_before_during_and_after_iterating() -> None:
    async def main(base_url: str) -> None:
        async with AsyncImagesClient(base_url=base_url) as client:
            async with client.stream_generate("an otter") as stream:
                assert (await stream.aresult())[0].read() == SECOND
                assert [event async for event in stream] == []
            async with client.stream_generate("an otter") as stream:
                assert isinstance(await anext(aiter(stream)), PartialImage)
                assert (await stream.aresult())[0].read() == SECOND
            assert (await stream.aresult())[0].read() == SECOND
            assert stream.http.status_code == 200

    with RawServer(WHOLE) as server:
        asyncio.run(main(server.base_url))
        assert len(server.requests) == 2


def test_iterating_again_goes_on_where_it_stopped() -> None:
    with RawServer(WHOLE) as server, ImagesClient(base_url=server.base_url) as client:
        stream = client.stream_generate("an otter")
        with stream:
            for first in stream:
                assert isinstance(first, PartialImage)
                break
            assert [type(event) for event in stream] == [CompletedImage]
            assert list(stream) == []


@pytest.mark.parametrize("mode", MODES)
def test_the_result_of_a_stream_that_was_interrupted_is_the_interruption_again(sandbox: Sandbox, mode: str) -> None:
    async def not_sync() -> None:
        async with (
            AsyncImagesClient(base_url=sandbox.base_url) as client,
            client.stream_generate("an otter", **SMALL) as stream,
        ):
            for _ in range(2):
                with pytest.raises(StreamInterruptedError):
                    await stream.aresult()

    sandbox.fail_next("cut body")
    if mode == "async":
        asyncio.run(not_sync())
        return
    with ImagesClient(base_url=sandbox.base_url) as client, client.stream_generate("an otter", **SMALL) as stream:
        for _ in range(2):
            with pytest.raises(StreamInterruptedError):
                stream.result()


def test_the_result_of_a_stream_that_was_left_early_is_an_interruption(endless: Endless) -> None:
    with ImagesClient(**endless.settings) as client:
        with client.stream_generate("an otter") as stream:
            next(iter(stream))
        with pytest.raises(StreamInterruptedError) as info:
            stream.result()

    assert [image.read() for image in info.value.partial_images] == endless.expected


def test_pictures_that_come_as_links_are_fetched_over_the_same_client() -> None:
    with RawServer() as server:
        link = server.base_url.replace("/v1", "/otter.png")
        server.plays([head(), chunk(event(FINAL, url=link)), END], reply(PNG, "image/png"))
        with ImagesClient(base_url=server.base_url) as client, client.stream_generate("an otter") as stream:
            assert [event.image.read() for event in stream] == [PNG]

    assert [request.target for request in server.requests] == ["/v1/images/generations", "/otter.png"]


@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize("asked", [True, False])
def test_variations_are_streamed_by_a_server_that_does_without_a_parameter_unknown_to_the_contract(
    mode: str, *, asked: bool
) -> None:
    with RawServer(WHOLE) as server:
        seen = watch(mode, server.base_url, "variation", PNG, extra_body={"stream": True} if asked else {})

    assert seen.whole()[0].read() == SECOND
    assert (b'name="stream"\r\n\r\ntrue\r\n' in server.requests[0].body) is asked


def test_without_asyncio_an_event_loop_that_happens_to_run_neither_keeps_nor_ends_a_stream() -> None:
    """As in a notebook, where one always runs."""
    closed: list[bool] = []

    class Body(httpx.SyncByteStream):
        def __iter__(self) -> Iterator[bytes]:
            for index in range(3):
                yield event(PARTIAL, PNG, partial_image_index=index)

        def close(self) -> None:
            closed.append(True)

    def answer(_: httpx.Request) -> httpx.Response:
        return httpx.Response(200, headers={"content-type": "text/event-stream"}, stream=Body())

    async def begin(client: ImagesClient) -> ImageStream:
        stream = client.stream_generate("an otter")
        next(stream)
        del stream
        assert closed == [True]
        stream = client.stream_generate("an otter")
        next(stream)
        return stream

    with httpx.Client(transport=httpx.MockTransport(answer)) as http:
        stream = asyncio.run(begin(ImagesClient(base_url="http://images.example/v1", http_client=http)))
        assert [next(stream).type for _ in range(2)] == [PARTIAL] * 2


def test_a_key_that_an_error_event_quotes_is_not_in_the_error(sandbox: Sandbox) -> None:
    key = "hush.c0ffee5ec2e7"
    sandbox.fail_next("error event", message=f"no budget for {key}", code="insufficient_quota")
    with (
        ImagesClient(key, base_url=sandbox.base_url) as client,
        client.stream_generate("x", partial_images=1, **SMALL) as stream,
        pytest.raises(QuotaExceededError, match="no budget for …") as caught,
    ):
        stream.result()
    assert key not in f"{caught.value!r} {caught.value.body}"
