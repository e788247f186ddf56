"""Each fault of the sandbox over a real socket: what a client gets, what it costs, and which requests are hit."""

from __future__ import annotations

import asyncio
import base64
import json
import re
import socket
import subprocess
import sys
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from datetime import UTC, datetime
from io import BytesIO
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any

import httpx
import openai
import pytest
from PIL import Image
from starlette.requests import Request
from starlette.responses import JSONResponse, Response, StreamingResponse
from stopwatch import Stopwatch
from waiting import wait_until

from images_api import DownloadError, ImagesAPIError, ImagesClient, ResponseError, StreamInterruptedError
from images_api.sandbox import Fault, Faults, Sandbox, Settings, create_app
from images_api.sandbox import _misbehaving as misbehaving
from images_api.sandbox._faults import KINDS, TABLE
from images_api.sandbox._journal import Journal
from images_api.sandbox._shelf import Shelf

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, Iterator

GPT = "gpt-image-next"
SMALL: dict[str, Any] = {"prompt": "x", "model": GPT, "size": "64x64"}
STREAM: dict[str, Any] = {**SMALL, "stream": True, "partial_images": 2}
LINKS: dict[str, Any] = {"prompt": "x", "model": "mine", "size": "64x64", "response_format": "url", "n": 2}
# What a call must be like for a fault to fit it.
FITTING = {"any": SMALL, "plain": SMALL, "base64": SMALL, "stream": STREAM, "links": LINKS}
RATES = {"429; retry-after=0": 0.3, "cut body": 0.2, "reset unread": 0.1, "done": 1.0}
NEVER_ENDING = {"silence", "stalled body"}
JSON, HTML = "application/json", "text/html; charset=utf-8"


# What a client costs is its TLS context, which none of these needs twice.
@pytest.fixture(scope="module")
def http_of_all(running_sandbox: Sandbox) -> Iterator[httpx.Client]:
    with httpx.Client(base_url=running_sandbox.base_url, trust_env=False) as client:
        yield client


@pytest.fixture
def http(sandbox: Sandbox, http_of_all: httpx.Client) -> httpx.Client:
    del sandbox  # it is clear now
    return http_of_all


@pytest.fixture(scope="module")
def official_of_all(running_sandbox: Sandbox) -> Iterator[openai.OpenAI]:
    with openai.OpenAI(api_key="sk-secret", base_url=running_sandbox.base_url, max_retries=0) as client:
        yield client


@pytest.fixture
def official(sandbox: Sandbox, official_of_all: openai.OpenAI) -> openai.OpenAI:
    del sandbox
    return official_of_all


def post(http: httpx.Client, body: dict[str, Any] = SMALL, **options: Any) -> httpx.Response:
    return http.post("/images/generations", json=body, **options)


def events(response: httpx.Response) -> list[tuple[str, dict[str, Any]]]:
    """The events of a stream as pairs of a name and what it says; comments are left out."""
    assert response.headers["content-type"].startswith("text/event-stream")
    blocks = re.findall(r"^event: (\S+)\ndata: (.*)$", response.text, re.MULTILINE)
    return [(name, json.loads(data)) for name, data in blocks]


def is_image(text: str) -> bool:
    try:
        Image.open(BytesIO(base64.b64decode(text, validate=True))).load()
    except (ValueError, OSError):
        return False
    return True


def exchange(base_url: str, body: dict[str, Any] = SMALL) -> tuple[bytes, bool]:
    """Send a request over a bare socket; return what comes, byte for byte, and whether the end is a reset."""
    content, received = json.dumps(body).encode(), b""
    url = httpx.URL(base_url)
    headers = f"Host: localhost\r\nContent-Type: {JSON}\r\nContent-Length: {len(content)}"
    with socket.create_connection((url.host, url.port or 0), 60) as connection:
        connection.sendall(f"POST /v1/images/generations HTTP/1.1\r\n{headers}\r\n\r\n".encode() + content)
        try:
            while chunk := connection.recv(1 << 16):
                received += chunk
        except ConnectionResetError:
            return received, True
    return received, False


class TestWords:
    @pytest.mark.parametrize(
        ("text", "fault", "again"),
        [
            ("cut body", Fault("cut body", at=0.5), "cut body"),
            (" Cut-Body ; at = 0.9 ;", Fault("cut body", at=0.9), "cut body; at=0.9"),
            ("429", Fault("status", status=429), "429"),
            ("status", Fault("status", status=500), "500"),
            ("status; status=401", Fault("401"), "401"),
            ("429; retry-after=1", Fault("429", retry_after="1"), "429; retry-after=1"),
            ("429; retry-after=Thu, 01 Jan 1970 00:00:00 GMT", Fault("429", retry_after="Thu, 01 Jan 1970 00:00:00 GMT"), None),
            ("503; retry-after-ms=20; should-retry=TRUE", Fault("503", retry_after_ms="20", should_retry="TRUE"), None),
            ("500; billed", Fault("500", billed=True), "500; billed=true"),
            ("429; should-retry", Fault("429", should_retry="true"), "429; should-retry=true"),
            ("reset; billed=false", Fault("reset", billed=False), "reset; billed=false"),
            ("reset; billed", Fault("reset"), "reset"),
            ("redirect; to=http://[::1]/x?a=1", Fault("redirect", to="http://[::1]/x?a=1"), None),
            ("proxy page; status=503", Fault("proxy page", status=503), None),
            ("error event; code=server_error; message=größe", Fault("error event", code="server_error", message="größe"), None),
        ],
    )
    def test_a_fault_is_one_text(self, text: str, fault: Fault, again: str | None) -> None:
        assert Fault.parse(text) == fault
        assert str(fault) == (again or text)
        assert Fault.parse(str(fault)) == fault

    @pytest.mark.parametrize("name", KINDS)
    def test_every_name_is_a_text(self, name: str) -> None:
        assert Fault.parse(str(Fault.parse(name))) == Fault(name)
        assert Fault.parse(name.replace(" ", "-")).kind == name

    @pytest.mark.parametrize(
        ("text", "why"),
        [
            ("", "there is no fault ''; there are: a status such as 429, status, proxy page"),
            ("cut bdoy", "there is no fault 'cut bdoy'; there are:"),
            ("429.5", "there is no fault"),
            ("200", "status of the fault 'status' must be a whole number from 300 to 599, got '200'"),
            ("600", "from 300 to 599"),
            ("٤٢٩", "from 300 to 599"),
            ("429; status=500", "has its status in its name already"),
            ("429; glow=1", "faults have no option 'glow'; there are: status, code, message, retry-after,"),
            ("429; at=0.5", "the fault 'status' has no option 'at'; it takes: status, code,"),
            ("final first; at=0.5", "it takes: none"),
            ("cut body; at=1.5", "at of the fault 'cut body' must be a number from 0 to 1, got '1.5'"),
            ("cut body; at=nan", "from 0 to 1"),
            ("cut body; at=much", "from 0 to 1, got 'much'"),
            ("cut body; at", "at needs a value: at=..."),
            ("429; retry-after", "retry-after needs a value"),
            ("latency; seconds=-1", "from 0 to 3600"),
            ("latency; seconds=3601", "from 0 to 3600"),
            ("reset; billed=perhaps", "must be true or false, got 'perhaps'"),
            ("429; retry-after=a\r\nSet-Cookie: b", "printable"),
            ("429; retry-after=größe", "ASCII"),
            ("redirect; to=/\x00", "printable"),
            ("429; message=" + "x" * 1001, "up to 1000"),
        ],
    )
    def test_what_is_wrong_with_a_text_is_named(self, text: str, why: str) -> None:
        with pytest.raises(ValueError, match=re.escape(why)) as caught:
            Fault.parse(text)
        assert len(str(caught.value)) < 900

    def test_what_python_says_goes_before_what_the_text_says(self, sandbox: Sandbox) -> None:
        sandbox.fail_next("503; retry-after=1; message=later", retry_after=2, code="busy")
        sandbox.fail_next(status=429, retry_after=0.5, should_retry=False)
        sandbox.fail_next(status=429, retry_after=datetime(2030, 1, 2, 3, 4, 5, tzinfo=UTC))
        assert [*map(str, sandbox._faults.armed)] == [
            "503; code=busy; message=later; retry-after=2",
            "429; retry-after=0.5; should-retry=false",
            "429; retry-after=Wed, 02 Jan 2030 03:04:05 GMT",
        ]
        with pytest.raises(ValueError, match="there is no fault ''"):
            sandbox.fail_next()
        with pytest.raises(ValueError, match="semicolon"):
            sandbox.fail_next("429", message="a; b")

    def test_each_is_carried_out_by_one_mechanism(self) -> None:
        tables = ("_INSTEAD", "_CONNECTION", "_BODY", "_DATA", "_IMAGE", "_EVENTS")
        # By the head of the answer, by its links, and by the plan.
        names = ["wrong type", "expired url", "json"]
        names += [name for table in tables for name in getattr(misbehaving, table)]
        assert sorted(names) == sorted(KINDS)
        assert all(line.endswith(".") and "\n" not in line for line in KINDS.values())


class TestStatuses:
    @pytest.mark.parametrize(
        ("status", "kind", "code"),
        [
            (400, "invalid_request_error", None),
            (401, "invalid_request_error", "invalid_api_key"),
            (403, "invalid_request_error", None),
            (404, "invalid_request_error", "model_not_found"),
            (409, "invalid_request_error", None),
            (422, "invalid_request_error", None),
            (429, "requests", "rate_limit_exceeded"),
            (499, "invalid_request_error", None),
            (500, "server_error", None),
            (503, "server_error", None),
            (529, "server_error", None),
            (599, "server_error", None),
        ],
    )
    def test_the_apis_error_comes_with_it_and_nothing_is_made(
        self, sandbox: Sandbox, http: httpx.Client, status: int, kind: str, code: str | None
    ) -> None:
        sandbox.fail_next(status=status)
        response = post(http)
        assert response.status_code == status
        error = response.json()["error"]
        assert (error["type"], error["code"], error["param"]) == (kind, code, None)
        assert str(status) in error["message"]
        assert response.headers["x-request-id"]
        assert post(http).status_code == 200
        assert sandbox.pictures_made == 1
        failed, _ = sandbox.requests
        assert (failed.fault, failed.error, failed.operation) == (str(status), code, "createImage")

    def test_a_quota_is_an_error_of_its_own(self, sandbox: Sandbox, official: openai.OpenAI) -> None:
        sandbox.fail_next(status=429, code="insufficient_quota", message="You exceeded your current quota.")
        with pytest.raises(openai.RateLimitError, match="exceeded your current quota") as caught:
            official.images.generate(**SMALL)
        assert (caught.value.code, caught.value.type) == ("insufficient_quota", "insufficient_quota")

    @pytest.mark.parametrize(
        ("status", "error"),
        [
            (401, openai.AuthenticationError),
            (403, openai.PermissionDeniedError),
            (404, openai.NotFoundError),
            (409, openai.ConflictError),
            (422, openai.UnprocessableEntityError),
            (429, openai.RateLimitError),
            (500, openai.InternalServerError),
            (529, openai.InternalServerError),
        ],
    )
    def test_openai_has_its_own_errors_for_them(
        self, sandbox: Sandbox, official: openai.OpenAI, status: int, error: type[openai.APIStatusError]
    ) -> None:
        sandbox.fail_next(status=status)
        with pytest.raises(error) as caught:
            official.images.generate(**SMALL)
        assert type(caught.value) is error

    def test_a_status_without_a_body(self, sandbox: Sandbox, http: httpx.Client) -> None:
        sandbox.fail_next(status=304)
        response = post(http)
        assert (response.status_code, response.content) == (304, b"")

    @pytest.mark.parametrize(
        ("options", "headers"),
        [
            ({"retry_after": 20}, {"retry-after": "20"}),
            ({"retry_after": 0.5}, {"retry-after": "0.5"}),
            ({"retry_after": "when it suits you"}, {"retry-after": "when it suits you"}),
            ({"retry_after": "121"}, {"retry-after": "121"}),
            (
                {"retry_after": datetime(1970, 1, 1, tzinfo=UTC), "retry_after_ms": 10},
                {"retry-after": "Thu, 01 Jan 1970 00:00:00 GMT", "retry-after-ms": "10"},
            ),
            ({"retry_after_ms": "soon"}, {"retry-after-ms": "soon"}),
            ({"should_retry": False}, {"x-should-retry": "false"}),
            ({"should_retry": True}, {"x-should-retry": "true"}),
            ({}, {}),
        ],
    )
    def test_every_way_to_say_when_to_come_again(
        self, sandbox: Sandbox, http: httpx.Client, options: dict[str, Any], headers: dict[str, str]
    ) -> None:
        names = ("retry-after", "retry-after-ms", "x-should-retry")
        for kind in ("503", "proxy page"):
            sandbox.fail_next(kind, **options)
            given = post(http).headers
            assert {name: given[name] for name in names if name in given} == headers

    def test_openai_comes_again(self, sandbox: Sandbox, official: openai.OpenAI) -> None:
        sandbox.fail_next(status=429, retry_after_ms=1, times=2)
        assert official.with_options(max_retries=2).images.generate(**SMALL).data
        assert [request.fault for request in sandbox.requests] == ["429; retry-after-ms=1"] * 2 + [None]
        assert sandbox.pictures_made == 1

    def test_what_fails_afterwards_is_billed(self, sandbox: Sandbox, http: httpx.Client) -> None:
        sandbox.fail_next(status=504, billed=True)
        assert post(http, {**SMALL, "n": 2}).status_code == 504
        assert sandbox.pictures_made == 2
        (request,) = sandbox.requests
        assert len(request.images_made) == 2


class TestInstead:
    @pytest.mark.parametrize(
        ("name", "answer", "made"),
        [
            ("proxy page", (502, HTML, "<!doctype html>\n<html><head><title>502 Bad Gateway</title>"), 0),
            ("login page", (200, HTML, "<!doctype html>\n<html><head><title>Log in"), 0),
            ("error as success", (200, JSON, '{"error":{"message":'), 0),
            ("broken json", (200, JSON, '{"created": 1, "data": [{"b64_json": "iVBO'), 1),
            ("empty body", (200, JSON, ""), 1),
        ],
    )
    def test_another_answer_in_the_place(
        self, sandbox: Sandbox, http: httpx.Client, name: str, answer: tuple[int, str, str], made: int
    ) -> None:
        sandbox.fail_next(name, times=2)
        for body in (SMALL, STREAM):
            response = post(http, body)
            assert (response.status_code, response.headers["content-type"]) == answer[:2]
            assert response.text.startswith(answer[2])
        assert sandbox.pictures_made == 2 * made
        sandbox.fail_next(name, billed=not made)
        post(http)
        assert sandbox.pictures_made == made + 1

    def test_openai_calls_a_page_what_it_is(self, sandbox: Sandbox, official: openai.OpenAI) -> None:
        sandbox.fail_next("proxy page")
        with pytest.raises(openai.InternalServerError, match="502") as caught:
            official.images.generate(**SMALL)
        assert "<title>502 Bad Gateway" in caught.value.response.text

    def test_a_redirect_to_the_same_address_or_another(self, sandbox: Sandbox, http: httpx.Client) -> None:
        sandbox.fail_next("redirect")
        response = post(http, params={"a": "1"})
        assert (response.status_code, response.headers["location"]) == (307, "/v1/images/generations?a=1")
        sandbox.fail_next("redirect", status=303, to="https://elsewhere.test/x")
        response = post(http)
        assert (response.status_code, response.headers["location"]) == (303, "https://elsewhere.test/x")
        assert sandbox.pictures_made == 0
        sandbox.fail_next("redirect")
        assert post(http, follow_redirects=True).status_code == 200
        assert sandbox.pictures_made == 1


class TestConnections:
    @pytest.mark.parametrize(
        ("name", "received", "is_reset", "made"),
        [
            ("reset unread", b"", True, 0),
            ("reset", b"", True, 1),
            ("reset; billed=false", b"", True, 0),
            ("close", b"", False, 1),
            ("not http", b"SSH-2.0-OpenSSH_9.9\r\n\r\n", False, 1),
        ],
    )
    def test_no_answer(self, sandbox: Sandbox, name: str, received: bytes, is_reset: bool, made: int) -> None:  # noqa: FBT001  a table's
        sandbox.fail_next(name)
        assert exchange(sandbox.base_url) == (received, is_reset)
        assert sandbox.pictures_made == made
        (request,) = sandbox.requests
        assert request.fault == name
        wait_until(lambda: sandbox.requests[0].seconds is not None)
        assert sandbox.requests[0].status is None

    def test_before_reading_is_before_reading(self, sandbox: Sandbox, http: httpx.Client) -> None:
        sandbox.fail_next("reset unread")
        with pytest.raises((httpx.ReadError, httpx.WriteError, httpx.RemoteProtocolError)):
            post(http, {**SMALL, "note": "x" * (8 << 20)})
        (request,) = sandbox.requests
        assert (request.body, request.path) == (b"", "/v1/images/generations")
        assert post(http).status_code == 200

    def test_openai_tells_a_connection_from_an_answer(self, sandbox: Sandbox, official: openai.OpenAI) -> None:
        for name in ("reset unread", "reset", "close", "not http", "cut body", "cut chunks", "reset body"):
            sandbox.fail_next(name)
            with pytest.raises((openai.APIConnectionError, httpx.TransportError)):
                official.images.generate(**SMALL)

    @pytest.mark.parametrize("name", sorted(NEVER_ENDING))
    @pytest.mark.parametrize("body", [SMALL, STREAM])
    def test_a_silence_ends_when_the_client_leaves(
        self, sandbox: Sandbox, http: httpx.Client, name: str, body: dict[str, Any]
    ) -> None:
        sandbox.fail_next(name)
        with pytest.raises(httpx.ReadTimeout):
            post(http, body, timeout=httpx.Timeout(60, read=0.2))
        assert sandbox.pictures_made == 1
        wait_until(lambda: sandbox.requests[0].seconds is not None)

    @pytest.mark.parametrize(
        "fault", ["silence", "stalled body", "trickle; seconds=60", "latency; seconds=60", "heartbeats; seconds=60"]
    )
    def test_no_fault_keeps_the_sandbox_from_stopping(self, fault: str, caplog: pytest.LogCaptureFixture) -> None:
        with Sandbox(any_model=True) as sandbox, httpx.Client(trust_env=False, base_url=sandbox.base_url) as http:
            sandbox.fail_next(fault)
            caught: list[Exception] = []

            def ask() -> None:
                with pytest.raises(httpx.TransportError) as error:
                    post(http, STREAM, timeout=60)
                caught.append(error.value)

            thread = threading.Thread(target=ask)
            if fault.startswith("heartbeats"):
                # What is left of the answer still comes.
                thread = threading.Thread(target=lambda: post(http, STREAM, timeout=60))
            thread.start()
            wait_until(lambda: sandbox.pictures_made == 1)
            stopping = Stopwatch()
            sandbox.stop()
            assert stopping.seconds() < 1
            thread.join(20)
            assert not thread.is_alive()
        assert not [record for record in caplog.records if record.levelname in {"WARNING", "ERROR"}]


class TestBodies:
    @pytest.mark.parametrize(("at", "share"), [(None, 0.5), (0, 0), (0.9, 0.9)])
    @pytest.mark.parametrize(("name", "is_reset"), [("cut body", False), ("reset body", True)])
    def test_less_than_was_promised(self, sandbox: Sandbox, name: str, at: float | None, share: float, *, is_reset: bool) -> None:
        sandbox.fail_next(name, at=at)
        received, was_reset = exchange(sandbox.base_url)
        head, _, body = received.partition(b"\r\n\r\n")
        promised = re.search(rb"(?mi)^content-length: ([0-9]+)", head)
        assert promised
        assert len(body) == int(int(promised[1]) * share)
        assert was_reset is is_reset
        assert sandbox.pictures_made == 1

    def test_chunks_without_their_end(self, sandbox: Sandbox) -> None:
        sandbox.fail_next("cut chunks", at=1)
        head, _, body = exchange(sandbox.base_url)[0].partition(b"\r\n\r\n")
        assert b"transfer-encoding: chunked" in head.lower()
        assert b"content-length" not in head.lower()
        size, _, rest = body.partition(b"\r\n")
        chunk = rest[: int(size, 16)]
        assert json.loads(chunk)["data"]
        assert rest[len(chunk) :] == b"\r\n"

    @pytest.mark.parametrize("name", ["cut body", "cut chunks", "reset body"])
    @pytest.mark.parametrize("at", [0, 0.5])
    def test_a_stream_breaks_within_its_final_image(self, sandbox: Sandbox, name: str, at: float) -> None:
        sandbox.fail_next(name, at=at)
        received, _ = exchange(sandbox.base_url, STREAM)
        assert received.count(b"event: image_generation.partial_image") == 2
        assert (b"image_generation.completed" in received) is bool(at)
        assert not received.endswith(b"0\r\n\r\n")

    def test_a_latency_and_a_trickle_lose_nothing(self, sandbox: Sandbox, http: httpx.Client) -> None:
        expected = post(http).json()["data"]
        for name in ("latency", "trickle"):
            for body in (SMALL, STREAM):
                sandbox.fail_next(name, seconds=0.2)
                started = time.perf_counter()
                response = post(http, body)
                assert time.perf_counter() - started >= 0.2
                final = events(response)[-1][1] if body is STREAM else response.json()["data"][0]
                assert final["b64_json"] == expected[0]["b64_json"]

    def test_a_trickle_comes_in_pieces(self, sandbox: Sandbox, http: httpx.Client) -> None:
        sandbox.fail_next("trickle", seconds=0.3)
        with http.stream("POST", "/images/generations", json=SMALL) as response:
            pieces = [*response.iter_raw()]
        assert len(pieces) > 2
        assert json.loads(b"".join(pieces))["data"]

    def test_a_wrong_type(self, sandbox: Sandbox, http: httpx.Client) -> None:
        for body in (SMALL, STREAM):
            sandbox.fail_next("wrong type")
            response = post(http, body)
            assert response.headers["content-type"] == "text/plain; charset=utf-8"
            assert "b64_json" in response.text


class TestDocuments:
    @pytest.mark.parametrize(("name", "data"), [("no data", []), ("null data", None)])
    @pytest.mark.parametrize("body", [SMALL, LINKS])
    def test_no_images(self, sandbox: Sandbox, http: httpx.Client, name: str, data: Any, body: dict[str, Any]) -> None:
        sandbox.fail_next(name)
        document = post(http, body).json()
        assert document["data"] == data
        assert document["created"]
        assert sandbox.pictures_made == body.get("n", 1)

    @pytest.mark.parametrize(
        ("name", "starts"),
        [("no base64", "so much"), ("cut image", "iVBOR"), ("cut image; at=0.95", "iVBOR"), ("not an image", "c28g")],
    )
    def test_the_last_image_is_broken(self, sandbox: Sandbox, http: httpx.Client, name: str, starts: str) -> None:
        sandbox.fail_next(name)
        sandbox.fail_next(name)
        images = [each["b64_json"] for each in post(http, {**SMALL, "n": 2}).json()["data"]]
        assert [*map(is_image, images)] == [True, False]
        assert images[1].startswith(starts)
        streamed = events(post(http, {**STREAM, "n": 2}))
        images = [said["b64_json"] for _, said in streamed]
        assert [*map(is_image, images)] == [True] * 5 + [False]
        assert [name.rpartition(".")[2] for name, _ in streamed] == ["partial_image", "partial_image", "completed"] * 2

    def test_links_that_have_expired(self, sandbox: Sandbox, http: httpx.Client) -> None:
        sandbox.fail_next("expired url")
        expired, good = (post(http, LINKS).json()["data"] for _ in range(2))
        assert len(expired) == 2
        for entry in expired:
            response = http.get(entry["url"])
            assert (response.status_code, response.json()["error"]["code"]) == (403, "link_expired")
        assert [http.get(entry["url"]).status_code for entry in good] == [200, 200]

    def test_an_expired_link_is_a_failed_download(self, sandbox: Sandbox, client: ImagesClient) -> None:
        sandbox.fail_next("expired url")
        result = client.generate("x", model="mine", size="64x64", extra_body={"response_format": "url"})
        with pytest.raises(DownloadError, match="403"):
            result[0].read()

    def test_the_good_images_stay(self, sandbox: Sandbox, client: ImagesClient) -> None:
        sandbox.fail_next("cut image")
        with pytest.raises(ResponseError, match="image 3 of 3") as caught:
            client.generate("x", model=GPT, size="64x64", n=3)
        assert len(caught.value.images) == 2


class TestStreams:
    def test_the_final_image_first(self, sandbox: Sandbox, http: httpx.Client) -> None:
        sandbox.fail_next("final first")
        names = [name.rpartition(".")[2] for name, _ in events(post(http, {**STREAM, "n": 2}))]
        assert names == ["completed", "partial_image", "partial_image"] * 2

    def test_names_in_the_lines_for_events_alone(self, sandbox: Sandbox, http: httpx.Client, client: ImagesClient) -> None:
        sandbox.fail_next("named by event", times=2)
        said = events(post(http, STREAM))
        assert [name for name, _ in said] == ["image_generation.partial_image"] * 2 + ["image_generation.completed"]
        assert not [each for _, each in said if "type" in each]
        with client.stream_generate("x", model=GPT, size="64x64", partial_images=2) as stream:
            assert [event.type for event in stream] == [name for name, _ in said]

    def test_no_final_image(self, sandbox: Sandbox, http: httpx.Client, client: ImagesClient) -> None:
        sandbox.fail_next("no final", times=2)
        assert [name for name, _ in events(post(http, STREAM))] == ["image_generation.partial_image"] * 2
        with pytest.raises(StreamInterruptedError) as caught, client.stream_generate("x", model=GPT, size="64x64") as stream:
            stream.result()
        assert not caught.value.images
        assert sandbox.pictures_made == 2

    def test_an_error_midway(self, sandbox: Sandbox, http: httpx.Client, official: openai.OpenAI) -> None:
        sandbox.fail_next("error event", code="rate_limit_exceeded", message="the well is dry")
        sandbox.fail_next("error event", message="the well is dry")
        *partial, (name, said) = events(post(http, STREAM))
        assert (len(partial), name, said["type"]) == (2, "error", "error")
        assert (said["error"]["code"], said["error"]["message"]) == ("rate_limit_exceeded", "the well is dry")
        with pytest.raises(openai.APIError, match="the well is dry"):
            list(official.images.generate(**STREAM))

    def test_done(self, sandbox: Sandbox, http: httpx.Client, official: openai.OpenAI) -> None:
        sandbox.fail_next("done", times=2)
        response = post(http, STREAM)
        assert response.text.endswith("}\n\ndata: [DONE]\n\n")
        assert len(events(response)) == 3
        assert len(list(official.images.generate(**STREAM))) == 3

    def test_heartbeats(self, sandbox: Sandbox, http: httpx.Client, official: openai.OpenAI) -> None:
        sandbox.fail_next("heartbeats", seconds=0.2)
        sandbox.fail_next("heartbeats")
        response = post(http, STREAM)
        assert response.text.startswith(": ")
        assert response.text.count(": still there\n\n") > 4
        assert len(events(response)) == 3
        assert len(list(official.images.generate(**STREAM))) == 3

    def test_json_in_the_place_of_a_stream(self, sandbox: Sandbox, http: httpx.Client, client: ImagesClient) -> None:
        sandbox.fail_next("json", times=2)
        response = post(http, {**STREAM, "n": 2})
        assert response.headers["content-type"] == JSON
        assert [is_image(each["b64_json"]) for each in response.json()["data"]] == [True, True]
        with client.stream_generate("x", model=GPT, size="64x64", n=2) as stream:
            assert len(list(stream)) == 2

    def test_unfinished_images_come_before_the_fault(self) -> None:
        with Sandbox(any_model=True, latency=0.6) as sandbox, httpx.Client(base_url=sandbox.base_url, trust_env=False) as http:
            sandbox.fail_next("error event")
            watch = Stopwatch()
            with http.stream("POST", "/images/generations", json=STREAM) as response:
                moments = [watch.seconds() for line in response.iter_lines() if line.startswith("event")]
            assert moments[0] < 0.5


class TestWhichRequests:
    def test_as_many_as_were_told_in_their_order(self, sandbox: Sandbox, http: httpx.Client) -> None:
        sandbox.fail_next(status=503, times=2)
        sandbox.fail_next("401")
        assert [post(http).status_code for _ in range(4)] == [503, 503, 401, 200]
        assert [request.fault for request in sandbox.requests] == ["503", "503", "401", None]

    @pytest.mark.parametrize("times", [0, -1, 1001, 1.5, True])
    def test_how_many_is_bounded(self, sandbox: Sandbox, times: Any) -> None:
        with pytest.raises(ValueError, match="times must be a whole number from 1"):
            sandbox.fail_next("429", times=times)
        sandbox.fail_next("429", times=1000)
        with pytest.raises(ValueError, match="at most 0 more"):
            sandbox.fail_next("429")

    def test_none_once_they_are_cleared(self, sandbox: Sandbox, http: httpx.Client) -> None:
        sandbox.fail_next(status=503, times=2)
        assert post(http).status_code == 503
        sandbox.clear()
        assert post(http).status_code == 200

    def test_a_fault_waits_for_a_call_that_it_fits(self, sandbox: Sandbox, http: httpx.Client) -> None:
        for fault in ("done", "expired url", "cut image", "no data", "503", "reset unread"):
            sandbox.fail_next(fault)
        assert not is_image(post(http).json()["data"][0]["b64_json"])
        assert post(http).json()["data"] == []
        assert post(http).status_code == 503
        assert http.get(post(http, LINKS).json()["data"][0]["url"]).status_code == 403
        assert post(http, STREAM).text.endswith("[DONE]\n\n")
        assert [*map(str, sandbox._faults.armed)] == ["reset unread"]
        sandbox.clear()
        sandbox.fail_next("done")
        sandbox.fail_next("reset unread")
        # Behind one that may still fit, its turn comes when the request has been read.
        assert exchange(sandbox.base_url) == (b"", True)
        assert sandbox.requests[0].body
        assert post(http, STREAM).text.endswith("[DONE]\n\n")

    # What happens before the request is read can't know whether it would be refused.
    @pytest.mark.parametrize("name", sorted(KINDS.keys() - {"reset unread"}))
    def test_what_is_refused_or_no_operation_uses_none_up(self, sandbox: Sandbox, http: httpx.Client, name: str) -> None:
        sandbox.fail_next(name)
        assert post(http, {"prompt": "x", "model": GPT, "n": 0}).status_code == 400
        assert http.get("/models").status_code == 200
        assert http.get("/images/generations").status_code == 405
        assert http.post("/nowhere").status_code == 404
        assert [fault.kind for fault in sandbox._faults.armed] == [name]

    def test_neither_models_nor_files_fail(self, http: httpx.Client) -> None:
        url = post(http, LINKS).json()["data"][0]["url"]
        for fault in ("503", "reset unread"):
            for target in ("/models", f"/models/{GPT}", url):
                assert http.get(target, headers={"x-sandbox-fault": fault}).status_code in {200, 404}

    def test_a_request_may_ask_for_its_own(self, sandbox: Sandbox, http: httpx.Client, official: openai.OpenAI) -> None:
        sandbox.fail_next(status=401)
        statuses = [post(http, headers={"X-Sandbox-Fault": "429; retry-after=1"}) for _ in range(2)]
        assert [response.status_code for response in statuses] == [401, 429]
        assert statuses[1].headers["retry-after"] == "1"
        with pytest.raises(openai.APIConnectionError):
            official.images.generate(**SMALL, extra_headers={"X-Sandbox-Fault": "reset unread"})
        assert post(http).status_code == 200
        assert [request.fault for request in sandbox.requests] == ["401", "429; retry-after=1", "reset unread", None]

    @pytest.mark.parametrize(
        ("text", "code", "why"),
        [
            ("cut bdoy", "unknown_fault", "there is no fault 'cut bdoy'"),
            ("cut body; at=2", "unknown_fault", "from 0 to 1, got '2'"),
            ("done", "unfit_fault", "the fault 'done' needs a stream"),
            ("expired url", "unfit_fault", "needs an answer with links"),
        ],
    )
    def test_what_it_asks_in_vain_is_refused(self, sandbox: Sandbox, http: httpx.Client, text: str, code: str, why: str) -> None:
        response = post(http, headers={"X-Sandbox-Fault": text})
        assert (response.status_code, response.json()["error"]["code"]) == (400, code)
        assert why in response.json()["error"]["message"]
        assert sandbox.pictures_made == 0

    def test_many_at_once_share_them(self, sandbox: Sandbox, http: httpx.Client) -> None:
        sandbox.fail_next(status=503, times=10)
        with ThreadPoolExecutor(8) as pool:
            statuses = [*pool.map(lambda _: post(http).status_code, range(24))]
        assert statuses.count(503) == 10
        assert sandbox.pictures_made == 14


class TestChance:
    def test_a_seed_brings_the_same_faults_again(self) -> None:
        faults = Faults(RATES, 7)
        first, again, other = (
            [str(faults.next(fits=lambda fault: fault.kind != "done")) for _ in range(200)]
            for faults in (Faults(RATES, 7), faults, Faults(RATES, 8))
        )
        assert first == again != other
        assert set(first) == {"None", "429; retry-after=0", "cut body"}
        assert 30 < first.count("429; retry-after=0") < 90
        assert faults.armed == ()

    def test_over_real_sockets_as_well(self) -> None:
        seen = []
        for _ in range(2):
            with Sandbox(any_model=True, faults={"429": 0.5, "reset unread": 0.2, "done": 1}, seed=11) as sandbox:
                with httpx.Client(base_url=sandbox.base_url, trust_env=False) as http:
                    for _ in range(20):
                        with suppress(httpx.TransportError):
                            post(http)
                seen.append([request.fault for request in sandbox.requests])
        assert seen[0] == seen[1]
        assert set(seen[0]) == {"429", "reset unread", None}

    def test_certainty_and_impossibility(self) -> None:
        rates = {"503": 0, "cut-body": 0, "401": 1}
        with (
            Sandbox(any_model=True, faults=rates) as sandbox,
            httpx.Client(base_url=sandbox.base_url, trust_env=False) as http,
        ):
            assert {post(http).status_code for _ in range(5)} == {401}
            # What is armed comes before chance.
            sandbox.fail_next(status=503)
            assert post(http).status_code == 503

    @pytest.mark.parametrize("rate", [-0.1, 1.1, float("nan"), float("inf"), "0.5", True, None])
    def test_a_rate_is_a_share(self, rate: Any) -> None:
        for make in (lambda: Sandbox(faults={"429": rate}), lambda: create_app(Settings(faults={"429": rate}))):
            with pytest.raises(
                ValueError, match=re.escape(f"the rate of the fault '429' must be a number from 0 to 1, got {rate!r}")
            ):
                make()

    def test_an_unknown_fault_is_named(self) -> None:
        with pytest.raises(ValueError, match="there is no fault 'cut bdoy'"):
            Sandbox(faults={"cut bdoy": 0.5})


class TestClients:
    """What this project's own client makes of each fault: an image, or an error of its own, in no time."""

    @pytest.mark.parametrize("name", sorted(KINDS.keys() - NEVER_ENDING))
    @pytest.mark.parametrize("way", ["plain", "stream", "edit"])
    def test_each_fault_ends_in_a_result_or_a_typed_error(
        self, sandbox: Sandbox, client: ImagesClient, name: str, way: str
    ) -> None:
        options: dict[str, Any] = {"seconds": 0.1} if "seconds" in TABLE[name].options else {}
        sandbox.fail_next(name, **options)
        small: dict[str, Any] = {"model": GPT, "size": "64x64", "max_retries": 0}
        try:
            if way == "stream":
                with client.stream_generate("x", partial_images=1, **small) as stream:
                    images = stream.result()
            elif way == "edit":
                images = client.edit(PNG, "x", **small)
            else:
                images = client.generate("x", **small)
        except ImagesAPIError:
            assert sandbox.requests[0].fault
        else:
            assert [image.read()[:4] for image in images] == [b"\x89PNG"]
        assert len(sandbox.requests) == (2 if name == "redirect" else 1)


def _png() -> bytes:
    file = BytesIO()
    Image.linear_gradient("L").resize((64, 64)).save(file, "PNG")
    return file.getvalue()


PNG = _png()


class TestOtherShapes:
    """Answers in other words than the contract's, such as those of compatible servers, are broken likewise."""

    async def broken(self, fault: str, shape: Any, shelf: Shelf, plan: dict[str, Any]) -> Any:
        """Break an answer, and return it as JSON, or the events of a stream as they are sent."""
        faults, journal = Faults(), Journal()
        faults.arm(Fault.parse(fault))

        async def events() -> AsyncGenerator[bytes]:
            for event in shape:
                yield event

        async def answer(request: Request) -> Response:
            request.state.accepted(SimpleNamespace(**plan))
            return StreamingResponse(events()) if plan["stream"] else JSONResponse(shape)

        endpoint = misbehaving.Misbehaving(faults, journal, shelf, threading.Event()).over(answer)
        response = await endpoint(Request({"type": "http", "headers": [], "state": {"number": 1}}))
        assert faults.armed == ()
        if isinstance(response, StreamingResponse):
            return [event async for event in response.body_iterator]
        return json.loads(bytes(response.body))

    @pytest.mark.anyio
    async def test_links_of_any_shape(self) -> None:
        shelf = Shelf(60, "/files/{name}")
        name = shelf.put(PNG, "png")
        plan = {"orders": [1], "as_url": True, "stream": False}
        shape = {"id": "x", "images": [{"url": f"https://[::1]:1/v1/images/{name}/content?a=1"}, f"/root/{name}"], "n": [1]}
        expired = await self.broken("expired url", shape, shelf, plan)
        links = [expired["images"][0]["url"], expired["images"][1]]
        for link, host in zip(links, ("https://[::1]:1", ""), strict=True):
            path, _, query = link.partition("?")
            assert path == f"{host}/files/{name}"
            said = dict(pair.split("=") for pair in query.split("&"))
            assert int(said["expires"]) < time.time()
            assert shelf.is_signed(name, said["expires"], said["signature"])
        assert await self.broken("no data", shape, shelf, plan) == {"id": "x", "images": [], "n": [1]}

    @pytest.mark.anyio
    async def test_base64_of_any_shape(self) -> None:
        encoded = base64.b64encode(PNG).decode()
        plan = {"orders": [1], "as_url": False, "stream": False}
        shape: dict[str, Any] = {"data": {"image_base64": [encoded, f"data:image/png;base64,{encoded}"]}, "note": encoded[:3]}
        broken = await self.broken("no base64", shape, Shelf(60, "/files/{name}"), plan)
        assert broken["data"]["image_base64"] == [encoded, "data:image/png;base64,so much for base64!"]
        assert (await self.broken("null data", shape, Shelf(60, "/files/{name}"), plan)) == {"data": None, "note": encoded[:3]}
        cut = await self.broken("cut image; at=0.9", shape, Shelf(60, "/files/{name}"), plan)
        assert base64.b64decode(cut["data"]["image_base64"][1].partition(",")[2]) == PNG[: int(len(PNG) * 0.9)]

    @pytest.mark.anyio
    async def test_events_of_any_shape(self) -> None:
        encoded = base64.b64encode(PNG).decode()
        final, end = f'data: {{"b64_json": "{encoded}"}}\n\n'.encode(), b"data: [DONE]\n\n"
        plan = {"orders": [1], "as_url": False, "stream": True}
        assert await self.broken("no base64", [final, end], Shelf(60, "/files/{name}"), plan) == [
            b'data: {"b64_json": "so much for base64!"}\n\n',
            end,
        ]
        assert await self.broken("named by event", [final, end, b": \n\n"], Shelf(60, "/files/{name}"), plan) == [
            final,
            end,
            b": \n\n",
        ]


class TestOtherServers:
    """Under a server that doesn't let go of its connections, what can't be had falls back to the nearest that can."""

    @pytest.mark.anyio
    @pytest.mark.parametrize("name", sorted(KINDS.keys() - NEVER_ENDING))
    async def test_without_a_connection(self, name: str) -> None:
        faults = Faults()
        options: dict[str, Any] = {"seconds": 0.1} if "seconds" in TABLE[name].options else {}
        faults.arm(Fault(name, **options))
        app = create_app(Settings(any_model=True), faults=faults)
        transport = httpx.ASGITransport(app)
        breaks = name in misbehaving._CONNECTION or name in {"cut body", "cut chunks", "reset body"}
        async with (
            app.router.lifespan_context(app),
            httpx.AsyncClient(transport=transport, base_url="http://localhost") as client,
        ):
            asking = client.post("/v1/images/generations", json=FITTING[TABLE[name].needs])
            if breaks:
                with pytest.raises(ConnectionAbortedError, match="a fault ends the connection here"):
                    await asking
            else:
                assert (await asking).status_code in {200, 307, 500, 502}
        assert faults.armed == ()

    @pytest.mark.parametrize("name", ["reset unread", "reset", "close", "cut body"])
    def test_another_server_closes(self, name: str) -> None:
        import uvicorn

        faults = Faults()
        app = create_app(Settings(any_model=True), faults=faults)
        server = uvicorn.Server(uvicorn.Config(app, log_config=None, http="h11", ws="none"))
        with socket.socket() as listener:
            listener.bind(("127.0.0.1", 0))
            listener.listen()
            thread = threading.Thread(target=server.run, args=([listener],))
            thread.start()
            wait_until(lambda: server.started)
            try:
                faults.arm(Fault(name))
                with pytest.raises(httpx.TransportError):
                    httpx.post(f"http://127.0.0.1:{listener.getsockname()[1]}/v1/images/generations", json=SMALL)
            finally:
                server.should_exit = True
                thread.join()

    @pytest.mark.anyio
    @pytest.mark.parametrize("name", sorted(NEVER_ENDING))
    async def test_a_silence_ends_when_the_server_is_to_stop(self, name: str) -> None:
        faults, closing = Faults(), threading.Event()
        faults.arm(Fault(name))
        app = create_app(Settings(any_model=True), faults=faults, closing=closing)
        async with (
            app.router.lifespan_context(app),
            httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://localhost") as client,
        ):
            asking = asyncio.ensure_future(client.post("/v1/images/generations", json=SMALL))
            await asyncio.sleep(0.2)
            assert not asking.done()
            closing.set()
            with pytest.raises(ConnectionAbortedError):
                await asking


class TestCommand:
    def test_help_lists_them(self) -> None:
        done = run("--help")
        assert done.returncode == 0
        for name, line in KINDS.items():
            assert f"  {name} " in done.stdout
            assert line in done.stdout

    @pytest.mark.parametrize(
        ("rate", "why"),
        [
            ("cut bdoy=0.1", "there is no fault 'cut bdoy'"),
            ("429=1.5", "the rate of the fault '429' must be a number from 0 to 1, got 1.5"),
            ("429", "a fault and its rate, such as 429=0.1, got '429'"),
            ("429=often", "a fault and its rate, such as 429=0.1, got '429=often'"),
        ],
    )
    def test_a_wrong_fault_is_named(self, rate: str, why: str) -> None:
        done = run("--fault", rate)
        assert (done.returncode, done.stdout) == (2, "")
        assert why in done.stderr
        assert "Traceback" not in done.stderr

    def test_they_come_at_their_rate(self) -> None:
        command = [
            sys.executable,
            "-m",
            "images_api.sandbox",
            "--fault",
            "429; retry-after=7=1",
            "--fault",
            "cut-body=0.5",
            "--seed",
            "1",
        ]
        with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:  # noqa: S603  ourselves
            try:
                assert process.stdout is not None
                url = process.stdout.readline().strip()
                response = httpx.post(f"{url}/images/generations", json={"prompt": "x"})
            finally:
                process.terminate()
        assert (response.status_code, response.headers["retry-after"]) == (429, "7")


def run(*arguments: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "images_api.sandbox", *arguments]
    return subprocess.run(command, capture_output=True, text=True, check=False, timeout=60)  # noqa: S603  ourselves


@pytest.fixture
def anyio_backend() -> str:
    return "asyncio"
