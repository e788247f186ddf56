"""Let the generated client send over a facade client's connections, with its key."""

from __future__ import annotations

from typing import TYPE_CHECKING

import httpx

if TYPE_CHECKING:
    from collections.abc import Callable

    from images_api._settings import Settings


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
        return client.send(_outgoing(request, self._settings, client), stream=True)


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
        return await client.send(_outgoing(request, self._settings, client), stream=True)


def _outgoing(request: httpx.Request, settings: Settings, client: httpx.Client | httpx.AsyncClient) -> httpx.Request:
    # A copy: what is redirected is made from the original, which must not have the key.
    outgoing = httpx.Request(
        request.method, request.url, headers=request.headers, stream=request.stream, extensions=request.extensions
    )
    add_client_defaults(outgoing, client)
    outgoing.headers.update(settings.headers_for(request.url))
    return outgoing


def add_client_defaults(request: httpx.Request, client: httpx.Client | httpx.AsyncClient) -> None:
    """Add the headers and cookies that a client would have given a request that it built itself.

    A content coding isn't asked for: pictures don't shrink, and a coded reply is only read once it is whole.
    """
    for name, value in client.headers.items():
        if name != "accept-encoding":
            request.headers.setdefault(name, value)
    if "cookie" not in request.headers:
        client.cookies.set_cookie_header(request)
