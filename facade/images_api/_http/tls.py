"""One set of trusted certificates a process, read when the first connection needs it: that takes longer than a call."""

from __future__ import annotations

import os
import ssl
from functools import cache
from pathlib import Path
from typing import Any

import httpx

# The first that is set is where they come from, as httpx has it; what is written of the keys is opened with them.
_VARIABLES = ("SSL_CERT_FILE", "SSL_CERT_DIR", "SSLKEYLOGFILE")


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
        context = _made(*map(os.environ.get, _VARIABLES))
        context.set_alpn_protocols(self._protocols)
        return context


@cache
def late_context() -> LateContext:
    """Return the process's context."""
    return LateContext(ssl.PROTOCOL_TLS_CLIENT)


@cache
def _made(file: str | None, folder: str | None, _log: str | None) -> ssl.SSLContext:
    try:
        if folder and not file and not any(Path(folder).iterdir()):
            raise FileNotFoundError("no file in it")
        return httpx.create_ssl_context()
    except (OSError, ValueError) as error:
        counting = ("SSL_CERT_FILE" if file else "SSL_CERT_DIR", "SSLKEYLOGFILE")
        said = ", ".join(f"{name}={os.environ[name]}" for name in counting if name in os.environ)
        raise httpx.LocalProtocolError(f"the certificates to trust can't be read ({said}): {error}") from error
