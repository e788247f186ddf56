"""Take off a content coding that nobody asked for, with bounded output."""

import zlib
from collections.abc import Iterator

import httpx

_LARGEST_CHUNK = 1 << 18


class Decoder:
    """Decodes gzip or deflate; what is in no coding, in another, in several, or not in the one it says passes as it is.

    Args:
        headers: The response's headers.
    """

    def __init__(self, headers: httpx.Headers) -> None:
        is_coded = headers.get("content-encoding", "").strip().lower() in {"gzip", "x-gzip", "deflate"}
        # With the header of gzip or of zlib: https://docs.python.org/3/library/zlib.html#zlib.decompress
        self._inflate = zlib.decompressobj(32 + zlib.MAX_WBITS) if is_coded else None
        self._unproven: bytes | None = b""  # what came, until it has proved to be coded at all

    def decode(self, chunk: bytes) -> Iterator[bytes]:
        """Yield what a chunk stands for, in chunks of at most 256 KiB where it was coded.

        Raises:
            httpx.DecodingError: It is broken.
        """
        decoded = b""
        while self._inflate is not None and (chunk or len(decoded) == _LARGEST_CHUNK):
            try:
                decoded = self._inflate.decompress(chunk, _LARGEST_CHUNK)
            except zlib.error as error:
                if self._unproven is None:
                    raise httpx.DecodingError(str(error)) from error
                self._inflate, chunk = None, self._unproven + chunk
                break
            self._unproven = None if decoded or self._unproven is None else self._unproven + chunk
            chunk = self._inflate.unconsumed_tail
            if decoded:
                yield decoded
        if chunk:
            yield chunk
