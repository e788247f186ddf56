"""Take off a content coding that nobody asked for, with bounded output."""

from __future__ import annotations

import zlib
from typing import TYPE_CHECKING

import httpx

if TYPE_CHECKING:
    from collections.abc import Iterator

# What gzip and deflate look like to zlib: with either's header, or, as some servers have it, without any.
_WINDOWS = {"gzip": (47,), "x-gzip": (47,), "deflate": (47, -15)}
_LARGEST_CHUNK = 1 << 18


class Decoder:
    """Decodes gzip or deflate; what is in no coding, in another, in several, or not in the one it says passes as it is.

    Args:
        headers: The response's headers.
    """

    def __init__(self, headers: httpx.Headers) -> None:
        self._windows = list(_WINDOWS.get(headers.get("content-encoding", "").strip().lower(), ()))
        self._inflate = self._next()
        self._begun = False

    def decode(self, chunk: bytes) -> Iterator[bytes]:
        """Yield what a chunk stands for, in chunks of at most 256 KiB where it was coded.

        Raises:
            httpx.DecodingError: It is broken.
        """
        while self._inflate is not None:
            try:
                decoded = self._inflate.decompress(chunk, _LARGEST_CHUNK)
            except zlib.error as error:
                if self._begun:
                    raise httpx.DecodingError(str(error)) from error
                self._inflate = self._next()
                continue
            self._begun = self._begun or bool(decoded)
            chunk = self._inflate.unconsumed_tail
            if decoded:
                yield decoded
            if not chunk and len(decoded) < _LARGEST_CHUNK:
                return
        if chunk:
            yield chunk

    def _next(self) -> zlib._Decompress | None:
        return zlib.decompressobj(self._windows.pop(0)) if self._windows else None
