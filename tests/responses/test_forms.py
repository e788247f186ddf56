"""Replies in other forms than the API's own: whatever image was paid for is handed out, over real sockets."""

from __future__ import annotations

import asyncio
import json
import zipfile
from base64 import b64encode
from io import BytesIO
from typing import TYPE_CHECKING, Any

import pytest
from pictures import drawn, padded
from raw_server import END, Do, RawServer, chunk, head, reply

from images_api import (
    AsyncImagesClient,
    CompletedImage,
    ContentPolicyError,
    DownloadError,
    ImagesAPIError,
    ImagesClient,
    ImagesResult,
    NoImageError,
    RateLimitError,
    ResponseError,
    StreamInterruptedError,
)
from images_api._images.base64 import BrokenImageError
from images_api._images.spool import Content
from images_api._responses.body import unpacked

if TYPE_CHECKING:
    from images_api import GeneratedImage

ONE, TWO = drawn(8, 8), drawn(9, 9, mode="L", kind="GIF")
BIG = padded(drawn(10, 10), 300_000)
CUT = ONE[:-9]
PARTIAL, FINAL = "image_generation.partial_image", "image_generation.completed"
LINK = "http://images.example/otter.png?sig=a%2Bb"


def b64(content: bytes) -> str:
    return b64encode(content).decode()


def data_url(content: bytes) -> str:
    return "data:image/png;base64," + b64(content)


def events(*said: object, name: str = "") -> bytes:
    line = f"event: {name}\n" if name else ""
    return b"".join(f"{line}data: {json.dumps(each)}\n\n".encode() for each in said)


def zipped(*contents: tuple[str, bytes], coding: int = zipfile.ZIP_DEFLATED) -> bytes:
    file = BytesIO()
    with zipfile.ZipFile(file, "w", coding) as archive:
        for name, content in contents:
            archive.writestr(name, content)
    return file.getvalue()


def call(body: bytes, content_type: str = "application/json", *, stream: bool = False, **settings: Any) -> ImagesResult:
    """Return what a call makes of a reply, which comes in chunks of any size."""
    with RawServer(reply(body, content_type)) as server, ImagesClient(base_url=server.base_url, **settings) as client:
        if not stream:
            return client.generate("an otter", n=2)
        with client.stream_generate("an otter", n=2) as opened:
            return opened.result()


def told(images: ImagesResult | tuple[GeneratedImage, ...]) -> list[bytes | str | None]:
    return [image.url or image.read() for image in images]


FORMS: dict[str, tuple[object, list[bytes | str]]] = {
    "images of links": ({"images": [{"url": LINK, "content_type": "image/png"}], "seed": 5}, [LINK]),
    "images of base64": ({"images": [b64(ONE), b64(TWO)], "parameters": {"init_images": [b64(TWO)]}}, [ONE, TWO]),
    "images of objects": ({"images": [{"b64_json": b64(ONE)}, {"image": b64(TWO)}]}, [ONE, TWO]),
    "a list of links": ({"data": [LINK, LINK + "2"]}, [LINK, LINK + "2"]),
    "a list of data URLs": ({"data": [data_url(ONE), data_url(TWO)]}, [ONE, TWO]),
    "data that is an object": ({"data": {"b64_json": b64(ONE)}}, [ONE]),
    "data in data": ({"data": {"data": [{"b64_json": b64(ONE)}, {"b64_json": b64(TWO)}]}}, [ONE, TWO]),
    "images in data": ({"code": 0, "data": {"images": [{"url": LINK}]}}, [LINK]),
    "lists in lists": ({"data": [[{"b64_json": b64(ONE)}], [{"b64_json": b64(TWO)}]]}, [ONE, TWO]),
    "output": ({"input": {"image": data_url(TWO)}, "output": [LINK], "urls": {"get": LINK + "3"}}, [LINK]),
    "one output": ({"output": LINK}, [LINK]),
    "artifacts": ({"artifacts": [{"base64": b64(ONE), "finishReason": "SUCCESS"}, {"base64": b64(TWO)}]}, [ONE, TWO]),
    "an image": ({"image": data_url(ONE), "seed": 1}, [ONE]),
    "an object for an image": ({"image": {"b64": b64(ONE), "thumbnail": b64(TWO)}}, [ONE]),
    "a result": ({"success": True, "errors": [], "result": {"image": b64(ONE)}}, [ONE]),
    "a sample": ({"status": "Ready", "result": {"sample": LINK, "prompt": "https://otter.example/ is no image"}}, [LINK]),
    "a chat": ({"choices": [{"message": {"content": "Here", "images": [{"image_url": {"url": data_url(ONE)}}]}}]}, [ONE]),
    "parts": ({"candidates": [{"content": {"parts": [{"inlineData": {"mimeType": "image/png", "data": b64(ONE)}}]}}]}, [ONE]),
    "another name for a link": ({"data": [{"imageURL": LINK}, {"image_url": LINK + "2"}]}, [LINK, LINK + "2"]),
    "both in an object": ({"images": [{"content": b64(ONE), "n": 1}, {"link": "x", "img": b64(TWO)}]}, [ONE, TWO]),
    "own form at the top": ({"b64_json": b64(ONE), "revised_prompt": "x"}, [ONE]),
    "a mere list": ([b64(ONE), {"url": LINK}], [ONE, LINK]),
    "a mere text": (b64(ONE), [ONE]),
    "large ones": ({"images": [b64(BIG), data_url(BIG)], "note": "iVBORw0KGgoAAAANSUhEUg"}, [BIG, BIG]),
}


@pytest.mark.parametrize("stream", [False, True])
@pytest.mark.parametrize("content_type", ["application/json", "text/event-stream"])
@pytest.mark.parametrize("name", FORMS)
def test_an_image_is_handed_out_wherever_it_stands(name: str, content_type: str, *, stream: bool) -> None:
    document, expected = FORMS[name]
    result = call(json.dumps(document).encode(), content_type, stream=stream)
    assert told(result) == expected
    assert [image.index for image in result] == list(range(len(expected)))
    shown = f"{result.extra} {[image.extra for image in result]}"
    assert b64(ONE)[:60] not in shown.replace(data_url(TWO), "")


@pytest.mark.parametrize("name", FORMS)
def test_an_event_has_it_in_any_form_as_well(name: str) -> None:
    document, expected = FORMS[name]
    stream = events(document, name="image")
    for stream_it in (False, True):
        assert told(call(stream, "text/event-stream", stream=stream_it)) == expected


def test_what_stands_beside_an_image_is_kept() -> None:
    entries = [{"image": b64(ONE), "revised_prompt": "an otter", "seed": 7}, {"image": b64(TWO), "seed": 8}]
    result = call(json.dumps({"created": 5, "usage": {"total_tokens": 9}, "images": entries}).encode())
    assert (result.created, result.usage and result.usage.total_tokens) == (5, 9)
    assert [(image.revised_prompt, image.extra) for image in result] == [("an otter", {"seed": 7}), (None, {"seed": 8})]


@pytest.mark.parametrize(
    "document",
    [
        {"status": "queued", "id": "x", "polling_url": LINK, "urls": {"get": LINK}},
        {"message": "/wo/" + "abcd" * 20, "text": LINK, "docs": {"href": "x", "url": ""}},
        {"data": [], "error": {"message": "busy", "url": LINK}, "input": {"image": "otter.png"}},
        {"revised_prompt": "A" * 400, "prompt": "iVBORw0KGgo", "images": ["otter", 7, None, True]},
        [],
        7,
    ],
)
def test_what_is_no_image_becomes_none(document: object) -> None:
    body = json.dumps(document).encode()
    with pytest.raises(NoImageError) as caught:
        call(body)
    assert (caught.value.body, caught.value.images) == (body, ())


@pytest.mark.parametrize("text", [f"![otter]({data_url(ONE)})", json.dumps({"images": [b64(ONE)]})])
def test_an_image_within_another_text_is_had_from_the_error(text: str) -> None:
    with pytest.raises(NoImageError) as caught:
        call(json.dumps({"content": text}).encode())
    assert told(caught.value.images) == [ONE]


def test_a_long_text_that_only_begins_like_an_image_stays_what_it_is() -> None:
    texts = [
        b64(BIG) + "!",
        b64(BIG[:60_000]) + "\n" + "=" * 99_999 + "x",
        "iVBORw0KGgoAAAAN" * 5,
        "data:image/png;base64," + b64(BIG),
    ]
    result = call(json.dumps({"data": [{"b64_json": b64(ONE), "note": texts}], texts[0]: texts[3], "mask": b64(BIG)}).encode())
    assert told(result) == [ONE]
    assert result[0].extra == {"note": texts}
    assert result.extra == {texts[0]: texts[3], "mask": b64(BIG)}


def test_a_broken_image_in_another_form_is_an_error_with_the_good_ones() -> None:
    body = json.dumps({"images": [b64(ONE), b64(CUT), b64(TWO)]}).encode()
    with pytest.raises(ResponseError, match="image 2 of 3 is cut short") as caught:
        call(body)
    assert (told(caught.value.images), caught.value.body) == ([ONE, TWO], body)


BODIES: dict[str, tuple[bytes, list[bytes]]] = {
    "JSON": (json.dumps({"data": [{"b64_json": b64(ONE)}]}).encode(), [ONE]),
    "JSON behind blanks": (b"\xef\xbb\xbf\r\n  " + json.dumps({"data": [{"b64_json": b64(ONE)}]}).encode(), [ONE]),
    "JSON in lines": (b'{"status": "painting"}\n{"image": "%b"}\r\n\n{"done": true}\n' % b64(ONE).encode(), [ONE]),
    "events": (b": hello\n\n" + events({"type": PARTIAL, "b64_json": b64(TWO)}, {"type": FINAL, "b64_json": b64(ONE)}), [ONE]),
    "events that begin with a name": (events({"b64_json": b64(ONE)}, name=FINAL) + b"data: [DONE]\n\n", [ONE]),
    "events behind a byte order mark": (b"\xef\xbb\xbf\n" + events({"type": FINAL, "b64_json": b64(ONE)}), [ONE]),
    "an image": (ONE, [ONE]),
    "another image": (TWO, [TWO]),
    "an svg": (b'<?xml version="1.0"?><svg xmlns="http://www.w3.org/2000/svg"/>', []),
    "an archive": (zipped(("1.png", ONE), ("note.txt", b"two otters"), ("2.gif", TWO)), [ONE, TWO]),
    "an archive without compression": (zipped(("1.png", ONE), coding=zipfile.ZIP_STORED), [ONE]),
}


@pytest.mark.parametrize("content_type", ["application/json", "text/event-stream", "text/plain", "application/octet-stream", ""])
@pytest.mark.parametrize("name", BODIES)
def test_the_first_bytes_say_what_a_body_is(name: str, content_type: str) -> None:
    body, expected = BODIES[name]
    for stream in (False, True):
        assert told(call(body, content_type, stream=stream)) == (expected or [body])


@pytest.mark.parametrize("name", BODIES)
def test_they_may_come_one_by_one(name: str) -> None:
    body, expected = BODIES[name]
    script: list[bytes | Do] = [head("text/plain"), *(chunk(bytes([each])) for each in body[:99]), chunk(body[99:]), END]

    async def main(base_url: str) -> ImagesResult:
        async with AsyncImagesClient(base_url=base_url) as client:
            return await client.generate("an otter")

    with RawServer([each for each in script if each != END] + [END]) as server:
        assert told(asyncio.run(main(server.base_url))) == (expected or [body])


@pytest.mark.parametrize(
    "body", [b"<?xml version='1.0'?><Error><Code>AccessDenied</Code></Error>", b"otters" * 20, b"foo: bar\n\n"]
)
def test_what_is_nothing_of_this_is_an_error_with_its_bytes(body: bytes) -> None:
    with pytest.raises(ResponseError, match="isn't JSON") as caught:
        call(body, "text/xml")
    assert caught.value.body == body


def test_events_with_nothing_known_in_them_are_an_interruption() -> None:
    with pytest.raises(StreamInterruptedError):
        call(b"foo: bar\n\n", "text/event-stream")


def test_text_with_images_in_it_gives_them_with_the_error() -> None:
    body = f'{{"images": ["{b64(ONE)}", "{data_url(TWO)}", "{b64(CUT)}", "{b64(BIG)}"'.replace("/", "\\/").encode()
    with pytest.raises(ResponseError) as caught:
        call(body)
    assert sorted(map(len, told(caught.value.images))) == sorted(map(len, [ONE, TWO, BIG]))  # type: ignore[arg-type]


class TestArchive:
    @pytest.mark.parametrize(
        ("body", "images", "says"),
        [
            pytest.param(
                zipped(("1.png", ONE), ("2.png", CUT), ("3.gif", TWO)), [ONE, TWO], "image 2 of 3 is cut short", id="cut"
            ),
            pytest.param(zipped(("1.png", ONE), ("2.png", bytes(3 << 20))), [ONE], "more than max_response_bytes", id="bomb"),
            pytest.param(zipped(("1.txt", b"otter")), [], "holds no image", id="no image"),
            pytest.param(zipped(("1.png", ONE))[:-30], [], "its end is missing", id="no end"),
            pytest.param(
                zipped(("1.png", ONE), ("2.png", TWO)).replace(TWO[-9:], TWO[-9:][::-1]), [ONE], "broken archive", id="sum"
            ),
            pytest.param(zipped(("1.png", ONE), coding=zipfile.ZIP_LZMA), [], "holds no image", id="an unusual coding"),
            pytest.param(b"PK\x03\x04", [], "its end is missing", id="a beginning"),
        ],
    )
    def test_that_is_not_in_order_gives_what_is(self, body: bytes, images: list[bytes], says: str) -> None:
        if says == "broken archive":
            body = zipped(("1.png", ONE), ("2.png", TWO), coding=zipfile.ZIP_STORED).replace(TWO[-9:], bytes(9))
        with pytest.raises(ResponseError, match=says) as caught:
            call(body, "application/zip", max_response_bytes=1 << 20)
        assert (told(caught.value.images), caught.value.body) == (images, body)

    @pytest.mark.parametrize("change", ["directory", "large"])
    def test_whose_list_of_files_would_fill_the_memory_is_refused_unread(self, change: str) -> None:
        body = bytearray(zipped(("1.png", ONE)))
        if change == "directory":
            body[-10:-6] = (2 << 20).to_bytes(4, "little")
        else:
            body[-42:-38] = b"PK\x06\x07"
        (fault,) = unpacked(Content.of(bytes(body)), 1 << 20)
        assert isinstance(fault, BrokenImageError)
        assert "too many files" in str(fault)


def final(content: bytes, kind: str = FINAL, **more: object) -> dict[str, object]:
    return {"type": kind, "b64_json": b64(content), **more}


REFUSED = {"code": "OutputImageSensitiveContentDetected", "message": "The output may contain sensitive information."}


class TestEvents:
    @pytest.mark.parametrize("kind", ["image_generation.partial_succeeded", "image", "result", "response.image.done"])
    def test_of_any_type_that_is_not_partial_bring_finished_images(self, kind: str) -> None:
        stream = events(final(ONE, kind, size="8x8"), final(TWO, kind), {"type": FINAL, "usage": {"total_tokens": 7}})
        for stream_it in (False, True):
            result = call(stream, stream=stream_it)
            assert (told(result), result.size, result.usage and result.usage.total_tokens) == ([ONE, TWO], "8x8", 7)

    @pytest.mark.parametrize(
        "event", [final(TWO, "response.image_generation_call.partial_image"), final(TWO, "sketch", partial_image_index=0)]
    )
    def test_that_end_like_partial_ones_bring_unfinished_images(self, event: dict[str, object]) -> None:
        with pytest.raises(StreamInterruptedError) as caught:
            call(events(event))
        assert (told(caught.value.partial_images), json.loads(caught.value.body)) == ([TWO], event)

    def test_tell_their_type_by_name_alone(self) -> None:
        stream = events({"b64_json": b64(TWO)}, name=PARTIAL) + events({"b64_json": b64(ONE)}, name=FINAL)
        assert told(call(stream, stream=True)) == [ONE]

    def test_that_say_why_one_image_is_missing_end_nothing(self) -> None:
        failed = {"type": "image_generation.partial_failed", "image_index": 0, "error": REFUSED}
        for stream_it in (False, True):
            result = call(events(failed, final(ONE)), stream=stream_it)
            (failure,) = result.failures
            assert (told(result), type(failure)) == ([ONE], ContentPolicyError)
            with pytest.raises(ContentPolicyError, match="sensitive information"):
                call(events(failed, {"type": FINAL, "usage": {}}), stream=stream_it)

    def test_with_several_images_say_no_base64_of_any(self) -> None:
        (first, second) = (b64(BIG), b64(TWO))
        with (
            RawServer(
                reply(events({"data": [{"b64_json": first}, {"b64_json": second}]}, name=FINAL), "text/event-stream")
            ) as server,
            ImagesClient(base_url=server.base_url) as client,
            client.stream_generate("an otter") as stream,
        ):
            assert [(event.data, event.image.read()) for event in stream] == [({"data": [{}, {}]}, each) for each in (BIG, TWO)]

    def test_with_several_images_tell_of_those_that_are_missing(self) -> None:
        result = call(events({"data": [{"error": REFUSED}, {"b64_json": b64(ONE)}]}, name=FINAL))
        assert (told(result), [type(each) for each in result.failures]) == ([ONE], [ContentPolicyError])

    def test_with_a_broken_image_let_the_others_come(self) -> None:
        with pytest.raises(ResponseError, match="cut short") as caught:
            call(events(final(CUT), final(ONE)), stream=True)
        assert (told(caught.value.images), json.loads(caught.value.body)) == ([ONE], final(CUT))

    @pytest.mark.parametrize(
        "stream",
        [
            events({"message": "slow down", "code": 429}, name="error"),
            events({"type": "error", "error": {"message": "slow down", "code": 429}}),
            events({"error": {"message": "slow down", "status": 429}}),
            events({"errors": [{"message": "slow down", "code": "429"}]}),
            events({"base_resp": {"status_code": 429, "status_msg": "slow down"}}),
            events({"type": "rate_limit", "message": "slow down", "code": "rate_limit_exceeded"}, name="error"),
        ],
    )
    def test_of_an_error_are_that_of_its_code(self, stream: bytes) -> None:
        with pytest.raises(RateLimitError, match="slow down") as caught:
            call(events(final(ONE)) + stream)
        assert (caught.value.status_code, told(caught.value.images)) == (429, [ONE])

    def test_that_are_no_json_give_the_images_in_them(self) -> None:
        with pytest.raises(ResponseError, match="isn't a JSON object") as caught:
            call(events(final(ONE)) + b"data: ![otter](%b)\n\n" % data_url(TWO).encode())
        assert told(caught.value.images) == [ONE, TWO]

    def test_cut_behind_the_last_image_of_a_call_harm_nobody(self) -> None:
        script: list[bytes | Do] = [head(), chunk(events(final(ONE), final(TWO))), Do.CLOSE]
        with RawServer(script) as server, ImagesClient(base_url=server.base_url) as client:
            assert told(client.generate("an otter", n=2)) == [ONE, TWO]
            with pytest.raises(StreamInterruptedError) as caught:
                client.generate("an otter", n=3)
        assert told(caught.value.images) == [ONE, TWO]


class TestOneOfSeveral:
    @pytest.mark.parametrize(
        "entry",
        [
            {"error": REFUSED},
            {"url": "", "respect_moderation": False},
            {"b64_json": b64(b"otter"), "respect_moderation": False},
            {"url": None, "is_image_safe": False},
            {"code": "DataInspectionFailed", "message": "no"},
            {"b64_json": None, "finish_reason": "content_filter"},
        ],
    )
    def test_that_is_refused_is_told_beside_the_others(self, entry: dict[str, object]) -> None:
        result = call(json.dumps({"data": [entry, {"b64_json": b64(ONE)}]}).encode())
        assert (told(result), [type(each) for each in result.failures], result[0].index) == ([ONE], [ContentPolicyError], 1)
        with pytest.raises(ContentPolicyError):
            call(json.dumps({"data": [entry]}).encode())

    def test_that_is_refused_is_no_event_of_a_stream_where_all_come_at_once(self) -> None:
        body = reply(json.dumps({"data": [{"error": REFUSED}, {"b64_json": b64(ONE)}]}).encode())
        with (
            RawServer(body) as server,
            ImagesClient(base_url=server.base_url) as client,
            client.stream_generate("an otter") as stream,
        ):
            assert [(type(event), event.image.read()) for event in stream] == [(CompletedImage, ONE)]
            assert [type(each) for each in stream.result().failures] == [ContentPolicyError]

    def test_that_failed_otherwise_is_told_as_well(self) -> None:
        result = call(json.dumps({"data": [{"b64_json": b64(ONE)}, {"error": "no worker is free"}]}).encode())
        assert (told(result), [str(each) for each in result.failures]) == ([ONE], ["200: no worker is free"])
        with pytest.raises(ImagesAPIError, match="no worker is free"):
            call(json.dumps({"data": [{"error": {"message": "no worker is free"}}]}).encode())

    def test_that_breaks_a_rule_of_its_own_reply_is_told_too(self) -> None:
        with pytest.raises(ContentPolicyError, match="200"):
            call(json.dumps({"data": [], "respect_moderation": False}).encode())


@pytest.mark.parametrize("stream", [False, True])
class TestTooLarge:
    @pytest.mark.parametrize("tail", [b'{"b64_json": "' + b64(BIG)[:100_000].encode(), b'"' + b"x" * 100_000])
    def test_a_reply_gives_the_images_that_came(self, tail: bytes, *, stream: bool) -> None:
        start = b'{"data": [{"b64_json": "%b"}, %b' % (b64(ONE).encode(), tail)
        with pytest.raises(ResponseError, match=r"larger than max_response_bytes, 70000; .* billed") as caught:
            call(start, stream=stream, max_response_bytes=70_000)
        assert (told(caught.value.images), caught.value.body) == ([ONE], b"")

    def test_events_give_those_as_well(self, *, stream: bool) -> None:
        body = events(final(ONE)) + b": otter\n\n" * 20_000
        with pytest.raises(ResponseError, match="max_response_bytes, 70000") as caught:
            call(body, stream=stream, max_response_bytes=70_000)
        assert told(caught.value.images) == [ONE]

    @pytest.mark.parametrize(
        "body",
        [
            pytest.param(b'{"note": "%b' % (b"x" * 200_000), id="JSON"),
            pytest.param(b'data: {"note": "%b' % (b"x" * 200_000), id="an event"),
            pytest.param(events(*[{"type": "note"}] * 20_000), id="many events"),
            pytest.param(b'{"b64_json": "%b!!!!!' % b64(BIG).encode(), id="what begins like an image"),
        ],
    )
    def test_what_is_said_besides_images_has_a_limit_too(
        self, body: bytes, monkeypatch: pytest.MonkeyPatch, *, stream: bool
    ) -> None:
        for module in ("json", "body"):
            monkeypatch.setattr(f"images_api._responses.{module}.MOST_TEXT", 100_000)
        with pytest.raises(ResponseError, match=r"besides|only begins like"):
            call(body, stream=stream)


def test_of_an_error_no_more_is_read_than_a_mib() -> None:
    with (
        RawServer([head(status=500), *[chunk(b"x" * (1 << 18))] * 6, Do.STALL]) as server,
        ImagesClient(base_url=server.base_url) as client,
    ):
        with pytest.raises(ImagesAPIError, match=r"^500: xxx") as caught:
            client.generate("an otter")
        assert len(caught.value.body) == 1 << 20  # type: ignore[attr-defined]
        assert server.left.wait(60)


class TestLinks:
    @pytest.mark.parametrize("url", ["/v1/images/7/content", "images/7/content", "/v1/images/7/content?sig=a%2Bb"])
    def test_that_are_paths_under_the_base_url_are_read(self, url: str) -> None:
        key = "sk-marked-otter"
        answers = [reply(json.dumps({"data": [{"url": url}]}).encode()), reply(ONE, "image/png")]
        with RawServer(*answers) as server, ImagesClient(key, base_url=server.base_url) as client:
            image = client.generate("x")[0]
            assert (image.url, image.read()) == (url, ONE)
        asked = server.requests[1]
        assert asked.target == (url if url.startswith("/") else f"/v1/{url}")
        assert key in asked.headers["authorization"]
        assert asked.headers["user-agent"].startswith("images-api/")

    @pytest.mark.parametrize(
        "url", ["/data/7.png", "../7.png", "/v1/../7.png", "//127.0.0.1/v1/7.png", "\\v1\\7.png", "/v1x/7.png"]
    )
    def test_that_are_other_paths_are_not(self, url: str) -> None:
        with (
            RawServer(reply(json.dumps({"data": [{"url": url}]}).encode())) as server,
            ImagesClient(base_url=server.base_url) as client,
        ):
            image = client.generate("x")[0]
            with pytest.raises(DownloadError, match="a path of its own"):
                image.read()
        assert len(server.requests) == 1


class TestWhatGatewaysSay:
    @pytest.mark.parametrize(
        ("usage", "headers", "expected"),
        [
            ({}, {}, None),
            ({"cost": 0.04}, {}, 0.04),
            ({"cost": 1}, {}, 1),
            ({"cost": {"usd": 1}}, {}, None),
            ({}, {"x-litellm-response-cost": "0.0425"}, 0.0425),
            ({"cost": 1}, {"x-litellm-response-cost": "0.0425"}, 0.0425),
            ({}, {"x-litellm-response-cost": "None"}, None),
        ],
    )
    def test_of_the_cost(self, usage: dict[str, object], headers: dict[str, Any], expected: float | None) -> None:
        body = json.dumps({"data": [{"b64_json": b64(ONE)}], "usage": {"total_tokens": 5, **usage}}).encode()
        with (
            RawServer([head("application/json", **headers), chunk(body), END]) as server,
            ImagesClient(base_url=server.base_url) as client,
        ):
            assert client.generate("x").http.cost == expected

    def test_of_cached_tokens_is_kept(self) -> None:
        usage = {"input_tokens_details": {"text_tokens": 3, "image_tokens": 4, "cached_tokens": 2, "cached": None}}
        result = call(json.dumps({"data": [{"b64_json": b64(ONE)}], "usage": usage}).encode())
        assert result.usage is not None
        assert result.usage.input_tokens_details is not None
        assert result.usage.input_tokens_details.extra == {"cached_tokens": 2}
