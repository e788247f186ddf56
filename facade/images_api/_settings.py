"""Where a client's calls go and what goes with each: its arguments, the environment, and the rules for both."""

from __future__ import annotations

import os
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import TYPE_CHECKING, Any, Literal, TypeAlias
from urllib.parse import urlsplit

import httpx

from ._contract.rules import document, official_url, option_names
from ._errors import InvalidRequestError, Problem, unless_secret
from ._http.info import same_origin, shown_url

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

Validation: TypeAlias = Literal["strict", "warn", "off"]
APIKey: TypeAlias = "str | Callable[[], str] | None"
TimeoutTypes: TypeAlias = float | httpx.Timeout

AUTHORIZATION = "Authorization"
SECRET_HEADERS = frozenset({"authorization", "proxy-authorization", "api-key", "x-api-key", "cookie"})
_VALIDATIONS = ("strict", "warn", "off")
MAX_DOWNLOAD_BYTES = 100 << 20
_CONNECT_SECONDS = 5.0
# What an operating system waits for at most is less than a Python number can say.
_LONGEST_TIMEOUT = 1_000_000
DEFAULT_TIMEOUT = httpx.Timeout(600, connect=_CONNECT_SECONDS)


@dataclass(frozen=True, kw_only=True, repr=False)
class Settings:
    """What a client knows before its first call. Its key is in no repr and in no pickle.

    Attributes:
        api_key: A key, or a callable that returns one, asked before each request; None for none.
        base_url: The prefix of all paths, without a slash at its end.
        headers: Sent with every request, the key's own header left out.
        auth_header: The name of the header that carries the key: after `Bearer` in `Authorization`, bare in any other.
        timeout: How long to wait for the connection, for a write and for a read.
        max_retries: How often a request is sent again.
        retry_ambiguous: Whether to send again what may have run, and may be billed twice.
        validate: `strict` refuses what breaks the contract, `warn` warns of it and sends, `off` sends.
        defaults: Options that every call takes where it says nothing itself, if its operation knows them.
        max_download_bytes: The greatest size of a picture that is fetched by its URL.
    """

    api_key: APIKey = field(default=None)
    base_url: str
    headers: Mapping[str, str]
    auth_header: str = AUTHORIZATION
    timeout: httpx.Timeout
    max_retries: int
    retry_ambiguous: bool
    validate: Validation
    defaults: Mapping[str, Any]
    max_download_bytes: int

    @cached_property
    def is_official(self) -> bool:
        """Return whether calls go to the official host."""
        return urlsplit(self.base_url).hostname == urlsplit(official_url()).hostname

    def authorization(self) -> dict[str, str]:
        """Return the header that carries the key, if there is a key."""
        key = self.api_key() if callable(self.api_key) else self.api_key
        if key is None:
            return {}
        key = _checked_key(key)
        bearer = self.auth_header.lower() == AUTHORIZATION.lower()
        return {self.auth_header: f"Bearer {key}" if bearer else key}

    def headers_for(self, url: httpx.URL) -> dict[str, str]:
        """Return the client's own headers and the key, for the base URL's own origin alone."""
        return {**self.headers, **self.authorization()} if same_origin(url, httpx.URL(self.base_url)) else {}

    def __repr__(self) -> str:
        return f"{shown_url(self.base_url)}, {'with' if self.api_key else 'without'} a key"

    def __getstate__(self) -> dict[str, Any]:
        # A callable knows where the key lies and is not the key; a text is the key itself.
        kept = self.api_key if callable(self.api_key) else None
        headers = {name: value for name, value in self.headers.items() if name.lower() not in SECRET_HEADERS}
        return self.__dict__ | {"api_key": kept, "headers": headers}

    def __setstate__(self, state: dict[str, Any]) -> None:
        self.__dict__.update(state)
        if self.api_key is None:
            self.__dict__["api_key"] = _key_from_environment()


def make_settings(
    api_key: APIKey,
    *,
    base_url: str | None,
    organization: str | None,
    project: str | None,
    timeout: TimeoutTypes | None,
    max_retries: int,
    retry_ambiguous: bool,
    validate: Validation,
    headers: Mapping[str, str] | None,
    auth_header: str,
    max_download_bytes: int,
    defaults: Mapping[str, Any],
) -> Settings:
    """Check a client's arguments and fill them in from the environment.

    Raises:
        InvalidRequestError: An argument breaks a rule, or the official host is meant and there is no key.
    """
    official = official_url()
    url = _base_url(base_url or os.environ.get("OPENAI_BASE_URL", "").strip() or official)
    key = _key_from_environment() if api_key is None else api_key
    if key is not None and not callable(key):
        key = _checked_key(key)
    if key is None and url == official:
        why = f"is required for {official}: pass api_key, or set OPENAI_API_KEY"
        raise InvalidRequestError([Problem("api_key", None, why)])
    if validate not in _VALIDATIONS:
        raise InvalidRequestError([Problem("validate", validate, f"must be one of {', '.join(_VALIDATIONS)}")])
    unknown = [name for name in defaults if name not in option_names()]
    if unknown:
        why = "is no option of any operation"
        raise InvalidRequestError([Problem(name, unless_secret(name, defaults[name]), why) for name in unknown])
    settings = Settings(
        api_key=key,
        base_url=url,
        headers=_headers(organization, project) | dict(headers or {}),
        auth_header=auth_header,
        timeout=DEFAULT_TIMEOUT,
        max_retries=checked_retries(max_retries),
        retry_ambiguous=retry_ambiguous,
        validate=validate,
        defaults=dict(defaults),
        max_download_bytes=max_download_bytes,
    )
    return settings if timeout is None else replace(settings, timeout=checked_timeout(timeout))


def checked_timeout(timeout: TimeoutTypes) -> httpx.Timeout:
    """Return a timeout as httpx takes it; a number of seconds holds for each read and write, and at most 5 to connect.

    Raises:
        InvalidRequestError: It is no number above zero and no `httpx.Timeout`.
    """
    if isinstance(timeout, httpx.Timeout):
        return timeout
    if isinstance(timeout, bool) or not isinstance(timeout, int | float) or not 0 < timeout <= _LONGEST_TIMEOUT:
        why = f"must be seconds above 0 and up to {_LONGEST_TIMEOUT}, or an httpx.Timeout"
        raise InvalidRequestError([Problem("timeout", timeout, why)])
    return httpx.Timeout(timeout, connect=min(timeout, _CONNECT_SECONDS))


def checked_retries(max_retries: int) -> int:
    """Return the number of retries.

    Raises:
        InvalidRequestError: It is no whole number from 0.
    """
    if isinstance(max_retries, bool) or not isinstance(max_retries, int) or max_retries < 0:
        raise InvalidRequestError([Problem("max_retries", max_retries, "must be a whole number from 0")])
    return max_retries


def _checked_key(key: object) -> str:
    key = key.strip() if isinstance(key, str) else ""
    if not key or not key.isascii() or not key.isprintable() or " " in key:
        # Never with the value: it may be a key with one wrong character.
        raise InvalidRequestError([Problem("api_key", "…", "must be printable ASCII without blanks")])
    return key


def _key_from_environment() -> str | None:
    return os.environ.get("OPENAI_API_KEY", "").strip() or None


def _headers(organization: str | None, project: str | None) -> dict[str, str]:
    given = {
        "OpenAI-Organization": organization or os.environ.get("OPENAI_ORG_ID", "").strip(),
        "OpenAI-Project": project or os.environ.get("OPENAI_PROJECT_ID", "").strip(),
    }
    return {name: value for name, value in given.items() if value}


def _base_url(given: str) -> str:
    url = given.strip().rstrip("/")
    for path in document()["paths"]:
        url = url.removesuffix(path)
    try:
        parts = httpx.URL(url)
    except httpx.InvalidURL:  # whose text quotes what may be a password
        raise InvalidRequestError([Problem("base_url", shown_url(given), "must be a URL")]) from None
    if parts.scheme not in {"http", "https"} or not parts.host:
        why = "must begin with http:// or https:// and name a host"
        raise InvalidRequestError([Problem("base_url", shown_url(given), why)])
    return url.rstrip("/")
