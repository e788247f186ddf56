"""How a request leaves: by which of the environment's proxies, and whom it trusts. What is wrong harms only who needs it."""

import os
import re
import ssl
from functools import cache
from pathlib import Path
from typing import Any, cast
from urllib.request import getproxies

import httpx

from images_api._contract.addresses import checked_url
from images_api._messages import shown_url

# The first that is set is where certificates come from, as httpx has it; what is written of the keys is opened with them.
_VARIABLES = ("SSL_CERT_FILE", "SSL_CERT_DIR", "SSLKEYLOGFILE")


class Route(httpx.BaseTransport, httpx.AsyncBaseTransport):
    """Sends each request directly or by a proxy, as the environment said when this was made.

    The proxy's URL, if there is one, stands in the request's extensions then.

    Args:
        kind: `httpx.HTTPTransport` or `httpx.AsyncHTTPTransport`, to send with.
    """

    def __init__(self, kind: Any) -> None:
        self._kind, self._proxies = kind, getproxies()
        self._transports: dict[tuple[str, str], Any] = {}

    def handle_request(self, request: httpx.Request) -> httpx.Response:
        """Send a request."""
        return cast("httpx.Response", self._transport(request).handle_request(request))

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        """Send a request."""
        return cast("httpx.Response", await self._transport(request).handle_async_request(request))

    def close(self) -> None:
        """Close all connections."""
        for transport in self._transports.values():
            transport.close()

    async def aclose(self) -> None:
        """Close all connections."""
        for transport in self._transports.values():
            await transport.aclose()

    def proxy(self, url: httpx.URL) -> tuple[str, str]:
        """Return the name of the variable that counts for a URL, and the proxy's own URL; two empty texts for none."""
        for name in (url.scheme, "all"):
            proxy = self._proxies.get(name)
            if proxy and not _is_direct(url, self._proxies.get("no", "")):
                return f"{name}_proxy".upper(), proxy if "://" in proxy else f"http://{proxy}"
        return "", ""

    def _transport(self, request: httpx.Request) -> Any:
        name, proxy = self.proxy(request.url)
        request.extensions["proxy"] = proxy
        key = request.url.scheme, proxy
        if key not in self._transports:
            trusted = _trusted(*map(os.environ.get, _VARIABLES), is_secure=key[0] == "https")
            try:
                if proxy:
                    checked_url(re.sub("^socks5h?:", "http:", proxy))
                # Of two threads that come here at once, both take what the first has made.
                self._transports.setdefault(key, self._kind(proxy=proxy or None, verify=trusted))
            except (ValueError, ImportError):
                text = f"{name} must be the URL of a proxy: of http, https, or socks5 with httpx[socks], not {shown_url(proxy)}"
                raise httpx.LocalProtocolError(text) from None  # the text of the error itself may quote a password
        return self._transports[key]


def _is_direct(url: httpx.URL, exceptions: str) -> bool:
    """Return whether a host is this very machine, which is never reached by way of a proxy, or among the exceptions."""
    names = {each.strip().strip("[]").lstrip("*.") or each.strip() for each in exceptions.lower().split(",")} - {""}
    places = f".{url.host}", f".{url.netloc.decode('ascii')}"
    is_excepted = "*" in names or any(each.endswith(f".{name}") for each in places for name in names | {"localhost", "::1"})
    return is_excepted or re.fullmatch(r"127(\.\d+){3}", url.host) is not None


@cache
def _trusted(file: str | None, folder: str | None, _log: str | None, *, is_secure: bool) -> ssl.SSLContext:
    """Return the context that httpx would make, one for all clients of the process; without TLS, one that trusts nobody."""
    if not is_secure:
        return ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)  # to read certificates takes longer than a call
    try:
        if folder and not file and not any(Path(folder).iterdir()):
            raise FileNotFoundError("no file in it")
        return httpx.create_ssl_context()
    except (OSError, ValueError) as error:
        said = ", ".join(f"{name}={os.environ[name]}" for name in _VARIABLES if name in os.environ)
        raise httpx.LocalProtocolError(f"the certificates to trust can't be read ({said}): {error}") from error
