"""One set of trusted certificates a process, read when the first connection needs it: that takes longer than a call."""

from __future__ import annotations

import os
import ssl
from functools import cache
from typing import Any

import httpx


class LateContext(ssl.SSLContext):
    """The context that httpx would make, made at the first handshake; plain http never needs it."""

    def wrap_socket(self, *arguments: Any, **options: Any) -> ssl.SSLSocket:
        """Begin TLS on a socket."""
        return self._made().wrap_socket(*arguments, **options)

    def wrap_bio(self, *arguments: Any, **options: Any) -> ssl.SSLObject:
        """Begin TLS in memory, as asyncio does."""
        return self._made().wrap_bio(*arguments, **options)

    def set_alpn_protocols(self, alpn_protocols: Any) -> None:
        """Say which protocols to offer, always before the handshake."""
        self._protocols = alpn_protocols

    def _made(self) -> ssl.SSLContext:
        context = _made(os.environ.get("SSL_CERT_FILE"), os.environ.get("SSL_CERT_DIR"))
        context.set_alpn_protocols(self._protocols)
        return context


@cache
def late_context() -> LateContext:
    """Return the process's context."""
    return LateContext(ssl.PROTOCOL_TLS_CLIENT)


@cache
def _made(_file: str | None, _folder: str | None) -> ssl.SSLContext:
    return httpx.create_ssl_context()
