"""What becomes of every fault between a call and its picture: the error, what it says of the bill, and what is sent again."""

from __future__ import annotations

import gzip
import json
import logging
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
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
    from collections.abc import Callable, Mapping

    from images_api import ImagesResult

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


def limited(**headers: str) -> Act:
    """A refusal for the rate, with headers whose underscores stand for dashes."""
    return refused(429, error_body("slow down"), JSON | {name.replace("_", "-"): value for name, value in headers.items()})


@dataclass(frozen=True)
class Fault:
    """Acts of a server, and what comes of them.

    Attributes:
        acts: What the server does, request by request, the last one again and again.
        error: The very class of the error; None where there is a picture in the end.
        may_have_run: What the error says of the bill; None where the class has no word on it.
        tries: How often the call is sent, 3 being all that is allowed.
        made: How many pictures the server made.
        says: What stands in the message.
        held: How many good pictures are on the error.
        timeout: The client's, in seconds.
    """

    acts: tuple[Act, ...]
    error: type[ImagesAPIError] | None = None
    may_have_run: bool | None = None
    tries: int = 1
    made: int = 1
    says: str = ""
    held: int = 0
    timeout: float = 10


def broken(act: Act, error: type[ImagesAPIError] = APIConnectionError, **more: Any) -> Fault:
    """Nobody knows whether the server made a picture, so the request is not sent again."""
    return Fault((act,), error, may_have_run=True, **more)


def passing(*acts: Act) -> Fault:
    """The server made nothing of the first tries, and a picture of the last."""
    return Fault((*acts, GOOD), tries=len(acts) + 1)


def turned_down(act: Act, error: type[ImagesAPIError], *, tries: int = 1, says: str = "") -> Fault:
    """The server made nothing, and says so."""
    return Fault((act, act, GOOD) if tries == 1 else (act,), error, may_have_run=False, tries=tries, made=0, says=says)


def failed(
    status: int,
    error: type[ImagesAPIError] = InternalServerError,
    *,
    body: bytes = b'{"error": {"message": "it broke"}}',
    headers: Mapping[str, str] = JSON,
    says: str = "",
) -> Fault:
    """The server failed, perhaps after it had made a picture."""
    return broken(answered(body, status, headers), error, says=says)


def useless(body: bytes, error: type[ImagesAPIError] = ResponseError, says: str = "", *, held: int = 0, **answer: Any) -> Fault:
    """A success that is none: it is paid for, so its bytes are kept."""
    return Fault((answered(body, **answer),), error, says=says, held=held)


CONNECTIONS = {
    "reset before the request is read": broken(Act(reads=False, end="reset"), made=0),
    "reset after the request": broken(Act(makes=1, end="reset")),
    "closed before a byte": broken(Act(makes=1)),
    "cut within the status line": broken(Act(b"HTTP/1.1 2", makes=1)),
    "cut within the headers": broken(Act(b"HTTP/1.1 200 OK\r\nContent-Ty", makes=1)),
    "cut after the headers": broken(answered(pictures(PICTURE), missing=len(pictures(PICTURE)))),
    "half a body": broken(answered(pictures(PICTURE), missing=len(pictures(PICTURE)) // 2)),
    "half a body, then reset": broken(Act(answered(pictures(PICTURE), missing=99).reply, makes=1, end="reset")),
    "chunks cut short": broken(answered(pictures(PICTURE), missing=99, chunked=True)),
    "a broken chunk": broken(Act(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nso much\r\n", makes=1)),
    "not HTTP": broken(Act(b"SSH-2.0-OpenSSH_9.9\r\n\r\n", makes=1)),
    "binary garbage": broken(Act(bytes(range(256)), makes=1)),
    "a status that is no number": broken(Act(b"HTTP/1.1 abc OK\r\n\r\n", makes=1)),
    "silence": broken(Act(makes=1, end="hang"), APITimeoutError, says="timeout", timeout=0.3),
    "silence within the body": broken(
        Act(answered(pictures(PICTURE), missing=99).reply, makes=1, end="hang"), APITimeoutError, timeout=0.3
    ),
    "a slow trickle": Fault((answered(pictures(PICTURE), piece=16),)),
    "chunks": Fault((answered(pictures(PICTURE), chunked=True),)),
    "news before the answer": Fault((Act(b"HTTP/1.1 103 Early Hints\r\n\r\n" + GOOD.reply, makes=1),)),
}
STATUSES = {
    "304": turned_down(refused(304, b""), APIStatusError, says="304"),
    "400": turned_down(refused(400, error_body("n is odd", param="n")), BadRequestError, says="n is odd"),
    "400 for the content": turned_down(refused(400, error_body(code="moderation_blocked")), ContentPolicyError),
    "401": turned_down(refused(401, error_body("who are you?")), AuthenticationError, says="who are you?"),
    "402": turned_down(refused(402, error_body()), APIStatusError),
    "403": turned_down(refused(403, error_body()), PermissionDeniedError),
    "404": turned_down(refused(404, error_body()), NotFoundError, says="/v1"),
    "408": failed(408, APIStatusError),
    "409": failed(409, ConflictError),
    "413": turned_down(refused(413, error_body()), APIStatusError),
    "422": turned_down(refused(422, error_body()), UnprocessableEntityError),
    "429 for ever": turned_down(limited(retry_after="0.001"), RateLimitError, tries=3, says="slow down"),
    "429 without a budget": turned_down(refused(429, error_body(code="insufficient_quota")), QuotaExceededError),
    "429 without a budget, with a wait": turned_down(
        refused(429, error_body(type="insufficient_quota"), JSON | {"Retry-After": "0.01", "x-should-retry": "true"}),
        QuotaExceededError,
    ),
    "499": turned_down(refused(499, error_body()), APIStatusError),
    **{str(status): failed(status, says=str(status)) for status in (500, 502, 503, 504, 520, 524, 529, 561)},
    "500 with a wait": failed(500, headers=JSON | {"Retry-After": "0.01"}),
    "503 with a wait of nothing": failed(503, headers=JSON | {"Retry-After": "0"}),
    "503 with too long a wait": turned_down(refused(503, headers={"Retry-After": "121"}), InternalServerError),
    "503 that says no": turned_down(
        refused(503, headers={"Retry-After": "0.01", "x-should-retry": "false"}), InternalServerError
    ),
    "503 with a wait for ever": turned_down(refused(503, headers={"Retry-After": "0.001"}), InternalServerError, tries=3),
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
    "429 that says no": turned_down(limited(retry_after="0.01", x_should_retry="false"), RateLimitError),
    "429 with half a body": passing(answered(error_body("slow down"), 429, makes=0, missing=9)),
    "503 with seconds": passing(refused(503, headers={"Retry-After": "0.01"})),
    "503 with milliseconds": passing(refused(503, headers={"retry-after-ms": "10"})),
    "503, then 429": passing(refused(503, headers={"Retry-After": "0.01"}), limited()),
    "500 that says yes": passing(refused(500, headers={"x-should-retry": "true"})),
    "409 that says yes": passing(refused(409, headers={"x-should-retry": "true", "retry-after-ms": "1"})),
    "400 that says yes": passing(refused(400, headers={"x-should-retry": "true"})),
    "500 that says yes too loudly": failed(500, headers={"x-should-retry": "TRUE"}),
    "500 that says yes, too late": failed(500, headers={"x-should-retry": "true", "Retry-After": "121"}),
    # The first failure may be billed, so what would have passed on the second try is not asked for.
    "429, then a cut": Fault((limited(), answered(GOOD.body, missing=99), GOOD), APIConnectionError, may_have_run=True, tries=2),
    "429, then 500": Fault((limited(), answered(status=500), GOOD), InternalServerError, may_have_run=True, tries=2),
    "429, then no picture": Fault((limited(), answered(b'{"data": []}'), GOOD), NoImageError, tries=2),
}
ERROR_BODIES = {
    "HTML": failed(502, body=PAGE, headers=HTML, says="502: 502 Bad Gateway"),
    "HTML without a title": failed(502, body=b"<h1>Oh dear</h1>", headers=HTML, says="Oh dear"),
    "plain": failed(500, body=b"upstream connect error", headers={"Content-Type": "text/plain"}, says="upstream connect error"),
    "empty": failed(500, body=b"", headers={}, says="an empty body"),
    "not UTF-8": failed(500, body=b"\xff\xfe\x00", headers={}, says="500"),
    "a list": failed(500, body=b'[{"message": "odd"}]', says="odd"),
    "null": failed(500, body=b"null", says="500"),
    "a number": failed(500, body=b"7", says="7"),
    "nested too deep": failed(500, body=b"[" * 100_000, says="500"),
    "an error of text": failed(500, body=b'{"error": "out of memory"}', says="out of memory"),
    "an error of null": failed(500, body=b'{"error": null, "message": "out of order"}', says="out of order"),
    "a code of digits": failed(500, body=error_body("busy", code=1302), says="500 1302: busy"),
    "FastAPI's": turned_down(
        refused(422, b'{"detail": [{"loc": ["body", "n"], "msg": "n is odd"}, {"msg": "size is even"}]}'),
        UnprocessableEntityError,
        says="n is odd; size is even",
    ),
    "FastAPI's text": turned_down(refused(404, b'{"detail": "Not Found"}'), NotFoundError, says="Not Found"),
    "mislabelled as gzip": failed(502, headers=JSON | {"Content-Encoding": "gzip"}, says="502"),
}
SUCCESSES = {
    "HTML": useless(PAGE, headers=HTML, says="text/html"),
    "empty": useless(b"", says="empty body"),
    "no content": useless(b"", status=204, headers={}),
    "null": useless(b"null", NoImageError),
    "a list": useless(b"[]", NoImageError),
    "JSON cut short, of its full length": useless(pictures(PICTURE)[:-99]),
    "no data": useless(b"{}", NoImageError),
    "data of null": useless(b'{"created": 1, "data": null}', NoImageError),
    "data of nothing": useless(b'{"created": 1, "data": []}', NoImageError),
    "data of an object": useless(b'{"data": {}}', NoImageError),
    "data of nulls": useless(b'{"data": [null]}'),
    "an entry without a picture": useless(b'{"data": [{"b64_json": "", "url": null}]}'),
    "an error": useless(error_body("all painters are busy"), NoImageError, says="all painters are busy"),
    "a cut picture": useless(pictures(PICTURE[:-20]), says="cut short"),
    "no base64": useless(pictures("so much for base64!"), says="base64"),
    "no picture": useless(pictures(b"so much for pictures"), says="isn't an image"),
    "a cut picture after a good one": useless(pictures(PICTURE, PICTURE[:-20]), says="image 2 of 2", held=1),
    "a cut picture between good ones": useless(pictures(PICTURE, PICTURE[:-20], PICTURE), says="image 2 of 3", held=2),
    "a bare picture cut short": useless(PICTURE[:-20], headers=PNG, says="cut short"),
    "a page for a picture": useless(PAGE, headers=PNG, says="isn't an image"),
    "JSON called text": Fault((answered(GOOD.body, headers={"Content-Type": "text/plain"}),)),
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
    run: Callable[..., ImagesResult], operation: str, name: str, caplog: pytest.LogCaptureFixture
) -> None:
    fault = FAULTS[name]
    caplog.set_level(logging.DEBUG, "images_api")
    result, error = None, None
    with FaultyServer(*fault.acts) as server:
        try:
            result = run(OPERATIONS[operation], base_url=server.base_url, timeout=fault.timeout)
        except ImagesAPIError as raised:
            error = raised
    assert type(error) is (fault.error or type(None)), error
    assert (server.tries, server.pictures_made) == (fault.tries, fault.made)
    levels = [record.levelno for record in caplog.records if record.name == "images_api"]
    assert (levels.count(logging.DEBUG), levels.count(logging.INFO)) == (fault.tries, fault.tries - 1)
    if result is not None:
        assert [image.read() for image in result] == [PICTURE]
        return
    assert getattr(error, "may_have_run", None) is fault.may_have_run
    assert fault.says in str(error)
    assert len(str(error)) < 400
    assert "192.0.2.7" not in str(error)
    if isinstance(error, ResponseError):
        assert error.body == fault.acts[fault.tries - 1].body
        assert [image.read() for image in error.images] == [PICTURE] * fault.held


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
def test_a_foreign_error_is_the_cause_and_never_comes_in_the_place(run: Callable[..., ImagesResult]) -> None:
    with FaultyServer(Act(makes=1)) as server, pytest.raises(ImagesAPIError) as caught:
        run(OPERATIONS["generate"], base_url=server.base_url)
    assert type(caught.value.__cause__).__module__.partition(".")[0] == httpx.__name__
