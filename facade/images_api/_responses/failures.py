"""What an answer that isn't a success means, or one that didn't come: the error to raise."""

import re
from contextlib import suppress
from dataclasses import replace
from fnmatch import translate
from functools import cache
from typing import Any

import httpx

from images_api import _errors as errors
from images_api._contract.document import decode_json, error_codes
from images_api._messages import FOREIGN_TEXT_LIMIT, short, shown_url
from images_api._results import HTTPInfo
from images_api._secrets import Secrets

# Failures before the first byte of the request went out: there was no connection for it, or it can't be sent at all.
_NO_CONNECTION = (httpx.ConnectError, httpx.ConnectTimeout, httpx.PoolTimeout, httpx.ProxyError)
_NO_REQUEST = (httpx.UnsupportedProtocol, httpx.LocalProtocolError)
# What servers call a fault's words, what else may speak of it, its short names, and the details of a refusal.
_WORDS = re.compile("(?:error_|status_)?(?:message|msg)|error_description|title|details?|errors?")
_PLACES = re.compile("base_resp|inner_?error|metadata|data|images|output|result|artifacts|choices|candidates|promptFeedback")
_CODES = ("code", "status_code", "status", "type", "name", "finish_reason", "finishReason", "blockReason")
_MODERATION = ("moderation_details", "content_filter_result", "content_filter_results", "contentFilter", "reasons")
_VERDICTS = ("respect_moderation", "is_image_safe")
# How servers without a code for it refuse content.
_STATUSES_OF_REFUSALS = (200, 400, 403, 422, 451, 500)


def status_error(http: HTTPInfo, body: bytes, url: httpx.URL, secrets: Secrets) -> errors.APIStatusError:
    """Return the error that stands for a status, or for an error that came after a success.

    Args:
        http: The response's status and headers.
        body: The whole body, the event's data, or what stands in place of an image, of any kind.
        url: Where the request went, for the message of a 404.
        secrets: What must not be in the error, though the server quote it.
    """
    body = secrets.hidden_in(body)
    document = _document(body)
    detail = document.get("error") if isinstance(document, dict) else None
    said = Fault(document)
    codes = said.codes()
    if http.is_success:
        meanings = [(code, [code]) for code in map(str, range(400, 600))] + [*error_codes().items()]
        known = (int(name) for code in codes for name, names in meanings if code in names and name.isdecimal())
        http = replace(http, status_code=next(known, http.status_code))
    status = http.status_code
    kind = errors.STATUS_ERRORS.get(min(status, 500), errors.APIStatusError)
    if said.is_refusal(status):
        kind = errors.ContentPolicyError
    elif kind is errors.RateLimitError and any(code in error_codes()["quota"] for code in codes):
        kind = errors.QuotaExceededError
    silence = "the provider's moderation refused it" if kind is errors.ContentPolicyError else "no message"
    text = (said.text() if said.fields else excerpt(body)) or silence
    request = f" (request {short(http.request_id)})" if http.request_id else ""
    message = f"{status}{f' {said.code}' if said.code else ''}: {text}{_lead(http, url, codes)}{request}"
    error = kind(message, http=http, body=detail if detail and isinstance(detail, dict | list | str) else document)
    error.code = error.code or said.code
    if isinstance(error, errors.ContentPolicyError):
        error.moderation_details = next(iter(said.values(*_MODERATION)), None)
    return error


def billed_cost(headers: httpx.Headers) -> float | None:
    """Return what a gateway says in its headers that a call cost."""
    if cost := headers.get("x-litellm-response-cost"):
        with suppress(ValueError):
            return float(cost)
    return None


def connection_error(error: httpx.HTTPError, elapsed: float, body: bytes = b"", where: str = "") -> errors.APIConnectionError:
    """Return the error that stands for an answer that didn't come, or not whole.

    Args:
        error: What httpx raised.
        elapsed: The seconds since the request was begun.
        body: What came of the answer.
        where: From which host, by which proxy and at which try.
    """
    started = not isinstance(error, _NO_CONNECTION + _NO_REQUEST)
    end = " The server may have begun, and may bill the call." if started else ""
    what = f"{type(error).__name__}: {short(error)}".removesuffix(": ")
    kind, lead = errors.APIConnectionError, "no whole answer"
    if isinstance(error, httpx.TimeoutException):
        kind, lead, end = errors.APITimeoutError, "no answer within the timeout", f"{end} Pass timeout= to wait longer."
    return kind(f"{lead}{where} ({what}, after {elapsed:.1f} s).{end}", may_have_run=started, body=body)


def excerpt(body: bytes) -> str:
    """Return the beginning of a foreign body, of an HTML page its title."""
    text = body[: 64 * FOREIGN_TEXT_LIMIT].decode(errors="replace")
    title = re.search(r"<title[^>]*>(.*?)</title>", text, re.IGNORECASE | re.DOTALL)
    return short(title[1] if title else text) or "an empty body"


class Fault:
    """What a server says of a fault, wherever it does: in OpenAI's envelope, in FastAPI's, or in one of its own.

    Args:
        document: The JSON of it.

    Attributes:
        fields: The objects that speak of it, from the innermost error out.
    """

    def __init__(self, document: object) -> None:
        self.fields: list[dict[str, Any]] = []
        self._texts: list[str] = []
        self._gather(document, is_text=False)

    @property
    def code(self) -> str | None:
        """Return the fault's short name, or its number, that is nearest to it."""
        return next((short(code) for code in self.values("code", "status_code") if code or isinstance(code, str)), None)

    def text(self) -> str:
        """Return its words, each once."""
        return short("; ".join(dict.fromkeys(map(short, self._texts))))

    def values(self, *names: str) -> list[Any]:
        """Return what stands under some names."""
        return [fields[name] for name in names for fields in self.fields if fields.get(name) is not None]

    def codes(self) -> list[str]:
        """Return its short names and numbers, the telling ones first."""
        return [short(code).lower() for code in self.values(*_CODES) if isinstance(code, str | int)]

    def is_refusal(self, status: int) -> bool:
        """Tell whether a content policy is why there is no image."""
        policy, phrases = _refusals()
        if any(policy.fullmatch(re.sub(r"[\W_]", "", code)) for code in self.codes()) or False in self.values(*_VERDICTS):
            return True
        return status in _STATUSES_OF_REFUSALS and any(map(phrases.search, self._texts))

    def is_failure(self) -> bool:
        """Tell whether an event, or what stands in place of an image, says why there is none."""
        statuses = [base.get("status_code") for base in self.values("base_resp") if isinstance(base, dict)]
        return any([*statuses, *self.values("error", "errors")]) or self.is_refusal(_STATUSES_OF_REFUSALS[0])

    def _gather(self, said: object, *, is_text: bool) -> None:
        if isinstance(said, dict):
            self._gather(said.get("error"), is_text=True)
            self.fields.append(said)
            for name, each in said.items():
                parts = [*each.values()] if name == "errors" and isinstance(each, dict) else each
                if name != "error" and (_WORDS.fullmatch(name) or _PLACES.fullmatch(name)):
                    self._gather(parts, is_text=_WORDS.fullmatch(name) is not None)
        elif isinstance(said, list):
            for each in said:
                self._gather(each, is_text=is_text)
        elif is_text and said is not None and not isinstance(said, bool) and said != "":
            self._texts.append(str(said))


def _lead(http: HTTPInfo, url: httpx.URL, codes: list[str]) -> str:
    """Say what may be behind a refusal that the address explains."""
    location = http.headers.get("location")
    if httpx.codes.is_redirect(http.status_code) and location:
        return f" (moved to {short(shown_url(location))}, where the request isn't sent of itself: is that the base_url?)"
    if http.status_code not in {404, 405}:
        return ""
    hint = "" if "/v1/" in url.path else "; does the base URL lack its /v1?"
    if any("model" in code for code in codes):
        hint = "; is that the model's name here, and may this key use it?"
    return f" (POST {url.copy_with(userinfo=b'', query=None)}{hint})"


@cache
def _refusals() -> tuple[re.Pattern[str], re.Pattern[str]]:
    """Return what finds the codes, without their signs, and the phrases of refusals of content."""
    policy = "|".join(translate(code.replace("_", "")) for code in error_codes()["policy"])
    return re.compile(policy), re.compile("|".join(error_codes()["phrases"]), re.IGNORECASE)


def _document(body: bytes) -> object:
    """Return what a body says: JSON, be it that of an event, or a mere text."""
    event = re.match(rb"(?:event:.*\s+)?data:(.*)", body)
    try:
        return decode_json(event[1] if event else body)
    except ValueError:
        return body.decode(errors="replace")
