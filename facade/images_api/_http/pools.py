"""Connections for many calls at once."""

from __future__ import annotations

import os
import threading
from contextlib import contextmanager
from functools import lru_cache, partial
from typing import TYPE_CHECKING, Any, Generic, TypeVar
from weakref import WeakKeyDictionary

import httpx

from images_api._errors import InvalidRequestError, Problem

from .tls import late_context

if TYPE_CHECKING:
    from collections.abc import Callable, Generator

HTTPClient = TypeVar("HTTPClient")

# Of each pool: httpcore looks at every connection for every other one, whenever a request begins or ends
# (https://github.com/encode/httpcore/blob/1.0.9/httpcore/_async/connection_pool.py, `_assign_requests_to_connections`).
CALLS_EACH = 10
_LIMITS = httpx.Limits(max_connections=1000, max_keepalive_connections=CALLS_EACH)
# A server on this very machine is never reached by way of a proxy.
_DIRECT = ("all://localhost", "all://127.0.0.1", "all://[::1]")


class Pool(Generic[HTTPClient]):
    """An httpx client, and how many calls it has to do just now."""

    def __init__(self, client: HTTPClient) -> None:
        self.client = client
        self.calls = 0


class Pools(Generic[HTTPClient]):
    """As many httpx clients as it takes for none to have many calls at once. One call after another always gets the first.

    Args:
        make: Makes one more.
    """

    def __init__(self, make: Callable[[], HTTPClient]) -> None:
        self._make = make
        self._pools: list[Pool[HTTPClient]] = []
        self._lock = threading.Lock()

    def first(self) -> HTTPClient:
        """Return the httpx client for what is no call, such as downloads."""
        with self._lock:
            return (self._pools or [self._more()])[0].client

    def take(self) -> Pool[HTTPClient]:
        """Return the pool for one call, which must be given back."""
        with self._lock:
            pool = next((pool for pool in self._pools if pool.calls < CALLS_EACH), None) or self._more()
            pool.calls += 1
            return pool

    def give_back(self, pool: Pool[HTTPClient]) -> None:
        """Say that a call has ended."""
        with self._lock:
            pool.calls -= 1

    def clear(self) -> list[HTTPClient]:
        """Return all clients, to be closed; the next call makes new ones."""
        with self._lock:
            clients = [pool.client for pool in self._pools]
            self._pools.clear()
            return clients

    def _more(self) -> Pool[HTTPClient]:
        pool = Pool(self._make())
        self._pools.append(pool)
        return pool


class Connections(Generic[HTTPClient]):
    """The connections of one client: the caller's own httpx client, or pools that are made when they are needed.

    Args:
        kind: What to make pools of.
        borrowed: The caller's own, which is never closed here.
        owner: Gives what connections belong to: the running event loop, or the running process, for all its threads.
    """

    def __init__(self, kind: Callable[..., HTTPClient], borrowed: HTTPClient | None, owner: Callable[[], Any]) -> None:
        self.borrowed = borrowed
        self._kind = kind
        self._owner = owner
        self._borrowed_by: object = None
        self._pools: WeakKeyDictionary[Any, Pools[HTTPClient]] = WeakKeyDictionary()

    def first(self) -> HTTPClient:
        """Return the httpx client for what is no call, such as downloads."""
        return self._borrowed_here() or self._pools_here().first()

    @contextmanager
    def taken(self) -> Generator[HTTPClient]:
        """Give the httpx client for one call, for a `with` block."""
        borrowed = self._borrowed_here()
        if borrowed is not None:
            yield borrowed
            return
        pools = self._pools_here()
        pool = pools.take()
        try:
            yield pool.client
        finally:
            pools.give_back(pool)

    def clear(self) -> list[HTTPClient]:
        """Return the httpx clients that were made for this owner, to be closed; a later use makes new ones."""
        pools = self._pools.pop(self._owner(), None)
        return pools.clear() if pools else []

    def _borrowed_here(self) -> HTTPClient | None:
        if self.borrowed is not None:
            owner = self._owner()
            if self._borrowed_by not in {None, owner}:
                why = "was used in another event loop before, to which its connections belong"
                raise InvalidRequestError([Problem("http_client", self.borrowed, why)])
            self._borrowed_by = owner
        return self.borrowed

    def _pools_here(self) -> Pools[HTTPClient]:
        owner = self._owner()
        pools = self._pools.get(owner)
        if pools is None:
            # Connections hold on to their loop, so that a weak reference alone would keep both for ever.
            for ended in [each for each in list(self._pools) if each.is_closed()]:
                self._pools.pop(ended, None)
            make = partial(self._kind, verify=late_context(), limits=_LIMITS, mounts=dict.fromkeys(_DIRECT))
            pools = self._pools.setdefault(owner, Pools(make))
        return pools


class Process:
    """What the connections of all threads belong to: a fork must not share its parent's, or it takes the other's answers."""

    def __init__(self, number: int) -> None:
        self._number = number

    def is_closed(self) -> bool:
        """Return whether this is another process than the running one."""
        return self._number != os.getpid()


_process = lru_cache(maxsize=1)(Process)


def running_process() -> Process:
    """Return this process."""
    return _process(os.getpid())


def running_loop() -> object:
    """Return the event loop, to which the connections of an async client belong."""
    from asyncio import get_running_loop

    return get_running_loop()
