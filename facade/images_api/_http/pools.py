"""Connections for many calls at once."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING, Generic, TypeVar

if TYPE_CHECKING:
    from collections.abc import Callable

HTTPClient = TypeVar("HTTPClient")

# Of each pool: httpcore looks at every connection for every other one, whenever a request begins or ends
# (https://github.com/encode/httpcore/blob/1.0.9/httpcore/_async/connection_pool.py, `_assign_requests_to_connections`).
CALLS_EACH = 10


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
        """Return the client for what is no call, such as downloads."""
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
