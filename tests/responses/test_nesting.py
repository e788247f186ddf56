"""JSON nested as deep as it can be read: what comes of it is a result, an event or one of our errors, with short words."""

from __future__ import annotations

import json
from base64 import b64encode
from bisect import bisect_left
from functools import cache
from typing import TYPE_CHECKING

import pytest
from file_server import Reply, served_fixture
from pictures import drawn

from images_api import GeneratedImage, ImagesAPIError, ImagesClient, ImagesResult, StreamEvent

if TYPE_CHECKING:
    from collections.abc import Iterator

    from file_server import FileServer

FIXTURES = (served_fixture,)
LONGEST = 1000
PICTURE = drawn(2, 2)
GOOD = b'"b64_json": "%b"' % b64encode(PICTURE)
NESTS = {"lists": (b"[", b"]"), "objects": (b'{"a": ', b"}")}
BODIES = {
    "the reply": b"%b",
    "the pictures": b'{"data": %b}',
    "a picture": b'{"data": [%b]}',
    "base64": b'{"data": [{"b64_json": %b}]}',
    "a link": b'{"data": [{"url": %b}]}',
    "a picture's field": b'{"data": [{' + GOOD + b', "shimmer": %b}]}',
    "a field": b'{"data": [{' + GOOD + b'}], "shimmer": %b}',
    "a known field": b'{"data": [{' + GOOD + b'}], "created": %b, "size": %b}',
    "usage": b'{"data": [{' + GOOD + b'}], "usage": {"shimmer": %b, "input_tokens": %b}}',
    "an error": b'{"error": %b}',
    "a message": b'{"error": {"message": %b}}',
    "a code": b'{"error": {"message": "busy", "code": %b, "type": %b, "param": %b}}',
    "an inner code": b'{"error": {"message": "busy", "innererror": {"code": %b}}}',
    "a detail": b'{"detail": %b}',
    "a detail's message": b'{"detail": [{"msg": %b}]}',
}
EVENTS = {
    "the event": b"%b",
    "a type": b'{"type": %b}',
    "another event's field": b'{"type": "image.shimmer", "shimmer": %b}',
    "another event's picture": b'{"type": "image.shimmer", "b64_json": %b}',
    "a partial picture": b'{"type": "image_generation.partial_image", "partial_image_index": %b, ' + GOOD + b"}",
    "a finished picture": b'{"type": "image_generation.completed", "shimmer": %b, "usage": {"shimmer": %b}, ' + GOOD + b"}",
    "a finished picture's base64": b'{"type": "image_generation.completed", "b64_json": %b}',
    "an error": b'{"type": "error", "error": %b}',
    "a message": b'{"error": {"message": %b}}',
    "a code": b'{"error": {"message": "busy", "code": %b, "type": %b}}',
}


def is_readable(text: bytes) -> bool:
    try:
        json.loads(text)
    except RecursionError:
        return False
    return True


@cache
def nested(nest: str) -> list[bytes]:
    """Return JSON that is nested more and more: from what can be shown, by what can only just be read, to what can't be."""
    begin, end = NESTS[nest]

    def deep(depth: int) -> bytes:
        return begin * depth + b"1" + end * depth

    limit = bisect_left(range(1_000_000), True, key=lambda depth: not is_readable(deep(depth)))  # noqa: FBT003
    # A call stands on a stack of its own, so that its limit is a little lower.
    depths = (10, *range(50, 120, 10), *(limit * tenth // 10 for tenth in range(6, 10)), *range(limit - 60, limit, 6), 2 * limit)
    return [deep(depth) for depth in depths]


def filled(template: bytes, deep: bytes) -> bytes:
    return template.replace(b"%b", deep)


def words(thing: object) -> list[str]:
    """All that a result, an event or an error says of itself, its causes and its parts included."""
    said = [repr(thing), str(thing)]
    match thing:
        case ImagesResult():
            said += [thing._repr_html_().replace(b64encode(PICTURE).decode(), "")]
            said += [text for part in (thing.http, thing.usage, *thing.images) for text in words(part)]
        case GeneratedImage():
            said += [repr(part) for part in thing._repr_mimebundle_().values() if part != PICTURE]
        case StreamEvent():
            said += [text for part in (thing.http, getattr(thing, "usage", None), image_of(thing)) for text in words(part)]
        case BaseException():
            said += [repr(thing.args), *(str(getattr(thing, name, "")) for name in ("code", "param", "type"))]
            causes = (thing.__cause__, thing.__context__, *getattr(thing, "images", ()))
            said += [text for part in causes if part is not None for text in words(part)]
        case _:
            pass
    return said


def image_of(event: StreamEvent) -> GeneratedImage | ImagesAPIError:
    try:
        return event.image
    except ImagesAPIError as error:
        return error


@pytest.fixture
def client(served: FileServer) -> Iterator[ImagesClient]:
    with ImagesClient(base_url=f"{served.url}/v1", max_retries=0) as client:
        yield client


@pytest.mark.parametrize("nest", NESTS)
@pytest.mark.parametrize("status", [200, 400])
@pytest.mark.parametrize("template", BODIES.values(), ids=BODIES)
def test_a_reply(client: ImagesClient, served: FileServer, template: bytes, status: int, nest: str) -> None:
    for deep in nested(nest):
        body = filled(template, deep)
        served.answer("/v1/images/generations", Reply(body, status, {"Content-Type": "application/json"}))
        try:
            outcome: object = client.generate("x", model="m")
        except ImagesAPIError as error:
            outcome = error
        assert max(map(len, words(outcome))) < LONGEST


@pytest.mark.parametrize("nest", NESTS)
@pytest.mark.parametrize("template", EVENTS.values(), ids=EVENTS)
def test_an_event(client: ImagesClient, served: FileServer, template: bytes, nest: str) -> None:
    for deep in nested(nest):
        body = b"data: %b\n\n" % filled(template, deep)
        served.answer("/v1/images/generations", Reply(body, 200, {"Content-Type": "text/event-stream"}))
        outcomes: list[object] = []
        try:
            with client.stream_generate("x", model="m") as stream:
                outcomes += stream
                outcomes.append(stream.result())
        except ImagesAPIError as error:
            outcomes.append(error)
        assert outcomes
        assert max(len(text) for outcome in outcomes for text in words(outcome)) < LONGEST
