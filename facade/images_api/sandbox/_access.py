"""Who may ask for images: whoever has the key."""

from __future__ import annotations

import secrets
from typing import TYPE_CHECKING

from ._refusal import RefusedError

if TYPE_CHECKING:
    from starlette.requests import Request


def let_in(request: Request, api_key: str | None) -> None:
    """Raise `RefusedError` for a request without the key.

    Args:
        request: The request.
        api_key: The only key that is let in; None lets everyone in.
    """
    given = request.headers.get("authorization", "").encode()
    if api_key is not None and not secrets.compare_digest(given, f"Bearer {api_key}".encode()):
        what = "a wrong key" if given else "no key"
        raise RefusedError(f"Incorrect API key provided: the request carries {what}.", code="invalid_api_key", status=401)
