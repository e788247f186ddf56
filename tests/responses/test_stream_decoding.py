"""Server-sent events from bytes: the decoder and the reader alone, without a socket, cut at every place."""

from __future__ import annotations

import json
import time
from base64 import b64encode
from dataclasses import dataclass
from functools import partial
from itertools import combinations_with_replacement, pairwise
from typing import TYPE_CHECKING, Any

import httpx
import pytest
from contract_tables import SCHEMAS
from hypothesis import given
from hypothesis import strategies as st
from pictures import drawn

from images_api import (
    APIStatusError,
    AuthenticationError,
    BadRequestError,
    CompletedImage,
    ContentPolicyError,
    HTTPInfo,
    ImagesAPIError,
    ImagesResult,
    InternalServerError,
    NoImageError,
    PartialImage,
    PermissionDeniedError,
    QuotaExceededError,
    RateLimitError,
    ResponseError,
    StreamEvent,
    StreamInterruptedError,
    Usage,
)
from images_api._http.downloads import NoSource
from images_api._responses.body import Body
from images_api._responses.failures import status_error
from images_api._responses.result import ResponseReader
from images_api._responses.sse import EventDecoder
from images_api._secrets import Secrets

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

SMALL, SECOND, THIRD = (drawn(side, side, mode="L") for side in (1, 2, 3))
EVENT_TYPES: dict[str, str] = SCHEMAS["ImageStreamEvent"]["discriminator"]["mapping"]
PARTIALS = sorted(name for name, model in EVENT_TYPES.items() if model.endswith("/PartialImageEvent"))
FINALS = sorted(name for name, model in EVENT_TYPES.items() if model.endswith("/CompletedImageEvent"))
PARTIAL, FINAL = PARTIALS[0], FINALS[0]
USAGE = {"input_tokens": 1, "output_tokens": 2, "total_tokens": 3}
SPENT = Usage(1, 2, 3)
MIB = 1 << 20


# --- the decoder: bytes to the data of each event ---------------------------------------------------------------------------


TEXTS: dict[str, tuple[bytes, list[bytes]]] = {
    "LF": (b"data: a\n\ndata: b\n\n", [b"a", b"b"]),
    "CR": (b"data: a\r\rdata: b\r\r", [b"a", b"b"]),
    "CR LF": (b"data: a\r\n\r\ndata: b\r\n\r\n", [b"a", b"b"]),
    "mixed ends": (b"data: a\r\n\ndata: b\r\r\ndata: c\n\rdata: d\n\r\n", [b"a", b"b", b"c", b"d"]),
    "mixed ends within an event": (b"data: a\rdata: b\ndata: c\r\ndata: d\r\n\r", [b"a\nb\nc\nd"]),
    "byte order mark": (b"\xef\xbb\xbfdata: a\n\n", [b"a"]),
    "byte order mark before a blank line": (b"\xef\xbb\xbf\ndata: a\n\n", [b"a"]),
    "a second byte order mark is text": (b"data: a\n\n\xef\xbb\xbfdata: b\n\n", [b"a"]),
    "comments": (b": ok\n\n:\n\n:data: x\ndata: a\n: y\ndata: b\n\n:\n", [b"a\nb"]),
    "heartbeats only": (b":\n\n:\r\n\r\n:\r\r", []),
    "several lines": (b"data: a\ndata:\ndata:  b\ndata: c:d\n\n", [b"a\n\n b\nc:d"]),
    "no space after the colon": (b"data:a\n\ndata:{b}\n\n", [b"a", b"{b}"]),
    "one space is taken off": (b"data:  a \n\n", [b" a "]),
    "other fields": (b"event: e\nid: 1\nretry: 5\nnew: x\ndata: a\n\nevent: f\n\n", [b"a"]),
    "names that only look alike": (b"Data: x\ndata : y\n data: z\ndatas: w\ndata: a\n\n", [b"a"]),
    "empty data is no event": (b"data:\n\ndata: \n\ndata\n\ndata: a\n\n", [b"a"]),
    "blank lines only": (b"\n\r\n\r\n\n\r\r", []),
    "nothing": (b"", []),
    "no blank line at the end": (b"data: a\n\ndata: b\n", [b"a", b"b"]),
    "no line end at the end": (b"data: a\n\nevent: e\ndata: b\ndata: c", [b"a", b"b\nc"]),
    "a lone CR at the end": (b"data: a\r", [b"a"]),
    "letters of several bytes": ("data: größe 🦦\n\ndata: é\n\n".encode(), ["größe 🦦".encode(), "é".encode()]),
    "separators that are no line ends": (
        "data: a\x0b\x0c\x1c\x85\u2028b\0\n\n".encode(),
        ["a\x0b\x0c\x1c\x85\u2028b\0".encode()],
    ),
    "[DONE]": (b"data: a\n\ndata: [DONE]\n\n", [b"a", b"[DONE]"]),
}


def decoded(pieces: Iterable[bytes]) -> list[bytes]:
    body = Body(httpx.Headers({"content-type": "text/event-stream"}), 1 << 30)
    events = []
    for piece in pieces:
        body.write(piece)
        events += [event.read() for event in body.events()]
    body.close()
    return events + [event.read() for event in body.events()]


def parts(stream: bytes, *places: int) -> list[bytes]:
    bounds = [0, *places, len(stream)]
    return [stream[start:end] for start, end in pairwise(bounds)]


def all_pieces(stream: bytes) -> Iterator[list[bytes]]:
    """Yield the stream cut once at each place, and cut everywhere."""
    for place in range(len(stream) + 1):
        yield parts(stream, place)
    yield parts(stream, *range(1, len(stream)))


@pytest.mark.parametrize("name", TEXTS)
def test_a_stream_gives_its_events_wherever_it_is_cut_once_or_twice(name: str) -> None:
    stream, expected = TEXTS[name]

    assert decoded([stream]) == expected
    for pieces in all_pieces(stream):
        assert decoded(pieces) == expected, pieces
    for places in combinations_with_replacement(range(len(stream) + 1), 2):
        assert decoded(parts(stream, *places)) == expected, places


def test_an_event_comes_as_soon_as_its_blank_line_has_come() -> None:
    decoder = EventDecoder()

    told = []
    for piece in (b"data: a\r", b"\n\r", b"\n"):
        decoder.write(piece)
        told.append([event.read() for event in decoder.events()])
    decoder.close()
    assert told == [[], [b"a"], []]
    assert list(decoder.events()) == []


@dataclass(frozen=True)
class Drawn:
    """A stream as hypothesis makes it: what is said, in bytes, in pieces."""

    events: list[bytes]
    pieces: list[bytes]


@st.composite
def streams(draw: st.DrawFn) -> Drawn:
    value = st.binary(max_size=12).filter(lambda text: not set(text) & set(b"\r\n"))
    noise = st.builds(bytes.__add__, st.sampled_from([b":", b"event: ", b"id:", b"retry: ", b"x"]), value)
    lines = st.lists(value, min_size=1, max_size=4).filter(lambda event: any(line.strip() for line in event))
    events = draw(st.lists(lines, max_size=6))
    stream = bytearray(draw(st.sampled_from([b"", b"\xef\xbb\xbf"])))

    def end_line(text: bytes) -> None:
        ends: list[bytes] = [b"\n", b"\r", b"\r\n"]
        if not text and stream.endswith(b"\r"):
            ends.remove(b"\n")  # it would belong to the CR before
        stream.extend(text + draw(st.sampled_from(ends)))

    for event in events:
        for line in event:
            for each in draw(st.lists(noise, max_size=2)):
                end_line(each)
            end_line((b"data: " if line.startswith(b" ") else draw(st.sampled_from([b"data:", b"data: "]))) + line)
        for _ in range(draw(st.integers(1, 2))):
            end_line(b"")
    is_cut: bool = draw(st.booleans())
    if events and is_cut:
        stream = stream.rstrip(b"\r\n")  # the last line end, and the blank line, may be missing
    places = sorted(draw(st.lists(st.integers(0, len(stream)), max_size=8)))
    return Drawn([b"\n".join(event) for event in events], parts(bytes(stream), *places))


@given(streams())
def test_whatever_is_said_arrives_with_any_line_ends_between_any_noise_in_any_pieces(stream: Drawn) -> None:
    assert decoded(stream.pieces) == stream.events


def takes_at_most(times: float, pieces: list[bytes], other: list[bytes]) -> bool:
    """Tell whether a stream gives a processor so many times as much to do as another one, whatever it does beside."""

    def work(pieces: list[bytes]) -> float:
        begun = time.thread_time()
        decoded(pieces)
        return time.thread_time() - begun

    return any(min(work(pieces), work(pieces)) < times * min(work(other), work(other)) for _ in range(5))


def test_a_line_of_24_mb_in_small_pieces_takes_about_the_work_of_one_in_a_piece() -> None:
    piece = b"A" * (16 << 10)
    pieces = [b"data: ", *[piece] * (24 * MIB // len(piece)), b"\n\n"]
    # It takes half as long. To copy what has come to what comes would take 16 times as long.
    assert takes_at_most(5, pieces, [b"".join(pieces)])


@pytest.mark.parametrize("end", [b"\n", b"\r"], ids=["LF", "CR"])
def test_eight_times_the_lines_take_about_eight_times_the_work(end: bytes) -> None:
    few = (b":" + end) * (MIB // 32)
    # Quadratic work would take 64 times as long.
    assert takes_at_most(20, [few * 8], [few])


# --- the reader: bytes to typed events and a result -------------------------------------------------------------------------


def sse(*events: object, name: str = "") -> bytes:
    head = f"event: {name}\n".encode() if name else b""
    return b"".join(
        head + b"data: " + (event if isinstance(event, bytes) else json.dumps(event).encode()) + b"\n\n" for event in events
    )


def said(kind: str, picture: bytes | str | None = None, **more: Any) -> dict[str, Any]:
    fields = {"type": kind} if picture is None else {"type": kind, "b64_json": picture}
    if isinstance(picture, bytes):
        fields["b64_json"] = b64encode(picture).decode()
    return fields | more


@dataclass
class Outcome:
    """What came of a stream: its events, the error that ended it, and what it was read with."""

    events: list[StreamEvent]
    error: ImagesAPIError | None
    reader: ResponseReader

    def described(self) -> tuple[object, ...]:
        """All of it in comparable form."""
        error = self.error
        told: list[object] = [type(error), str(error)]
        if isinstance(error, ResponseError):
            told += [error.body, [image.read() for image in error.images]]
        if isinstance(error, StreamInterruptedError):
            told += [image.read() for image in error.partial_images]
        return [(type(event), event.type, event.index, event.data, picture_of(event)) for event in self.events], told

    def kinds(self) -> list[type[StreamEvent]]:
        return [type(event) for event in self.events]


def picture_of(event: StreamEvent) -> bytes | str:
    try:
        image = event.image
    except ResponseError as error:
        return str(error)
    return image.url or image.read()


def read(
    pieces: Sequence[bytes], *, expected: int = 1, content_type: str = "text/event-stream", cause: Exception | None = None
) -> Outcome:
    url = httpx.URL("http://127.0.0.1/v1/images/generations")
    http = HTTPInfo(200, httpx.Headers({"content-type": content_type, "x-request-id": "req_1"}), 0.5)
    body = Body(http.headers, 1 << 30)
    refusal = partial(status_error, http, url=url, secrets=Secrets())
    reader = ResponseReader(http, body, refusal, "an otter", expected, NoSource())
    events: list[StreamEvent] = []
    try:
        for piece in pieces:
            events.extend(reader.feed(piece))
        events.extend(reader.finish(cause))
    except ImagesAPIError as error:
        return Outcome(events, error, reader)
    return Outcome(events, None, reader)


def result_of(stream: bytes, **how: Any) -> ImagesResult:
    outcome = read([stream], **how)
    assert outcome.error is None
    return outcome.reader.result()


WHOLE = sse(said(PARTIAL, SMALL, partial_image_index=0), said(FINAL, SECOND, usage=USAGE))
STREAMS: dict[str, tuple[bytes, list[type[StreamEvent]], type[ImagesAPIError] | None]] = {
    "a partial and a final picture": (WHOLE, [PartialImage, CompletedImage], None),
    "with CR LF, byte order mark, heartbeats and names": (
        b"\xef\xbb\xbf: hello\r\n\r\n" + sse(said(FINAL, SMALL), name="nonsense").replace(b"\n", b"\r\n") + b":\r\n\r\n",
        [CompletedImage],
        None,
    ),
    "[DONE] behind the final picture": (sse(said(FINAL, SMALL), b"[DONE]"), [CompletedImage], None),
    "[DONE] without a final picture": (sse(said(PARTIAL, SMALL), b"[DONE]"), [PartialImage], StreamInterruptedError),
    "no blank line behind the final picture": (sse(said(FINAL, SMALL)).rstrip(), [CompletedImage], None),
    "no final picture": (sse(said(PARTIAL, SMALL), said(PARTIAL, SECOND)), [PartialImage] * 2, StreamInterruptedError),
    "nothing at all": (b"", [], StreamInterruptedError),
    "heartbeats only": (b":\n\n:\n\n", [], StreamInterruptedError),
    "empty and blank data": (b"data:\n\ndata:\ndata:\n\n" + sse(said(FINAL, SMALL)) + b"data:  \n\n", [CompletedImage], None),
    "an unknown type": (sse(said("image.shimmering", note="größe 🦦"), said(FINAL, SMALL)), [StreamEvent, CompletedImage], None),
    "no type": (sse({"progress": 0.5}, said(FINAL, SMALL)), [StreamEvent, CompletedImage], None),
    "two final pictures": (
        sse(said(PARTIAL, SMALL), said(FINAL, SECOND), said(PARTIAL, SMALL), said(FINAL, THIRD)),
        [PartialImage, CompletedImage, PartialImage, CompletedImage],
        None,
    ),
    "a broken partial picture": (sse(said(PARTIAL, SMALL[:-9]), said(FINAL, SMALL)), [PartialImage, CompletedImage], None),
    "an empty partial picture": (sse(said(PARTIAL, ""), said(FINAL, SMALL)), [PartialImage, CompletedImage], None),
    "a broken final picture": (sse(said(FINAL, SECOND), said(FINAL, SMALL[:-9])), [CompletedImage, StreamEvent], ResponseError),
    "a final picture that isn't base64": (sse(said(FINAL, "§§")), [StreamEvent], ResponseError),
    "an empty final picture": (sse(said(FINAL, "")), [StreamEvent], StreamInterruptedError),
    "a final event without a picture": (sse(said(FINAL)), [StreamEvent], StreamInterruptedError),
    "a link": (sse(said(FINAL, url="https://127.0.0.1/otter.png")), [CompletedImage], None),
    "bad JSON": (sse(said(PARTIAL, SMALL), b'{"type": '), [PartialImage], ResponseError),
    "bad UTF-8": (b'data: {"type": "\xff"}\n\n', [], ResponseError),
    "JSON that is no object": (sse(b"[1, 2]"), [], ResponseError),
    "an error with an envelope": (
        sse(said(PARTIAL, SMALL), {"error": {"message": "no", "code": "rate_limit_exceeded"}}),
        [PartialImage],
        RateLimitError,
    ),
    "a flat error": (sse(said("error", code="server_error", message="no")), [], InternalServerError),
}


@pytest.mark.parametrize("name", STREAMS)
def test_a_stream_means_the_same_wherever_it_is_cut(name: str) -> None:
    stream, kinds, error = STREAMS[name]
    whole = read([stream])

    assert whole.kinds() == kinds
    assert type(whole.error) is (error or type(None))
    for pieces in all_pieces(stream):
        assert read(pieces).described() == whole.described(), pieces


@pytest.mark.parametrize("kind", PARTIALS)
def test_each_partial_type_of_the_contract_gives_an_unfinished_picture(kind: str) -> None:
    (event,) = read([sse(said(kind, SMALL))]).events

    assert isinstance(event, PartialImage)
    assert event.type == kind
    assert event.image.read() == SMALL


@pytest.mark.parametrize("kind", FINALS)
def test_each_completed_type_of_the_contract_gives_a_finished_picture_with_its_usage(kind: str) -> None:
    (event,) = read([sse(said(kind, SMALL, usage=USAGE))]).events

    assert isinstance(event, CompletedImage)
    assert event.usage == SPENT
    assert event.image.read() == SMALL


def test_events_are_counted_through_and_the_finished_picture_comes_behind_its_unfinished_ones() -> None:
    events = read([sse(said(PARTIAL, SMALL), said(PARTIAL, SECOND), said("image.note"), said(FINAL, THIRD))]).events

    assert [event.index for event in events if type(event) is not StreamEvent] == [0, 1, 2]


def test_an_event_keeps_what_the_server_said_but_its_base64() -> None:
    (event,) = read([sse(said(FINAL, SMALL, created_at=7, shimmer={"deep": [1]}))]).events

    assert event.data == {"type": FINAL, "created_at": 7, "shimmer": {"deep": [1]}}
    assert event.http.request_id == "req_1"


def test_an_event_of_an_unknown_type_hands_out_its_picture_if_it_has_one() -> None:
    bare, full, _ = read([sse(said("image.note", text="hm"), said("image.sketch", SMALL), said(FINAL, SECOND))]).events

    assert (bare.type, bare.data["text"]) == ("image.note", "hm")
    with pytest.raises(ResponseError, match=r"image\.note has neither b64_json nor url"):
        _ = bare.image
    assert full.image.read() == SMALL


def test_a_broken_partial_picture_breaks_nothing_until_it_is_looked_at() -> None:
    broken, final = read([sse(said(PARTIAL, SMALL[:-9]), said(FINAL, SMALL))]).events

    with pytest.raises(ResponseError, match="is cut short"):
        _ = broken.image
    assert final.image.read() == SMALL


def test_a_broken_final_picture_keeps_its_bytes_and_the_good_pictures_before_it() -> None:
    broken = said(FINAL, SMALL[:-9])

    error = read([sse(said(FINAL, SECOND), broken)], expected=2).error

    assert isinstance(error, ResponseError)
    assert [image.read() for image in error.images] == [SECOND]
    assert json.loads(error.body) == broken


def test_an_event_that_is_no_json_keeps_its_bytes_and_the_good_pictures_before_it() -> None:
    error = read([sse(said(FINAL, SECOND), b"<html>")], expected=2).error

    assert isinstance(error, ResponseError)
    assert ([image.read() for image in error.images], error.body) == ([SECOND], b"<html>")


def test_a_link_isnt_fetched_before_it_is_read() -> None:
    (event,) = read([sse(said(FINAL, url="https://127.0.0.1/otter.png?sig=1"))]).events

    assert event.image.url == "https://127.0.0.1/otter.png?sig=1"


def test_the_result_holds_the_finished_pictures_and_what_was_said_of_the_last() -> None:
    facts = {"background": "opaque", "output_format": "png", "size": "2x2", "quality": "low"}

    result = result_of(sse(said(PARTIAL, SMALL), said(FINAL, SECOND), said(FINAL, THIRD, created_at=7, usage=USAGE, **facts)))

    assert [(image.index, image.read()) for image in result] == [(0, SECOND), (1, THIRD)]
    assert (result.created, result.usage) == (7, SPENT)
    assert {name: getattr(result, name) for name in facts} == facts
    assert result.http.request_id == "req_1"


def test_the_result_of_a_frugal_stream_says_none_of_what_was_left_out() -> None:
    result = result_of(sse(said(FINAL, SMALL)))

    names = ("created", "usage", "background", "output_format", "size", "quality")
    assert {getattr(result, name) for name in names} == {None}


def test_what_cuts_a_stream_short_is_the_cause_and_unfinished_pictures_are_kept() -> None:
    cause = httpx.ReadTimeout("timed out")

    error = read([sse(said(PARTIAL, SMALL)) + b"data: {"], cause=cause).error

    assert isinstance(error, StreamInterruptedError)
    assert error.__cause__ is cause
    assert [image.read() for image in error.partial_images] == [SMALL]
    assert "0 finished and 1 unfinished images (ReadTimeout: timed out); the call may be billed" in str(error)


@pytest.mark.parametrize(
    ("stream", "pictures", "interrupted"),
    [
        pytest.param(sse(said(FINAL, SMALL)), 1, False, id="behind the only picture"),
        pytest.param(sse(said(FINAL, SMALL)), 2, True, id="before the second picture"),
        pytest.param(sse(said(FINAL, SMALL), b"[DONE]"), 2, False, id="behind [DONE]"),
        pytest.param(sse(said(FINAL, SMALL)).rstrip(), 1, True, id="before the blank line: the picture may be cut as well"),
    ],
)
def test_a_cut_matters_only_before_the_last_picture(stream: bytes, pictures: int, *, interrupted: bool) -> None:
    outcome = read([stream], expected=pictures, cause=httpx.ReadError("gone"))

    assert isinstance(outcome.error, StreamInterruptedError) is interrupted
    if isinstance(outcome.error, StreamInterruptedError):
        assert list(outcome.error.images) == [event.image for event in outcome.events]


def test_a_stream_that_ends_by_itself_with_fewer_pictures_than_asked_for_is_no_error() -> None:
    assert len(result_of(sse(said(FINAL, SMALL)), expected=3)) == 1


def test_the_result_of_a_stream_without_a_finished_picture_is_an_interruption_too() -> None:
    outcome = read([sse(said(PARTIAL, SMALL))])

    with pytest.raises(StreamInterruptedError) as info:
        outcome.reader.result()
    assert [image.read() for image in info.value.partial_images] == [SMALL]


UNTOLD = "a_code_nobody_knows"
ERRORS: list[tuple[dict[str, Any], type[APIStatusError]]] = [
    ({"code": "invalid_request_error"}, BadRequestError),
    ({"type": "invalid_request_error", "code": UNTOLD}, BadRequestError),
    ({"type": "authentication_error"}, AuthenticationError),
    ({"type": "permission_error"}, PermissionDeniedError),
    ({"type": "image_generation_user_error", "code": "moderation_blocked"}, ContentPolicyError),
    ({"type": "server_error"}, InternalServerError),
    ({"type": "api_error"}, InternalServerError),
    ({"type": "image_generation_error", "code": "insufficient_quota"}, QuotaExceededError),
    ({"type": "something_new", "code": 7}, APIStatusError),
    ({}, APIStatusError),
    # The code is closer to the fault than the type, whichever Python's random hashes put first.
    ({"type": "invalid_request_error", "code": "invalid_api_key"}, AuthenticationError),
    ({"type": "invalid_request_error", "code": "rate_limit_exceeded"}, RateLimitError),
    ({"type": "invalid_request_error", "code": "insufficient_quota"}, QuotaExceededError),
    ({"type": "invalid_request_error", "code": "server_error"}, InternalServerError),
    ({"type": "api_error", "code": "invalid_api_key"}, AuthenticationError),
    ({"type": "api_error", "code": "rate_limit_exceeded"}, RateLimitError),
    ({"type": "server_error", "code": "invalid_api_key"}, AuthenticationError),
    ({"type": "authentication_error", "code": "rate_limit_exceeded"}, RateLimitError),
]


# A flat error has its type in the place of the event's, so that only its code tells.
FLAT_ERRORS = [({"code": each.get("code", each.get("type"))}, kind) for each, kind in ERRORS if each.get("code") != UNTOLD]


@pytest.mark.parametrize(
    ("event", "kind"),
    [
        *(pytest.param({"type": "error", "error": fields}, kind, id=f"envelope {fields}") for fields, kind in ERRORS),
        *(pytest.param({"error": fields}, kind, id=f"envelope alone {fields}") for fields, kind in ERRORS),
        *(pytest.param({**fields, "type": "error"}, kind, id=f"flat {fields}") for fields, kind in FLAT_ERRORS),
    ],
)
def test_an_error_event_raises_the_error_of_its_code(event: dict[str, Any], kind: type[APIStatusError]) -> None:
    told = {"message": "it was too much", "param": "prompt"}
    event = {**event, "error": {**event["error"], **told}} if "error" in event else {**event, **told}

    outcome = read([sse(said(PARTIAL, SMALL), event)])

    error = outcome.error
    assert type(error) is kind
    assert isinstance(error, APIStatusError)
    assert "it was too much" in str(error)
    assert (error.param, error.request_id) == ("prompt", "req_1")
    assert outcome.kinds() == [PartialImage]


def test_a_null_error_beside_a_picture_is_no_error() -> None:
    assert result_of(sse(said(FINAL, SMALL, error=None)))[0].read() == SMALL


# --- replies that are no stream ---------------------------------------------------------------------------------------------


@pytest.mark.parametrize("content_type", ["application/json", "application/json; charset=utf-8", ""])
def test_a_json_reply_gives_one_completed_event_a_picture_wherever_it_is_cut(content_type: str) -> None:
    entries = [{"b64_json": b64encode(picture).decode()} for picture in (SMALL, SECOND)]
    reply = json.dumps({"created": 7, "data": entries, "usage": USAGE}).encode()

    for pieces in all_pieces(reply):
        outcome = read(pieces, content_type=content_type)

        assert outcome.kinds() == [CompletedImage, CompletedImage]
        assert [(event.index, event.image.read()) for event in outcome.events] == [(0, SMALL), (1, SECOND)]
        assert [event.usage for event in outcome.events if isinstance(event, CompletedImage)] == [SPENT] * 2
        assert outcome.reader.result().created == 7


def test_a_bare_picture_gives_one_completed_event() -> None:
    outcome = read([SMALL[:20], SMALL[20:]], content_type="image/png")

    assert [picture_of(event) for event in outcome.events] == [SMALL]


@pytest.mark.parametrize(
    ("reply", "kind"),
    [
        pytest.param(b'{"data": []}', NoImageError, id="no picture"),
        pytest.param(b"<html>", ResponseError, id="no JSON"),
        pytest.param(b"", ResponseError, id="nothing"),
    ],
)
def test_a_reply_that_is_neither_stream_nor_pictures_is_an_error_with_its_bytes(reply: bytes, kind: type[ResponseError]) -> None:
    error = read([reply], content_type="application/json").error

    assert type(error) is kind
    assert isinstance(error, ResponseError)
    assert error.body == reply


def test_a_json_reply_that_is_cut_off_is_an_interruption_with_its_bytes() -> None:
    error = read([b'{"data": ['], content_type="application/json", cause=httpx.RemoteProtocolError("gone")).error

    assert isinstance(error, StreamInterruptedError)
    assert error.body == b'{"data": ['


@pytest.mark.parametrize("content_type", ["text/event-stream", "Text/Event-Stream; charset=utf-8", "text/event-stream;"])
def test_a_stream_is_known_by_its_content_type_however_it_is_written(content_type: str) -> None:
    assert read([WHOLE], content_type=content_type).kinds() == [PartialImage, CompletedImage]


# --- what is shown ----------------------------------------------------------------------------------------------------------


def test_the_repr_of_an_event_is_one_short_line_without_the_picture() -> None:
    partial, final = read([WHOLE]).events

    assert repr(partial) == f"<PartialImage {PARTIAL} 0 {partial.image!r}>"
    assert repr(final).startswith(f"<CompletedImage {FINAL} 1 <GeneratedImage")
    assert len(repr(read([sse(said("x" * 999))]).events[0])) <= 200
