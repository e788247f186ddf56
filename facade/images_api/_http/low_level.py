"""Let the generated client send over a facade client's connections, with its key."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import httpx

if TYPE_CHECKING:
    from images_api._settings import Settings

    from .pools import Connections


class SharedTransport(httpx.BaseTransport, httpx.AsyncBaseTransport):
    """Sends through another httpx client, in an event loop or without.

    Args:
        settings: Where the key and the headers stand.
        connections: Where the client to send through comes from.
    """

    def __init__(self, settings: Settings, connections: Connections[Any]) -> None:
        self._settings = settings
        self._connections = connections

    def handle_request(self, request: httpx.Request) -> httpx.Response:
        """Send a request, with the key and headers of the facade's client."""
        client: httpx.Client = self._connections.first().client
        return client.send(_outgoing(request, self._settings, client), stream=True)

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        """Send a request, with the key and headers of the facade's client."""
        client: httpx.AsyncClient = self._connections.first().client
        return await client.send(_outgoing(request, self._settings, client), stream=True)


def _outgoing(request: httpx.Request, settings: Settings, client: httpx.Client | httpx.AsyncClient) -> httpx.Request:
    # A copy: what is redirected is made from the original, which must not have the key.
    same: dict[str, Any] = {"headers": request.headers, "stream": request.stream, "extensions": request.extensions}
    outgoing = httpx.Request(request.method, settings.routed(request.url), **same)
    add_client_defaults(outgoing, client)
    outgoing.headers.update(settings.headers_for(request.url))
    return outgoing


def add_client_defaults(request: httpx.Request, client: httpx.Client | httpx.AsyncClient) -> None:
    """Add the headers and cookies that a client would have given a request that it built itself.

    A content coding isn't asked for: images don't shrink.
    """
    for name, value in client.headers.items():
        if name != "accept-encoding":
            request.headers.setdefault(name, value)
    if "cookie" not in request.headers:
        client.cookies.set_cookie_header(request)
