"""Connections for many calls at once, by what they belong to: a process, or an event loop."""

from __future__ import annotations

import os
import threading
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Generic, TypeVar

import httpx

from images_api._errors import InvalidRequestError, Problem

from .tls import late_context

if TYPE_CHECKING:
    from collections.abc import Callable

HTTPClient = TypeVar("HTTPClient")

# Of each pool: httpcore looks at every connection for every other one, whenever a request begins or ends
# (https://github.com/encode/httpcore/blob/1.0.9/httpcore/_async/connection_pool.py, `_assign_requests_to_connections`).
CALLS_EACH = 10
_LIMITS = httpx.Limits(max_connections=1000, max_keepalive_connections=CALLS_EACH)
# A server on this very machine is never reached by way of a proxy.
_DIRECT = ("all://localhost", "all://127.0.0.1", "all://[::1]")


@dataclass(slots=True)
class Pool(Generic[HTTPClient]):
    """An httpx client, and how many calls it has to do just now."""

    client: HTTPClient
    calls: int = 0


class Connections(Generic[HTTPClient]):
    """The connections of one client: the caller's own httpx client, or as many as it takes for none to have many calls at once.

    One call after another always gets the first.

    Args:
        kind: The class of the httpx clients.
        borrowed: The caller's own, which is never closed here.
        owner: Gives what connections belong to: the running event loop; or the process, by its number, for all its threads, for
            a fork that shares its parent's takes the other's answers.
    """

    def __init__(self, kind: Callable[..., HTTPClient], borrowed: HTTPClient | None, owner: Callable[[], object]) -> None:
        self.kind = kind
        self.borrowed = borrowed
        self._owner = owner
        self._borrowed_by: object = None
        self._pools: dict[object, list[Pool[HTTPClient]]] = {}
        self._lock = threading.Lock()

    def first(self) -> HTTPClient:
        """Return the httpx client for what is no call, such as downloads."""
        return self._take(calls=0).client

    def take(self) -> Pool[HTTPClient]:
        """Return the pool for one call, which must be given back."""
        return self._take(calls=1)

    def give_back(self, pool: Pool[HTTPClient]) -> None:
        """Say that a call has ended."""
        with self._lock:
            pool.calls -= 1

    def clear(self) -> list[HTTPClient]:
        """Return the httpx clients that were made for this owner, to be closed; a later use makes new ones."""
        return [pool.client for pool in self._pools.pop(self._owner(), ())]

    def _take(self, *, calls: int) -> Pool[HTTPClient]:
        owner = self._owner()
        if self.borrowed is not None:
            if self._borrowed_by not in {None, owner}:
                why = "was used in another event loop or process before, to which its connections belong"
                raise InvalidRequestError([Problem("http_client", self.borrowed, why)])
            self._borrowed_by = owner
            return Pool(self.borrowed)
        with self._lock:
            pools = self._pools.get(owner)
            if pools is None:
                self._pools = {each: pools for each, pools in self._pools.items() if not _has_ended(each)}
                pools = self._pools[owner] = []
            pool = next((pool for pool in pools if pool.calls + calls <= CALLS_EACH), None)
            if pool is None:
                pool = Pool(self.kind(verify=late_context(), limits=_LIMITS, mounts=dict.fromkeys(_DIRECT)))
                pools.append(pool)
            pool.calls += calls
            return pool


def _has_ended(owner: Any) -> bool:
    return owner != os.getpid() if isinstance(owner, int) else owner.is_closed()


def running_loop() -> object:
    """Return the event loop, to which the connections of an async client belong."""
    from asyncio import get_running_loop

    return get_running_loop()
