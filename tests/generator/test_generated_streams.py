"""The streams of the generated client alone: what is yielded, whatever a server sends and however it is cut."""

from __future__ import annotations

import asyncio
import json
from base64 import b64encode
from contextlib import aclosing, closing
from io import BytesIO
from typing import TYPE_CHECKING, Any

import httpx
import pytest
from generation import CONFIG, form_parts, our_contract
from raw_server import END, Do, RawServer, chunk, head, reply

from images_api_client import Client
from images_api_client.api.images import create_image, create_image_edit, create_image_variation
from images_api_client.errors import UnexpectedStatus
from images_api_client.models import (
    CompletedImageEvent,
    CreateImageEditByReferenceRequest,
    CreateImageEditRequest,
    CreateImageRequest,
    CreateImageVariationRequest,
    ErrorDetail,
    ErrorResponse,
    ImageReference,
    ImagesResponse,
    PartialImageEvent,
)
from images_api_client.streams import UnknownEvent
from images_api_client.types import File
from tools.generator.events import write_events
from tools.generator.package_writer import _settings

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from pathlib import Path

MODES = ("sync", "asyncio")
# Longer than what is read from a socket at once.
IMAGE = b64encode(bytes(range(256)) * 2000).decode()
CREATION = CreateImageRequest(prompt="an otter")
PARTIAL = {"type": "image_generation.partial_image", "b64_json": IMAGE, "partial_image_index": 0}
COMPLETED = {"type": "image_edit.completed", "b64_json": IMAGE, "usage": {"total_tokens": 7}}
WHY = {"message": "no otters today", "code": "moderation_blocked"}


def event(data: object, *lines: str, end: str = "\n") -> bytes:
    return end.join([*lines, f"data: {json.dumps(data)}", "", ""]).encode()


def client(server: RawServer, **settings: Any) -> Client:
    return Client(base_url=server.base_url, httpx_args={"trust_env": False}, **settings)


def read(
    mode: str, server: RawServer, found: list[Any], body: Any = CREATION, module: Any = create_image, **settings: Any
) -> None:
    """Add all that the stream of an operation yields, whatever becomes of it."""

    async def main() -> None:
        async with client(server, **settings) as low_level:
            async for each in module.asyncio_stream(client=low_level, body=body):
                found.append(each)  # noqa: PERF401  what came before an error is wanted

    if mode == "sync":
        with client(server, **settings) as low_level:
            found.extend(module.sync_stream(client=low_level, body=body))
    else:
        asyncio.run(main())


def streamed(mode: str, server: RawServer, body: Any = CREATION, module: Any = create_image, **settings: Any) -> list[Any]:
    """Return all that the stream of an operation yields."""
    found: list[Any] = []
    read(mode, server, found, body, module, **settings)
    return found


def played(mode: str, body: bytes | Sequence[bytes], content_type: str = "text/event-stream", status: int = 200) -> list[Any]:
    chunks = [body] if isinstance(body, bytes) else body
    with RawServer([head(content_type, status=status), *map(chunk, filter(None, chunks)), END]) as server:
        return streamed(mode, server)


def told(events: list[Any]) -> list[Any]:
    return [each.type_ if isinstance(each, PartialImageEvent | CompletedImageEvent | UnknownEvent) else each for each in events]


@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize("end", ["\n", "\r\n", "\r"])
@pytest.mark.parametrize("size", [1, 2, 7, 64, 1 << 20])
def test_events_become_models_wherever_they_are_cut(mode: str, end: str, size: int) -> None:
    short = {**PARTIAL, "b64_json": "aGk="}
    heartbeat, later = f": heartbeat{end}{end}".encode(), {**short, "partial_image_index": 1}
    body = heartbeat.join([event(short, end=end), event(later, "id: 7", end=end), event(COMPLETED, end=end)])
    if size < 64:
        body = body.replace(IMAGE.encode(), b"aGk=")
    first, second, last = played(mode, [body[start : start + size] for start in range(0, len(body), size)])

    assert isinstance(first, PartialImageEvent)
    assert isinstance(second, PartialImageEvent)
    assert isinstance(last, CompletedImageEvent)
    assert (first.partial_image_index, first.b64_json, second.partial_image_index) == (0, "aGk=", 1)
    assert last.b64_json == (IMAGE if size >= 64 else "aGk=")
    assert last.usage
    assert last.usage.total_tokens == 7


DATA = json.dumps({"b64_json": "aGk="})
OTHER = {"type": "image_generation.sketch", "b64_json": "aGk="}
UNTYPED = {"b64_json": "aGk="}


@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize(
    ("body", "yielded"),
    [
        pytest.param(event(OTHER), [UnknownEvent("image_generation.sketch", OTHER)], id="an unknown type"),
        pytest.param(
            event(UNTYPED, "event: image_edit.completed"),
            [CompletedImageEvent("image_edit.completed", b64_json="aGk=")],
            id="the type beside the data",
        ),
        pytest.param(
            event(COMPLETED | UNTYPED, "event: message"),
            [CompletedImageEvent.from_dict(COMPLETED | UNTYPED)],
            id="the type in the data goes first",
        ),
        pytest.param(event(UNTYPED), [UnknownEvent("message", UNTYPED)], id="no type"),
        pytest.param(
            event(UNTYPED, "event: a") + event(UNTYPED),
            [UnknownEvent("a", UNTYPED), UnknownEvent("message", UNTYPED)],
            id="a type is for one event",
        ),
        pytest.param(b"data: oops\n\n", [UnknownEvent("message", "oops")], id="no JSON"),
        pytest.param(b"data: \xff\n\n", [UnknownEvent("message", "\ufffd")], id="no UTF-8"),
        pytest.param(b"data: " + b"[" * 100_000 + b"\n\n", [UnknownEvent("message", "[" * 100_000)], id="bottomless"),
        pytest.param(event([1, 2]), [UnknownEvent("message", [1, 2])], id="a list"),
        pytest.param(event([]), [UnknownEvent("message", [])], id="an empty list"),
        pytest.param(b'data: {"a":\ndata: 1}\n\n', [UnknownEvent("message", {"a": 1})], id="several lines"),
        pytest.param(b'data:{"a":1}\n\n', [UnknownEvent("message", {"a": 1})], id="no blank"),
        pytest.param(b'\xef\xbb\xbfdata: {"a": 1}\n\n', [UnknownEvent("message", {"a": 1})], id="a byte order mark"),
        pytest.param(b'\n\r\ndata: {"a": 1}', [UnknownEvent("message", {"a": 1})], id="no end"),
        pytest.param(
            b'retry: 3\n\n:\n\ndata\n\ndata:\n\nevent: a\n\ndata: {"a": 1}\n\n',
            [UnknownEvent("message", {"a": 1})],
            id="nothing said",
        ),
        pytest.param(event({"a": 1}) + b"data: [DONE]\n\n" + event({"b": 1}), [UnknownEvent("message", {"a": 1})], id="done"),
        pytest.param(event({"error": WHY}), [ErrorResponse(ErrorDetail(**WHY))], id="an error"),
        pytest.param(event([{"error": WHY}]), [ErrorResponse(ErrorDetail(**WHY))], id="an error in a list"),
        pytest.param(event(WHY, "event: error"), [ErrorResponse(ErrorDetail(**WHY))], id="an error by its type"),
        pytest.param(
            event({"type": "error", **WHY}), [ErrorResponse(ErrorDetail(type_="error", **WHY))], id="an error that says so"
        ),
        pytest.param(
            event({**COMPLETED, **UNTYPED, "error": None}),
            [CompletedImageEvent.from_dict({**COMPLETED, **UNTYPED, "error": None})],
            id="no error",
        ),
        pytest.param(b"", [], id="nothing"),
        pytest.param(b":\n\n", [], id="a heartbeat"),
    ],
)
def test_whatever_comes_is_kept(mode: str, body: bytes, yielded: list[Any]) -> None:
    assert played(mode, body) == yielded


@pytest.mark.parametrize("mode", MODES)
def test_several_errors_are_one_answer(mode: str) -> None:
    (answer,) = played(mode, event({"errors": [WHY]}))
    assert isinstance(answer, ErrorResponse)
    assert answer.additional_properties == {"errors": [WHY]}


@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize("content_type", ["text/event-stream", "application/json", "text/plain; charset=utf-8", ""])
@pytest.mark.parametrize("size", [1, 1000])
def test_the_body_tells_what_it_is_whatever_its_header_says(mode: str, content_type: str, size: int) -> None:
    events = b"\n: one moment\n\n" + event(COMPLETED | UNTYPED) + b"data: [DONE]\n\n"
    whole = b' \n{"data": [{"b64_json": "aGk="}]}'
    for body, kind in ((events, CompletedImageEvent), (whole, ImagesResponse)):
        (answer,) = played(mode, [body[start : start + size] for start in range(0, len(body), size)], content_type)
        assert isinstance(answer, kind)


@pytest.mark.parametrize("mode", MODES)
def test_a_refusal_is_parsed_as_of_a_call_that_waits(mode: str) -> None:
    assert played(mode, json.dumps({"error": WHY}).encode(), "application/json", 429) == [ErrorResponse(ErrorDetail(**WHY))]


@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize(
    ("body", "content_type", "status"),
    [
        (b"<html>busy</html>", "text/html", 502),
        (b"<html>hello</html>", "text/event-stream", 200),
        (b"\x89PNG\r\n\x1a\n...", "image/png", 200),
        (event({"error": WHY}), "text/event-stream", 503),
        (b"", "application/json", 200),
    ],
)
@pytest.mark.parametrize("settings", [{}, {"raise_on_unexpected_status": True}])
def test_what_cant_be_understood_is_raised_with_its_bytes(
    mode: str, body: bytes, content_type: str, status: int, settings: dict[str, Any]
) -> None:
    with RawServer(reply(body, content_type, status=status)) as server, pytest.raises(UnexpectedStatus) as caught:
        streamed(mode, server, **settings)
    assert (caught.value.status_code, caught.value.content) == (status, body)


@pytest.mark.parametrize("mode", MODES)
def test_one_that_breaks_off_says_so_after_what_came(mode: str) -> None:
    found: list[Any] = []
    script: list[bytes | Do] = [head(), chunk(event(PARTIAL)), chunk(b"data: {"), Do.CLOSE]
    with RawServer(script) as server, pytest.raises(httpx.RemoteProtocolError):
        read(mode, server, found)
    assert told(found) == [PARTIAL["type"]]


@pytest.mark.parametrize("mode", MODES)
def test_an_event_comes_before_the_next_and_leaving_closes_the_connection(mode: str) -> None:
    async def asynchronously(server: RawServer) -> None:
        async with client(server) as low_level, aclosing(create_image.asyncio_stream(client=low_level, body=CREATION)) as stream:
            async for each in stream:
                assert isinstance(each, PartialImageEvent)
                break
            await stream.aclose()
            await asyncio.to_thread(server.left.wait, 60)

    with RawServer([head(), chunk(event(PARTIAL)), Do.STALL]) as server:
        if mode == "sync":
            with client(server) as low_level:
                with closing(create_image.sync_stream(client=low_level, body=CREATION)) as stream:
                    assert isinstance(next(stream), PartialImageEvent)
                assert server.left.wait(60)
        else:
            asyncio.run(asynchronously(server))
        assert server.left.is_set()


@pytest.mark.parametrize("mode", MODES)
def test_a_stream_that_was_read_leaves_its_connection_for_the_next(mode: str) -> None:
    async def asynchronously(server: RawServer) -> None:
        async with client(server) as low_level:
            for _ in range(2):
                assert [each async for each in create_image.asyncio_stream(client=low_level, body=CREATION)]

    with RawServer(reply(event(COMPLETED), "text/event-stream")) as server:
        if mode == "sync":
            with client(server) as low_level:
                for _ in range(2):
                    assert list(create_image.sync_stream(client=low_level, body=CREATION))
        else:
            asyncio.run(asynchronously(server))
        assert [request.connection for request in server.requests] == [0, 0]


PNG = b"\x89PNG\r\n\x1a\n..."
BODIES: list[tuple[Any, Callable[[], Any], bytes]] = [
    (create_image, lambda: CreateImageRequest(prompt="x", stream=False), b'"stream":true'),
    (create_image_edit, lambda: CreateImageEditRequest(image=PNG, prompt="x"), b'name="stream"\r\n\r\ntrue\r\n'),  # type: ignore[arg-type]
    (
        create_image_edit,
        lambda: CreateImageEditByReferenceRequest(images=[ImageReference(file_id="file-1")], prompt="x"),
        b'"stream":true',
    ),
    (create_image_variation, lambda: CreateImageVariationRequest(image=BytesIO(PNG)), b'filename="upload.png"'),  # type: ignore[arg-type]
]


@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize(("module", "make", "sent"), BODIES)
def test_every_kind_of_body_asks_for_a_stream_and_stays_as_it_was(
    mode: str, module: Any, make: Callable[[], Any], sent: bytes
) -> None:
    body = make()
    body.additional_properties["seed"] = 7
    before = repr(body)
    with RawServer(reply(event(COMPLETED), "text/event-stream")) as server:
        assert told(streamed(mode, server, body, module)) == [COMPLETED["type"]]
        (request,) = server.requests
    assert sent in request.body
    assert b"seed" in request.body
    assert request.headers["accept"] == "text/event-stream, application/json"
    assert repr(body) == before


@pytest.mark.parametrize("image", ["otter.png", "", 7, ("otter.png", PNG), [PNG, "otter.png"]])
@pytest.mark.parametrize("mode", MODES)
def test_what_is_no_file_is_refused_before_anything_is_sent(mode: str, image: Any) -> None:
    with RawServer(reply(b"{}")) as server:
        with pytest.raises(TypeError, match=r"^image(\[\])? must be bytes or a binary file, is a (str|int)"):
            streamed(mode, server, CreateImageEditRequest(image=image, prompt="x"), create_image_edit)
        assert server.requests == []


def test_other_contracts_have_other_events(tmp_path: Path) -> None:
    document = our_contract()
    components = document["components"]
    del components["schemas"]["ImageStreamEvent"]["discriminator"]["mapping"]
    components["responses"]["One"] = {"content": {"text/event-stream": {"schema": {"$ref": "#/components/schemas/Image"}}}}
    document["paths"]["/images/edits"]["post"]["responses"]["200"] = {"$ref": "#/components/responses/One"}
    del components["x-roles"]["stream"]
    write_events(document, _settings(CONFIG, tmp_path, tmp_path), tmp_path / "events.py")
    written = (tmp_path / "events.py").read_text(encoding="utf-8")
    assert "STREAM = ''\n" in written
    assert "AnyImage: TypeAlias = Image | UnknownEvent\n" in written
    assert "'PartialImageEvent': PartialImageEvent,\n" in written


@pytest.mark.parametrize("mode", MODES)
def test_a_file_on_the_disk_that_is_given_bare_keeps_its_name(mode: str, tmp_path: Path) -> None:
    (tmp_path / "otter.png").write_bytes(PNG)
    with RawServer(reply(event(COMPLETED), "text/event-stream")) as server, (tmp_path / "otter.png").open("rb") as image:
        body = CreateImageEditRequest(image=[image, bytearray(PNG)], prompt="x")  # type: ignore[list-item]
        streamed(mode, server, body, create_image_edit)
        (request,) = server.requests
    parts = form_parts(request.headers["content-type"], request.body)
    assert [part[:3] for part in parts if part.filename] == [
        ("image[]", "otter.png", "image/png"),
        ("image[]", "upload.png", "image/png"),
    ]


def test_a_file_that_was_opened_as_text_is_refused(tmp_path: Path) -> None:
    (tmp_path / "otter.png").write_bytes(PNG)
    with (tmp_path / "otter.png").open(encoding="latin-1") as text, pytest.raises(TypeError, match="opened as text"):
        File(text)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("value", "shown"),
    [
        ("gpt-image-2.5-sunburst-2026-09-08", "'gpt-image-2.5-sunburst-2026-09-08'"),
        ("R0lGODlhAQABAIAAAAAAAP///yH5BAEAAAAALAAAAAABAAEAAAIBRAA7", "<56 characters>"),
        ("an otter " * 100, repr(("an otter " * 100)[:200]) + "... <900 characters>"),
        (b"x" * 41, "<41 bytes>"),
        ([IMAGE, {"image": IMAGE}], f"[<{len(IMAGE)} characters>, {{'image': <{len(IMAGE)} characters>}}]"),
        ("", "''"),
    ],
)
def test_a_repr_is_short(value: Any, shown: str) -> None:
    assert repr(UnknownEvent("sketch", value)) == f"UnknownEvent(type_='sketch', data={shown})"
