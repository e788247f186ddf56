"""Which of the environment's proxies a request goes by. One that is wrong harms nobody who doesn't need it."""

from __future__ import annotations

from contextlib import suppress
from ipaddress import ip_address, ip_network
from typing import Any
from urllib.request import getproxies, proxy_bypass

import httpx

from images_api._messages import shown_url


class Route(httpx.BaseTransport, httpx.AsyncBaseTransport):
    """Sends each request directly or by a proxy, as the environment said when this was made.

    Args:
        kind: `httpx.HTTPTransport` or `httpx.AsyncHTTPTransport`, to send with.
        **options: What it takes beside the proxy.
    """

    def __init__(self, kind: Any, **options: Any) -> None:
        self._kind = kind
        self._options = options
        self._proxies = getproxies()
        self._transports: dict[str, Any] = {}
        self._chosen: dict[tuple[str, str, int | None], Any] = {}

    def handle_request(self, request: httpx.Request) -> httpx.Response:
        """Send a request."""
        response: httpx.Response = self._transport(request.url).handle_request(request)
        return response

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        """Send a request."""
        response: httpx.Response = await self._transport(request.url).handle_async_request(request)
        return response

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
        for name in () if _is_direct(url, self._proxies.get("no", "")) else (url.scheme, "all"):
            proxy = self._proxies.get(name)
            if proxy:
                return f"{name}_proxy".upper(), proxy if "://" in proxy else f"http://{proxy}"
        return "", ""

    def _transport(self, url: httpx.URL) -> Any:
        origin = url.scheme, url.host, url.port
        if origin not in self._chosen:
            name, proxy = self.proxy(url)
            try:
                if proxy not in self._transports:
                    self._transports[proxy] = self._kind(proxy=proxy or None, **self._options)
            except (ValueError, ImportError, httpx.InvalidURL) as error:
                why = (
                    "needs the package httpx[socks]"
                    if isinstance(error, ImportError)
                    else "must be a URL of http, https or socks5"
                )
                text = f"the proxy in {name}, {shown_url(proxy)}, {why}"
                raise httpx.LocalProtocolError(text) from None  # whose own text may quote a password
            self._chosen[origin] = self._transports[proxy]
        return self._chosen[origin]


def _is_direct(url: httpx.URL, exceptions: str) -> bool:
    """Return whether a host is this very machine, which is never reached by way of a proxy, or among the exceptions."""
    entries = [entry.strip().strip("[]") for entry in exceptions.split(",")]
    with suppress(ValueError):
        address = ip_address(url.host)
        return address.is_loopback or any(_holds(entry, address) for entry in entries) or "*" in entries
    host = url.host
    return host == "localhost" or host.endswith(".localhost") or "*" in entries or bool(proxy_bypass(url.netloc.decode("ascii")))


def _holds(entry: str, address: Any) -> bool:
    with suppress(ValueError):
        return address in ip_network(entry, strict=False)
    return False
