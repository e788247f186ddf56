"""Where operations are found: the base URL, the paths of the contract or of a server's own, and what a URL must be."""

import re
from collections.abc import Mapping
from contextlib import suppress

import httpx

from images_api._messages import shown_url
from images_api._problems import InvalidRequestError, Problem, refused
from images_api._secrets import Secret

from .document import definitions, document


def same_origin(one: httpx.URL, other: httpx.URL) -> bool:
    """Return whether two URLs share scheme, host and port, so that a key for one may go to the other."""
    return (one.scheme, one.host, one.port) == (other.scheme, other.host, other.port)


def checked_url(text: str) -> httpx.URL:
    """Return a URL of a host that can be asked for.

    Args:
        text: The URL.

    Raises:
        ValueError: It isn't one; the text of the error says what it must be, and quotes nothing of it.
    """
    with suppress(httpx.InvalidURL, ValueError, TypeError):  # whose texts quote what may be a password
        url = httpx.URL(text)
        # A name is one as httpx shows it, which can fail, and as sockets take it.
        is_host = url.host and url.raw_host.decode("ascii").encode("idna")
        if is_host and url.scheme in {"http", "https"} and (url.port or 0) in range(1 << 16):
            return url
    raise ValueError("must be a URL that begins with http:// or https:// and names a host")


def split_base_url(given: str, paths: Mapping[str, str]) -> tuple[str, str]:
    """Return a base URL without an operation's path, and the query that goes with every request.

    Args:
        given: The URL, which may be that of an operation, with a query or not.
        paths: A server's own paths by those of the contract.

    Raises:
        InvalidRequestError: It is no URL of a host.
    """
    # A wrong one too may have a password, which no display of these variables may show.
    address, _, query = map(Secret, str(given).strip().partition("#")[0].partition("?"))
    url = Secret(address.rstrip("/"))
    for path in (*paths.values(), *document()["paths"]):
        url = Secret(url.removesuffix(path).rstrip("/"))
    try:
        checked_url(url)
    except ValueError as error:
        raise refused("base_url", shown_url(str(given)), str(error)) from None
    return url, Secret(f"?{query}") if query else ""


def own_paths(given: Mapping[str, str]) -> dict[str, str]:
    """Return a server's own paths by those of the contract.

    Args:
        given: The paths by the operations' ids.

    Raises:
        InvalidRequestError: There is no such operation, or a path can't be one.
    """
    if not isinstance(given, Mapping):
        raise refused("paths", given, "must be a mapping of operations to paths")
    known = {definition["operationId"]: path for path, _, definition in definitions()}
    why = f"must be a path that begins with /, of one of {', '.join(known)}"
    problems = [
        Problem(f"paths.{name}", path, why)
        for name, path in given.items()
        if name not in known or not isinstance(path, str) or not re.fullmatch(r"/[^?#\s]*", path)
    ]
    if problems:
        raise InvalidRequestError(problems)
    return {known[name]: path.rstrip("/") for name, path in given.items()}
