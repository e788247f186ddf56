"""Addresses that a server or a caller gives, and where a request may go on to: with what, and what is said otherwise."""

from __future__ import annotations

import asyncio
import json
from typing import TYPE_CHECKING, Any

import httpx
import pytest
from faulty_server import Act, FaultyServer, answered, both_ways, in_async, in_sync, pictures, refused
from pictures import drawn

from images_api import APIStatusError, AsyncImagesClient, ImagesAPIError, ImagesClient, InvalidRequestError

if TYPE_CHECKING:
    from collections.abc import Callable

PICTURE = drawn(64, 64)
GOOD = answered(pictures(PICTURE))
SECRET = "3f0a9c1d2b4e5f60718293a4b5c6d7e8"  # noqa: S105  nobody's
LONG = "a" * 70
NOWHERE = (
    f"http://{LONG}.invalid/x",
    "http://a..b/x",
    "http://.a/x",
    "http://xn--a/x",
    "http://xn--ls8h..x/",
    "http://127.0.0.1:0/x",
    "http://127.0.0.1:65536/x",
    "http://127.0.0.1:4294967376/x",
    "http://127.0.0.1:-1/x",
    "http://[::1/x",
    "http://]/x",
    "http://[fe80::1%25lo]/x",
    "http://[v1.x]/x",
    "http:///x",
    "http:x",
    "http://\u2100/x",
    "http://\u00ad/x",
    "http://%00/x",
    "http://a%2fb\\c/x",
    "http://me:p%ZZ@127.0.0.1:1/x",
    "http://127.0.0.1:1/\x7f",
    "//[::x]/y",
    "data:,x",
    "data:image/png;base64,%%%",
    "file:///etc/passwd",
    "javascript:alert(1)",
    "mailto:a@b",
)
# What looks like a host until somebody looks for it.
KNOWN_BY_CONNECTING = {
    "http://127.0.0.1:0/x",
    "http://127.0.0.1:1/\x7f",
    "http://[fe80::1%25lo]/x",
    "http://me:p%ZZ@127.0.0.1:1/x",
    "http://%00/x",
    "http://a%2fb\\c/x",
    "http://]/x",
    "http://xn--a/x",
}


@pytest.fixture(autouse=True)
def _no_pauses(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("images_api._http.downloads._PAUSE", 0.0)
    monkeypatch.setattr("images_api._http.retry._FIRST_BACKOFF", 0.001)


async def aread(client: AsyncImagesClient) -> bytes:
    return await (await client.generate("x"))[0].aread()


@pytest.mark.parametrize("way", ["base URL", "link", "redirect of a link", "redirect of a call"])
@pytest.mark.parametrize("url", NOWHERE)
def test_only_errors_of_the_tree_come_of_an_address(url: str, way: str) -> None:
    # As a server writes it that knows no better than UTF-8.
    location = {"Location": url.encode().decode("latin-1")}
    acts = {
        "base URL": (GOOD,),
        "link": (answered(json.dumps({"data": [{"url": url}]}).encode()),),
        "redirect of a link": (answered(b'{"data": [{"url": "http://127.0.0.1:PORT/x.png"}]}'), refused(302, b"", location)),
        "redirect of a call": (refused(307, b"", location),),
    }
    for run, read in ((in_sync, lambda client: client.generate("x")[0].read()), (in_async, aread)):
        with FaultyServer(*acts[way], listens=False) as server:
            port = server.base_url.removesuffix("/v1").rpartition(":")[2]
            # A body of another length than it was said to be is a fault of another kind.
            server._acts = [Act(act.reply.replace(b"PORT/x.png", f"{port}/x.png"[:10].encode())) for act in server._acts]
            server.listen()
            with pytest.raises(ImagesAPIError) as caught:
                run(read, base_url=url if way == "base URL" else server.base_url, max_retries=0, timeout=5)
            assert "p%ZZ" not in str(caught.value)


@pytest.mark.parametrize("kind", [ImagesClient, AsyncImagesClient])
@pytest.mark.parametrize("url", [each for each in NOWHERE if each not in KNOWN_BY_CONNECTING])
def test_a_base_url_is_refused_when_the_client_is_made(kind: Any, url: str) -> None:
    with pytest.raises(InvalidRequestError, match="must be a URL"):
        kind(base_url=url)


def test_a_base_url_that_is_no_text_is_refused() -> None:
    make: Any = ImagesClient
    for given in (7, b"http://localhost", ["http://localhost"]):
        with pytest.raises(InvalidRequestError, match="must be a URL"):
            make(base_url=given)
    assert "localhost" in repr(make(base_url=httpx.URL("http://localhost/v1")))


ADDED: dict[str, tuple[dict[str, Any], dict[str, Any], dict[str, Any]]] = {
    "a header of the client": ({"headers": {"Ocp-Apim-Subscription-Key": SECRET}}, {}, {}),
    "a header of the call": ({}, {"extra_headers": {"X-Auth-Token": SECRET}}, {}),
    "a user agent": ({}, {"extra_headers": {"User-Agent": SECRET}}, {}),
    "a cookie": ({}, {"extra_headers": {"Cookie": f"a={SECRET}"}}, {}),
    "the key": ({"api_key": SECRET}, {}, {}),
    "the key in a header of its own": ({"api_key": SECRET, "auth_header": "X-My-Key"}, {}, {}),
    "the organization": ({"organization": SECRET}, {}, {}),
    "the project": ({"project": SECRET}, {}, {}),
    "a header of the borrowed client": ({}, {}, {"headers": {"X-Functions-Key": SECRET}}),
    "a cookie of the borrowed client": ({}, {}, {"cookies": {"session": SECRET}}),
    "a password of the borrowed client": ({}, {}, {"auth": httpx.BasicAuth("", "x" + SECRET)}),
}


@pytest.mark.parametrize("target", ["https://evil.example/v1", "https://api.example:8443/v1", "https://API.example.evil/v1"])
@pytest.mark.parametrize("name", ADDED)
def test_a_redirect_to_another_origin_takes_only_what_the_request_needs(name: str, target: str) -> None:
    settings, options, borrowed = ADDED[name]
    seen: list[httpx.Request] = []

    def answer(request: httpx.Request) -> httpx.Response:
        seen.append(request)
        if len(seen) == 1:
            return httpx.Response(307, headers={"Location": target})
        return httpx.Response(200, content=pictures(PICTURE))

    with httpx.Client(transport=httpx.MockTransport(answer), **borrowed) as http:
        given: dict[str, Any] = {"api_key": "a-key", "base_url": "https://api.example/v1", **settings}
        client = ImagesClient(http_client=http, **given)
        client.generate("an otter", **options)
    first, second = seen
    assert set(second.headers) == {"host", "accept", "content-type", "content-length"}
    assert (second.content, second.headers["host"]) == (first.content, httpx.URL(target).netloc.decode())


@pytest.mark.parametrize("target", ["http://api.example/v1", "http://evil.example/v1"])
def test_none_goes_from_https_to_http(target: str) -> None:
    seen: list[httpx.URL] = []

    def answer(request: httpx.Request) -> httpx.Response:
        seen.append(request.url)
        return httpx.Response(308, headers={"Location": f"{target}?sig={SECRET}"})

    with httpx.Client(transport=httpx.MockTransport(answer)) as http:
        client = ImagesClient("a-key", base_url="https://api.example/v1", http_client=http)
        with pytest.raises(APIStatusError, match=f"moved to {target}") as caught:
            client.generate("an otter")
    assert [url.scheme for url in seen] == ["https"]
    assert SECRET not in str(caught.value)


def test_a_link_that_is_redirected_away_and_back_gets_no_key_any_more() -> None:
    seen: list[httpx.Request] = []
    steps = iter(["https://elsewhere.example/x.png", "https://api.example/private.png", None])

    def answer(request: httpx.Request) -> httpx.Response:
        seen.append(request)
        if request.method == "POST":
            return httpx.Response(200, json={"data": [{"url": "https://api.example/x.png"}]})
        location = next(steps)
        return httpx.Response(302, headers={"Location": location}) if location else httpx.Response(200, content=PICTURE)

    with httpx.Client(transport=httpx.MockTransport(answer)) as http:
        client = ImagesClient("a-key", base_url="https://api.example/v1", http_client=http)
        assert client.generate("an otter")[0].read() == PICTURE
    assert ["authorization" in request.headers for request in seen] == [True, True, False, False]


def test_an_encrypted_link_is_not_followed_to_clear_text_though_the_base_url_is() -> None:
    def answer(request: httpx.Request) -> httpx.Response:
        if request.method == "POST":
            return httpx.Response(200, json={"data": [{"url": "https://images.example/x.png"}]})
        return httpx.Response(302, headers={"Location": "http://images.example/x.png"})

    with httpx.Client(transport=httpx.MockTransport(answer)) as http:
        image = ImagesClient(base_url="http://images.example/v1", http_client=http).generate("x")[0]
        with pytest.raises(ImagesAPIError, match="not encrypted"):
            image.read()


@both_ways
@pytest.mark.parametrize("status", [301, 302, 303])
@pytest.mark.parametrize("target", ["https://api.example/v1/images/generations", "/elsewhere"])
def test_a_redirect_that_would_lose_the_request_names_its_target(run: Callable[..., Any], status: int, target: str) -> None:
    with FaultyServer(refused(status, b"", {"Location": target})) as server, pytest.raises(APIStatusError) as caught:
        run(lambda client: client.generate("x"), base_url=server.base_url)
    assert f"moved to {target}" in str(caught.value)


@both_ways
@pytest.mark.parametrize(
    ("act", "path", "says", "says_not"),
    [
        (refused(404), "", "/v1?", "model"),
        (refused(405), "/api", "/v1?", "model"),
        (refused(404), "/v1", "(POST http", "/v1?"),
        (refused(405), "/a/v1", "(POST http", "/v1?"),
        (refused(404, b'{"error": {"code": "model_not_found", "message": "no"}}'), "", "the model's name", "/v1?"),
        (refused(404, b'{"error": {"code": "DeploymentNotFound", "message": "no"}}'), "/v1", "(POST http", "/v1?"),
        (refused(400), "", "400", "POST"),
    ],
)
def test_a_refusal_leads_on(run: Callable[..., Any], act: Act, path: str, says: str, says_not: str) -> None:
    with FaultyServer(act) as server, pytest.raises(APIStatusError) as caught:
        run(lambda client: client.generate("x"), base_url=server.base_url.removesuffix("/v1") + path)
    assert says in str(caught.value)
    assert says_not not in str(caught.value)


def test_without_asyncio_the_async_client_says_so() -> None:
    client = AsyncImagesClient(base_url="http://127.0.0.1:1/v1")
    for call in (client.generate("x"), client.edit(PICTURE, "x"), client.close(), client.stream_generate("x").__aenter__()):
        with pytest.raises(InvalidRequestError, match="asyncio"):
            call.send(None)


@pytest.mark.parametrize("given", ["x", 7, httpx.Client, httpx.AsyncClient, "closed", "other"])
@pytest.mark.parametrize(("kind", "http"), [(ImagesClient, httpx.Client), (AsyncImagesClient, httpx.AsyncClient)])
def test_a_wrong_http_client_is_refused_when_the_client_is_made(kind: Any, http: Any, given: Any) -> None:
    if given == "closed":
        given = http()
        asyncio.run(given.aclose()) if kind is AsyncImagesClient else given.close()
    elif given == "other":
        given = httpx.Client() if kind is AsyncImagesClient else httpx.AsyncClient()
    with pytest.raises(InvalidRequestError, match=f"http_client must be an open .*{http.__name__}"):
        kind(base_url="http://localhost/v1", http_client=given)


def test_one_that_is_closed_later_is_named() -> None:
    with httpx.Client() as http:
        client = ImagesClient(base_url="http://localhost/v1", http_client=http)
    with pytest.raises(InvalidRequestError, match="http_client is closed"):
        client.generate("x")
