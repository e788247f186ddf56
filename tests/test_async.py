"""The async client: every operation, an event loop that never stalls, other loops, many calls at once, and closing."""

from __future__ import annotations

import asyncio
import gc
import json
import subprocess
import sys
import warnings
from base64 import b64encode
from contextlib import asynccontextmanager
from io import BytesIO
from pathlib import Path
from typing import TYPE_CHECKING, Any

import httpx
import pytest
from pictures import drawn, padded
from PIL import Image
from raw_server import Do, RawServer, reply
from stopwatch import Stopwatch

from images_api import (
    AsyncImagesClient,
    DownloadError,
    ImagesClient,
    ImagesResult,
    InvalidRequestError,
    NotFoundError,
    UnreadableFileError,
)

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, Awaitable, Callable, Iterator

    from images_api.sandbox import Sandbox

PNG = drawn(8, 8)
MIB = 1 << 20
LARGE = 30 * MIB
# The longest time that the event loop may be held, in seconds.
LONGEST_STALL = 0.05
TRIES = 5
PROGRAM = Path(__file__).with_name("support") / "raw_server.py"


def answered(*pictures: bytes) -> bytes:
    return json.dumps({"data": [{"b64_json": b64encode(picture).decode()} for picture in pictures]}).encode()


# --- the operations ---------------------------------------------------------------------------------------------------------


def test_every_operation_gives_pictures(sandbox: Sandbox, tmp_path: Path) -> None:
    path = tmp_path / "otter.png"
    path.write_bytes(drawn(256, 256))

    async def main() -> list[ImagesResult]:
        async with AsyncImagesClient(base_url=sandbox.base_url, size="1024x1024") as client:
            return [
                await client.generate("an otter", n=2, size="64x64", model="gpt-image-next"),
                await client.edit(
                    path, "a beret", mask=BytesIO(path.read_bytes()), model="dall-e-2", size="256x256", response_format="b64_json"
                ),
                await client.create_variation(path, size="256x256", response_format="b64_json"),
            ]

    created, edited, varied = asyncio.run(main())

    assert [(image.width, image.height) for image in created] == [(64, 64)] * 2
    assert [(image.width, image.height) for image in [*edited, *varied]] == [(256, 256)] * 2
    assert [request.path.rpartition("/")[2] for request in sandbox.requests] == ["generations", "edits", "variations"]


def test_sync_and_async_requests_are_the_same(sandbox: Sandbox, client: ImagesClient) -> None:
    async def main() -> None:
        async with AsyncImagesClient(base_url=sandbox.base_url) as other:
            await other.generate(
                "an otter", size="64x64", model="gpt-image-next", extra_headers={"X-Trace": "1"}, extra_query={"deep": "yes"}
            )

    client.generate("an otter", size="64x64", model="gpt-image-next", extra_headers={"X-Trace": "1"}, extra_query={"deep": "yes"})
    asyncio.run(main())

    sync, not_sync = sandbox.requests
    assert (not_sync.body, not_sync.query, dict(not_sync.headers)) == (sync.body, sync.query, dict(sync.headers))


@pytest.mark.parametrize(
    ("call", "kind"),
    [
        pytest.param(lambda client: client.generate("an otter", n=0), InvalidRequestError, id="refused before sending"),
        pytest.param(lambda client: client.edit("no/such/file.png", "a beret"), UnreadableFileError, id="missing file"),
        pytest.param(lambda client: client.generate("an otter", extra_query={"lost": "1"}), NotFoundError, id="error status"),
    ],
)
def test_errors_are_those_of_the_sync_client(call: Callable[[Any], Any], kind: type[Exception]) -> None:
    async def main(base_url: str) -> Exception:
        async with AsyncImagesClient(base_url=base_url) as client:
            with pytest.raises(kind) as info:
                await call(client)
        return info.value

    with RawServer(reply(b'{"error": {"message": "lost"}}', status=404)) as server:
        with ImagesClient(base_url=server.base_url) as client, pytest.raises(kind) as info:
            call(client)
        error = asyncio.run(main(server.base_url))

    assert type(error) is type(info.value)
    assert str(error) == str(info.value)


def test_fifty_calls_at_once_each_get_their_own_answer(sandbox: Sandbox) -> None:
    async def main() -> list[ImagesResult]:
        async with AsyncImagesClient(base_url=sandbox.base_url, model="gpt-image-next") as client:
            return await asyncio.gather(*(client.generate("an otter", size=f"{64 + 16 * (n % 5)}x64") for n in range(50)))

    results = asyncio.run(main())

    assert [result[0].width for result in results] == [64 + 16 * (n % 5) for n in range(50)]
    assert len({result.http.request_id for result in results}) == 50


# --- the event loop never stalls --------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def large_picture() -> bytes:
    return padded(PNG, LARGE * 3 // 4)


@pytest.fixture(scope="module")
def large_replies(large_picture: bytes, tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, str]]:
    """The base URLs of servers, by content type, in processes of their own: this one's threads would share its lock."""
    folder = tmp_path_factory.mktemp("replies")
    stream = b"data: " + json.dumps({"type": "image_edit.completed", "b64_json": b64encode(large_picture).decode()}).encode()
    bodies = {"application/json": answered(large_picture), "image/png": large_picture, "text/event-stream": stream + b"\n\n"}
    programs: dict[str, subprocess.Popen[str]] = {}
    for content_type, body in bodies.items():
        path = folder / content_type.replace("/", "-")
        path.write_bytes(body)
        command = [sys.executable, str(PROGRAM), str(path), content_type]
        programs[content_type] = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)  # noqa: S603
    urls: dict[str, str] = {}
    for content_type, program in programs.items():
        assert program.stdout is not None
        urls[content_type] = program.stdout.readline().strip()
    yield urls
    for program in programs.values():
        program.communicate("")  # the end of its input ends it


@asynccontextmanager
async def longest_stall(found: list[float]) -> AsyncGenerator[None]:
    """Add the longest time that the event loop was held within the block."""
    longest = 0.0

    async def watch() -> None:
        nonlocal longest
        stopwatch = Stopwatch()
        while True:
            await asyncio.sleep(0.001)
            longest = max(longest, stopwatch.lap())

    task = asyncio.create_task(watch())
    await asyncio.sleep(0)
    try:
        yield
    finally:
        await asyncio.sleep(0.002)
        task.cancel()
    found.append(longest)


def least_stall(base_url: str, work: Callable[[AsyncImagesClient], Awaitable[object]]) -> float:
    """Return the longest stall of the best of several tries: what other programs add isn't ours."""
    found: list[float] = []

    async def main() -> None:
        async with AsyncImagesClient(base_url=base_url) as client:
            await work(client)  # what is loaded and compiled once
            while len(found) < TRIES and min(found, default=LONGEST_STALL) >= LONGEST_STALL:
                gc.collect()
                async with longest_stall(found):
                    await work(client)

    asyncio.run(main())
    return min(found)


@pytest.mark.parametrize("content_type", ["application/json", "image/png"])
def test_a_30_mb_reply_that_is_saved_never_stalls_the_event_loop(
    content_type: str, large_replies: dict[str, str], large_picture: bytes, tmp_path: Path
) -> None:
    async def work(client: AsyncImagesClient) -> None:
        result = await client.generate("an otter")
        await result.asave(tmp_path / "all.png")
        await result[0].asave(tmp_path / "one.png")

    stall = least_stall(large_replies[content_type], work)

    assert (tmp_path / "all.png").read_bytes() == (tmp_path / "one.png").read_bytes() == large_picture
    assert stall < LONGEST_STALL


def test_a_30_mb_event_never_stalls_the_event_loop(large_replies: dict[str, str], large_picture: bytes) -> None:
    read: list[bytes] = []

    async def work(client: AsyncImagesClient) -> None:
        read.clear()
        async with client.stream_generate("an otter") as stream:
            read.extend([await event.image.aread() async for event in stream])

    stall = least_stall(large_replies["text/event-stream"], work)

    assert read == [large_picture]
    assert stall < LONGEST_STALL


def test_a_30_mb_json_answer_to_a_stream_never_stalls_the_event_loop(large_replies: dict[str, str], large_picture: bytes) -> None:
    async def work(client: AsyncImagesClient) -> None:
        async with client.stream_generate("an otter") as stream:
            assert (await (await stream.aresult())[0].aread()) == large_picture

    assert least_stall(large_replies["application/json"], work) < LONGEST_STALL


@pytest.mark.parametrize("form", ["paths", "bytes"])
def test_sixteen_large_uploads_never_stall_the_event_loop(form: str, large_replies: dict[str, str], tmp_path: Path) -> None:
    picture = padded(PNG, 4 * MIB)
    path = tmp_path / "otter.png"
    path.write_bytes(picture)
    given: list[Path | bytes] = [path] * 16 if form == "paths" else [picture] * 16

    async def work(client: AsyncImagesClient) -> None:
        await client.edit([*given], "a raft of otters")

    assert least_stall(large_replies["image/png"], work) < LONGEST_STALL


# --- links ------------------------------------------------------------------------------------------------------------------


def linked(link: str) -> bytes:
    return json.dumps({"data": [{"url": link}]}).encode()


def test_an_async_picture_that_is_a_link_is_fetched_once_and_only_by_awaiting(sandbox: Sandbox, tmp_path: Path) -> None:
    async def main() -> list[str]:
        async with AsyncImagesClient(base_url=sandbox.base_url, model="dall-e-2", size="256x256") as client:
            result = await client.generate("an otter", n=2)
            for read in (result[0].read, lambda: result[0].save(tmp_path / "no.png"), lambda: result.save(tmp_path / "no.png")):
                with pytest.raises(DownloadError, match="aread"):
                    read()
            content = await result[0].aread()
            assert (await result[0].aread(), result[0].read()) == (content, content)
            saved = await result.asave(tmp_path / "otter.png")
            assert saved[0].read_bytes() == content
            return [path.name for path in saved]

    assert asyncio.run(main()) == ["otter-1.png", "otter-2.png"]
    assert sorted(path.name for path in tmp_path.iterdir()) == ["otter-1.png", "otter-2.png"]
    for path in tmp_path.iterdir():
        Image.open(path).verify()
    assert [request.path.split("/")[1] for request in sandbox.requests] == ["v1", "files", "files"]


def test_a_sync_picture_may_be_awaited_as_well(sandbox: Sandbox, client: ImagesClient, tmp_path: Path) -> None:
    result = client.generate("an otter", model="dall-e-2", size="256x256")

    async def main() -> tuple[bytes, Path]:
        return await result[0].aread(), await result[0].asave(tmp_path / "otter")

    content, path = asyncio.run(main())

    assert path.name == "otter.png"
    assert path.read_bytes() == content == result[0].read()
    assert len(sandbox.requests) == 2


def test_asave_refuses_what_save_refuses(sandbox: Sandbox, tmp_path: Path) -> None:
    path = tmp_path / "otter.png"
    path.write_bytes(b"mine")

    async def main() -> None:
        async with AsyncImagesClient(base_url=sandbox.base_url) as client:
            result = await client.generate("an otter", size="64x64", model="gpt-image-next")
            for save in (result.asave, result[0].asave):
                with pytest.raises(FileExistsError):
                    await save(path, overwrite=False)

    asyncio.run(main())

    assert [each.name for each in tmp_path.iterdir()] == ["otter.png"]
    assert path.read_bytes() == b"mine"


# --- other event loops, closing ---------------------------------------------------------------------------------------------


def test_a_client_reconnects_in_a_second_event_loop(sandbox: Sandbox) -> None:
    client = AsyncImagesClient(base_url=sandbox.base_url)

    async def main() -> ImagesResult:
        async with client:
            return await client.generate("an otter", size="64x64", model="gpt-image-next")

    assert [len(asyncio.run(main())) for _ in range(3)] == [1, 1, 1]


def test_connections_that_were_left_open_in_event_loops_that_ended_are_given_up() -> None:
    client: AsyncImagesClient | None
    with RawServer(reply(answered(PNG))) as server, warnings.catch_warnings():
        warnings.simplefilter("ignore", ResourceWarning)  # rightly, of the clients that nobody closed
        client = AsyncImagesClient(base_url=server.base_url)
        for _ in range(2):
            asyncio.run(client.generate("an otter"))
        gc.collect()
        assert server.left.wait(60)
        client = None
        gc.collect()

    assert [request.connection for request in server.requests] == [0, 1]


def test_a_picture_of_one_event_loop_can_be_fetched_in_another(sandbox: Sandbox) -> None:
    client = AsyncImagesClient(base_url=sandbox.base_url, model="dall-e-2", size="256x256")

    async def make() -> ImagesResult:
        async with client:
            return await client.generate("an otter")

    async def fetch(result: ImagesResult) -> bytes:
        async with client:
            return await result[0].aread()

    assert asyncio.run(fetch(asyncio.run(make()))).startswith(b"\x89PNG")


def test_a_borrowed_client_says_that_it_belongs_to_its_first_event_loop() -> None:
    async def call(client: AsyncImagesClient) -> ImagesResult:
        return await client.generate("an otter")

    async def first() -> tuple[AsyncImagesClient, httpx.AsyncClient]:
        borrowed = httpx.AsyncClient(headers={"Connection": "close"})
        client = AsyncImagesClient(base_url=server.base_url, http_client=borrowed)
        for _ in range(2):
            await call(client)
        await client.close()
        assert not borrowed.is_closed
        await borrowed.aclose()
        return client, borrowed

    with RawServer(reply(answered(PNG))) as server:
        client, _ = asyncio.run(first())
        with pytest.raises(InvalidRequestError, match="http_client was used in another event loop"):
            asyncio.run(call(client))

    assert len(server.requests) == 2


def test_calls_share_connections_until_the_client_is_closed_and_then_open_new_ones() -> None:
    async def main(server: RawServer) -> None:
        client = AsyncImagesClient(base_url=server.base_url)
        async with client:
            for _ in range(3):
                await client.generate("an otter")
            assert {request.connection for request in server.requests} == {0}
            assert not server.left.is_set()
        assert await asyncio.to_thread(server.left.wait, 20)
        async with client:
            await client.generate("an otter")
        assert server.requests[-1].connection == 1

    with RawServer(reply(answered(PNG))) as server:
        asyncio.run(main(server))


def test_closing_a_client_that_was_never_used_is_nothing() -> None:
    asyncio.run(AsyncImagesClient(base_url="http://127.0.0.1/v1").close())


def test_a_call_that_is_cancelled_closes_its_connection_and_spoils_no_other() -> None:
    async def main(server: RawServer) -> None:
        async with AsyncImagesClient(base_url=server.base_url) as client:
            call = asyncio.ensure_future(client.generate("an otter"))
            assert await asyncio.to_thread(server.asked.wait, 20)
            call.cancel()
            with pytest.raises(asyncio.CancelledError):
                await call
            assert await asyncio.to_thread(server.left.wait, 20)
            assert len(await client.generate("an otter")) == 1

    with RawServer([Do.STALL], reply(answered(PNG))) as server:
        asyncio.run(main(server))


def test_a_reply_that_a_test_transport_holds_whole_is_read() -> None:
    picture = drawn()

    def answer(request: httpx.Request) -> httpx.Response:
        return httpx.Response(200, json={"data": [{"b64_json": b64encode(picture).decode()}]})

    async def call() -> bytes:
        async with httpx.AsyncClient(transport=httpx.MockTransport(answer)) as http:
            client = AsyncImagesClient(base_url="http://images.example/v1", http_client=http)
            return await (await client.generate("x"))[0].aread()

    assert asyncio.run(call()) == picture
