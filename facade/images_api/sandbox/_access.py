"""Who may ask for images: whoever has the key."""

from __future__ import annotations

import secrets
from typing import TYPE_CHECKING

from ._refusal import RefusedError

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from starlette.requests import Request


def let_in(request: Request, api_key: str | None, ways: Sequence[Mapping[str, str]]) -> None:
    """Raise `RefusedError` for a request without the key.

    Args:
        request: The request.
        api_key: The only key that is let in; None lets everyone in.
        ways: The headers that it may come in, and what stands before it there.
    """
    if api_key is None:
        return
    given = [request.headers.get(way["header"], "").encode() for way in ways]
    expected = [f"{way.get('before', '')}{api_key}".encode() for way in ways]
    if not any(map(secrets.compare_digest, given, expected)):
        what = "a wrong key" if any(given) else "no key"
        raise RefusedError(f"Incorrect API key provided: the request carries {what}.", code="invalid_api_key", status=401)
