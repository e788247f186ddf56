"""A timeout in seconds holds for a whole call, however the server spends the time; and a client that is closed ends its calls."""

from __future__ import annotations

import asyncio
import json
import threading
from typing import TYPE_CHECKING, Any

import httpx
import pytest
from faulty_server import Act, FaultyServer, answered, both_ways, in_async, in_sync, pictures
from pictures import drawn
from waiting import wait_until

from images_api import (
    APIConnectionError,
    APIStatusError,
    APITimeoutError,
    AsyncImagesClient,
    AuthenticationError,
    DownloadError,
    ImagesAPIError,
    ImagesClient,
    InternalServerError,
    RateLimitError,
    StreamInterruptedError,
    UnreadableFileError,
)
from images_api._http.exchange import Deadline
from images_api._http.pools import Pool

if TYPE_CHECKING:
    from collections.abc import Callable

    from images_api.sandbox import Sandbox

PICTURE = drawn(64, 64)
# Longer than anybody waits, at 5 ms for a head or 90 bytes.
TRICKLE = b" " * 99_900
EVENTS = b"HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nConnection: close\r\n\r\n"
OK = b"HTTP/1.1 200 OK\r\nContent-Length: 99999\r\n\r\n"
DAWDLING: dict[str, tuple[bytes | str, type[ImagesAPIError]]] = {
    "a body": ("trickle; seconds=60", APITimeoutError),
    "a header": (b"HTTP/1.1 200 OK\r\nX-Slow: " + TRICKLE, APITimeoutError),
    "news before the answer": (b"HTTP/1.1 103 Early Hints\r\n\r\n" * 4000, APITimeoutError),
    "a refusal": (OK.replace(b"200 OK", b"401 No") + TRICKLE, AuthenticationError),
    "chunks": (b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n" + b"1\r\n \r\n" * 20_000, APITimeoutError),
    "heartbeats": ("heartbeats; seconds=60", StreamInterruptedError),
}


@pytest.fixture(autouse=True)
def _no_waste_of_time(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("images_api._http.retry._FIRST_BACKOFF", 0.001)


def generate(client: Any) -> Any:
    return client.generate("an otter")


def stream(client: Any) -> Any:
    if isinstance(client, ImagesClient):
        return client.stream_generate("an otter").result()
    return client.stream_generate("an otter").aresult()


def settings_for(sandbox: Sandbox, fault: str) -> dict[str, Any]:
    """Let the next request fail so; return what a client needs to ask for a small picture."""
    sandbox.fail_next(fault)
    return {"base_url": sandbox.base_url, "model": "mine", "size": "64x64"}


def linked(server: FaultyServer) -> Act:
    return answered(json.dumps({"data": [{"url": f"{server.base_url}/x.png"}]}).encode())


@both_ways
@pytest.mark.parametrize("name", DAWDLING)
@pytest.mark.parametrize("level", ["client", "call"])
def test_no_trickle_outlasts_a_number_of_seconds(run: Callable[..., Any], sandbox: Sandbox, name: str, level: str) -> None:
    sent, error = DAWDLING[name]
    action = stream if name == "heartbeats" else generate
    options: dict[str, Any] = {"timeout": 0.2} if level == "client" or action is stream else {}
    if not options:
        action = lambda client: client.generate("an otter", timeout=0.2)  # noqa: E731
    if isinstance(sent, str):
        with pytest.raises(ImagesAPIError) as caught:
            run(action, **settings_for(sandbox, sent), **options)
        wait_until(lambda: bool(sandbox.requests))
        tries = len(sandbox.requests)
    else:
        with FaultyServer(Act(sent, makes=1, piece=90)) as server, pytest.raises(ImagesAPIError) as caught:
            run(action, base_url=server.base_url, **options)
        tries = server.tries
    # On a busy machine the time may be over before the head of the answer is there.
    assert type(caught.value) in {error, APITimeoutError}
    assert tries == 1


@pytest.mark.parametrize("act", [Act(OK + TRICKLE, piece=90), Act(end="hang")])
def test_a_link_obeys_the_calls_timeout(act: Act) -> None:
    async def read(client: AsyncImagesClient) -> Any:
        await (await client.generate("an otter", timeout=0.2))[0].aread()

    for run, action in ((in_sync, lambda client: client.generate("an otter", timeout=0.2)[0].read()), (in_async, read)):
        with FaultyServer(act, listens=False) as server:
            server._acts.insert(0, linked(server))
            server.listen()
            with pytest.raises(DownloadError, match="Timeout"):
                run(action, base_url=server.base_url)
        assert server.tries == 2


@both_ways
@pytest.mark.parametrize(
    ("status", "header", "error"),
    [(429, "retry-after", RateLimitError), (503, "retry-after", InternalServerError), (429, "retry-after-ms", RateLimitError)],
)
def test_a_wait_that_does_not_fit_is_not_begun(
    run: Callable[..., Any], sandbox: Sandbox, status: int, header: str, error: type[APIStatusError]
) -> None:
    seconds = "60000" if header.endswith("ms") else "60"
    with pytest.raises(error) as caught:
        run(generate, **settings_for(sandbox, f"{status}; {header}={seconds}"), timeout=30)
    assert caught.value.http.retry_after == 60
    assert len(sandbox.requests) == 1


@pytest.mark.parametrize("is_async", [False, True])
def test_the_time_of_an_upload_does_not_count(monkeypatch: pytest.MonkeyPatch, *, is_async: bool) -> None:
    now = [1000.0]
    monkeypatch.setattr("images_api._http.exchange.monotonic", lambda: now[0])
    client = httpx.AsyncClient() if is_async else httpx.Client()
    deadline = Deadline(10)
    extensions = deadline.extensions(Pool(client))

    def heard(event: str) -> None:
        outcome = extensions["trace"](f"http11.{event}", {})
        if is_async:
            asyncio.run(outcome)

    heard("send_request_headers.started")
    for end in ("complete", "failed"):
        heard("send_request_body.started")
        now[0] += 99
        heard(f"send_request_body.{end}")
    now[0] += 4
    assert deadline.left == 6
    assert Deadline(httpx.Timeout(3)).left == float("inf")


def test_nor_does_the_time_in_which_the_app_looks_at_an_event(monkeypatch: pytest.MonkeyPatch) -> None:
    now = [1000.0]
    monkeypatch.setattr("images_api._http.exchange.monotonic", lambda: now[0])
    event = b'data: {"type": "odd"}\n\n'

    async def act(client: AsyncImagesClient) -> int:
        count = 0
        async for _ in client.stream_generate("an otter"):
            now[0] += 99
            count += 1
            if count == 2:
                return count
        return count

    with FaultyServer(Act(EVENTS + event + event, end="hang")) as server:
        count: object = in_async(act, base_url=server.base_url, timeout=50)
        assert count == 2
    with FaultyServer(Act(EVENTS + event + event, end="hang")) as server, ImagesClient(base_url=server.base_url) as client:
        events = client.stream_generate("an otter", timeout=50)
        for _ in range(2):
            next(events)
            now[0] += 99
        del events


@both_ways
def test_an_upload_in_one_piece_may_be_of_any_size(run: Callable[..., Any]) -> None:
    with FaultyServer(answered(pictures(PICTURE))) as server:
        run(lambda client: client.generate("an otter", extra_body={"note": "x" * 3_000_000}), base_url=server.base_url)
    assert len(server.heard[0].body) > 3_000_000


CLOSED: dict[str, tuple[str, bool]] = {
    "in the request": ("silence", True),
    "in the body": ("stalled body", True),
    "in a stream": ("stalled body; at=0", True),
    "in a pause": ("429; retry-after=60", False),
}


@pytest.mark.parametrize("name", CLOSED)
def test_closing_a_client_in_another_thread_ends_its_calls(sandbox: Sandbox, name: str, caplog: pytest.LogCaptureFixture) -> None:
    fault, may_have_run = CLOSED[name]
    caplog.set_level("INFO", "images_api")
    found: list[ImagesAPIError] = []

    def call() -> None:
        with pytest.raises(ImagesAPIError) as caught:
            (stream if name == "in a stream" else generate)(client)
        found.append(caught.value)

    client = ImagesClient(**settings_for(sandbox, fault))
    thread = threading.Thread(target=call)
    thread.start()
    wait_until(lambda: stands_still(sandbox, caplog))
    thread.join(0.05)
    client.close()
    thread.join(20)
    assert not thread.is_alive()
    (error,) = found
    if name == "in a stream":
        assert type(error) is StreamInterruptedError
    else:
        assert isinstance(error, APIConnectionError)
        assert "the client was closed" in str(error)
        assert error.may_have_run is may_have_run
    assert len(sandbox.requests) == 1


def stands_still(sandbox: Sandbox, caplog: pytest.LogCaptureFixture) -> bool:
    """Tell whether a call waits for an answer, or for its next try."""
    return bool(sandbox.pictures_made) or any(record.name == "images_api" for record in caplog.records)


@pytest.mark.parametrize("name", CLOSED)
def test_closing_an_async_client_does_so_in_its_event_loop(sandbox: Sandbox, name: str, caplog: pytest.LogCaptureFixture) -> None:
    fault, _ = CLOSED[name]
    caplog.set_level("INFO", "images_api")

    async def main() -> ImagesAPIError:
        client = AsyncImagesClient(**settings_for(sandbox, fault))
        task = asyncio.create_task((stream if name == "in a stream" else generate)(client))
        await asyncio.to_thread(wait_until, lambda: stands_still(sandbox, caplog))
        await asyncio.sleep(0.05)
        await client.close()
        with pytest.raises(ImagesAPIError) as caught:
            await asyncio.wait_for(task, 20)
        return caught.value

    error = asyncio.run(main())
    assert isinstance(error, StreamInterruptedError if name == "in a stream" else APIConnectionError)
    assert len(sandbox.requests) == 1


def test_nothing_is_sent_by_a_client_that_is_closed_meanwhile() -> None:
    pool = Pool(httpx.Client())
    pool.stop()
    trace = Deadline(1).extensions(pool)["trace"]
    with pytest.raises(httpx.LocalProtocolError, match="closed"):
        trace("http11.send_request_headers.started", {})


@both_ways
@pytest.mark.parametrize(
    ("raised", "error"),
    [
        (OSError(5, "odd"), APIConnectionError),
        (UnreadableFileError([]), UnreadableFileError),
        (RuntimeError("of the app"), RuntimeError),
    ],
)
def test_what_a_transport_of_the_apps_own_raises_is_typed_or_comes_through(
    run: Callable[..., Any], raised: Exception, error: type[Exception]
) -> None:
    def answer(_: httpx.Request) -> httpx.Response:
        raise raised

    transport = httpx.MockTransport(answer)
    http = httpx.Client(transport=transport) if run is in_sync else httpx.AsyncClient(transport=transport)
    with pytest.raises(error) as caught:
        run(generate, base_url="http://127.0.0.1:1/v1", http_client=http)
    assert type(caught.value) is error


@both_ways
def test_a_try_that_fails_is_followed_by_the_next(run: Callable[..., Any]) -> None:
    seen: list[httpx.Request] = []

    def answer(request: httpx.Request) -> httpx.Response:
        seen.append(request)
        if len(seen) == 1:
            raise httpx.ConnectError("not yet")
        return httpx.Response(200, content=pictures(PICTURE))

    transport = httpx.MockTransport(answer)
    http = httpx.Client(transport=transport) if run is in_sync else httpx.AsyncClient(transport=transport)
    assert run(generate, base_url="http://127.0.0.1:1/v1", http_client=http)[0].read() == PICTURE
