"""Results, streams and errors without a server: what a client reads from a response that was never sent."""

from __future__ import annotations

import base64
import hashlib
import json
import re
import struct
import time
import zlib
from dataclasses import fields
from io import BytesIO
from typing import TYPE_CHECKING, Any

import httpx

from images_api import APIStatusError, AsyncImagesClient, ImagesClient, TokenDetails
from images_api._contract.document import event_models

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from images_api import AsyncImageStream, GeneratedImage, ImagesResult, ImageStream, Usage

_KEY, _BASE_URL = "sk-fake", "http://127.0.0.1/v1"
_SUBJECT, _SIZE, _FORMAT, _REQUEST_ID = "a fake image", "16x16", "png", "req_fake"
_SIDES = re.compile("([1-9][0-9]{0,4})x([1-9][0-9]{0,4})")
_FORMATS = (_FORMAT, "jpeg", "webp", "gif")
_REFUSED = 400


def fake_image(
    subject: str = _SUBJECT,
    *,
    size: str = _SIZE,
    output_format: str = _FORMAT,
    url: str | None = None,
    revised_prompt: str | None = None,
    extra: Mapping[str, Any] | None = None,
) -> GeneratedImage:
    """Make an image as a client gives it: whole, and in one colour that follows from what it is about.

    Args:
        subject: What it is about. A template to `save` has it as `{subject}`.
        size: Width and height in pixels, from 1 to 99999 each.
        output_format: `png`; or `jpeg`, `webp` or `gif`, for which Pillow must be installed.
        url: The link that the server answered with, if it did. Nothing is fetched: the bytes are there.
        revised_prompt: The prompt as the model rewrote it, if it did.
        extra: What the server said beside.

    Returns:
        The image.

    Raises:
        ValueError: The size or the format is none of these.
        ImportError: The format needs Pillow, which isn't installed.
    """
    said = {"url": url, "revised_prompt": revised_prompt, **(extra or {})}
    return _result(subject, [said | {"b64_json": _base64(subject, size, output_format)}], {}, {})[0]


def fake_result(
    subject: str = _SUBJECT,
    *,
    n: int = 1,
    size: str = _SIZE,
    output_format: str = _FORMAT,
    url: str | None = None,
    revised_prompt: str | None = None,
    usage: Usage | None = None,
    created: int | None = None,
    extra: Mapping[str, Any] | None = None,
    headers: Mapping[str, str] | None = None,
    request_id: str = _REQUEST_ID,
) -> ImagesResult:
    """Make what a call gives back, with images of different colours.

    Args:
        subject: What the images are about. A template to `save` has it as `{subject}`.
        n: How many images there are, from 1.
        size: Width and height in pixels, from 1 to 99999 each.
        output_format: `png`; or `jpeg`, `webp` or `gif`, for which Pillow must be installed.
        url: The link that the server answered with, if it did; `{index}` in it becomes the image's number, from 1. Nothing is
            fetched: the bytes are there.
        revised_prompt: The prompt as the model rewrote it, if it did.
        usage: The tokens used.
        created: When the images were made, in seconds since 1970. None takes this moment.
        extra: What the server said beside.
        headers: The headers of the response, such as `x-ratelimit-remaining-images`.
        request_id: The id of the request.

    Returns:
        The result.

    Raises:
        ValueError: The number, the size or the format is none of these.
        ImportError: The format needs Pillow, which isn't installed.
    """
    entries = [
        {
            "b64_json": _base64(f"{subject} {index}", size, output_format),
            "url": url and url.replace("{index}", str(index)),
            "revised_prompt": revised_prompt,
        }
        for index in _numbers(n)
    ]
    facts = _facts(size, output_format, usage) | {"created": int(time.time()) if created is None else created}
    return _result(subject, entries, {**facts, **(extra or {})}, _headers(headers, request_id))


def fake_stream(
    subject: str = _SUBJECT,
    *,
    n: int = 1,
    partial_images: int = 2,
    finished: bool = True,
    size: str = _SIZE,
    output_format: str = _FORMAT,
    usage: Usage | None = None,
    headers: Mapping[str, str] | None = None,
    request_id: str = _REQUEST_ID,
) -> ImageStream:
    """Make a stream of the events of images that are made. Like any other, it can be read once.

    Args:
        subject: What the images are about. A template to `save` has it as `{subject}`.
        n: How many images there are, from 1.
        partial_images: How many unfinished ones come before each, from 0.
        finished: Whether the images are finished; without that, the stream ends with a `StreamInterruptedError`.
        size: Width and height in pixels, from 1 to 99999 each.
        output_format: `png`; or `jpeg`, `webp` or `gif`, for which Pillow must be installed.
        usage: The tokens used for each image.
        headers: The headers of the response, such as `x-ratelimit-remaining-images`.
        request_id: The id of the request.

    Returns:
        The stream.

    Raises:
        ValueError: The number, the size or the format is none of these.
        ImportError: The format needs Pillow, which isn't installed.
    """
    events = _events(subject, n, partial_images, _facts(size, output_format, usage), finished=finished)
    return _client(_event_stream(events, _headers(headers, request_id))).stream_generate(subject)


def fake_async_stream(
    subject: str = _SUBJECT,
    *,
    n: int = 1,
    partial_images: int = 2,
    finished: bool = True,
    size: str = _SIZE,
    output_format: str = _FORMAT,
    usage: Usage | None = None,
    headers: Mapping[str, str] | None = None,
    request_id: str = _REQUEST_ID,
) -> AsyncImageStream:
    """Make a stream like that of `fake_stream`, for asyncio.

    Args:
        subject: As for `fake_stream`.
        n: As for `fake_stream`.
        partial_images: As for `fake_stream`.
        finished: As for `fake_stream`.
        size: As for `fake_stream`.
        output_format: As for `fake_stream`.
        usage: As for `fake_stream`.
        headers: As for `fake_stream`.
        request_id: As for `fake_stream`.

    Returns:
        The stream.

    Raises:
        ValueError: The number, the size or the format is none of these.
        ImportError: The format needs Pillow, which isn't installed.
    """
    events = _events(subject, n, partial_images, _facts(size, output_format, usage), finished=finished)
    transport = _transport(_event_stream(events, _headers(headers, request_id)))
    client = AsyncImagesClient(_KEY, base_url=_BASE_URL, validate="off", http_client=httpx.AsyncClient(transport=transport))
    return client.stream_generate(subject)


def fake_error(
    status_code: int,
    message: str = "a fake error",
    *,
    code: str | None = None,
    param: str | None = None,
    type: str | None = None,  # noqa: A002  the API's own name
    retry_after: float | None = None,
    headers: Mapping[str, str] | None = None,
    request_id: str = _REQUEST_ID,
) -> APIStatusError:
    """Make the error that a client raises for a server's refusal, of the class that belongs to its status and code.

    Args:
        status_code: The status, from 400 to 999.
        message: What the server says.
        code: The server's short name for the fault, such as `moderation_blocked`.
        param: The parameter that it complains of.
        type: Its kind of error.
        retry_after: The seconds to wait, as the server says.
        headers: The headers of the response, such as `x-ratelimit-remaining-images`.
        request_id: The id of the request.

    Returns:
        The error, to be raised.

    Raises:
        ValueError: The status isn't one of an error.
    """
    if not _REFUSED <= status_code <= 999:  # noqa: PLR2004  the last of three digits
        raise ValueError(f"status_code must be from 400 to 999, got {status_code!r}")
    said = {"error": {"message": message, "code": code, "param": param, "type": type}}
    wait = {} if retry_after is None else {"retry-after": str(retry_after)}
    response = httpx.Response(status_code, json=said, headers=_headers(headers, request_id) | wait)
    try:
        _client(response).generate("")
    except APIStatusError as error:
        return error.with_traceback(None)
    raise AssertionError(status_code)


def _result(subject: str, entries: list[dict[str, Any]], said: Mapping[str, Any], headers: Mapping[str, str]) -> ImagesResult:
    return _client(httpx.Response(200, json={**said, "data": entries}, headers=headers)).generate(subject)


def _client(response: httpx.Response) -> ImagesClient:
    http_client = httpx.Client(transport=_transport(response))
    return ImagesClient(_KEY, base_url=_BASE_URL, max_retries=0, validate="off", http_client=http_client)


def _transport(response: httpx.Response) -> httpx.MockTransport:
    return httpx.MockTransport(lambda _: response)


def _event_stream(events: Iterator[bytes], headers: Mapping[str, str]) -> httpx.Response:
    return httpx.Response(200, content=b"".join(events), headers={**headers, "content-type": "text/event-stream"})


def _events(subject: str, n: int, partial_images: int, facts: Mapping[str, Any], *, finished: bool) -> Iterator[bytes]:
    partial, completed = (next(name for name in event_models() if name.endswith(end)) for end in (".partial_image", ".completed"))
    of_partial = {name: value for name, value in facts.items() if name != "usage"}
    for number in _numbers(n):
        for step in range(partial_images):
            yield _event(partial, f"{subject} {number} {step}", of_partial | {"partial_image_index": step})
        if finished:
            yield _event(completed, f"{subject} {number}", facts)


def _event(kind: str, seed: str, facts: Mapping[str, Any]) -> bytes:
    said = {**facts, "type": kind, "created_at": int(time.time())}
    said["b64_json"] = _base64(seed, facts["size"], facts["output_format"])
    return f"event: {kind}\ndata: {json.dumps(said)}\n\n".encode()


def _facts(size: str, output_format: str, usage: Usage | None) -> dict[str, Any]:
    return {"size": size, "output_format": output_format, "usage": usage and _tokens(usage)}


def _tokens(usage: Usage | TokenDetails) -> dict[str, Any]:
    """Return tokens as a server says them."""
    said = {field.name: getattr(usage, field.name) for field in fields(usage) if field.name != "extra"}
    details = {name: _tokens(each) for name, each in said.items() if isinstance(each, TokenDetails)}
    return {**said, **details, **usage.extra}


def _headers(headers: Mapping[str, str] | None, request_id: str) -> dict[str, str]:
    return {"x-request-id": request_id} | dict(headers or {})


def _numbers(n: int) -> range:
    if n < 1:
        raise ValueError(f"n must be at least 1, got {n!r}")
    return range(1, n + 1)


def _base64(seed: str, size: str, output_format: str) -> str:
    sides = _SIDES.fullmatch(size)
    if sides is None:
        raise ValueError(f"size must be a width and a height such as 16x16, got {size!r}")
    if output_format not in _FORMATS:
        raise ValueError(f"output_format must be one of {', '.join(_FORMATS)}, got {output_format!r}")
    width, height = int(sides[1]), int(sides[2])
    colour = hashlib.sha256(seed.encode()).digest()[:3]
    draw = _png if output_format == _FORMAT else _by_pillow
    return base64.b64encode(draw(width, height, colour, output_format)).decode()


def _png(width: int, height: int, colour: bytes, _: str) -> bytes:
    # https://www.w3.org/TR/png-3/: eight bits a channel, red, green and blue; no filter for any row.
    header = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    packer, row = zlib.compressobj(), b"\0" + colour * width
    pixels = b"".join([*(packer.compress(row) for _ in range(height)), packer.flush()])
    chunks = ((b"IHDR", header), (b"IDAT", pixels), (b"IEND", b""))
    return b"\x89PNG\r\n\x1a\n" + b"".join(
        struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data)) for kind, data in chunks
    )


def _by_pillow(width: int, height: int, colour: bytes, output_format: str) -> bytes:
    try:
        from PIL import Image
    except ImportError as error:
        text = f"a fake {output_format} needs Pillow, which isn't installed: pip install pillow"
        raise ImportError(text, name=error.name) from error
    file = BytesIO()
    Image.new("RGB", (width, height), tuple(colour)).save(file, format=output_format)
    return file.getvalue()
