"""Sending again, over real connections: who asked for it, what is sent, what is noted, and what puts an end to it."""

from __future__ import annotations

import asyncio
import logging
import re
import signal
import socket
import subprocess
import sys
import threading
import time
from contextlib import ExitStack, contextmanager, suppress
from typing import TYPE_CHECKING, Any

import httpx
import pytest
from faulty_server import JSON, Act, FaultyServer, answered, both_ways, in_async, pictures, refused
from pictures import drawn, padded
from platforms import needs_full_queue, needs_posix
from waiting import wait_until

from images_api import (
    APIStatusError,
    APITimeoutError,
    AsyncImagesClient,
    BadRequestError,
    ContentPolicyError,
    ImagesAPIError,
    ImagesClient,
    InternalServerError,
    NoImageError,
    QuotaExceededError,
    RateLimitError,
    ResponseError,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Generator
    from pathlib import Path

    from images_api import ImagesResult
    from images_api.sandbox import Sandbox

    Run = Callable[..., ImagesResult]

KEY = "sk-not-for-your-eyes"
PICTURE = drawn(64, 64)
GOOD = answered(pictures(PICTURE))
LIMITED = "429; retry-after=0.001"
# Longer than anybody waits: whoever sleeps it out fails.
LONG_PAUSE = "429; retry-after=60"
# More than the pipe, a socket and the memory for streams hold.
BIG = padded(PICTURE, 2 << 20)
COPY = "import shutil, sys; shutil.copyfileobj(open(sys.argv[1], 'rb'), sys.stdout.buffer)"
SOURCES = ("path", "bytes", "half-read file", "pipe")


@pytest.fixture(autouse=True)
def _no_waste_of_time(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("images_api._http.retry._FIRST_BACKOFF", 0.001)


def generate(client: Any) -> Any:
    return client.generate("an otter")


def settings_for(sandbox: Sandbox, *faults: str, **settings: Any) -> dict[str, Any]:
    """Let the next requests fail so, one after another; return what a client needs to ask for a small picture."""
    for fault in faults:
        sandbox.fail_next(fault)
    return {"base_url": sandbox.base_url, "model": "mine", "size": "64x64", **settings}


def is_whole(result: ImagesResult) -> bool:
    return [(image.width, image.height, bool(image.read())) for image in result] == [(64, 64, True)]


def moved(status: int, to: str) -> Act:
    return refused(status, b"", {"Location": to})


@contextmanager
def at_try(number: int, action: Callable[[], object], caplog: pytest.LogCaptureFixture) -> Generator[None]:
    """Act when a try has failed, before the pause that follows."""

    def act(record: logging.LogRecord) -> bool:
        if f"try {number}:" in record.getMessage():
            action()
        return True

    caplog.set_level(logging.DEBUG, "images_api")
    logger = logging.getLogger("images_api")
    logger.addFilter(act)
    try:
        yield
    finally:
        logger.removeFilter(act)


@contextmanager
def full_queue() -> Generator[str]:
    """Give the base URL of a server that has no more room for callers."""
    with ExitStack() as sockets:
        listener = sockets.enter_context(socket.socket())
        listener.bind(("127.0.0.1", 0))
        listener.listen(0)
        for _ in range(4):
            caller = sockets.enter_context(socket.socket())
            caller.setblocking(False)  # noqa: FBT003  the standard library's own signature
            caller.connect_ex(listener.getsockname())
        yield f"http://127.0.0.1:{listener.getsockname()[1]}/v1"


def wait_until_it_stands_still(thread: int) -> None:
    """Wait until a thread waits for something itself."""
    last: object = None
    while last != (now := (frame := sys._current_frames()[thread], frame.f_lasti)):
        last = now
        time.sleep(0.02)


@contextmanager
def opened(source: str, folder: Path) -> Generator[Any]:
    """Give the same picture in one of the ways in which it may be uploaded."""
    path = folder / "otter.png"
    path.write_bytes(BIG)
    if source == "path":
        yield path
    elif source == "bytes":
        yield BIG
    elif source == "half-read file":
        with path.open("rb") as file:
            file.seek(len(BIG) // 2)
            yield file
            assert not file.closed
    else:
        with subprocess.Popen([sys.executable, "-c", COPY, path], stdout=subprocess.PIPE) as process:  # noqa: S603
            yield process.stdout


class TestWhoAskedForIt:
    @both_ways
    @pytest.mark.parametrize(
        ("fault", "made"),
        [
            ("reset unread", 1),
            *((fault, 2) for fault in ("reset", "close", "cut body", "not http", "silence")),
            *((f"{status}; billed", 2) for status in (408, 409, 500, 502, 503, 504, 520, 529)),
        ],
    )
    def test_what_may_have_run_is_repeated_on_request(self, run: Run, sandbox: Sandbox, fault: str, made: int) -> None:
        timeout = httpx.Timeout(10, read=1 if fault == "silence" else 10)
        assert is_whole(run(generate, **settings_for(sandbox, fault, retry_ambiguous=True, timeout=timeout)))
        assert (len(sandbox.requests), sandbox.pictures_made) == (2, made)

    @both_ways
    @pytest.mark.parametrize(
        ("fault", "error"),
        [
            ("400", BadRequestError),
            ("400; code=content_policy_violation", ContentPolicyError),
            ("429; code=insufficient_quota", QuotaExceededError),
            ("429; retry-after=121", RateLimitError),
            ("500; billed; should-retry=false", InternalServerError),
            ("login page", ResponseError),
            ("cut image; at=0.95", ResponseError),
            ("no data", NoImageError),
        ],
    )
    def test_what_helps_nobody_is_never_repeated(
        self, run: Run, sandbox: Sandbox, fault: str, error: type[ImagesAPIError]
    ) -> None:
        with pytest.raises(ImagesAPIError) as caught:
            run(generate, **settings_for(sandbox, fault, retry_ambiguous=True))
        assert type(caught.value) is error
        assert len(sandbox.requests) == 1

    @both_ways
    @pytest.mark.parametrize(
        ("settings", "options", "tries"),
        [
            ({}, {}, 3),
            ({"max_retries": 0}, {}, 1),
            ({"max_retries": 1}, {}, 2),
            ({"max_retries": 5}, {"max_retries": 0}, 1),
            ({"max_retries": 0}, {"max_retries": 3}, 4),
        ],
    )
    def test_there_are_as_many_retries_as_the_client_or_else_the_call_says(
        self, run: Run, sandbox: Sandbox, settings: dict[str, int], options: dict[str, int], tries: int
    ) -> None:
        with pytest.raises(RateLimitError):
            run(lambda client: client.generate("an otter", **options), **settings_for(sandbox, *[LIMITED] * 5, **settings))
        assert len(sandbox.requests) == tries

    @both_ways
    def test_a_server_that_comes_up_in_the_meantime_makes_one_picture(self, run: Run, caplog: pytest.LogCaptureFixture) -> None:
        with FaultyServer(GOOD, listens=False) as server, at_try(1, server.listen, caplog):
            assert run(generate, base_url=server.base_url)[0].read() == PICTURE
        assert (server.tries, server.pictures_made) == (1, 1)

    def test_a_stream_is_asked_for_again_likewise(self, sandbox: Sandbox) -> None:
        with ImagesClient(**settings_for(sandbox, LIMITED)) as client, client.stream_generate("an otter") as stream:
            assert is_whole(stream.result())
        assert (len(sandbox.requests), sandbox.pictures_made) == (2, 1)

    def test_an_async_stream_likewise(self, sandbox: Sandbox) -> None:
        async def act(client: AsyncImagesClient) -> ImagesResult:
            async with client.stream_generate("an otter") as stream:
                return await stream.aresult()

        assert is_whole(in_async(act, **settings_for(sandbox, LIMITED)))
        assert (len(sandbox.requests), sandbox.pictures_made) == (2, 1)


class TestTimeouts:
    @both_ways
    @needs_full_queue
    def test_a_call_that_never_got_through_can_not_have_run(self, run: Run) -> None:
        with full_queue() as base_url, pytest.raises(APITimeoutError) as caught:
            run(generate, base_url=base_url, timeout=httpx.Timeout(10, connect=0.05))
        assert not caught.value.may_have_run

    def test_a_call_that_never_got_a_connection_can_not_have_run(self) -> None:
        endless = Act(answered(GOOD.body, missing=99).reply, end="hang")
        limits = httpx.Limits(max_connections=1)
        with FaultyServer(endless) as server, httpx.Client(limits=limits, trust_env=False) as http:
            client = ImagesClient(base_url=server.base_url, http_client=http)
            with http.stream("POST", server.base_url), pytest.raises(APITimeoutError) as caught:
                client.generate("an otter", timeout=httpx.Timeout(10, pool=0.05))
        assert not caught.value.may_have_run
        assert server.tries == 1


class TestWhatIsSent:
    @both_ways
    @pytest.mark.parametrize("source", SOURCES)
    @pytest.mark.parametrize("fault", [LIMITED, "reset", "redirect"])
    def test_an_upload_is_sent_again_byte_for_byte(
        self, run: Run, sandbox: Sandbox, source: str, fault: str, tmp_path: Path
    ) -> None:
        settings = settings_for(sandbox, fault, retry_ambiguous=fault == "reset")
        with opened(source, tmp_path) as image:
            run(lambda client: client.edit([image, PICTURE], "a beret", mask=PICTURE), **settings)
            if source == "half-read file":
                assert image.tell() == len(BIG) // 2
        first, second = sandbox.requests
        assert BIG in first.body
        assert first.body == second.body
        assert first.headers == second.headers

    @both_ways
    def test_a_request_in_json_is_sent_again_byte_for_byte(self, run: Run, sandbox: Sandbox) -> None:
        run(lambda client: client.generate("\N{OTTER} \x00 é"), **settings_for(sandbox, LIMITED, LIMITED))
        assert len({request.body for request in sandbox.requests}) == 1
        assert len(sandbox.requests) == 3


class TestWhatIsNoted:
    @both_ways
    def test_every_try_with_its_outcome_and_never_the_key(self, run: Run, caplog: pytest.LogCaptureFixture) -> None:
        acts = (refused(429, headers=JSON | {"Retry-After": "0.001"}), Act(makes=1), answered(status=500), GOOD)
        with FaultyServer(*acts) as server, caplog.at_level(logging.DEBUG, "images_api"):
            run(
                lambda client: client.generate("an otter", extra_query={"sig": KEY}, extra_headers={"X-Api-Key": KEY}),
                base_url=server.base_url.replace("//", f"//me:{KEY}@"),
                api_key=KEY,
                max_retries=3,
                retry_ambiguous=True,
            )
        assert KEY in server.heard[0].target
        assert KEY in str(server.heard[0].headers)
        records = [record for record in caplog.records if record.name == "images_api"]
        tries, waits = ([each for each in records if each.levelno == level] for level in (logging.DEBUG, logging.INFO))
        assert [re.sub(r"^waiting [\d.]+ s ", "", each.getMessage())[:13] for each in waits] == [
            f"before try {number}:" for number in (2, 3, 4)
        ]
        assert [re.sub(r" after [\d.]+ s$", "", each.getMessage()) for each in tries] == [
            f"POST {server.base_url}/images/generations, try {number}: {outcome}"
            for number, outcome in enumerate(("429", "RemoteProtocolError", "500", "200"), 1)
        ]
        assert not [record for record in records if KEY in f"{record.__dict__}"]

    @both_ways
    def test_nothing_is_written_unless_it_is_asked_for(
        self, run: Run, sandbox: Sandbox, capfd: pytest.CaptureFixture[str]
    ) -> None:
        run(generate, **settings_for(sandbox, LIMITED))
        assert capfd.readouterr() == ("", "")

    @both_ways
    def test_the_time_covers_all_tries_and_the_pauses_between(self, run: Run, sandbox: Sandbox) -> None:
        slow = ["429; retry-after=0.05"] * 2
        assert run(generate, **settings_for(sandbox, *slow)).http.elapsed >= 0.1
        with pytest.raises(RateLimitError) as caught:
            run(generate, **settings_for(sandbox, *slow, "429"))
        assert caught.value.http.elapsed >= 0.1


class TestWhatPutsAnEndToIt:
    @pytest.mark.parametrize("fault", ["silence", "stalled body"])
    def test_a_cancelled_call_closes_its_connection(self, sandbox: Sandbox, fault: str, tmp_path: Path) -> None:
        path = tmp_path / "otter.png"
        path.write_bytes(PICTURE)

        async def act_and_cancel() -> None:
            async with AsyncImagesClient(**settings_for(sandbox, fault)) as client:
                call = asyncio.create_task(client.edit(path, "a beret"))
                await asyncio.to_thread(wait_until, lambda: sandbox.pictures_made == 1)
                call.cancel()
                with pytest.raises(asyncio.CancelledError):
                    await call
                # The client is still open; only the call's own connection is gone, which ends the silence.
                await asyncio.to_thread(wait_until, lambda: sandbox.requests[0].seconds is not None)

        asyncio.run(act_and_cancel())
        assert len(sandbox.requests) == 1

    def test_a_call_that_is_cancelled_in_its_pause_is_not_sent_again(
        self, tmp_path: Path, caplog: pytest.LogCaptureFixture
    ) -> None:
        path = tmp_path / "otter.png"
        path.write_bytes(PICTURE)

        async def act_and_cancel() -> None:
            pausing = asyncio.Event()
            async with AsyncImagesClient(base_url=server.base_url) as client:
                call = asyncio.create_task(client.edit(path, "a beret"))
                with at_try(1, pausing.set, caplog):
                    await pausing.wait()
                call.cancel()
                with pytest.raises(asyncio.CancelledError):
                    await call

        # The raw server tells that the connection was closed, though its answer was at its end.
        idle = refused(429, headers=JSON | {"Retry-After": "60", "Connection": "keep-alive"})
        with FaultyServer(Act(idle.reply, end="hang")) as server:
            asyncio.run(act_and_cancel())
        assert server.is_left.is_set()
        assert server.tries == 1

    @both_ways
    @needs_posix
    @pytest.mark.parametrize("fault", ["silence", LONG_PAUSE])
    def test_an_interrupt_from_the_keyboard_is_not_an_error_of_the_server(
        self, run: Run, sandbox: Sandbox, fault: str, caplog: pytest.LogCaptureFixture
    ) -> None:
        pausing = threading.Event()

        def interrupt() -> None:
            wait_until(lambda: pausing.is_set() or sandbox.pictures_made == 1)
            main = threading.main_thread().ident or 0
            wait_until_it_stands_still(main)
            signal.pthread_kill(main, signal.SIGINT)

        with at_try(1, pausing.set, caplog):
            thread = threading.Thread(target=interrupt)
            thread.start()
            # An interrupted client leaves the connections that are open to the garbage collector, which warns of them.
            with pytest.raises(KeyboardInterrupt):
                run(generate, **settings_for(sandbox, fault, headers={"Connection": "close"}))
            thread.join()
        assert len(sandbox.requests) == 1

    @pytest.mark.parametrize("error", [SystemExit, KeyboardInterrupt, LookupError])
    def test_what_a_borrowed_clients_hook_raises_comes_through_as_it_is(
        self, sandbox: Sandbox, error: type[BaseException]
    ) -> None:
        def hook(_: httpx.Response) -> None:
            raise error("the app's own")

        with (
            httpx.Client(event_hooks={"response": [hook]}, trust_env=False) as http,
            pytest.raises(error, match="the app's own"),
        ):
            ImagesClient(**settings_for(sandbox, LIMITED, http_client=http)).generate("an otter")
        assert len(sandbox.requests) == 1


class TestWhereItIsSentOn:
    @both_ways
    @pytest.mark.parametrize("status", [307, 308])
    def test_a_moved_call_keeps_its_body_and_on_its_own_host_its_key(self, run: Run, status: int) -> None:
        with FaultyServer(moved(status, "/elsewhere?a=1"), GOOD) as server:
            run(generate, base_url=server.base_url, api_key=KEY)
        first, second = server.heard
        assert (second.method, second.target, second.body) == ("POST", "/elsewhere?a=1", first.body)
        assert second.headers["authorization"] == first.headers["authorization"] == f"Bearer {KEY}"
        assert server.pictures_made == 1

    @both_ways
    @pytest.mark.parametrize("status", [307, 308])
    def test_a_call_that_moved_to_another_host_leaves_its_key_behind(self, run: Run, status: int) -> None:
        with FaultyServer(GOOD) as there, FaultyServer(moved(status, f"{there.base_url}/images/edits")) as here:
            run(lambda client: client.edit(PICTURE, "a beret"), base_url=here.base_url, api_key=KEY)
        assert KEY in str(here.heard[0].headers)
        assert KEY not in str(there.heard[0].headers)
        assert here.heard[0].body == there.heard[0].body

    @both_ways
    def test_a_key_in_a_header_of_its_own_goes_nowhere_else(self, run: Run) -> None:
        with FaultyServer(GOOD) as there, FaultyServer(moved(307, there.base_url)) as here:
            run(generate, base_url=here.base_url, api_key=KEY, auth_header="api-key")
        assert here.heard[0].headers["api-key"] == KEY
        assert KEY not in str(there.heard[0].headers)
        assert (here.tries, there.tries) == (1, 1)

    @both_ways
    @pytest.mark.parametrize("name", ["api-key", "X-Api-Key", "Cookie"])
    @pytest.mark.parametrize("level", ["client", "call"])
    def test_nor_does_a_key_among_the_other_headers(self, run: Run, name: str, level: str) -> None:
        settings, options = ({"headers": {name: KEY}}, {}) if level == "client" else ({}, {"extra_headers": {name: KEY}})
        with FaultyServer(GOOD) as there, FaultyServer(moved(307, there.base_url)) as here, suppress(APIStatusError):
            run(lambda client: client.generate("an otter", **options), base_url=here.base_url, **settings)
        assert KEY in str(here.heard[0].headers)
        assert KEY not in str([heard.headers for heard in there.heard])

    @both_ways
    @pytest.mark.parametrize("status", [301, 302, 303])
    def test_what_would_become_another_request_is_an_error(self, run: Run, sandbox: Sandbox, status: int) -> None:
        with pytest.raises(APIStatusError) as caught:
            run(generate, **settings_for(sandbox, f"redirect; status={status}; to=/done; billed"))
        assert caught.value.status_code == status
        assert caught.value.may_have_run is (status == 303)
        assert [request.method for request in sandbox.requests] == ["POST"]

    @both_ways
    def test_an_endless_way_is_an_error(self, run: Run, sandbox: Sandbox) -> None:
        sandbox.fail_next("redirect", times=1000)
        with pytest.raises(APIStatusError, match="307"):
            run(generate, **settings_for(sandbox, max_retries=0))
        assert sandbox.pictures_made == 0
        assert len(sandbox.requests) > 1
