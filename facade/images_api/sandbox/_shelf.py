"""The images that were made, and the links to them: signed, and good for a while."""

from __future__ import annotations

import hashlib
import hmac
import secrets
import threading
import time
from collections import OrderedDict
from math import ceil
from urllib.parse import urlencode

_MOST_BYTES = 128 << 20
_MOST_DIGITS = 12


class Shelf:
    """The newest images, up to 128 MiB of them. Thread-safe.

    Args:
        lifetime: Seconds for which a link is good.
        path: The path of an image, in which `{name}` stands for its name.
    """

    def __init__(self, lifetime: float, path: str) -> None:
        self._lifetime = lifetime
        self._path = path
        self._lock = threading.Lock()
        self._images: OrderedDict[str, bytes] = OrderedDict()
        self._bytes = 0
        self._secret = secrets.token_bytes(32)

    def put(self, content: bytes, extension: str) -> str:
        """Keep an image, and return its name."""
        name = f"{hashlib.sha256(content).hexdigest()[:32]}.{extension}"
        with self._lock:
            if name not in self._images:
                self._images[name] = content
                self._bytes += len(content)
            self._images.move_to_end(name)
            while self._bytes > _MOST_BYTES and len(self._images) > 1:
                self._bytes -= len(self._images.popitem(last=False)[1])
        return name

    def get(self, name: str) -> bytes | None:
        """Return an image, or None if it was never there or was one of the oldest."""
        with self._lock:
            return self._images.get(name)

    def target(self, name: str, *, is_expired: bool = False) -> str:
        """Return the path and query of a link to an image.

        Args:
            name: The image's name.
            is_expired: Whether the link is to be good no more.
        """
        expires = ceil(time.time() + (-2 if is_expired else self._lifetime))
        return (
            f"{self._path.replace('{name}', name)}?{urlencode({'expires': expires, 'signature': self._signature(name, expires)})}"
        )

    def is_signed(self, name: str, expires: str, signature: str) -> bool:
        """Tell whether a link is one of ours, expired or not."""
        is_number = expires.isdecimal() and len(expires) <= _MOST_DIGITS
        return is_number and hmac.compare_digest(signature.encode(), self._signature(name, int(expires)).encode())

    def _signature(self, name: str, expires: int) -> str:
        return hmac.new(self._secret, f"{name} {expires}".encode(), hashlib.sha256).hexdigest()
