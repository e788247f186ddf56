"""Read an OpenAPI document from a file or a URL, and walk through it."""

import json
import re
import time
import warnings
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import unquote

import httpx
from ruamel.yaml import YAML
from ruamel.yaml.error import MarkedYAMLError

from tools.generator.document import METHODS, at, unescaped

_TIMEOUT = 60.0
_LONGEST = 300.0
# Several times what the largest documents of APIs are. Beyond, a document is no description that anybody reads.
_MOST_BYTES = 16 * 1024 * 1024
_LONGEST_KEY = 1_000
_DEEPEST = 200
# References can make a short document endless. What walking through one costs is about a unit a nanosecond.
_MOST_UNITS = 10_000_000_000
_UNITS_A_STEP = 1_000
_STEPS_A_REFERENCE = 10
_COLLECTIONS = (dict, list, tuple, set)


class DocumentError(Exception):
    """A document can't be used; the message names the document, the place and the reason."""


@dataclass(frozen=True)
class Document:
    """An OpenAPI document."""

    source: str
    content: dict[str, Any]
    _spent: list[int] = field(default_factory=lambda: [0], repr=False, compare=False)

    def spend(self, steps: int, *, units: int = _UNITS_A_STEP) -> None:
        """Count steps on a way through the document.

        Args:
            steps: How many.
            units: What each costs, in nanoseconds or so.

        Raises:
            DocumentError: It takes too many.
        """
        self._spent[0] += steps * units
        if self._spent[0] > _MOST_UNITS:
            raise DocumentError(f"{self.source}: is too large to be compared, what its references stand for written out")

    @property
    def version(self) -> str:
        """Return the version of OpenAPI, as `3.1`."""
        return ".".join(self.content["openapi"].split(".")[:2])

    @property
    def root(self) -> "Node":
        """Return the whole of it."""
        return Node(self, self.content, "#")

    def at(self, pointer: str, referrer: "Node") -> "Node":
        """Return what a `$ref` stands for.

        Args:
            pointer: A JSON pointer into this document, as a fragment: `#/components/schemas/Image`.
            referrer: Where the `$ref` stands, for the error.

        Raises:
            DocumentError: It points into another document, or to nothing.
        """
        if pointer != "#" and not pointer.startswith("#/"):
            raise referrer.error(f"refers to {pointer}, outside of the document; bundle the documents into one first")
        place = tuple(unescaped(unquote(step)) for step in pointer.split("/")[1:])
        try:
            return Node(self, at(self.content, place), pointer)
        except LookupError as error:
            raise referrer.error(f"refers to {pointer}, where nothing is") from error


@dataclass(frozen=True)
class Node:
    """A value within a document, and where it stands."""

    document: Document
    value: Any
    pointer: str

    def error(self, reason: str) -> DocumentError:
        """Return an error that names this place."""
        return DocumentError(f"{self.document.source}: {self.pointer}: {reason}")

    def mapping(self) -> "dict[str, Node]":
        """Return the values of a mapping, by key.

        Raises:
            DocumentError: It isn't one.
        """
        if not isinstance(self.value, dict):
            raise self.error(f"must be a mapping, is {_kind(self.value)}")
        self._spend()
        # YAML has the status 200 as a number where nobody quotes it.
        return {str(key): self._child(str(key), value) for key, value in self.value.items()}

    def list(self) -> "list[Node]":
        """Return the values of a list.

        Raises:
            DocumentError: It isn't one.
        """
        if not isinstance(self.value, list):
            raise self.error(f"must be a list, is {_kind(self.value)}")
        self._spend()
        return [self._child(str(index), value) for index, value in enumerate(self.value)]

    def resolved(self) -> "Node":
        """Return what this stands for, where it is a `$ref`, else itself.

        Raises:
            DocumentError: It refers to nothing, to another document, or to itself.
        """
        node, seen = self, {self.pointer}
        while isinstance(node.value, dict) and "$ref" in node.value:
            node = node.target()
            if node.pointer in seen:
                raise self.error("refers to itself")
            seen.add(node.pointer)
        return node

    def target(self) -> "Node":
        """Return what the `$ref` of this mapping stands for.

        Raises:
            DocumentError: It refers to nothing or to another document.
        """
        self.document.spend(_STEPS_A_REFERENCE)
        reference = self.value["$ref"]
        if not isinstance(reference, str):
            raise self.error(f"its $ref must be a text, is {_kind(reference)}")
        return self.document.at(reference, self)

    def _spend(self) -> None:
        # Each child has its place as a text.
        self.document.spend(len(self.value) + 1, units=_UNITS_A_STEP + len(self.pointer))

    def _child(self, key: str, value: Any) -> "Node":
        return Node(self.document, value, f"{self.pointer}/{key.replace('~', '~0').replace('/', '~1')}")


def read_document(source: str) -> Document:
    """Read an OpenAPI document, in JSON or YAML.

    Args:
        source: A path, or an http(s) URL.

    Raises:
        DocumentError: It can't be read, is too large, is neither JSON nor YAML, or isn't OpenAPI 3.
    """
    return parse_document(source, _fetch(source) if re.match("https?://", source) else _read(source))


def parse_document(source: str, content: bytes) -> Document:
    """Read an OpenAPI document, in JSON or YAML, out of bytes.

    Args:
        source: What it is called in errors.
        content: The document, in UTF-8.

    Raises:
        DocumentError: It is too large or nested too deeply, is neither JSON nor YAML, or isn't OpenAPI 3.
    """
    try:
        text = content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise DocumentError(f"{source}: isn't UTF-8: {error.reason} at byte {error.start}") from error
    try:
        parsed = _parse(source, text)
    except RecursionError as error:
        raise DocumentError(f"{source}: is nested too deeply") from error
    _measure(source, parsed)
    if not isinstance(parsed, dict):
        raise DocumentError(f"{source}: must be a mapping, is {_kind(parsed)}")
    version = parsed.get("openapi", parsed.get("swagger"))
    if version is None:
        raise DocumentError(f"{source}: isn't an OpenAPI document: it has no `openapi` with a version")
    said = str(version) if isinstance(version, str | float) else _kind(version)
    if not said.startswith("3."):
        raise DocumentError(f"{source}: is of version {said}; convert it to OpenAPI 3.0 or 3.1 first")
    parsed["openapi"] = said
    return Document(source, parsed)


def operations(document: Document, ending: str = "") -> Iterator[tuple[str, str, Node]]:
    """Yield a document's operations.

    Args:
        document: The document.
        ending: What their paths end with.

    Yields:
        The method, the path, and the path item that holds the operation.

    Raises:
        DocumentError: The paths can't be read.
    """
    for path, item in document.root.mapping().get("paths", Node(document, {}, "#/paths")).mapping().items():
        if path.rstrip("/").endswith(ending):
            resolved = item.resolved()
            yield from ((method, path, resolved) for method in resolved.mapping() if method in METHODS)


def _read(source: str) -> bytes:
    try:
        with Path(source).open("rb") as file:
            content = file.read(_MOST_BYTES + 1)
    except (OSError, ValueError) as error:
        raise DocumentError(f"{source}: {getattr(error, 'strerror', None) or error}") from error
    _check_size(source, len(content))
    return content


def _fetch(url: str) -> bytes:
    content = bytearray()
    until = time.monotonic() + _LONGEST
    try:
        with httpx.stream("GET", url, follow_redirects=True, timeout=_TIMEOUT) as response:
            response.raise_for_status()
            for chunk in response.iter_bytes():
                content += chunk
                _check_size(url, len(content))
                if time.monotonic() > until:
                    raise DocumentError(f"{url}: didn't come whole within {_LONGEST:.0f} seconds")
    except httpx.HTTPStatusError as error:
        raise DocumentError(f"{url}: the server answered with status {error.response.status_code}") from error
    except (httpx.HTTPError, httpx.InvalidURL, ValueError) as error:
        raise DocumentError(f"{url}: {error or type(error).__name__}") from error
    return bytes(content)


def _check_size(source: str, size: int) -> None:
    if size > _MOST_BYTES:
        raise DocumentError(f"{source}: is larger than {_MOST_BYTES // 1024**2} MiB, which is read at most")


def _parse(source: str, text: str) -> Any:
    # Flow YAML may begin like JSON, but then nothing is lost but its line.
    if text.lstrip().startswith(("{", "[")):
        try:
            return json.loads(text)
        except json.JSONDecodeError as error:
            raise DocumentError(f"{source}:{error.lineno}:{error.colno}: isn't JSON: {error.msg}") from error
        except ValueError as error:  # a number with thousands of digits
            raise DocumentError(f"{source}: isn't JSON: {error}") from error
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # of style
            # libyaml, where it is installed, refuses YAML 1.2 that others write. 80,000 lines take some seconds without it.
            return YAML(typ="safe", pure=True).load(text)
    except MarkedYAMLError as error:
        line = f":{error.problem_mark.line + 1}:{error.problem_mark.column + 1}" if error.problem_mark else ""
        raise DocumentError(f"{source}{line}: isn't YAML: {error.problem or error.context}") from error
    except RecursionError:
        raise
    except Exception as error:  # ruamel.yaml lets through whatever a value's constructor raises
        raise DocumentError(f"{source}: isn't YAML: {error or type(error).__name__}") from error


def _measure(source: str, content: Any) -> None:
    """Refuse what is too deep, or too much once every alias is written out, without writing it out.

    Raises:
        DocumentError: It is, or it holds itself.
    """
    measures: dict[int, tuple[int, int]] = {}  # how many characters it would be at least, and how deep it is
    opened: set[int] = set()
    stack = [content]
    while stack:
        node = stack[-1]
        held = _held(node)
        parts = [each for each in held if isinstance(each, _COLLECTIONS)]
        if id(node) not in measures and id(node) not in opened:
            opened.add(id(node))
            if any(id(part) in opened for part in parts):
                raise DocumentError(f"{source}: an alias in it stands for what holds the alias itself")
            stack += [part for part in parts if id(part) not in measures]
            continue
        stack.pop()
        if id(node) in measures:
            continue
        opened.discard(id(node))
        within = [measures[id(part)] for part in parts]
        size = sum(1 + (len(each) if isinstance(each, str | bytes) else 0) for each in held) + sum(size for size, _ in within)
        depth = 1 + max((depth for _, depth in within), default=0)
        if size > _MOST_BYTES:
            raise DocumentError(f"{source}: is larger than {_MOST_BYTES // 1024**2} MiB, its aliases written out")
        if depth > _DEEPEST:
            raise DocumentError(f"{source}: is nested more than {_DEEPEST} levels deep")
        if isinstance(node, dict) and any(isinstance(key, str) and len(key) > _LONGEST_KEY for key in node):
            raise DocumentError(f"{source}: has a key of more than {_LONGEST_KEY:,} characters")
        measures[id(node)] = size, depth


def _held(node: Any) -> list[Any]:
    if isinstance(node, dict):
        return [*node, *node.values()]
    return list(node) if isinstance(node, _COLLECTIONS) else [node]


def _kind(value: Any) -> str:
    return {dict: "a mapping", list: "a list", str: "a text", type(None): "nothing"}.get(type(value), str(value))
