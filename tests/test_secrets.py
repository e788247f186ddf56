"""The key is in nothing that is said: no repr, message, log line, warning, traceback, pickle or note of a request."""

from __future__ import annotations

import asyncio
import copy
import logging
import pickle
import socket
import traceback
import warnings
from base64 import b64decode
from contextlib import ExitStack
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Any, ClassVar

import h11
import httpcore
import httpx
import pytest
from file_server import FileServer, Reply, elsewhere_fixture, served_fixture
from raw_server import Do, RawServer, reply

from images_api import AsyncImagesClient, DownloadError, ImagesAPIError, ImagesClient, InvalidRequestError
from images_api._secrets import SentURL, conceal_headers
from images_api.sandbox import Sandbox

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path
    from warnings import WarningMessage

    from conftest import DrawPicture

    from images_api._settings import APIKey

# pytest finds them by their names, here.
FIXTURES = (elsewhere_fixture, served_fixture)
KEY = "sk-proj-hushhush-c0ffee5ec2e7"
# Even a piece of it is too much.
PIECES = ("hush", "c0ffee", "5ec2e7")
SIGNATURE = "sig=hush%2Bhush"


def shown_variables(error: BaseException | None, *, here: bool = False) -> list[str]:
    """Return the variables, in all frames of an error and its causes but the tests' own, that show the key."""
    found: list[str] = []
    while error is not None:
        for frame, _ in traceback.walk_tb(error.__traceback__):
            if here or frame.f_code.co_filename != __file__:
                found += [f"{frame.f_code.co_name}: {name}" for name, value in frame.f_locals.items() if "c0ffee" in repr(value)]
        error = error.__cause__ or error.__context__
    return found


class Ear:
    """Hears all loggers at their most talkative, warnings, output, and what it is held to."""

    def __init__(self, caplog: pytest.LogCaptureFixture, capfd: pytest.CaptureFixture[str], caught: list[WarningMessage]) -> None:
        self._caplog = caplog
        self._capfd = capfd
        self._caught = caught
        self._heard: list[str] = []

    def hear(self, thing: object, *, pickled: bool = True) -> None:
        self._heard += [repr(thing), str(thing), f"{thing}"]
        if pickled:
            self._heard.append(pickle.dumps(thing).decode("latin-1"))
        if isinstance(thing, BaseException):
            self._heard += traceback.format_exception(thing)
        error = thing if isinstance(thing, BaseException) else None
        while error is not None:
            self._heard += [repr(error), str(error), repr(error.args), repr(getattr(error, "problems", ""))]
            error = error.__cause__ or error.__context__

    def leaks(self, *, of_the_wire: bool = True) -> list[str]:
        # At its most talkative, httpcore says all that a server sent.
        ours: list[str] = []
        others: list[str] = []
        for record in self._caplog.records:
            if record.name.startswith("httpcore") and not of_the_wire:
                continue
            (ours if record.name.startswith("images_api") else others).append(f"{record.getMessage()} {record.args!r}")
        # httpcore names each address that it is sent to.
        logs = ours + [text.replace(SIGNATURE, "") for text in others]
        warned = [f"{warning.message} {warning.message!r}" for warning in self._caught]
        everything = [*self._heard, *logs, *warned, *self._capfd.readouterr()]
        return [text[:500] for text in everything if any(piece in text for piece in PIECES)]


@pytest.fixture
def ear(caplog: pytest.LogCaptureFixture, capfd: pytest.CaptureFixture[str]) -> Iterator[Ear]:
    with caplog.at_level(logging.DEBUG), warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        yield Ear(caplog, capfd, caught)


@dataclass
class Stage:
    """Where a scene is played: a sandbox that knows the key, a server to script, ports that answer nothing, a folder."""

    sandbox: Sandbox
    served: FileServer
    elsewhere: FileServer
    silent_port: int
    dead_port: int
    folder: Path
    picture: bytes
    closing: ExitStack

    def client(self, key: APIKey = KEY, **arguments: Any) -> ImagesClient:
        """A client of the sandbox, until the curtain falls."""
        plain: dict[str, Any] = {"base_url": self.sandbox.base_url, "max_retries": 0, "size": "64x64", "model": "gpt-image-next"}
        return self.closing.enter_context(ImagesClient(key, **(plain | arguments)))

    def asking(self, reply: Reply | None = None, **arguments: Any) -> ImagesClient:
        """A client of the scripted server, which answers each call with this."""
        if reply is not None:
            self.served.answer("/v1/images/generations", reply)
        return self.client(base_url=f"{self.served.url}/v1", **arguments)

    def linked(self, reply: Reply, **arguments: Any) -> object:
        """Read a picture whose signed link is answered with this."""
        self.served.answer_calls({"url": self.served.answer("/x.png", reply) + f"?{SIGNATURE}"})
        return self.asking(**arguments).generate("x")[0].read()


@pytest.fixture(scope="module")
def guarded() -> Iterator[Sandbox]:
    with Sandbox(api_key=KEY, any_model=True) as sandbox:
        yield sandbox


@pytest.fixture(autouse=True)
def _no_pauses(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("images_api._http.downloads._PAUSE", 0.0)


@pytest.fixture
def stage(guarded: Sandbox, served: FileServer, elsewhere: FileServer, tmp_path: Path, draw: DrawPicture) -> Iterator[Stage]:
    guarded.clear()
    with socket.socket() as dead, socket.socket() as silent, ExitStack() as closing:
        for holder in (dead, silent):
            holder.bind(("127.0.0.1", 0))
        silent.listen()
        ports = silent.getsockname()[1], dead.getsockname()[1]
        yield Stage(guarded, served, elsewhere, *ports, folder=tmp_path, picture=draw(), closing=closing)


async def _async_calls(stage: Stage) -> object:
    async with AsyncImagesClient(KEY, base_url=stage.sandbox.base_url, max_retries=0) as client:
        return [repr(client), await client.generate("x", size="64x64", model="gpt-image-next"), pickle.dumps(client)]


def _stream(stage: Stage) -> object:
    with stage.client().stream_generate("x", partial_images=1) as stream:
        return [repr(stream), *stream, stream.result(), repr(stream.http)]


def _low_level(stage: Stage) -> object:
    low_level = stage.client().low_level
    http = low_level.get_httpx_client()
    answer = http.post("/images/generations", json={"prompt": "x", "size": "64x64", "model": "gpt-image-next"})
    assert answer.status_code == 200
    return [repr(each) for each in (low_level, http, answer, answer.headers, http.headers)]


def _settings(stage: Stage) -> object:
    client = stage.client()
    return [client, client._settings, repr(client.generate("x")[0]._source), repr(vars(client))]


def _refused(status: int, stage: Stage) -> object:
    return stage.asking(Reply(b"<p>no", status=status)).generate("x")


def _official() -> httpx.Client:
    return httpx.Client(transport=httpx.MockTransport(lambda _: httpx.Response(500)))


def _slip(way: str, key: str, stage: Stage) -> object:
    match way:
        case "argument":
            return stage.client(key).generate("x")
        case "callable":
            return stage.client(lambda: key).generate("x")
        case "client's header":
            return stage.client(None, headers={"Authorization": f"Bearer {key}"}).generate("x")
        case "call's header":
            return stage.client(None).generate("x", extra_headers={"Authorization": f"Bearer {key}"})
        case "bare header":
            return stage.client(None, headers={"api-key": key}).generate("x")
        case _:
            return stage.client(organization=key).generate("x")


def _file_that_is_gone(stage: Stage) -> object:
    return stage.client().edit(stage.folder / "gone.png", "x")


# What goes well, and what is at fault before anything is sent.
SCENES: dict[str, Callable[[Stage], object]] = {
    "generate": lambda stage: stage.client().generate("x", n=2),
    "edit": lambda stage: stage.client().edit(stage.picture, "x"),
    "variation": lambda stage: stage.client().create_variation(("a.png", stage.picture), model="small", size="256x256"),
    "stream": _stream,
    "asynchronous": lambda stage: asyncio.run(_async_calls(stage)),
    "links": lambda stage: stage.client(model="dall-e-2", size="256x256").generate("x", n=2).save(stage.folder),
    "retired model": lambda stage: ImagesClient(KEY, http_client=_official()).generate("x", model="gpt-image-1"),
    "low level": _low_level,
    "settings": _settings,
    "another header": lambda stage: stage.asking(
        Reply(stage.picture, headers={"Content-Type": "image/png"}), auth_header="api-key"
    ).generate("x"),
    "key of a callable": lambda stage: stage.client(lambda: KEY).generate("x"),
    "warned of": lambda stage: stage.client(validate="warn", max_retries=0).generate("x", n=1000),
    "not by the contract": lambda stage: stage.client().generate("x", n=1000),
    "unknown option": lambda stage: stage.client().generate("x", nn=1),  # type: ignore[call-arg]
    "unknown default": lambda stage: stage.client(nn=1),
    "not to be encoded": lambda stage: stage.client(validate="off").generate("x", extra_body={"more": object()}),
    "no file": _file_that_is_gone,
    "no URL": lambda stage: stage.client(base_url="http://[::1"),
    "no web URL": lambda stage: stage.client(base_url="ftp://images.example"),
    "no timeout": lambda stage: stage.client(timeout=0),
    "dead port": lambda stage: stage.client(base_url=f"http://127.0.0.1:{stage.dead_port}/v1", max_retries=1).generate("x"),
    "no such host": lambda stage: stage.client(base_url="http://nowhere.invalid/v1").generate("x"),
    "not its protocol": lambda stage: stage.client(base_url=stage.sandbox.base_url.replace("http:", "https:")).generate("x"),
    "silence": lambda stage: stage.client(base_url=f"http://127.0.0.1:{stage.silent_port}/v1", timeout=0.05).generate("x"),
    "reset": lambda stage: stage.asking(Reply(end="reset")).generate("x"),
    "cut": lambda stage: stage.asking(Reply(b"{", headers={"Content-Length": "100"})).generate("x"),
    "not found": lambda stage: stage.client(base_url=stage.sandbox.base_url + "/v2").generate("x"),
    "wrong key": lambda stage: stage.client(f"{KEY}x").generate("x"),
    "another origin": lambda stage: stage.asking(
        Reply(status=307, headers={"Location": stage.elsewhere.answer("/y", Reply(b"no", status=403))})
    ).generate("x"),
    **{f"status {status}": partial(_refused, status) for status in (400, 402, 409, 429, 500, 524)},
    "not JSON": lambda stage: stage.asking(Reply(b"<p>no")).generate("x"),
    "no pictures": lambda stage: stage.asking(Reply(b'{"data": []}')).generate("x"),
    "half a picture": lambda stage: stage.asking(Reply(b'{"data": [{"b64_json": "iVBORw0KGgo="}]}')).generate("x"),
    "link refused": lambda stage: stage.linked(Reply(status=403)),
    "link busy": lambda stage: stage.linked(Reply(status=503)),
    "link cut": lambda stage: stage.linked(Reply(b"\x89PNG", headers={"Content-Length": "100"})),
    "link to a page": lambda stage: stage.linked(Reply(b"<p>no")),
    "link too large": lambda stage: stage.linked(Reply(stage.picture), max_download_bytes=10),
    "link to elsewhere": lambda stage: stage.linked(Reply(status=302, headers={"Location": f"file:///x?{SIGNATURE}"})),
}
# Slips with the key itself, whose value must not be shown even to tell what is wrong with it.
WAYS = ("argument", "callable", "client's header", "call's header", "bare header", "organization")
FLAWS = {"line break": "\n", "blank": " x", "letter": "é", "zero": "\0", "another line": "\nX: y"}
SLIPS: dict[str, Callable[[Stage], object]] = {
    **{f"{flaw} in the {way}": partial(_slip, way, KEY + more) for way in WAYS for flaw, more in FLAWS.items()},
    "said in a call": lambda stage: stage.client().generate("x", api_key=KEY),  # type: ignore[call-arg]
    "misnamed": lambda stage: stage.client(apikey=KEY),
}


QUOTES = {
    "an error": '{"error": {"message": "Incorrect API key provided: KEY.", "code": "invalid_api_key"}}',
    "a text": "Incorrect API key provided: KEY.",
    # Cut where it is long, a message could end within the key.
    "a long text": "x" * 190 + " KEY",
    "a page": "<html><title>Incorrect API key provided: KEY.</title>",
    "all headers": '{"detail": {"headers": {"Authorization": "Bearer KEY"}}}',
}


class TestSilence:
    @pytest.mark.parametrize("name", SCENES)
    def test_nothing_says_the_key(self, stage: Stage, ear: Ear, name: str) -> None:
        self.play(SCENES[name], stage, ear)
        ear.hear(stage.sandbox.requests)
        assert ear.leaks() == []

    @pytest.mark.parametrize("name", SLIPS)
    def test_not_even_to_tell_what_is_wrong_with_it(self, stage: Stage, ear: Ear, name: str) -> None:
        self.play(SLIPS[name], stage, ear)
        assert ear.leaks() == []

    @pytest.mark.parametrize("key", [KEY, "c0ffee5ec2e7" * 3, "hush.c0ffee"], ids=["usual", "of digits", "with a dot"])
    @pytest.mark.parametrize("status", [200, 401, 500])
    @pytest.mark.parametrize("body", QUOTES.values(), ids=QUOTES)
    def test_not_even_if_the_server_quotes_it(self, stage: Stage, ear: Ear, key: str, status: int, *, body: str) -> None:
        stage.served.answer("/v1/images/generations", Reply(body.replace("KEY", key).encode(), status=status))
        with pytest.raises(ImagesAPIError) as caught:
            stage.client(key, base_url=f"{stage.served.url}/v1").generate("x")
        assert stage.served.requests[0].headers["Authorization"] == f"Bearer {key}"
        # The body as it came is kept on the error, and only there.
        ear.hear(caught.value, pickled=False)
        assert ear.leaks() == []

    def play(self, scene: Callable[[Stage], object], stage: Stage, ear: Ear) -> None:
        try:
            outcome = scene(stage)
        except Exception as error:  # noqa: BLE001  whatever it is, it must not say the key
            ear.hear(error)
        else:
            for each in outcome if isinstance(outcome, list) else [outcome]:
                ear.hear(each)


# How a key can stand in what a server sends.
SPELLINGS: dict[str, Callable[[str], bytes]] = {
    "in JSON, each character escaped": lambda key: "".join(f"\\u{ord(each):04x}" for each in key).encode(),
    "in JSON, in capitals": lambda key: "".join(f"\\u{ord(each):04X}" for each in key).encode(),
    "in JSON within JSON": lambda key: key.replace("-", "\\\\u002d").encode(),
    "in a URL": lambda key: key.replace("-", "%2D").replace("c", "%63").encode(),
    "in UTF-16": lambda key: key.encode("utf-16"),
    "in UTF-16, big end first": lambda key: key.encode("utf-16-be"),
    "in UTF-32": lambda key: key.encode("utf-32"),
}


class TestQuotes:
    """A server may spell a key in many ways, and at any place of a response."""

    @pytest.mark.parametrize("spelling", SPELLINGS.values(), ids=SPELLINGS)
    @pytest.mark.parametrize("status", [200, 401])
    def test_of_any_spelling(self, stage: Stage, ear: Ear, spelling: Callable[[str], bytes], status: int) -> None:
        quoted = b'{"error": {"message": "wrong key: %b"}}' % spelling(KEY)
        with pytest.raises(ImagesAPIError) as caught:
            stage.asking(Reply(quoted, status=status)).generate("x")
        ear.hear(caught.value, pickled=False)
        said = "".join(ear._heard).replace("\0", "")
        assert ear.leaks(of_the_wire=False) == []
        assert spelling(KEY)[4:12] not in said.encode("latin-1", "replace")

    @pytest.mark.parametrize("name", ["x-request-id", "x-litellm-call-id", "x-whatever"])
    @pytest.mark.parametrize("status", [200, 400, 503])
    def test_in_a_header(self, stage: Stage, ear: Ear, name: str, status: int) -> None:
        reply = Reply(b'{"data": []}', status=status, headers={name: f"of-{KEY}"})
        with pytest.raises(ImagesAPIError) as caught:
            stage.asking(reply).generate("x")
        ear.hear(caught.value)
        ear.hear(getattr(caught.value, "headers", None), pickled=False)
        ear.hear(getattr(caught.value, "http", None))
        assert ear.leaks(of_the_wire=False) == []

    @pytest.mark.parametrize(
        "head",
        [b"HTTP/1.1 200 OK\r\nX Key %b", b"HTTP/1.1 %b", b"%b", b"HTTP/1.1 200 OK\r\nContent-Length: %b"],
    )
    def test_in_what_is_no_http(self, stage: Stage, ear: Ear, head: bytes) -> None:
        with RawServer([head % KEY.encode() + b"\r\n\r\n", Do.CLOSE]) as server, pytest.raises(ImagesAPIError) as caught:
            stage.client(base_url=server.base_url).generate("x")
        ear.hear(caught.value)
        assert ear.leaks(of_the_wire=False) == []


class TestVariables:
    """What a debugger, pytest or an error tracker shows of the frames of a traceback: the reprs of their variables."""

    GIVEN: ClassVar[dict[str, Callable[[Stage], dict[str, Any]]]] = {
        "key": lambda _: {},
        "callable": lambda _: {"key": lambda: KEY},
        "another header": lambda _: {"auth_header": "api-key"},
        "header of the client": lambda _: {"key": None, "headers": {"Ocp-Apim-Subscription-Key": KEY}},
        "scheme in any header": lambda _: {"key": None, "headers": {"X-Pass-On": f"Bearer {KEY}"}},
        "password": lambda stage: {"key": None, "base_url": stage.served.url.replace("://", f"://me:{KEY}@") + "/v1"},
    }

    @pytest.mark.parametrize("reply", [*(Reply(b"{}", status=status) for status in (200, 401, 429, 500)), Reply(end="reset")])
    @pytest.mark.parametrize("given", GIVEN.values(), ids=GIVEN)
    def test_of_a_call(self, stage: Stage, reply: Reply, given: Callable[[Stage], dict[str, Any]]) -> None:
        stage.served.answer("/v1/images/generations", reply)
        client = stage.client(**({"key": KEY, "base_url": f"{stage.served.url}/v1"} | given(stage)))
        with pytest.raises(ImagesAPIError) as caught:
            client.generate("x")
        assert KEY in str(stage.served.requests[0].headers) or "Basic" in stage.served.requests[0].headers["Authorization"]
        assert shown_variables(caught.value) == []

    @pytest.mark.parametrize("flaw", [" x", "é", "\0"], ids=["blank", "letter", "zero"])
    def test_of_what_is_refused(self, stage: Stage, flaw: str) -> None:
        wrong: list[dict[str, Any]] = [
            {"key": KEY + flaw},
            {"base_url": f"ftp://me:{KEY}@host{flaw}"},
            {"headers": {"api-key": KEY}, "timeout": 0},
        ]
        for arguments in wrong:
            with pytest.raises(InvalidRequestError) as caught:
                stage.client(**arguments).generate("x")
            assert shown_variables(caught.value) == []

    def test_are_looked_at(self) -> None:
        def frame() -> None:
            shown = [KEY]
            raise ValueError(len(shown))

        with pytest.raises(ValueError, match="1") as caught:
            frame()
        assert len(shown_variables(caught.value, here=True)) == 1

    def test_of_the_libraries_below(self) -> None:
        request = httpx.Request("POST", "http://host/", headers=conceal_headers({"api-key": KEY}))
        sent = h11.Request(method=b"POST", target=b"/", headers=request.headers.raw)
        assert KEY not in f"{request.headers!r} {request.headers.raw!r} {sent!r}"
        assert KEY.encode() in (h11.Connection(h11.CLIENT).send(sent) or b"")


class TestURLs:
    """httpx logs each URL that it sends to."""

    def test_a_password_and_a_key_in_the_query_are_in_no_log(self, stage: Stage, ear: Ear) -> None:
        stage.served.answer("/v1/images/generations", Reply(stage.picture, headers={"Content-Type": "image/png"}))
        base_url = stage.served.url.replace("://", f"://me:{KEY}@") + "/v1"
        client = stage.client(None, base_url=base_url)
        client.generate("x", extra_query={"key": KEY, "api-version": "2", "AccessToken": KEY})
        ear.hear(client)
        assert ear.leaks() == []
        target = stage.served.requests[0].target
        assert f"key={KEY}&api-version=2&AccessToken={KEY}" in target
        assert b64decode(stage.served.requests[0].headers["Authorization"].removeprefix("Basic ")) == f"me:{KEY}".encode()

    def test_nor_are_those_of_the_low_level_client(self, stage: Stage, ear: Ear) -> None:
        client = stage.client(None, base_url=stage.served.url.replace("://", f"://me:{KEY}@") + f"/v1?key={KEY}")
        client.low_level.get_httpx_client().get("/x")
        assert ear.leaks() == []
        assert f"key={KEY}" in stage.served.requests[0].target

    def test_nor_after_a_redirect(self, stage: Stage, ear: Ear) -> None:
        stage.elsewhere.answer("/y", Reply(stage.picture, headers={"Content-Type": "image/png"}))
        there = stage.elsewhere.url.replace("://", f"://me:{KEY}@") + f"/y?sig={KEY}"
        stage.asking(Reply(status=307, headers={"Location": there})).generate("x")
        assert ear.leaks(of_the_wire=False) == []
        assert stage.elsewhere.requests[0].target == f"/y?sig={KEY}"

    def test_nor_is_the_signature_of_a_link_or_a_path(self, stage: Stage, ear: Ear) -> None:
        for url in (f"/elsewhere/x.png?sig={KEY}", f"{stage.served.url}/gone.png?sig={KEY}"):
            stage.served.answer_calls({"url": url})
            with pytest.raises(DownloadError) as caught:
                stage.client(base_url=f"{stage.served.url}/v1").generate("x")[0].read()
            ear.hear(caught.value)
        assert ear.leaks(of_the_wire=False) == []

    def test_nor_what_a_server_of_links_quotes(self, stage: Stage, ear: Ear) -> None:
        with (
            RawServer(
                reply(b'{"data": [{"url": "/v1/x.png"}]}'), [b"HTTP/1.1 " + KEY.encode() + b"\r\n\r\n", Do.CLOSE]
            ) as server,
            pytest.raises(DownloadError) as caught,
        ):
            stage.client(base_url=server.base_url).generate("x")[0].read()
        ear.hear(caught.value)
        assert ear.leaks(of_the_wire=False) == []

    def test_the_rest_of_it_is(self) -> None:
        url = SentURL(f"https://me:{KEY}@host:1/a?b=c&X-Amz-Signature={KEY}&sig={KEY}#d")
        assert str(url) == "https://host:1/a?b=c&X-Amz-Signature=…&sig=…#d"
        assert repr(url) == "URL('https://host:1/a?b=c&X-Amz-Signature=…&sig=…#d')"
        assert (url.password, url.params["sig"]) == (KEY, KEY)


class TestCopies:
    @pytest.mark.parametrize("copied", [copy.copy, copy.deepcopy])
    def test_of_a_client_have_its_key(self, stage: Stage, copied: Callable[[ImagesClient], ImagesClient]) -> None:
        with copied(stage.client()) as client:
            assert client.generate("x")[0].read()
        with httpx.Client() as borrowed, copied(stage.client(http_client=borrowed)) as client:
            assert client._connections.borrowed is borrowed
            assert client.generate("x")[0].read()

    @pytest.mark.parametrize("copied", [copy.copy, copy.deepcopy])
    def test_of_an_async_client_too(self, stage: Stage, copied: Callable[[AsyncImagesClient], AsyncImagesClient]) -> None:
        async def use() -> int:
            async with copied(AsyncImagesClient(KEY, base_url=stage.sandbox.base_url)) as client:
                return len(await client.generate("x", model="small", size="64x64"))

        assert asyncio.run(use()) == 1

    def test_of_a_result_fetch_its_links(self, stage: Stage) -> None:
        stage.served.answer("/x.png", Reply(stage.picture))
        stage.served.answer_calls({"url": f"{stage.served.url}/x.png"})
        result = stage.client(base_url=f"{stage.served.url}/v1").generate("x")
        assert [copied(result)[0].read() for copied in (copy.copy, copy.deepcopy)] == [stage.picture] * 2

    @pytest.mark.parametrize(
        "name",
        ["Ocp-Apim-Subscription-Key", "x-goog-api-key", "X-Auth-Token", "Cookie", "X-Session", "X-Functions-Secret", "X-Sig"],
    )
    def test_pickles_hold_no_header_that_can_be_a_key(self, name: str) -> None:
        headers = {name: KEY, "X-Team": "a", "X-Pass-On": f"Token {KEY}"}
        client = ImagesClient(None, base_url=f"http://me:{KEY}@host/v1", headers=headers)
        pickled = pickle.dumps(client)
        assert KEY.encode() not in pickled
        again = pickle.loads(pickled)  # noqa: S301  made here
        assert (again._settings.headers, again._settings.base_url) == ({"X-Team": "a"}, "http://host/v1")


class TestRedirects:
    @pytest.mark.parametrize("header", ["Authorization", "api-key", "X-Key"])
    def test_a_call_that_is_sent_elsewhere_leaves_the_key_behind(self, stage: Stage, header: str) -> None:
        there = stage.elsewhere.answer("/y", Reply(stage.picture, headers={"Content-Type": "image/png"}))
        private = {"Cookie": KEY, "X-API-Key": KEY}
        client = stage.asking(Reply(status=308, headers={"Location": there}), auth_header=header, headers=private)
        assert client.generate("x")[0].read() == stage.picture
        assert KEY in str(stage.served.requests[0].headers[header])
        assert KEY not in str(stage.elsewhere.requests[0].headers)


class TestLowLevel:
    """The generated client sends with the facade's key, which is meant for one server."""

    @pytest.mark.parametrize("header", ["Authorization", "api-key"])
    def test_the_key_goes_to_no_other_origin(self, stage: Stage, header: str) -> None:
        self.redirect(stage)
        http = stage.asking(auth_header=header, headers={"X-API-Key": KEY}).low_level.get_httpx_client()
        for url, follow in (("/x", False), ("/x", True), (f"{stage.elsewhere.url}/x", False)):
            http.get(url, follow_redirects=follow)
        self.check(stage, header)

    @pytest.mark.parametrize("header", ["Authorization", "api-key"])
    def test_nor_asynchronously(self, stage: Stage, header: str) -> None:
        async def use() -> None:
            async with AsyncImagesClient(KEY, base_url=f"{stage.served.url}/v1", auth_header=header) as client:
                http = client.low_level.get_async_httpx_client()
                for url, follow in (("/x", False), ("/x", True), (f"{stage.elsewhere.url}/x", False)):
                    await http.get(url, follow_redirects=follow)

        self.redirect(stage)
        asyncio.run(use())
        self.check(stage, header)

    def redirect(self, stage: Stage) -> None:
        stage.elsewhere.answer("/x", Reply(b"{}"))
        stage.served.answer("/v1/x", Reply(b"{}"), Reply(status=307, headers={"Location": f"{stage.elsewhere.url}/x"}))

    def check(self, stage: Stage, header: str) -> None:
        assert [KEY in request.headers[header] for request in stage.served.requests] == [True, True]
        assert [request.target for request in stage.elsewhere.requests] == ["/x", "/x"]
        assert not [request for request in stage.elsewhere.requests if KEY in str(request.headers)]


class Whisper:
    """Says nothing, and has the key in it."""

    def __init__(self) -> None:
        self.key = KEY

    def __repr__(self) -> str:
        return "…"


class TestEar:
    """An ear that hears nothing proves nothing."""

    @pytest.mark.parametrize("name", ["httpx", "httpcore.http11", "images_api", "images_api.sandbox", "anyones"])
    def test_logs(self, ear: Ear, name: str) -> None:
        logging.getLogger(name).debug("said %s", KEY)
        assert len(ear.leaks()) == 1

    def test_the_libraries_below_do_talk(self, stage: Stage, ear: Ear, caplog: pytest.LogCaptureFixture) -> None:
        stage.client().generate("x")
        assert {httpx.__name__, f"{httpcore.__name__}.http11", "images_api"} <= {record.name for record in caplog.records}

    def test_warnings_and_output(self, ear: Ear, capfd: pytest.CaptureFixture[str]) -> None:
        warnings.warn(KEY, stacklevel=1)
        print(KEY)  # noqa: T201  to be heard
        assert len(ear.leaks()) == 2

    def test_causes(self, ear: Ear) -> None:
        error = ValueError("outer")
        error.__cause__ = KeyError(KEY)
        ear.hear(error, pickled=False)
        assert ear.leaks()

    def test_pickles(self, ear: Ear) -> None:
        ear.hear(Whisper())
        assert len(ear.leaks()) == 1
