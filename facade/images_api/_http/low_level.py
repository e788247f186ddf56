"""Let the generated client send over a facade client's connections, with its key."""

from typing import Any

import httpx

from images_api._secrets import SentURL
from images_api._settings import Settings

from .pools import Connections, at_once


class SharedTransport(httpx.BaseTransport, httpx.AsyncBaseTransport):
    """Sends through another httpx client, in an event loop or without.

    Args:
        settings: Where the key and the headers stand.
        connections: Where the client to send through comes from.
    """

    def __init__(self, settings: Settings, connections: Connections[Any]) -> None:
        self._settings, self._connections = settings, connections
        self._of_httpx = httpx.Client(transport=self).headers

    def handle_request(self, request: httpx.Request) -> httpx.Response:
        """Send a request, with the key and headers of the facade's client."""
        return at_once(self._sent(request, httpx.Client))

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        """Send a request, with the key and headers of the facade's client."""
        return await self._sent(request, httpx.AsyncClient)

    async def _sent(self, request: httpx.Request, kind: type[httpx.Client | httpx.AsyncClient]) -> httpx.Response:
        if self._connections.kind is not kind:
            client, calls = ("ImagesClient", "sync") if kind is httpx.AsyncClient else ("AsyncImagesClient", "asyncio")
            raise TypeError(f"the low_level of {client} takes the {calls} functions alone")
        # A copy: what is redirected is made from the original, which must not have the key.
        same: dict[str, Any] = {"stream": request.stream, "extensions": request.extensions}
        said = [(name, value) for name, value in request.headers.multi_items() if self._of_httpx.get(name) != value]
        outgoing = httpx.Request(request.method, self._settings.routed(request.url), headers=said, **same)
        request.url, outgoing.url = SentURL(request.url), SentURL(outgoing.url)
        for name, value in self._settings.headers_for(request.url).items():
            outgoing.headers.setdefault(name, value)
        with self._connections.pool() as pool:
            pool.complete(outgoing)
            return await pool.send(outgoing)
