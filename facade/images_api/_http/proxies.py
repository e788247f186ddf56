"""Which of the environment's proxies a request goes by. One that is wrong harms nobody who doesn't need it."""

from __future__ import annotations

import re
from contextlib import suppress
from ipaddress import ip_address
from typing import Any
from urllib.request import getproxies

import httpx

from images_api._contract.addresses import checked_url
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
        name, proxy = self.proxy(url)
        if proxy not in self._transports:
            try:
                if proxy:
                    checked_url(re.sub("^socks5h?:", "http:", proxy))
                self._transports[proxy] = self._kind(proxy=proxy or None, **self._options)
            except (ValueError, ImportError):
                text = f"{name} must be the URL of a proxy: of http, https, or socks5 with httpx[socks], not {shown_url(proxy)}"
                raise httpx.LocalProtocolError(text) from None  # the text of the error itself may quote a password
        return self._transports[proxy]


def _is_direct(url: httpx.URL, exceptions: str) -> bool:
    """Return whether a host is this very machine, which is never reached by way of a proxy, or among the exceptions."""
    names = {each.strip().strip("[]").lstrip("*.") or each.strip() for each in exceptions.lower().split(",")} - {""}
    with suppress(ValueError):
        if ip_address(url.host).is_loopback:
            return True
    places = f".{url.host}", f".{url.netloc.decode('ascii')}"
    return places[0].endswith(".localhost") or "*" in names or any(each.endswith(f".{name}") for each in places for name in names)
