"""What an answer that isn't a success means, or one that didn't come: the error to raise."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

import httpx

from images_api import _errors as errors
from images_api._contract.document import error_codes
from images_api._messages import FOREIGN_TEXT_LIMIT, short, shown_url

from .json import decode_json

if TYPE_CHECKING:
    from images_api._messages import Secrets
    from images_api._results import HTTPInfo

_STATUS_ERRORS = {
    400: errors.BadRequestError,
    401: errors.AuthenticationError,
    403: errors.PermissionDeniedError,
    404: errors.NotFoundError,
    409: errors.ConflictError,
    422: errors.UnprocessableEntityError,
    429: errors.RateLimitError,
}
# Failures before the first byte of the request went out.
_NEVER_STARTED = (
    httpx.ConnectError,
    httpx.ConnectTimeout,
    httpx.PoolTimeout,
    httpx.ProxyError,
    httpx.UnsupportedProtocol,
    httpx.LocalProtocolError,
)
_SERVER_ERRORS = 500
_NO_SUCH_ADDRESS = (404, 405)


def status_error(http: HTTPInfo, body: bytes, url: httpx.URL, secrets: Secrets) -> errors.APIStatusError:
    """Return the error that stands for a status, or for an error that came as an event after a success.

    Args:
        http: The response's status and headers.
        body: The whole body, or the event's data, of any kind.
        url: Where the request went, for the message of a 404.
        secrets: What must not be in the error, though the server quote it.
    """
    body = secrets.hidden_in(body)
    try:
        document: object = decode_json(body)
    except ValueError:
        document = body.decode(errors="replace")
    detail = (document.get("error") or document) if isinstance(document, dict) else document
    fields = detail if isinstance(detail, dict) else {}
    codes = [short(fields.get("code")).lower(), _inner_code(fields), short(fields.get("type")).lower()]
    status = http.status_code
    if http.is_success:
        meanings = [name for code in codes for name, known in error_codes().items() if code in known and name.isdecimal()]
        status = int(next(iter(meanings), status))
    kind: type[errors.APIStatusError] = _STATUS_ERRORS.get(status, errors.APIStatusError)
    if error_codes()["policy"].intersection(codes):
        kind = errors.ContentPolicyError
    elif status >= _SERVER_ERRORS:
        kind = errors.InternalServerError
    elif kind is errors.RateLimitError and error_codes()["quota"].intersection(codes):
        kind = errors.QuotaExceededError
    text = error_text(document) if isinstance(document, dict) else excerpt(body)
    code = fields.get("code")
    message = f"{http.status_code}{f' {short(code)}' if code else ''}: {text or 'no message'}"
    message += _lead(http, url, codes)
    if http.request_id:
        message += f" (request {short(http.request_id)})"
    return kind(message, http=http, body=detail)


def connection_error(error: httpx.HTTPError, elapsed: float, body: bytes = b"", where: str = "") -> errors.APIConnectionError:
    """Return the error that stands for an answer that didn't come, or not whole.

    Args:
        error: What httpx raised.
        elapsed: The seconds since the request was begun.
        body: What came of the answer.
        where: From which host, by which proxy and at which try.
    """
    started = not isinstance(error, _NEVER_STARTED)
    billed = " The server may have begun, and may bill the call." if started else ""
    what = f"{type(error).__name__}: {short(error)}" if str(error) else type(error).__name__
    if isinstance(error, httpx.TimeoutException):
        text = f"no answer within the timeout{where} ({what}, after {elapsed:.1f} s).{billed} Pass timeout= to wait longer."
        return errors.APITimeoutError(text, may_have_run=started, body=body)
    text = f"no whole answer{where} ({what}, after {elapsed:.1f} s).{billed}"
    return errors.APIConnectionError(text, may_have_run=started, body=body)


def error_text(document: dict[str, Any]) -> str:
    """Return the message of an error body: OpenAI's envelope, a bare text, or what FastAPI and others send."""
    error = document.get("error")
    for found in (
        error.get("message") if isinstance(error, dict) else error,
        document.get("message"),
        document.get("detail"),
        document.get("error_msg"),
    ):
        if isinstance(found, list):
            return short("; ".join(short(each.get("msg", each) if isinstance(each, dict) else each) for each in found))
        if found:
            return short(found)
    return ""


def excerpt(body: bytes) -> str:
    """Return the beginning of a foreign body, of an HTML page its title."""
    text = body[: 64 * FOREIGN_TEXT_LIMIT].decode(errors="replace")
    title = re.search(r"<title[^>]*>(.*?)</title>", text, re.IGNORECASE | re.DOTALL)
    return short(title[1] if title else text) or "an empty body"


def _lead(http: HTTPInfo, url: httpx.URL, codes: list[str]) -> str:
    """Say what may be behind a refusal that the address explains."""
    location = http.headers.get("location")
    if httpx.codes.is_redirect(http.status_code) and location:
        return f" (moved to {short(shown_url(location))}, where the request isn't sent of itself: is that the base_url?)"
    if http.status_code not in _NO_SUCH_ADDRESS:
        return ""
    hint = "" if "/v1/" in url.path else "; does the base URL lack its /v1?"
    if any("model" in code for code in codes):
        hint = "; is that the model's name here, and may this key use it?"
    return f" (POST {url.copy_with(userinfo=b'', query=None)}{hint})"


def _inner_code(fields: dict[str, Any]) -> str:
    # Azure tells a content refusal from other bad requests one level deeper.
    inner = fields.get("innererror") or fields.get("inner_error")
    return short(inner.get("code")).lower() if isinstance(inner, dict) else ""
