"""The error tree: what is in it, what its errors carry and keep, and that nothing else reaches an app."""

from __future__ import annotations

import copy
import json
import pickle
import re
from io import TextIOWrapper
from pathlib import Path
from typing import TYPE_CHECKING, Any

import httpx
import pytest
from file_server import dead_port_fixture
from pictures import drawn
from replay import Replay

import images_api
from images_api import (
    APIConnectionError,
    APIStatusError,
    APITimeoutError,
    DownloadError,
    GeneratedImage,
    HTTPInfo,
    ImagesAPIError,
    ImagesClient,
    InvalidRequestError,
    NoImageError,
    Problem,
    ResponseError,
    StreamInterruptedError,
    UnreadableFileError,
    _errors,
)
from images_api._http.downloads import NoSource

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

# pytest finds it by its name, here.
FIXTURES = (dead_port_fixture,)
PAGE = Path(__file__).parent.parent / "docs/app/errors.md"
BODY = b'{"data": [' + b'"picture", ' * 100_000 + b'"picture"]}'
PICTURE = drawn(8, 6)
HTTP = HTTPInfo(429, httpx.Headers({"x-request-id": "req_1"}), 1.5, 7.0)
BUILT_IN = {*dir(OSError)}


def pickled(given: Any) -> Any:
    return pickle.loads(pickle.dumps(given))  # noqa: S301  the test's own bytes


def family(kind: type[ImagesAPIError]) -> list[type[ImagesAPIError]]:
    """Return a class and all below it, as far as they are the package's, in the order of their definition."""
    children = [child for child in kind.__subclasses__() if vars(_errors).get(child.__name__) is child]
    return [kind, *(each for child in children for each in family(child))]


def tree() -> str:
    """Draw the classes that exist, with the bases they have beside those of the tree."""
    return "\n".join(_branch(ImagesAPIError, ""))


def _branch(kind: type[ImagesAPIError], indent: str) -> Iterator[str]:
    others = [base.__name__ for base in kind.__bases__ if not issubclass(base, ImagesAPIError) and base is not Exception]
    yield kind.__name__ + (f" ({', '.join(others)})" if others else "")
    children = family(kind)[1:]
    children = [child for child in children if kind in child.__bases__]
    for child in children:
        first, *rest = _branch(child, indent)
        is_last = child is children[-1]
        yield f"{'└' if is_last else '├'}── {first}"
        yield from (f"{' ' if is_last else '│'}   {line}" for line in rest)


class TestTree:
    def test_at_the_head_of_the_module_is_the_one_that_exists(self) -> None:
        assert tree() in (_errors.__doc__ or "")

    def test_in_the_documentation_is_the_same(self) -> None:
        assert f"<!-- held by tests/test_errors.py -->\n```text\n{tree()}\n```\n" in PAGE.read_text(encoding="utf-8")

    def test_is_public_as_a_whole(self) -> None:
        public = {name for name in images_api.__all__ if isinstance(getattr(images_api, name), type)}
        assert {kind.__name__ for kind in family(ImagesAPIError)} == {
            name for name in public if issubclass(getattr(images_api, name), BaseException)
        }

    def test_is_told_class_by_class(self) -> None:
        assert [kind.__name__ for kind in family(ImagesAPIError) if not kind.__doc__] == []


def status_kinds() -> list[type[APIStatusError]]:
    return [kind for kind in family(ImagesAPIError) if issubclass(kind, APIStatusError)]


def images() -> tuple[GeneratedImage, ...]:
    return GeneratedImage(PICTURE), GeneratedImage(None, url="https://server.example/a.png", index=1, source=NoSource())


# One of each class, with something in every attribute.
ERRORS: list[ImagesAPIError] = [
    ImagesAPIError("a message"),
    InvalidRequestError([Problem("n", 11, "must be at most 10"), Problem("prompt", "x" * 100_000, "is too long")]),
    UnreadableFileError([Problem("image", "x" * 100_000, "can't be read: File name too long")]),
    APIConnectionError("no whole answer", may_have_run=True, body=BODY),
    APITimeoutError("no answer", may_have_run=False),
    *(
        kind("429 c: m", http=HTTP, body={"message": "m" * 100_000, "code": 7, "param": "p", "type": "t"})
        for kind in status_kinds()
    ),
    ResponseError("not understood", body=BODY, http=HTTP, images=images()),
    NoImageError("no picture", body=BODY, http=HTTP),
    StreamInterruptedError("cut", body=BODY, http=HTTP, images=images(), partial_images=images()[:1]),
    DownloadError("no download", url="https://server.example/a.png", status_code=403),
]
COPIES: dict[str, Callable[[Any], Any]] = {
    "pickle": pickled,
    "copy": copy.copy,
    "deepcopy": copy.deepcopy,
}


def attributes(error: ImagesAPIError) -> dict[str, object]:
    """Return all that an app can read from an error."""
    names = [name for name in dir(error) if not name.startswith("_") and name not in BUILT_IN]
    return {name: _comparable(getattr(error, name)) for name in names}


def _comparable(value: object) -> object:
    if isinstance(value, HTTPInfo):
        return value.status_code, value.headers, value.elapsed
    if isinstance(value, tuple) and any(isinstance(each, GeneratedImage) for each in value):
        return [(image.index, image.url, image.url or image.read()) for image in value]
    return value


class TestCopy:
    def test_is_made_of_each_class(self) -> None:
        assert sorted(type(error).__name__ for error in ERRORS) == sorted(kind.__name__ for kind in family(ImagesAPIError))

    @pytest.mark.parametrize("duplicate", COPIES.values(), ids=COPIES)
    @pytest.mark.parametrize("error", ERRORS, ids=lambda error: type(error).__name__)
    def test_is_the_same_error(self, error: ImagesAPIError, duplicate: Callable[[Any], Any]) -> None:
        twin = duplicate(error)
        assert type(twin) is type(error)
        assert twin is not error
        assert (str(twin), repr(twin)) == (str(error), repr(error))
        assert attributes(twin) == attributes(error)

    @pytest.mark.parametrize("duplicate", COPIES.values(), ids=COPIES)
    def test_keeps_notes(self, duplicate: Callable[[Any], Any]) -> None:
        for error in map(copy.copy, ERRORS):
            error.add_note("the third of five")
            assert duplicate(error).__notes__ == ["the third of five"]

    @pytest.mark.parametrize("duplicate", COPIES.values(), ids=COPIES)
    def test_needs_no_copy_of_what_was_refused(self, duplicate: Callable[[Any], Any], client: ImagesClient) -> None:
        with PAGE.open("rb") as file:
            not_a_picture: Any = TextIOWrapper(file)
            with pytest.raises(InvalidRequestError) as caught:
                client.edit(not_a_picture, "an otter")
            twin = duplicate(caught.value)
        assert str(twin) == str(caught.value)
        assert [problem.parameter for problem in twin.problems] == ["image"]


class TestText:
    @pytest.mark.parametrize("error", ERRORS, ids=lambda error: type(error).__name__)
    def test_is_short_whatever_the_error_holds(self, error: ImagesAPIError) -> None:
        assert 0 < len(str(error)) < 300
        assert len(repr(error)) < 400
        assert type(error).__name__ in repr(error)

    def test_of_a_refused_call_lists_everything(self) -> None:
        error = InvalidRequestError([Problem("n", 11, "must be at most 10"), Problem("size", "1x1", "is too small")])
        assert str(error) == "n must be at most 10, got 11; size is too small, got '1x1'"
        assert error.problems == (("n", 11, "must be at most 10"), ("size", "1x1", "is too small"))

    def test_of_a_long_value_says_how_long_it_is(self) -> None:
        text = str(Problem("prompt", "x" * 5000, "must have at most 1000 characters"))
        assert text.startswith("prompt must have at most 1000 characters, got 'xxx")
        assert text.endswith("x… (5002 characters)")
        assert len(text) < 200


class TestBuiltInClass:
    def test_of_a_refused_call_is_value_error(self, client: ImagesClient) -> None:
        with pytest.raises(ValueError, match=r"^n must be at most") as caught:
            client.generate("an otter", n=10_000)
        assert type(caught.value) is InvalidRequestError

    def test_of_an_unreadable_file_is_os_error(self, client: ImagesClient, tmp_path: Path) -> None:
        with pytest.raises(OSError, match=r"^image can't be read: No such file") as caught:
            client.edit(tmp_path / "missing.png", "an otter")
        assert type(caught.value) is UnreadableFileError
        assert isinstance(caught.value.__cause__, FileNotFoundError)

    @pytest.mark.parametrize("kind", [kind for kind in family(ImagesAPIError) if not issubclass(kind, InvalidRequestError)])
    def test_of_all_others_is_exception_alone(self, kind: type[ImagesAPIError]) -> None:
        assert not issubclass(kind, ValueError | OSError | RuntimeError | TypeError)


@pytest.fixture
def replay() -> Iterator[Replay]:
    with Replay() as replay:
        yield replay


@pytest.fixture
def client(replay: Replay) -> Iterator[ImagesClient]:
    with ImagesClient(base_url=replay.origin, max_retries=0) as client:
        yield client


# What a server sends, or None for no answer at all; and what the app gets.
ANSWERS: dict[str, tuple[bytes | None, type[ImagesAPIError]]] = {
    "silence": (None, APITimeoutError),
    "nothing": (b"", APIConnectionError),
    "no HTTP": (b"X" * 5000 + b"\r\n\r\n", APIConnectionError),
    "a broken header": (b"HTTP/1.1 200 OK\r\nno colon\r\n\r\n", APIConnectionError),
    "a cut body": (b"HTTP/1.1 200 OK\r\nContent-Length: 99\r\n\r\n{", APIConnectionError),
    "a cut chunk": (b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nff\r\n{", APIConnectionError),
    "no gzip": (b"HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\nContent-Length: 2\r\n\r\n{}", NoImageError),
    "endless redirects": (b"HTTP/1.1 307 R\r\nLocation: /again\r\nConnection: close\r\n\r\n", APIStatusError),
    "a redirect to nowhere": (
        b"HTTP/1.1 307 R\r\nLocation: http://[::x/\r\nConnection: close\r\n\r\n",
        # httpx refuses the reply, and httpx2 gives it back where nobody told it to follow.
        APIStatusError if httpx.__name__ == "httpx2" else APIConnectionError,
    ),
    "a redirect to a file": (b"HTTP/1.1 307 R\r\nLocation: file:///x\r\nConnection: close\r\n\r\n", APIStatusError),
    "a redirect without an aim": (b"HTTP/1.1 307 R\r\nConnection: close\r\n\r\n", APIStatusError),
    "an early hint alone": (b"HTTP/1.1 103 Early Hints\r\n\r\n", APIConnectionError),
}
# What a server gives as a picture's link.
LINKS = [
    "http://[::x/a.png",
    "http://server.example:port/a.png",
    "http://\ud800.example/a.png",
    "http://server.example/" + "a" * 70_000,
    "http://server.example/\n",
    "mailto:otter@server.example",
    "C:\\pictures\\a.png",
    "/data/a.png",
    "a.png",
    "\0",
    "data:",
    "data:image/png;base64,otter",
]
typeless: Any = {"svg": 17, "n": "many", "model": []}
CALLS: dict[str, Callable[[ImagesClient], object]] = {
    "a field that no JSON holds": lambda client: client.generate("x", extra_body={"field": object()}),
    "a number that no JSON holds": lambda client: client.generate("x", extra_body={"field": float("nan")}),
    "half a character": lambda client: client.generate("\ud800"),
    "half a character in a form": lambda client: client.edit(PICTURE, "\ud800"),
    "a header in two lines": lambda client: client.generate("x", extra_headers={"Note": "one\r\ntwo"}),
    "a header with a blank in its name": lambda client: client.generate("x", extra_headers={"A note": "x"}),
    "a header beyond ASCII": lambda client: client.generate("x", extra_headers={"Note": "字"}),
    "an endless query": lambda client: client.generate("x", extra_query={"note": "x" * 70_000}),
    "another type for svg": lambda client: client.generate("x", **typeless),
}


class TestOnlyErrorsOfTheTreeReachAnApp:
    @pytest.mark.parametrize("name", ANSWERS)
    def test_when_the_server_answers(self, name: str, replay: Replay) -> None:
        answer, kind = ANSWERS[name]
        replay.answer_raw(answer)
        client = ImagesClient(base_url=replay.origin, max_retries=0, timeout=0.2 if answer is None else None)
        with client, pytest.raises(ImagesAPIError) as caught:
            client.generate("an otter")
        assert type(caught.value) is kind
        assert len(str(caught.value)) < 500
        if isinstance(caught.value, APIConnectionError):
            assert isinstance(caught.value.__cause__, httpx.HTTPError)

    def test_when_nobody_listens(self, dead_port: int) -> None:
        client = ImagesClient(base_url=f"http://127.0.0.1:{dead_port}", max_retries=0)
        with client, pytest.raises(APIConnectionError) as caught:
            client.generate("an otter")
        assert caught.value.may_have_run is False

    @pytest.mark.parametrize("link", LINKS, ids=[ascii(link[:32]) for link in LINKS])
    def test_when_a_link_is_no_link(self, link: str, client: ImagesClient, replay: Replay) -> None:
        replay.answer(body=json.dumps({"data": [{"url": link}]}).encode())
        (image,) = client.generate("an otter")
        assert repr(image)
        with pytest.raises(DownloadError) as caught:
            image.read()
        assert len(str(caught.value)) < 500
        assert len(replay.asked) == 1 + (link in {"/data/a.png", "a.png"})  # paths that may be the server's

    @pytest.mark.parametrize("name", CALLS)
    def test_when_a_call_cannot_be_sent(self, name: str, replay: Replay) -> None:
        replay.answer(body=json.dumps({"data": []}).encode())
        client = ImagesClient(base_url=replay.origin, max_retries=0, validate="off")
        with client, pytest.raises((InvalidRequestError, NoImageError)) as caught:
            CALLS[name](client)
        assert (len(replay.asked) == 1) is isinstance(caught.value, NoImageError)


class TestPaidForOnce:
    @pytest.mark.parametrize("status", [300, 301, 302, 303, 304])
    def test_what_the_server_may_have_taken_before_it_pointed_elsewhere(self, status: int, replay: Replay) -> None:
        replay.answer(status, {"Location": f"{replay.origin}/elsewhere"})
        with ImagesClient(base_url=replay.origin) as client, pytest.raises(APIStatusError) as caught:
            client.generate("an otter")
        assert caught.value.status_code == status
        assert [asked.method for asked in replay.asked] == ["POST"]


class TestSecrets:
    @pytest.mark.parametrize("key", ["sk-proj-4711-otter", "4711otter4711otter4711otter4711", "gsk_4711otter4711"])
    def test_that_the_server_quotes_are_not_in_the_text(self, key: str, replay: Replay) -> None:
        replay.answer(401, body=json.dumps({"error": {"message": f"Incorrect API key provided: {key}."}}).encode())
        with ImagesClient(key, base_url=replay.origin, max_retries=0) as client, pytest.raises(APIStatusError) as caught:
            client.generate("an otter")
        assert replay.asked[0].headers["authorization"] == f"Bearer {key}"
        assert not re.search("4711|otter", str(caught.value))

    @pytest.mark.parametrize(
        "call",
        [
            lambda url, headers: ImagesClient(base_url=url, max_retries=0, headers=headers).generate("x"),
            lambda url, headers: ImagesClient(base_url=url, max_retries=0).generate("x", extra_headers=headers),
        ],
        ids=["headers", "extra_headers"],
    )
    @pytest.mark.parametrize("end", ["\n", "\r\nX-Other: x", " ", "\0", "\x7f"], ids=ascii)
    def test_in_a_header_that_cannot_be_sent_are_not_in_the_text(
        self, end: str, call: Callable[[str, dict[str, str]], object], replay: Replay
    ) -> None:
        with pytest.raises(ImagesAPIError) as caught:
            call(replay.origin, {"X-Api-Key": f"4711otter{end}"})
        assert type(caught.value) is InvalidRequestError
        assert "4711otter" not in f"{caught.value!r} {caught.value.__cause__!r} {caught.value.__context__!r}"
        assert "x-api-key" in str(caught.value).lower()

    def test_in_a_link_are_neither_in_the_text_nor_in_the_url(self, client: ImagesClient, replay: Replay) -> None:
        replay.answer(body=json.dumps({"data": [{"url": f"{replay.origin}/a.png?signature=4711otter"}]}).encode())
        result = client.generate("an otter")
        replay.answer(403)
        for image in (result[0], pickled(result[0])):
            with pytest.raises(DownloadError) as caught:
                image.read()
            assert caught.value.url == f"{replay.origin}/a.png"
            assert "4711otter" not in f"{caught.value} {caught.value!r}"
