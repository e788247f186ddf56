"""Let the generated client send over a facade client's connections, with its key."""

from __future__ import annotations

from typing import TYPE_CHECKING

import httpx

if TYPE_CHECKING:
    from collections.abc import Callable

    from ._settings import Settings


class SharedTransport(httpx.BaseTransport):
    """Sends through another httpx client.

    Args:
        settings: Where the key and the headers stand.
        client: Gives the client to send through.
    """

    def __init__(self, settings: Settings, client: Callable[[], httpx.Client]) -> None:
        self._settings = settings
        self._client = client

    def handle_request(self, request: httpx.Request) -> httpx.Response:
        """Send a request, with the key and headers of the facade's client."""
        client = self._client()
        add_client_defaults(request, client)
        request.headers.update(self._settings.headers_for(request.url))
        return client.send(request, stream=True)


class AsyncSharedTransport(httpx.AsyncBaseTransport):
    """Sends through another httpx client, asynchronously.

    Args:
        settings: Where the key and the headers stand.
        client: Gives the client to send through.
    """

    def __init__(self, settings: Settings, client: Callable[[], httpx.AsyncClient]) -> None:
        self._settings = settings
        self._client = client

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        """Send a request, with the key and headers of the facade's client."""
        client = self._client()
        add_client_defaults(request, client)
        request.headers.update(self._settings.headers_for(request.url))
        return await client.send(request, stream=True)


def add_client_defaults(request: httpx.Request, client: httpx.Client | httpx.AsyncClient) -> None:
    """Add the headers and cookies that a client would have given a request that it built itself."""
    for name, value in client.headers.items():
        request.headers.setdefault(name, value)
    if "cookie" not in request.headers:
        client.cookies.set_cookie_header(request)
