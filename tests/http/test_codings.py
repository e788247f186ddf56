"""A content coding that nobody asked for is taken off, with bounded output; what it isn't passes as it came."""

from __future__ import annotations

import gzip
import random
import zlib
from typing import TYPE_CHECKING

import httpx
import pytest

from images_api._http.codings import _LARGEST_CHUNK, Decoder

if TYPE_CHECKING:
    from collections.abc import Callable

TEXT = b'{"data": [1, 2, 3]}' * 1000
NOISE = random.Random(0).randbytes(300_000)  # noqa: S311  no secrets
CODINGS: dict[str, Callable[[bytes], bytes]] = {
    "gzip": gzip.compress,
    "x-gzip": gzip.compress,
    "GZIP": gzip.compress,
    "deflate": zlib.compress,
}


def decoded(coding: str, body: bytes, step: int) -> bytes:
    decoder = Decoder(httpx.Headers({"content-encoding": coding}))
    pieces = [body[start : start + step] for start in range(0, len(body), step)]
    return b"".join(chunk for piece in pieces for chunk in decoder.decode(piece))


@pytest.mark.parametrize("step", [1, 7, 4096, 1 << 30])
@pytest.mark.parametrize("content", [TEXT, NOISE, b""], ids=["text", "noise", "nothing"])
@pytest.mark.parametrize("coding", CODINGS)
def test_each_is_taken_off_whatever_the_chunks(coding: str, content: bytes, step: int) -> None:
    if content is NOISE and step == 1:
        content = content[:5000]
    assert decoded(coding, CODINGS[coding](content), step) == content


@pytest.mark.parametrize("coding", ["", "identity", "br", "zstd", "nonsense", "gzip, gzip", "deflate, gzip"])
def test_what_is_no_single_known_coding_passes_as_it_came(coding: str) -> None:
    body = gzip.compress(TEXT)
    assert decoded(coding, body, 100) == body


@pytest.mark.parametrize("coding", ["gzip", "deflate"])
@pytest.mark.parametrize("step", [1, 3, 4096])
def test_what_says_a_coding_that_it_has_not_passes_as_it_came(coding: str, step: int) -> None:
    assert decoded(coding, TEXT, step) == TEXT


@pytest.mark.parametrize("coding", ["gzip", "deflate"])
def test_what_breaks_in_the_middle_is_an_error(coding: str) -> None:
    body = bytearray(CODINGS[coding](NOISE))
    body[len(body) // 2 :] = bytes(len(body) // 2)
    with pytest.raises(httpx.DecodingError):
        decoded(coding, bytes(body), 1000)


def test_little_becomes_much_in_chunks_of_a_bounded_size() -> None:
    size = 64 << 20
    decoder = Decoder(httpx.Headers({"content-encoding": "gzip"}))
    sizes = [len(chunk) for chunk in decoder.decode(gzip.compress(bytes(size)))]
    assert max(sizes) <= _LARGEST_CHUNK
    assert sum(sizes) == size
