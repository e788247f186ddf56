"""Who may ask at all: this machine's own programs, and the web pages that were let in."""

from __future__ import annotations

from contextlib import suppress
from ipaddress import ip_address
from typing import TYPE_CHECKING
from urllib.parse import SplitResult, urlsplit

from starlette.datastructures import Headers

from ._refusal import RefusedError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from starlette.types import ASGIApp, Receive, Scope, Send


class Guard:
    """Middleware that turns away what a web page of somebody else's sends, by its own name or by one that it was given here.

    A page's script may ask any server that has the page's own name, and who owns a name may point it at this machine
    (DNS rebinding); and a page's form may be sent anywhere. The first shows in `Host`, the second in `Origin`.

    Args:
        app: What the others get to.
        hosts: The names, besides this machine's own, that may be asked for.
        origins: The origins of the pages that may ask; `*` for all.
    """

    def __init__(self, app: ASGIApp, hosts: Sequence[str], origins: Sequence[str]) -> None:
        self._app = app
        self._hosts = frozenset(host.lower() for host in hosts)
        self._origins = frozenset(origins)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        refusal = self._refusal(Headers(scope=scope)) if scope["type"] == "http" else None
        await (refusal.response() if refusal else self._app)(scope, receive, send)

    def _refusal(self, headers: Headers) -> RefusedError | None:
        host, origin = headers.get("host", ""), headers.get("origin", "")
        name = _parts(f"//{host}").hostname or ""
        if not (is_this_machine(name) or name in self._hosts):
            message = f"The host '{host[:100]}' isn't this machine's. Allow it with allowed_hosts, or --allow-host."
            return RefusedError(message, code="host_not_allowed", status=403)
        if not is_own_page(headers) and not self._origins & {"*", origin}:
            message = f"Pages of the origin '{origin[:100]}' may not ask. Allow them with cors, or --cors."
            return RefusedError(message, code="origin_not_allowed", status=403)
        return None


def is_own_page(headers: Headers) -> bool:
    """Tell whether a page asks, if one does, that came from the very host that is asked."""
    origin = headers.get("origin")
    return origin is None or _parts(origin).netloc == headers.get("host", "")


def _parts(url: str) -> SplitResult:
    with suppress(ValueError):
        return urlsplit(url)
    return urlsplit("")


def is_this_machine(name: str) -> bool:
    """Tell whether a name or an address always stands for the machine itself."""
    with suppress(ValueError):
        return ip_address(name).is_loopback
    return name == "localhost" or name.endswith(".localhost")
