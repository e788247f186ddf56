"""Calls over TLS: which certificates count, and when they are read."""

from __future__ import annotations

import asyncio
import gc
import json
import os
import re
import ssl
import subprocess
import sys
import threading
from base64 import b64encode
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import TYPE_CHECKING, Any

import httpx
import pytest
import trustme
from pictures import drawn

from images_api import APIConnectionError, AsyncImagesClient, ImagesClient

if TYPE_CHECKING:
    from collections.abc import Generator, Iterator
    from pathlib import Path

PICTURE = drawn()
REPLY = json.dumps({"data": [{"b64_json": b64encode(PICTURE).decode()}]}).encode()


class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def do_POST(self) -> None:
        self.rfile.read(int(self.headers["content-length"]))
        self.send_response(200)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(REPLY)))
        self.end_headers()
        self.wfile.write(REPLY)

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002  the name is the base class's
        pass


class Server(ThreadingHTTPServer):
    daemon_threads = True

    def handle_error(self, request: Any, client_address: Any) -> None:
        """Say nothing of clients that don't trust this server."""


@contextmanager
def serving(authority: trustme.CA) -> Generator[str]:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    authority.issue_cert("localhost", "127.0.0.1").configure_cert(context)
    with Server(("127.0.0.1", 0), Handler) as server:
        # Not in the handshake of one client do the others wait.
        server.socket = context.wrap_socket(server.socket, server_side=True, do_handshake_on_connect=False)
        thread = threading.Thread(target=server.serve_forever, args=(0.01,))
        thread.start()
        yield f"https://127.0.0.1:{server.server_port}/v1"
        server.shutdown()
        thread.join()


@pytest.fixture(scope="module")
def authority() -> trustme.CA:
    return trustme.CA()


@pytest.fixture(scope="module")
def base_url(authority: trustme.CA) -> Iterator[str]:
    with serving(authority) as url:
        yield url


@pytest.fixture
def trusted(authority: trustme.CA, tmp_path: Path) -> str:
    path = tmp_path / "authority.pem"
    authority.cert_pem.write_to_path(str(path))
    return str(path)


def generate(base_url: str) -> bytes:
    with ImagesClient("sk-x", base_url=base_url, max_retries=0) as client:
        return client.generate("an otter")[0].read()


async def agenerate(base_url: str) -> bytes:
    async with AsyncImagesClient("sk-x", base_url=base_url, max_retries=0) as client:
        first, second = await asyncio.gather(client.generate("an otter"), client.generate("an otter"))
        assert first[0].b64_json == second[0].b64_json
        return await first[0].aread()


def call(way: str, base_url: str) -> bytes:
    return generate(base_url) if way == "sync" else asyncio.run(agenerate(base_url))


@pytest.mark.parametrize("way", ["sync", "async"])
def test_the_environments_certificates_count(way: str, base_url: str, trusted: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SSL_CERT_FILE", trusted)
    assert call(way, base_url) == PICTURE


# Of a handshake that fails, asyncio's transport warns when it is collected, in whatever test that happens: so without asyncio.
def test_a_change_of_the_environment_counts(base_url: str, trusted: str, monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(APIConnectionError, match="CERTIFICATE_VERIFY_FAILED") as caught:
        generate(base_url)
    assert not caught.value.may_have_run
    monkeypatch.setenv("SSL_CERT_FILE", trusted)
    assert generate(base_url) == PICTURE


def test_another_hosts_certificate_doesnt_count(trusted: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SSL_CERT_FILE", trusted)
    with serving(trustme.CA()) as url, pytest.raises(APIConnectionError, match="CERTIFICATE_VERIFY_FAILED"):
        generate(url)


def test_plain_http_reads_no_certificates(tmp_path: Path) -> None:
    (tmp_path / "broken.pem").write_text("no certificate", encoding="utf-8")
    program = """
from images_api import ImagesClient
from images_api.sandbox import Sandbox
with Sandbox() as sandbox, ImagesClient(base_url=sandbox.base_url) as client:
    print(len(client.generate("an otter")))
"""
    done = subprocess.run(  # noqa: S603
        [sys.executable, "-c", program],
        env=os.environ | {"SSL_CERT_FILE": str(tmp_path / "broken.pem"), "NO_PROXY": "*"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert (done.stdout, done.stderr) == ("1\n", "")


UNREADABLE = {
    "a file that is missing": ("SSL_CERT_FILE", "missing.pem"),
    "an empty file": ("SSL_CERT_FILE", "empty.pem"),
    "a folder for a file": ("SSL_CERT_FILE", "folder"),
    "garbage": ("SSL_CERT_FILE", "garbage.pem"),
    "a file within a file": ("SSL_CERT_FILE", "empty.pem/x"),
    "a folder that is missing": ("SSL_CERT_DIR", "missing"),
    "an empty folder": ("SSL_CERT_DIR", "folder"),
    "a file for a folder": ("SSL_CERT_DIR", "empty.pem"),
}
if httpx.__name__ != "httpx2":  # which writes no log
    UNREADABLE["a log in no folder"] = "SSLKEYLOGFILE", "missing/keys.log"


# Of TLS that isn't begun, asyncio's transport warns when it is collected: here, and not in whatever test comes next.
@pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")
@pytest.mark.parametrize("way", ["sync", "async"])
@pytest.mark.parametrize("name", UNREADABLE)
def test_certificates_that_cannot_be_read_are_named(
    way: str, name: str, base_url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "empty.pem").touch()
    (tmp_path / "garbage.pem").write_bytes(b"-----BEGIN CERTIFICATE-----\n\xff\x00")
    (tmp_path / "folder").mkdir()
    variable, path = UNREADABLE[name]
    for other in ("SSL_CERT_FILE", "SSL_CERT_DIR", "SSLKEYLOGFILE"):
        monkeypatch.delenv(other, raising=False)
    monkeypatch.setenv(variable, str(tmp_path / path))
    with pytest.raises(APIConnectionError, match=re.escape(f"{variable}={tmp_path / path}")) as caught:
        call(way, base_url)
    assert not caught.value.may_have_run
    del caught
    gc.collect()
