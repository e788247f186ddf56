"""Read an OpenAPI document from a file or a URL, and walk through it."""

import json
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import unquote

import httpx
from ruamel.yaml import YAML
from ruamel.yaml.error import MarkedYAMLError, YAMLError

from tools.generator.document import METHODS, at, unescaped

_TIMEOUT = 60.0


class DocumentError(Exception):
    """A document can't be used; the message names the document, the place and the reason."""


@dataclass(frozen=True)
class Document:
    """An OpenAPI document."""

    source: str
    content: dict[str, Any]

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
        # YAML has the status 200 as a number where nobody quotes it.
        return {str(key): self._child(str(key), value) for key, value in self.value.items()}

    def list(self) -> "list[Node]":
        """Return the values of a list.

        Raises:
            DocumentError: It isn't one.
        """
        if not isinstance(self.value, list):
            raise self.error(f"must be a list, is {_kind(self.value)}")
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
        reference = self.value["$ref"]
        if not isinstance(reference, str):
            raise self.error(f"its $ref must be a text, is {_kind(reference)}")
        return self.document.at(reference, self)

    def _child(self, key: str, value: Any) -> "Node":
        return Node(self.document, value, f"{self.pointer}/{key.replace('~', '~0').replace('/', '~1')}")


def read_document(source: str) -> Document:
    """Read an OpenAPI document, in JSON or YAML.

    Args:
        source: A path, or an http(s) URL.

    Raises:
        DocumentError: It can't be read, is neither JSON nor YAML, or isn't OpenAPI 3.
    """
    text = _fetch(source) if re.match("https?://", source) else _read(source)
    content = _parse(source, text)
    if not isinstance(content, dict):
        raise DocumentError(f"{source}: must be a mapping, is {_kind(content)}")
    version = content.get("openapi", content.get("swagger"))
    if version is None:
        raise DocumentError(f"{source}: isn't an OpenAPI document: it has no `openapi` with a version")
    if not str(version).startswith("3."):
        raise DocumentError(f"{source}: is of version {version}; convert it to OpenAPI 3.0 or 3.1 first")
    content["openapi"] = str(version)
    return Document(source, content)


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


def _read(source: str) -> str:
    try:
        return Path(source).read_text(encoding="utf-8-sig")
    except OSError as error:
        raise DocumentError(f"{source}: {error.strerror}") from error
    except UnicodeDecodeError as error:
        raise DocumentError(f"{source}: isn't UTF-8: {error.reason} at byte {error.start}") from error


def _fetch(url: str) -> str:
    try:
        response = httpx.get(url, follow_redirects=True, timeout=_TIMEOUT).raise_for_status()
        return response.content.decode("utf-8-sig")
    except httpx.HTTPStatusError as error:
        raise DocumentError(f"{url}: the server answered with status {error.response.status_code}") from error
    except (httpx.HTTPError, httpx.InvalidURL) as error:
        raise DocumentError(f"{url}: {error or type(error).__name__}") from error
    except UnicodeDecodeError as error:
        raise DocumentError(f"{url}: isn't UTF-8: {error.reason} at byte {error.start}") from error


def _parse(source: str, text: str) -> Any:
    # Flow YAML may begin like JSON, but then nothing is lost but its line.
    if text.lstrip().startswith(("{", "[")):
        try:
            return json.loads(text)
        except json.JSONDecodeError as error:
            raise DocumentError(f"{source}:{error.lineno}:{error.colno}: isn't JSON: {error.msg}") from error
    try:
        # libyaml, where it is installed, refuses YAML 1.2 that others write. 80,000 lines take some seconds without it.
        return YAML(typ="safe", pure=True).load(text)
    except MarkedYAMLError as error:
        line = f":{error.problem_mark.line + 1}:{error.problem_mark.column + 1}" if error.problem_mark else ""
        raise DocumentError(f"{source}{line}: isn't YAML: {error.problem or error.context}") from error
    except (YAMLError, ValueError) as error:
        raise DocumentError(f"{source}: isn't YAML: {error}") from error


def _kind(value: Any) -> str:
    return {dict: "a mapping", list: "a list", str: "a text", type(None): "nothing"}.get(type(value), repr(value))
