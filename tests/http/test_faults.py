"""What becomes of every fault between a call and its picture: the error, what it says of the bill, and what is sent again.

The sandbox plays the faults that it has a name for; the others, whose bytes matter, are played on a raw socket.
"""

from __future__ import annotations

import gzip
import json
import logging
import re
from base64 import b64decode
from contextlib import closing, contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from http.client import HTTPConnection
from typing import TYPE_CHECKING, Any

import httpx
import pytest
from faulty_server import JSON, Act, FaultyServer, answered, both_ways, pictures, refused
from pictures import drawn

from images_api import (
    APIConnectionError,
    APIStatusError,
    APITimeoutError,
    AuthenticationError,
    BadRequestError,
    ConflictError,
    ContentPolicyError,
    ImagesAPIError,
    InternalServerError,
    NoImageError,
    NotFoundError,
    PermissionDeniedError,
    QuotaExceededError,
    RateLimitError,
    ResponseError,
    UnprocessableEntityError,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Generator, Mapping

    from images_api import ImagesResult
    from images_api.sandbox import Sandbox

PICTURE = drawn(64, 64)
OPERATIONS: dict[str, Callable[[Any], Any]] = {
    "generate": lambda client: client.generate("an otter"),
    "edit": lambda client: client.edit(PICTURE, "give it a beret"),
    "create_variation": lambda client: client.create_variation(PICTURE),
}
GOOD = answered(pictures(PICTURE))
HTML = {"Content-Type": "text/html; charset=utf-8"}
PNG = {"Content-Type": "image/png"}
PAGE = (
    b"<!doctype html><html><head><title>502 Bad\n Gateway</title></head><body>your address: 192.0.2.7" + b" " * 9000 + b"</body>"
)
IN_VAIN = "Thu, 01 Jan 1970 00:00:00 GMT"
TOO_FAR = format_datetime(datetime.now(UTC) + timedelta(hours=1), usegmt=True)


def error_body(message: str = "no", **fields: object) -> bytes:
    return json.dumps({"error": {"message": message, **fields}}).encode()


def limited(**headers: str) -> str:
    """A refusal for the rate, with headers whose underscores stand for dashes."""
    return "; ".join(["429", "message=slow down", *(f"{name.replace('_', '-')}={value}" for name, value in headers.items())])


@dataclass(frozen=True)
class Fault:
    """What a server does, and what comes of it.

    Attributes:
        acts: What the server does, request by request, the last again and again: acts of a raw server, or faults of the
            sandbox in its own words, and None where it does as it should.
        error: The very class of the error; None where there is a picture in the end.
        may_have_run: What the error says of the bill; None where the class has no word on it.
        tries: How often the call is sent, 3 being all that is allowed.
        made: How many pictures the server made.
        says: What stands in the message.
        held: How many good pictures are on the error.
        timeout: The client's, in seconds.
    """

    acts: tuple[Act | str | None, ...]
    error: type[ImagesAPIError] | None = None
    may_have_run: bool | None = None
    tries: int = 1
    made: int = 1
    says: str = ""
    held: int = 0
    timeout: float = 10


def broken(act: Act | str, error: type[ImagesAPIError] = APIConnectionError, **more: Any) -> Fault:
    """Nobody knows whether the server made a picture, so the request is not sent again."""
    return Fault((act,), error, may_have_run=True, **more)


def passing(*acts: str) -> Fault:
    """The server made nothing of the first tries, and a picture of the last."""
    return Fault((*acts, None), tries=len(acts) + 1)


def turned_down(act: Act | str, error: type[ImagesAPIError], *, tries: int = 1, says: str = "") -> Fault:
    """The server made nothing, and says so."""
    good = None if isinstance(act, str) else GOOD
    return Fault((act, act, good) if tries == 1 else (act,), error, may_have_run=False, tries=tries, made=0, says=says)


def failed(status: int, error: type[ImagesAPIError] = InternalServerError, more: str = "", says: str = "") -> Fault:
    """The server failed, perhaps after it had made a picture."""
    return broken(f"{status}; billed; message=it broke; {more}", error, says=says)


def failed_with(body: bytes, status: int = 500, *, headers: Mapping[str, str] = JSON, says: str = "") -> Fault:
    """It failed likewise, in words of its own."""
    return broken(answered(body, status, headers), InternalServerError, says=says)


def useless(
    act: bytes | str, error: type[ImagesAPIError] = ResponseError, says: str = "", *, held: int = 0, **answer: Any
) -> Fault:
    """A success that is none: it is paid for, so its bytes are kept."""
    return Fault((act if isinstance(act, str) else answered(act, **answer),), error, says=says, held=held)


class Scripted(FaultyServer):
    """A raw server that plays a fault.

    Attributes:
        settings: Those of a client for it.
    """

    def __init__(self, *acts: Act) -> None:
        super().__init__(*acts)
        self.settings: dict[str, Any] = {"base_url": self.base_url}
        self._played = acts

    def images(self) -> list[bytes]:
        """The good pictures of an answer."""
        return [PICTURE]

    def is_body(self, body: bytes) -> bool:
        """Tell whether this was the body of the last answer."""
        return body == self._played[self.tries - 1].body


class Told:
    """The sandbox, which plays a fault; it has the same attributes."""

    def __init__(self, sandbox: Sandbox, *acts: str | None) -> None:
        self.settings: dict[str, Any] = {"base_url": sandbox.base_url, "model": "mine", "size": "64x64"}
        self._sandbox = sandbox
        self._acts = acts
        for index, act in enumerate(acts, 1):
            if act is not None:
                sandbox.fail_next(act, times=9 if index == len(acts) else 1)

    @property
    def tries(self) -> int:
        return len(self._sandbox.requests)

    @property
    def pictures_made(self) -> int:
        return self._sandbox.pictures_made

    def images(self) -> list[bytes]:
        return [b64decode(entry["b64_json"]) for entry in json.loads(self._again(None))["data"]]

    def is_body(self, body: bytes) -> bool:
        times = re.compile(rb'"created": ?[0-9]+')
        return times.sub(b"", body) == times.sub(b"", self._again(self._acts[self.tries - 1]))

    def _again(self, act: str | None) -> bytes:
        """Send the last request again, byte for byte, and return the body of its answer."""
        request = self._sandbox.requests[-1]
        self._sandbox.clear()
        headers = {"content-type": request.headers["content-type"], **({} if act is None else {"x-sandbox-fault": act})}
        url = httpx.URL(self._sandbox.base_url)
        with closing(HTTPConnection(url.host, url.port)) as connection:
            connection.request(request.method, request.path, request.body, headers)
            return connection.getresponse().read()


@contextmanager
def played(fault: Fault, sandbox: Sandbox) -> Generator[Scripted | Told]:
    """Give a server that plays a fault; after the block all is counted."""
    scripts = [act for act in fault.acts if isinstance(act, Act)]
    if scripts:
        with Scripted(*scripts) as server:
            yield server
    else:
        yield Told(sandbox, *(act for act in fault.acts if not isinstance(act, Act)))


CONNECTIONS = {
    "reset before the request is read": broken("reset unread", made=0),
    "reset after the request": broken("reset"),
    "closed before a byte": broken("close"),
    "cut within the status line": broken(Act(b"HTTP/1.1 2", makes=1)),
    "cut within the headers": broken(Act(b"HTTP/1.1 200 OK\r\nContent-Ty", makes=1)),
    "cut after the headers": broken("cut body; at=0"),
    "half a body": broken("cut body"),
    "half a body, then reset": broken("reset body"),
    "chunks cut short": broken("cut chunks; at=0.9"),
    "a broken chunk": broken(Act(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nso much\r\n", makes=1)),
    "not HTTP": broken("not http"),
    "binary garbage": broken(Act(bytes(range(256)), makes=1)),
    "a status that is no number": broken(Act(b"HTTP/1.1 abc OK\r\n\r\n", makes=1)),
    "silence": broken("silence", APITimeoutError, says="timeout", timeout=0.4),
    "silence within the body": broken("stalled body", APITimeoutError, timeout=0.4),
    "a slow trickle": Fault(("trickle; seconds=0.2",)),
    "chunks": Fault((answered(pictures(PICTURE), chunked=True),)),
    "news before the answer": Fault((Act(b"HTTP/1.1 103 Early Hints\r\n\r\n" + GOOD.reply, makes=1),)),
}
STATUSES = {
    "304": turned_down("304", APIStatusError, says="304"),
    "400": turned_down("400; message=n is odd", BadRequestError, says="n is odd"),
    "400 for the content": turned_down("400; code=moderation_blocked", ContentPolicyError),
    "401": turned_down("401; message=who are you?", AuthenticationError, says="who are you?"),
    "402": turned_down("402", APIStatusError),
    "403": turned_down("403", PermissionDeniedError),
    "404": turned_down("404", NotFoundError, says="/v1"),
    "408": failed(408, APIStatusError),
    "409": failed(409, ConflictError),
    "413": turned_down("413", APIStatusError),
    "422": turned_down("422", UnprocessableEntityError),
    "429 for ever": turned_down(limited(retry_after="0.001"), RateLimitError, tries=3, says="slow down"),
    "429 without a budget": turned_down("429; code=insufficient_quota", QuotaExceededError),
    "429 without a budget, with a wait": turned_down(
        refused(429, error_body(type="insufficient_quota"), JSON | {"Retry-After": "0.01", "x-should-retry": "true"}),
        QuotaExceededError,
    ),
    "499": turned_down("499", APIStatusError),
    **{str(status): failed(status, says=str(status)) for status in (500, 502, 503, 504, 520, 524, 529, 561)},
    "500 with a wait": failed(500, more="retry-after=0.01"),
    "503 with a wait of nothing": failed(503, more="retry-after=0"),
    "503 with too long a wait": turned_down("503; retry-after=121", InternalServerError),
    "503 that says no": turned_down("503; retry-after=0.01; should-retry=false", InternalServerError),
    "503 with a wait for ever": turned_down("503; retry-after=0.001", InternalServerError, tries=3),
}
PAUSES = {
    "429 without a wait": passing(limited()),
    "429 with seconds": passing(limited(retry_after="0.01")),
    "429 with milliseconds": passing(limited(retry_after_ms="10", retry_after="121")),
    "429 with a past date": passing(limited(retry_after=IN_VAIN)),
    "429 with zero": passing(limited(retry_after="0")),
    "429 with a negative wait": passing(limited(retry_after="-1")),
    "429 with nan": passing(limited(retry_after="nan")),
    "429 with an infinite wait": passing(limited(retry_after="inf")),
    "429 with junk": passing(limited(retry_after="when it suits you")),
    "429 with a date from nowhere": passing(limited(retry_after="Thu, 01 Jan 1970 00:00:00 +9999")),
    "429 with a date of an unknown zone": passing(limited(retry_after="Thu, 01 Jan 1970 00:00:00 XYZ")),
    "429 twice": passing(limited(retry_after="0.01"), limited(retry_after_ms="1")),
    "429 with too long a wait": turned_down(limited(retry_after="121"), RateLimitError),
    "429 with too long a wait in milliseconds": turned_down(limited(retry_after_ms="121000", retry_after="0.01"), RateLimitError),
    "429 with a date too far": turned_down(limited(retry_after=TOO_FAR), RateLimitError),
    "429 that says no": turned_down(limited(retry_after="0.01", should_retry="false"), RateLimitError),
    "429 with half a body": Fault((answered(error_body("slow down"), 429, makes=0, missing=9), GOOD), tries=2),
    "503 with seconds": passing("503; retry-after=0.01"),
    "503 with milliseconds": passing("503; retry-after-ms=10"),
    "503, then 429": passing("503; retry-after=0.01", limited()),
    "500 that says yes": passing("500; should-retry=true"),
    "409 that says yes": passing("409; should-retry=true; retry-after-ms=1"),
    "400 that says yes": passing("400; should-retry=true"),
    "500 that says yes too loudly": failed(500, more="should-retry=TRUE"),
    "500 that says yes, too late": failed(500, more="should-retry=true; retry-after=121"),
    # The first failure may be billed, so what would have passed on the second try is not asked for.
    "429, then a cut": Fault((limited(), "cut body", None), APIConnectionError, may_have_run=True, tries=2),
    "429, then 500": Fault((limited(), "500; billed", None), InternalServerError, may_have_run=True, tries=2),
    "429, then no picture": Fault((limited(), "no data", None), NoImageError, tries=2),
}
ERROR_BODIES = {
    "HTML": failed_with(PAGE, 502, headers=HTML, says="502: 502 Bad Gateway"),
    "HTML without a title": failed_with(b"<h1>Oh dear</h1>", 502, headers=HTML, says="Oh dear"),
    "plain": failed_with(b"upstream connect error", headers={"Content-Type": "text/plain"}, says="upstream connect error"),
    "empty": failed_with(b"", headers={}, says="an empty body"),
    "not UTF-8": failed_with(b"\xff\xfe\x00", headers={}, says="500"),
    "a list": failed_with(b'[{"message": "odd"}]', says="odd"),
    "null": failed_with(b"null", says="500"),
    "a number": failed_with(b"7", says="7"),
    "nested too deep": failed_with(b"[" * 100_000, says="500"),
    "an error of text": failed_with(b'{"error": "out of memory"}', says="out of memory"),
    "an error of null": failed_with(b'{"error": null, "message": "out of order"}', says="out of order"),
    "a code of digits": failed_with(error_body("busy", code=1302), says="500 1302: busy"),
    "FastAPI's": turned_down(
        refused(422, b'{"detail": [{"loc": ["body", "n"], "msg": "n is odd"}, {"msg": "size is even"}]}'),
        UnprocessableEntityError,
        says="n is odd; size is even",
    ),
    "FastAPI's text": turned_down(refused(404, b'{"detail": "Not Found"}'), NotFoundError, says="Not Found"),
    "mislabelled as gzip": failed_with(error_body("it broke"), 502, headers=JSON | {"Content-Encoding": "gzip"}, says="502"),
}
SUCCESSES = {
    "HTML": useless(PAGE, headers=HTML, says="text/html"),
    "a page of somebody in between": useless("login page; billed", says="text/html"),
    "empty": useless("empty body", says="empty body"),
    "no content": useless(b"", status=204, headers={}),
    "null": useless(b"null", NoImageError),
    "a list": useless(b"[]", NoImageError),
    "JSON cut short, of its full length": useless("broken json"),
    "no data": useless(b"{}", NoImageError),
    "data of null": useless("null data", NoImageError),
    "data of nothing": useless("no data", NoImageError),
    "data of an object": useless(b'{"data": {}}', NoImageError),
    "data of nulls": useless(b'{"data": [null]}'),
    "an entry without a picture": useless(b'{"data": [{"b64_json": "", "url": null}]}'),
    "an error": useless("error as success; billed; message=all painters are busy", NoImageError, says="all painters are busy"),
    "a cut picture": useless("cut image; at=0.95", says="cut short"),
    "no base64": useless("no base64", says="base64"),
    "no picture": useless("not an image", says="isn't an image"),
    "a cut picture after a good one": useless(pictures(PICTURE, PICTURE[:-20]), says="image 2 of 2", held=1),
    "a cut picture between good ones": useless(pictures(PICTURE, PICTURE[:-20], PICTURE), says="image 2 of 3", held=2),
    "a bare picture cut short": useless(PICTURE[:-20], headers=PNG, says="cut short"),
    "a page for a picture": useless(PAGE, headers=PNG, says="isn't an image"),
    "JSON called text": Fault(("wrong type",)),
    "JSON called HTML": Fault((answered(GOOD.body, headers=HTML),)),
    "JSON called nothing": Fault((answered(GOOD.body, headers={}),)),
    "JSON in gzip": Fault((answered(gzip.compress(GOOD.body), headers=JSON | {"Content-Encoding": "gzip"}),)),
    "201": Fault((answered(GOOD.body, 201),)),
    "a bare picture": Fault((answered(PICTURE, headers=PNG),)),
    "a bare picture called another": Fault((answered(PICTURE, headers={"Content-Type": "image/webp"}),)),
}
FAULTS = {
    f"{place}: {name}": fault
    for place, table in {
        "connection": CONNECTIONS,
        "status": STATUSES,
        "pause": PAUSES,
        "error body": ERROR_BODIES,
        "success": SUCCESSES,
    }.items()
    for name, fault in table.items()
}


@pytest.fixture(autouse=True)
def _no_waste_of_time(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("images_api._http.retry._FIRST_BACKOFF", 0.001)


@both_ways
@pytest.mark.parametrize("operation", OPERATIONS)
@pytest.mark.parametrize("name", FAULTS)
def test_no_fault_pays_twice_or_loses_a_picture(
    run: Callable[..., ImagesResult], operation: str, name: str, sandbox: Sandbox, caplog: pytest.LogCaptureFixture
) -> None:
    fault = FAULTS[name]
    caplog.set_level(logging.DEBUG, "images_api")
    result, error = None, None
    with played(fault, sandbox) as server:
        try:
            result = run(OPERATIONS[operation], **server.settings, timeout=fault.timeout)
        except ImagesAPIError as raised:
            error = raised
    assert type(error) is (fault.error or type(None)), error
    assert (server.tries, server.pictures_made) == (fault.tries, fault.made)
    levels = [record.levelno for record in caplog.records if record.name == "images_api"]
    assert (levels.count(logging.DEBUG), levels.count(logging.INFO)) == (fault.tries, fault.tries - 1)
    if result is not None:
        assert [image.read() for image in result] == server.images()
        return
    assert getattr(error, "may_have_run", None) is fault.may_have_run
    assert fault.says in str(error)
    assert len(str(error)) < 400
    assert "192.0.2.7" not in str(error)
    if isinstance(error, ResponseError):
        assert [image.read() for image in error.images] == [PICTURE] * fault.held
        assert server.is_body(error.body)


@both_ways
@pytest.mark.parametrize("operation", OPERATIONS)
def test_a_server_that_is_not_there_is_tried_again_and_makes_nothing(
    run: Callable[..., ImagesResult], operation: str, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG, "images_api")
    with FaultyServer(GOOD, listens=False) as server, pytest.raises(APIConnectionError) as caught:
        run(OPERATIONS[operation], base_url=server.base_url)
    assert type(caught.value) is APIConnectionError
    assert not caught.value.may_have_run
    messages = [record.getMessage() for record in caplog.records if record.levelno == logging.DEBUG]
    assert [message.partition(", ")[2][:5] for message in messages if message.startswith("POST")] == ["try 1", "try 2", "try 3"]
    assert f"{httpx.URL(server.base_url).netloc.decode()}, try 3" in str(caught.value)


@both_ways
@pytest.mark.parametrize(
    "act",
    [
        pytest.param(answered(GOOD.body + b"\n", missing=1), id="all but the end of the line"),
        pytest.param(answered(GOOD.body + b"\n", missing=1, chunked=True), id="all but the last chunk"),
        pytest.param(
            Act(answered(GOOD.body + b"\n", missing=1).reply, makes=1, body=GOOD.body, end="hang"), id="all, then silence"
        ),
        pytest.param(answered(GOOD.body, headers=JSON | {"Content-Encoding": "gzip"}), id="mislabelled as gzip"),
    ],
)
def test_a_picture_that_came_whole_is_kept_though_its_reply_is_broken(run: Callable[..., ImagesResult], act: Act) -> None:
    with FaultyServer(act) as server:
        try:
            result = run(OPERATIONS["generate"], base_url=server.base_url, timeout=1 if act.end == "hang" else 10)
        except ImagesAPIError as error:
            assert getattr(error, "body", b"").strip() == GOOD.body  # noqa: PT017  a result is as good
        else:
            assert [image.read() for image in result] == [PICTURE]
    assert (server.tries, server.pictures_made) == (1, 1)


@both_ways
def test_a_foreign_error_is_the_cause_and_never_comes_in_the_place(run: Callable[..., ImagesResult], sandbox: Sandbox) -> None:
    sandbox.fail_next("close")
    with pytest.raises(ImagesAPIError) as caught:
        run(OPERATIONS["generate"], base_url=sandbox.base_url)
    assert type(caught.value.__cause__).__module__.partition(".")[0] == httpx.__name__
