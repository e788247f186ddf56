"""Let the generated client send over a facade client's connections, with its key."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import httpx

from images_api._secrets import SentURL

if TYPE_CHECKING:
    from contextlib import AbstractContextManager

    from images_api._settings import Settings

    from .pools import Connections, HTTPClient, Pool


class SharedTransport(httpx.BaseTransport, httpx.AsyncBaseTransport):
    """Sends through another httpx client, in an event loop or without.

    Args:
        settings: Where the key and the headers stand.
        connections: Where the client to send through comes from.
    """

    def __init__(self, settings: Settings, connections: Connections[Any]) -> None:
        self._settings = settings
        self._connections = connections
        self._of_httpx = httpx.Client(transport=self).headers

    def handle_request(self, request: httpx.Request) -> httpx.Response:
        """Send a request, with the key and headers of the facade's client."""
        with self._pool(httpx.Client) as pool:
            return pool.client.send(self._outgoing(request, pool.client), stream=True)

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        """Send a request, with the key and headers of the facade's client."""
        with self._pool(httpx.AsyncClient) as pool:
            return await pool.client.send(self._outgoing(request, pool.client), stream=True)

    def _pool(self, kind: type[HTTPClient]) -> AbstractContextManager[Pool[HTTPClient]]:
        if self._connections.kind is not kind:
            client, calls = ("ImagesClient", "sync") if kind is httpx.AsyncClient else ("AsyncImagesClient", "asyncio")
            raise TypeError(f"the low_level of {client} takes the {calls} functions alone")
        return self._connections.pool()

    def _outgoing(self, request: httpx.Request, client: httpx.Client | httpx.AsyncClient) -> httpx.Request:
        # A copy: what is redirected is made from the original, which must not have the key.
        same: dict[str, Any] = {"stream": request.stream, "extensions": request.extensions}
        said = [(name, value) for name, value in request.headers.multi_items() if self._of_httpx.get(name) != value]
        outgoing = httpx.Request(request.method, self._settings.routed(request.url), headers=said, **same)
        request.url, outgoing.url = SentURL(request.url), SentURL(outgoing.url)
        for name, value in self._settings.headers_for(request.url).items():
            outgoing.headers.setdefault(name, value)
        add_client_defaults(outgoing, client)
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
