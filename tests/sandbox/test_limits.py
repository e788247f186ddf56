"""What anybody may send to the sandbox without harm: bounded in memory and time, refused in the API's form."""

from __future__ import annotations

import json
import socket
import struct
import threading
import zlib
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import httpx
import pytest
from stopwatch import Stopwatch
from waiting import wait_until

from images_api.sandbox import Sandbox

GPT = "gpt-image-next"
SMALL = {"prompt": "x", "model": GPT, "size": "64x64"}


def flat_png(width: int, height: int, *, colour: int = 6) -> bytes:
    """Return a true png of one colour: a few KB for hundreds of megapixels."""

    def chunk(kind: bytes, data: bytes) -> bytes:
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))

    packer, row = zlib.compressobj(9), bytes(1 + width * (4 if colour == 6 else 1))
    data = b"".join(packer.compress(row) for _ in range(height)) + packer.flush()
    head = struct.pack(">IIBBBBB", width, height, 8, colour, 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", head) + chunk(b"IDAT", data) + chunk(b"IEND", b"")


def edit(sandbox: Sandbox, *images: bytes) -> httpx.Response:
    files = [("image[]", ("a.png", image, "image/png")) for image in images]
    return httpx.post(
        f"{sandbox.base_url}/images/edits", data={"prompt": "x", "model": GPT, "size": "64x64"}, files=files, timeout=60
    )


class Raw:
    """A connection to a sandbox on which anything can be sent."""

    def __init__(self, sandbox: Sandbox) -> None:
        address = httpx.URL(sandbox.base_url)
        self.socket = socket.create_connection((address.host, address.port or 0), 20)

    def send(self, *chunks: bytes) -> None:
        for chunk in chunks:
            self.socket.sendall(chunk)

    def read(self) -> bytes:
        received = b""
        with self.socket:
            while chunk := self.socket.recv(1 << 16):
                received += chunk
        return received


HEAD = b"POST %b HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n"


class TestBodies:
    @pytest.mark.parametrize("length", [b"99999999999", b"9" * 19])
    def test_what_is_too_large_is_refused_before_it_comes(self, sandbox: Sandbox, length: bytes) -> None:
        raw = Raw(sandbox)
        raw.send(HEAD % b"/v1/images/generations" + b"Content-Length: " + length + b"\r\n\r\n{")
        head, _, body = raw.read().partition(b"\r\n\r\n")
        assert b" 413 " in head.partition(b"\r\n")[0]
        assert b"connection: close" in head.lower()
        assert json.loads(body)["error"]["code"] == "request_too_large"

    @pytest.mark.parametrize("path", [b"/v1/images/generations", b"/v1/nowhere"])
    def test_what_has_no_end_is_cut(self, sandbox: Sandbox, path: bytes) -> None:
        raw, block = Raw(sandbox), b"1000000\r\n" + b" " * (1 << 24) + b"\r\n"
        with pytest.raises(ConnectionError):
            raw.send(HEAD % path + b"Transfer-Encoding: chunked\r\n\r\n", *[block] * 80)
        raw.socket.close()
        wait_until(lambda: [request.status for request in sandbox.requests] == [413])
        assert sandbox.requests[0].body == b""

    def test_so_are_several_that_are_too_much_together(self, sandbox: Sandbox) -> None:
        block = b"5000000\r\n" + b" " * (80 << 20) + b"\r\n"
        several = [Raw(sandbox) for _ in range(4)]
        head = HEAD % b"/v1/images/generations" + b"Transfer-Encoding: chunked\r\n\r\n"

        def send(raw: Raw) -> int:
            try:
                raw.send(head, block)
                return int(raw.read()[9:12] or 0) if raw is several[-1] else 0
            except ConnectionError:
                return 503

        with ThreadPoolExecutor(1) as pool:
            for raw in several[:-1]:
                raw.send(head, block)
            refused = pool.submit(send, several[-1])
            assert refused.result(60) == 503
        for raw in several:
            raw.socket.close()
        assert httpx.post(f"{sandbox.base_url}/images/generations", json=SMALL).status_code == 200


class TestImages:
    @pytest.mark.parametrize("colour", [0, 6])
    def test_one_that_unpacks_to_too_much_is_refused_unopened(self, sandbox: Sandbox, colour: int) -> None:
        response = edit(sandbox, flat_png(8000, 8000, colour=colour))
        error = response.json()["error"]
        assert (response.status_code, error["code"], error["param"]) == (400, "invalid_image_file", "image[0]")
        assert "8000x8000" in error["message"]

    def test_large_ones_are_taken_and_drawn_smaller(self, sandbox: Sandbox) -> None:
        large = flat_png(5000, 3000)
        response = edit(sandbox, *[large] * 3)
        assert response.status_code == 200, response.text
        assert [(image.width, image.height) for image in sandbox.requests[0].images["image"]] == [(5000, 3000)] * 3
        assert response.json()["usage"]["input_tokens_details"]["image_tokens"] == 3 * (65 + 129 * 10 * 6)

    @pytest.mark.parametrize(
        "fields",
        [
            {"size": "100000x100000"},
            {"size": "4096x4096", "n": 100},
            {"size": "4096x4096", "output_format": "gif", "frame_count": 64},
            {"size": "1x99999999999999999999"},
            {"n": 10**9},
        ],
    )
    def test_more_than_can_be_drawn_is_refused(self, sandbox: Sandbox, fields: dict[str, Any]) -> None:
        body = {"prompt": "x", "model": "somebody-s-own", **fields}
        response = httpx.post(f"{sandbox.base_url}/images/generations", json=body, timeout=60)
        assert (response.status_code, response.json()["error"]["code"][:7]) in {(400, "invalid"), (400, "integer")}


def test_texts_that_would_take_for_ever_take_a_moment(sandbox: Sandbox) -> None:
    watch = Stopwatch()
    for prompt in ("p" * 10**6, "a_" * 10**6, "\u202e\0\x1b[31m" * 10**4, " " * 10**6):
        body = {"prompt": prompt, "model": "somebody-s-own", "size": "64x64"}
        assert httpx.post(f"{sandbox.base_url}/images/generations", json=body, timeout=60).status_code == 200
    assert watch.seconds() < 20


def test_many_at_once_are_all_answered(sandbox: Sandbox) -> None:
    with httpx.Client(base_url=sandbox.base_url, limits=httpx.Limits(max_connections=50), timeout=60) as client:

        def ask(number: int) -> int:
            return client.post("/images/generations", json={**SMALL, "prompt": str(number)}).status_code

        with ThreadPoolExecutor(50) as pool:
            assert Counter(pool.map(ask, range(300))) == {200: 300}


@pytest.mark.parametrize(
    "fields",
    [
        {"size": "4096x4096", "n": 10},
        {"size": "2048x2048", "output_format": "gif"},
        {"size": "2048x2048", "stream": True, "n": 8},
    ],
)
def test_it_stops_within_a_second_whatever_it_draws(fields: dict[str, Any], caplog: pytest.LogCaptureFixture) -> None:
    ends = list[str]()
    with Sandbox(any_model=True) as sandbox:

        def ask() -> None:
            body = {"prompt": "x", "model": "somebody-s-own", **fields}
            try:
                ends.append(str(httpx.post(f"{sandbox.base_url}/images/generations", json=body, timeout=60).status_code))
            except httpx.TransportError as error:
                ends.append(type(error).__name__)

        asking = [threading.Thread(target=ask) for _ in range(5)]
        for thread in asking:
            thread.start()
        wait_until(lambda: len(sandbox.requests) == len(asking))
        watch = Stopwatch()
    assert watch.seconds() < 2
    for thread in asking:
        thread.join()
    assert set(ends) <= {"200", "503", "RemoteProtocolError", "ReadError"}
    assert not [record for record in caplog.records if record.levelname == "ERROR"]
