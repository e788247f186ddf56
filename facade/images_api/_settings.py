"""Where a client's calls go and what goes with each: its arguments, the environment, and the rules for both."""

import os
import re
from collections.abc import Callable, Mapping
from typing import Any, Literal, TypeAlias, get_args

import httpx

from ._contract.addresses import own_paths, same_origin, split_base_url
from ._contract.document import document, official_url, plain
from ._messages import shown_url
from ._problems import InvalidRequestError, Problem, refused
from ._secrets import HIDDEN, Secret, conceal_headers, concealed, is_secret

Validation: TypeAlias = Literal["strict", "warn", "off"]
APIKey: TypeAlias = str | Callable[[], str] | None
TimeoutTypes: TypeAlias = float | httpx.Timeout

AUTHORIZATION = "Authorization"
MAX_DOWNLOAD_BYTES = 100 << 20
MAX_RESPONSE_BYTES = 1 << 30
# What an operating system waits for at most is less than a Python number can say.
_LONGEST_TIMEOUT = 1_000_000


class Settings:
    """What a client knows before its first call: its arguments, checked, and filled in from the environment.

    The key is in no repr and in no pickle.

    Args:
        arguments: Those of the clients, which tell what each is, by name; all but the connections.

    Attributes:
        query: What goes with every request behind its path.
        is_official: Whether calls go to the official host.

    Raises:
        InvalidRequestError: An argument breaks a rule, or the official host is meant and there is no key.
    """

    api_key: APIKey
    retry_ambiguous: bool
    validate: Validation
    auth_header: str
    max_download_bytes: int
    max_response_bytes: int

    def __init__(self, arguments: Mapping[str, Any]) -> None:
        self.__setstate__(arguments)
        self.paths = own_paths(arguments["paths"] or {})
        given = arguments["base_url"] or _environment("OPENAI_BASE_URL") or official_url()
        self.base_url, self.query = split_base_url(given, self.paths)
        self.is_official = httpx.URL(self.base_url).host == httpx.URL(official_url()).host
        if not callable(self.api_key):
            self.authorization()  # refuses what can't be a key
        if self.api_key is None and self.base_url == official_url():
            raise refused("api_key", None, f"is required for {official_url()}: pass api_key, or set OPENAI_API_KEY")
        if self.validate not in get_args(Validation):
            raise refused("validate", self.validate, f"must be one of {', '.join(get_args(Validation))}")
        organization = arguments["organization"] or _environment("OPENAI_ORG_ID")
        project = arguments["project"] or _environment("OPENAI_PROJECT_ID")
        ours = {"OpenAI-Organization": organization, "OpenAI-Project": project}
        self.headers = conceal_headers({name: value for name, value in ours.items() if value} | (arguments["headers"] or {}))
        self.timeout = checked_timeout(plain(arguments["timeout"]))
        self.max_retries = checked_retries(plain(arguments["max_retries"]))
        self.defaults = {name: plain(value) for name, value in arguments["defaults"].items()}
        from ._contract.operations import option_fault

        faults = {name: option_fault(name, value, [*arguments, "http_client"]) for name, value in self.defaults.items()}
        # A misplaced key is shown to nobody.
        problems = [Problem(name, HIDDEN if is_secret(name) else self.defaults[name], why) for name, why in faults.items() if why]
        if problems:
            raise InvalidRequestError(problems)

    def authorization(self) -> dict[str, str]:
        """Return the header that carries the key, if there is a key."""
        key = concealed(self.api_key()) if callable(self.api_key) else self.api_key
        if key is None:
            return {}
        key = Secret(key.strip() if isinstance(key, str) else "")
        if not key or not key.isascii() or not key.isprintable() or " " in key:
            why = "must be printable ASCII without blanks" if key else "is empty or no text, must be printable ASCII, or left out"
            # Never with the value: it may be a key with one wrong character.
            raise refused("api_key", HIDDEN, why)
        return {self.auth_header: Secret(f"Bearer {key}") if self.auth_header.lower() == AUTHORIZATION.lower() else key}

    def headers_for(self, url: httpx.URL) -> dict[str, str]:
        """Return the client's own headers and the key, for the base URL's own origin alone."""
        return {**self.headers, **self.authorization()} if same_origin(url, httpx.URL(self.base_url)) else {}

    def url(self, path: str) -> str:
        """Return the URL of an operation, by its path in the contract."""
        return f"{self.base_url}{self.paths.get(path, path)}{self.query}"

    def routed(self, url: httpx.URL) -> httpx.URL:
        """Return the URL to which a request of the generated client goes."""
        base = httpx.URL(self.base_url)
        prefix = base.path.rstrip("/")
        if not (self.paths or self.query) or not same_origin(url, base) or not url.path.startswith(f"{prefix}/"):
            return url
        return httpx.URL(self.url(url.path.removeprefix(prefix))).copy_merge_params(url.params)

    def __repr__(self) -> str:
        if "query" not in vars(self):
            return "that are not complete"
        return f"{shown_url(self.base_url)}, {'with' if self.api_key else 'without'} a key"

    def __getstate__(self) -> dict[str, Any]:
        # A callable knows where the key lies and is not the key; a text is the key itself.
        kept = self.api_key if callable(self.api_key) else None
        headers = {name: value for name, value in self.headers.items() if not isinstance(value, Secret)}
        query = "&".join(field for field in self.query[1:].split("&") if not is_secret(field.partition("=")[0]))
        address = {"base_url": re.sub(r"(?<=://).*@", "", self.base_url), "query": query and f"?{query}"}
        return self.__dict__ | {"api_key": kept, "headers": headers} | address

    def __setstate__(self, state: Mapping[str, Any]) -> None:
        self.__dict__.update(state)
        if self.api_key is None:
            self.api_key = concealed(_environment("OPENAI_API_KEY"))


def user_agent() -> str:
    """Return what calls and downloads say that they come from."""
    return f"images-api/{document()['info']['version']}"


def checked_timeout(timeout: TimeoutTypes | None) -> TimeoutTypes:
    """Return a timeout, where nobody says one the default.

    Raises:
        InvalidRequestError: It is no number above zero and no `httpx.Timeout`.
    """
    if timeout is None or isinstance(timeout, httpx.Timeout):
        return timeout or 600.0
    if isinstance(timeout, bool) or not isinstance(timeout, int | float) or not 0 < timeout <= _LONGEST_TIMEOUT:
        raise refused("timeout", timeout, f"must be seconds above 0 and up to {_LONGEST_TIMEOUT}, or an httpx.Timeout")
    return timeout


def phases(timeout: TimeoutTypes) -> httpx.Timeout:
    """Return a timeout as httpx takes it: of a number, each read and write may take all, and to connect at most 5 seconds."""
    return timeout if isinstance(timeout, httpx.Timeout) else httpx.Timeout(timeout, connect=min(timeout, 5.0))


def checked_retries(max_retries: int) -> int:
    """Return the number of retries.

    Raises:
        InvalidRequestError: It is no whole number from 0.
    """
    if isinstance(max_retries, bool) or not isinstance(max_retries, int) or max_retries < 0:
        raise refused("max_retries", max_retries, "must be a whole number from 0")
    return max_retries


def _environment(name: str) -> str | None:
    return os.environ.get(name, "").strip() or None
