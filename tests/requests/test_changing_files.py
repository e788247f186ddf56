"""Files that change, fail, or are given again while a call is at them: errors of the package's own, and never other bytes."""

from __future__ import annotations

import asyncio
import io
import os
import threading
from typing import TYPE_CHECKING, Any, BinaryIO, cast

import httpx
import pytest
from pictures import drawn, padded
from platforms import needs_posix
from waiting import wait_until

from images_api import AsyncImagesClient, ImagesClient, UnreadableFileError
from images_api._requests import uploads
from images_api._requests.files import OpenFiles
from images_api._requests.uploads import ReadInThread, Upload

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from images_api.sandbox import Sandbox

PNG = drawn(48, 32)
CONTENT = padded(PNG, 1_000_000)
CHUNK = 256 << 10


class Odd(io.BytesIO):
    """A file that becomes another one in the midst of being read."""

    def __init__(self, third_chunk: Callable[[bytes], Any]) -> None:
        super().__init__(CONTENT)
        self._third_chunk = third_chunk
        self._chunks = 0

    def read(self, size: int | None = -1) -> Any:
        chunk = super().read(size)
        self._chunks += len(chunk) == CHUNK
        return self._third_chunk(chunk) if self._chunks == 3 else chunk


def failing(_chunk: bytes) -> bytes:
    raise OSError(5, "Input/output error")


# By what a file does while it is read: what is said of it.
CHANGES: dict[str, tuple[Callable[[bytes], Any], str]] = {
    "ends early": (lambda _: b"", "it has changed meanwhile"),
    "loses bytes": (lambda chunk: chunk[:-1], "it has changed meanwhile"),
    "grows without end": (lambda chunk: chunk + b"x" * 5000, "it has changed meanwhile"),
    "fails": (failing, "Input/output error"),
    "becomes a text": (lambda _: "text", "must read bytes, not str"),
    "has nothing for now": (lambda _: None, "must read bytes, not NoneType"),
}


@pytest.mark.parametrize("kind", CHANGES)
def test_a_file_that_changes_while_it_is_read_is_refused(client: ImagesClient, sandbox: Sandbox, kind: str) -> None:
    change, why = CHANGES[kind]
    with pytest.raises(ValueError, match=why):
        client.edit(Odd(change), "x")

    async def main() -> None:
        async with AsyncImagesClient(base_url=sandbox.base_url) as other:
            with pytest.raises(ValueError, match=why):
                await other.edit(Odd(change), "x")

    asyncio.run(main())
    assert not sandbox.requests
    client.edit(PNG, "x", model="small", size="64x64")


def shortened(path: Path) -> None:
    os.truncate(path, 500_000)


def emptied(path: Path) -> None:
    path.write_bytes(b"")


def lengthened(path: Path) -> None:
    with path.open("ab") as file:
        file.write(b"more")


class Once:
    """A key that is asked for after a request is checked, and before it is sent."""

    def __init__(self, change: Callable[[Path], object], path: Path) -> None:
        self._changes = [lambda: change(path)]

    def __call__(self) -> str:
        while self._changes:
            self._changes.pop()()
        return "sk-of-the-sandbox"


@pytest.mark.parametrize("change", [shortened, emptied, lengthened])
def test_a_file_that_changes_before_it_is_sent_never_makes_a_whole_request(
    sandbox: Sandbox, tmp_path: Path, change: Callable[[Path], None]
) -> None:
    path = tmp_path / "otter.png"

    async def main() -> None:
        async with AsyncImagesClient(Once(change, path), base_url=sandbox.base_url) as client:
            with pytest.raises(UnreadableFileError, match="image can't be read: it has changed while it was sent"):
                await client.edit(path, "x")

    path.write_bytes(CONTENT)
    asyncio.run(main())
    path.write_bytes(CONTENT)
    with ImagesClient(Once(change, path), base_url=sandbox.base_url) as client:
        with pytest.raises(UnreadableFileError, match=r"it has changed while it was sent, got 'otter\.png' \(image/png, 48x32"):
            client.edit(path, "x")
        path.write_bytes(CONTENT)
        client.edit(path, "x")
    # The server may hear last of one that was cut.
    whole = [each.body for each in sandbox.requests if len(each.body) == int(each.headers["content-length"])]
    assert [CONTENT in body for body in whole] == [True]


@needs_posix
def test_a_file_that_vanishes_or_is_replaced_goes_as_it_was_checked(sandbox: Sandbox, tmp_path: Path) -> None:
    path = tmp_path / "otter.png"

    def replaced(path: Path) -> None:
        path.with_name("new").write_bytes(drawn(16, 16))
        path.with_name("new").replace(path)

    for change in (os.remove, replaced):
        path.write_bytes(CONTENT)
        with ImagesClient(Once(change, path), base_url=sandbox.base_url) as client:
            client.edit(path, "x")
        assert CONTENT in sandbox.requests[-1].body


def test_a_disk_that_fails_while_a_file_is_sent_says_so() -> None:
    class Failing(io.BytesIO):
        def read(self, size: int | None = -1) -> bytes:
            return failing(super().read(size))

    upload = Upload(OpenFiles(), "image", PNG)
    upload.file = Failing(PNG)
    with pytest.raises(UnreadableFileError, match="image can't be read: Input/output error") as caught:
        upload.read()
    assert isinstance(caught.value.__cause__, OSError)


class Slow(io.BytesIO):
    """A file as on a network share: each read waits until it may."""

    def __init__(self, content: bytes = CONTENT) -> None:
        super().__init__(content)
        self.reads = 0
        self.may_go_on = threading.Event()

    def read(self, size: int | None = -1) -> bytes:
        if size == CHUNK:
            self.reads += 1
            self.may_go_on.wait()
        return super().read(size)


class TestCancelledCalls:
    async def cancel(self, client: AsyncImagesClient, file: Slow) -> asyncio.Task[Any]:
        """Cancel a call while it reads."""
        call = asyncio.create_task(cast("Any", client.edit(file, "first")))
        await asyncio.to_thread(wait_until, lambda: file.reads > 0)
        call.cancel()
        return call

    def test_leave_the_file_alone_when_they_are_over(self, sandbox: Sandbox) -> None:
        async def main() -> None:
            async with AsyncImagesClient(base_url=sandbox.base_url) as client:
                file = Slow()
                file.seek(5)
                call = await self.cancel(client, file)
                done, _ = await asyncio.wait([call], timeout=0.02)
                assert not done
                file.may_go_on.set()
                with pytest.raises(asyncio.CancelledError):
                    await call
                assert (file.tell(), file.reads) == (5, 1)
                await client.edit(file, "second")
                assert file.tell() == 5

        asyncio.run(main())
        (request,) = sandbox.requests
        assert CONTENT in request.body

    def test_do_not_wait_for_ever(self, sandbox: Sandbox, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(uploads, "_LONGEST_READ", 0.01)

        async def main() -> None:
            async with AsyncImagesClient(base_url=sandbox.base_url) as client:
                file = Slow()
                call = await self.cancel(client, file)
                with pytest.raises(asyncio.CancelledError):
                    await call
                again = asyncio.create_task(cast("Any", client.edit(file, "second")))  # waits for its turn
                file.may_go_on.set()
                await again

        asyncio.run(main())
        (request,) = sandbox.requests
        assert CONTENT in request.body

    def test_let_go_of_what_they_send(self) -> None:
        reading, may_go_on, read = threading.Event(), threading.Event(), []

        class Body(httpx.SyncByteStream):
            def __iter__(self) -> Iterator[bytes]:
                for number in range(10):
                    reading.set()
                    may_go_on.wait()
                    read.append(number)
                    yield b"x"

        async def send() -> None:
            async for _ in ReadInThread(Body(), OpenFiles()):
                pass

        async def main() -> None:
            sending = asyncio.create_task(send())
            await asyncio.to_thread(reading.wait)
            sending.cancel()
            await asyncio.sleep(0)
            may_go_on.set()
            with pytest.raises(asyncio.CancelledError):
                await sending
            assert read == [0, 1, 2, 3]

        asyncio.run(main())

    def test_close_their_files(self, sandbox: Sandbox, tmp_path: Path) -> None:
        path = tmp_path / "otter.png"
        path.write_bytes(CONTENT)

        async def main() -> None:
            async with AsyncImagesClient(base_url=sandbox.base_url) as client:
                for turns in range(12):
                    call = asyncio.create_task(cast("Any", client.edit([path, io.BytesIO(CONTENT)], "x")))
                    for _ in range(turns):
                        await asyncio.sleep(0)
                    call.cancel()
                    with pytest.raises(asyncio.CancelledError):
                        await call

        asyncio.run(main())  # a file that nobody closed complains when it is thrown away, and complaints are errors


class TestOneFileForSeveralCallsAtOnce:
    def test_arrives_whole_in_each(self, sandbox: Sandbox) -> None:
        file = io.BytesIO(CONTENT)
        file.seek(7)

        async def main() -> None:
            async with AsyncImagesClient(base_url=sandbox.base_url) as client:
                await asyncio.gather(*[client.edit(cast("BinaryIO", file), "x") for _ in range(5)])

        asyncio.run(main())
        assert [CONTENT in request.body for request in sandbox.requests] == [True] * 5
        assert file.tell() == 7
