"""The environment's proxies: which requests go by them, and what is said of one that can't be used."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import httpx
import pytest
from faulty_server import FaultyServer, answered, both_ways, pictures
from pictures import drawn

from images_api import APIConnectionError
from images_api._http.routes import Route

if TYPE_CHECKING:
    from collections.abc import Callable

PROXY = "http://me:secret-word@127.0.0.1:1"
SHOWN = "http://127.0.0.1:1"
BROKEN = (
    "socks://127.0.0.1:7891/",
    "socks4://127.0.0.1:1080",
    "ftp://127.0.0.1",
    "http://[::1",
    "http://me:secret-word@host:port",
    "127.0.0.1:port",
    "http://127.0.0.1:65536",
    "http://a..b:1",
    "://",
    "http://\u2100",
    *(["socks5://me:secret-word@127.0.0.1:1"] if not __import__("importlib.util").util.find_spec("socksio") else []),
)


@pytest.fixture(autouse=True)
def _no_proxies(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY", "NO_PROXY"):
        monkeypatch.delenv(name, raising=False)
        monkeypatch.delenv(name.lower(), raising=False)


@both_ways
@pytest.mark.parametrize("name", ["ALL_PROXY", "HTTP_PROXY", "http_proxy"])
@pytest.mark.parametrize("proxy", BROKEN)
def test_one_that_cannot_be_used_is_named_and_harms_no_other_host(
    run: Callable[..., Any], name: str, proxy: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(name, proxy)
    with pytest.raises(APIConnectionError, match=name.upper()) as caught:
        run(lambda client: client.generate("x"), base_url="http://images.example/v1")
    assert "secret-word" not in f"{caught.value} {caught.value.__cause__!r}"
    assert not caught.value.may_have_run
    assert "try 1" in str(caught.value)
    with FaultyServer(answered(pictures(drawn()))) as server:
        assert len(run(lambda client: client.generate("x"), base_url=server.base_url)) == 1


@both_ways
@pytest.mark.parametrize("proxy", [PROXY, "127.0.0.1:1"])
def test_a_call_that_fails_names_the_host_and_the_proxy_without_its_password(
    run: Callable[..., Any], proxy: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("ALL_PROXY", proxy)
    with pytest.raises(APIConnectionError) as caught:
        run(lambda client: client.generate("x"), base_url="http://images.example:8080/v1", max_retries=0)
    assert f"from images.example:8080 by the proxy {SHOWN}, try 1" in str(caught.value)
    assert "secret-word" not in str(caught.value)


@pytest.mark.parametrize(
    ("exceptions", "url", "is_direct"),
    [
        ("", "http://images.example/v1", False),
        ("", "http://127.0.0.1:8000/v1", True),
        ("", "http://127.8.9.1/v1", True),
        ("", "http://[::1]:8000/v1", True),
        ("", "http://localhost/v1", True),
        ("", "http://images.localhost/v1", True),
        ("", "http://notlocalhost/v1", False),
        ("[::1]", "http://images.example/v1", False),
        ("[::1],images.example", "http://images.example/v1", True),
        ("*", "http://images.example/v1", True),
        ("a.example, *", "http://10.0.0.1/v1", True),
        ("example", "http://images.example/v1", True),
        (".example", "http://images.example/v1", True),
        ("*.example", "http://images.example/v1", True),
        ("IMAGES.Example", "http://images.example/v1", True),
        ("images.example:8080", "http://images.example:8080/v1", True),
        ("images.example:8080", "http://images.example:80/v1", False),
        ("ages.example", "http://images.example/v1", False),
        ("10.0.0.1", "http://10.0.0.1/v1", True),
        ("[2001:db8::1]", "http://[2001:db8::1]/v1", True),
        ("2001:db8::1", "http://[2001:db8::1]:8000/v1", True),
        (",, ,\x01://[", "http://images.example/v1", False),
    ],
)
def test_exceptions_are_those_of_other_programs(
    exceptions: str, url: str, monkeypatch: pytest.MonkeyPatch, *, is_direct: bool
) -> None:
    monkeypatch.setenv("HTTP_PROXY", PROXY)
    monkeypatch.setenv("NO_PROXY", exceptions)
    assert Route(httpx.HTTPTransport).proxy(httpx.URL(url)) == (("", "") if is_direct else ("HTTP_PROXY", PROXY))
