"""One line of a job: the Batch API's own form, extended for local files, read and written line by line.

{"custom_id": "cat-1", "method": "POST", "url": "/v1/images/generations", "body": {"prompt": "a cat"}}
"""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from functools import cache, cached_property
from hashlib import blake2b
from pathlib import Path
from typing import TYPE_CHECKING, Any, BinaryIO

import httpx

from images_api._contract.document import decode_json, official_url
from images_api._contract.operations import operation, operations
from images_api._contract.wording import did_you_mean
from images_api._problems import refused

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from images_api._contract.operations import Operation

# What a line may hold at most: all that a file of the Batch API may.
LONGEST_LINE = 200_000_000
_BYTE_ORDER_MARK = b"\xef\xbb\xbf"
_KEYS = ("custom_id", "method", "url", "body")
# What a call takes beside an operation's parameters, which a body can't say.
_CALL_WORDS = frozenset({"extra_headers", "extra_query", "extra_body", "timeout", "max_retries", "self"})
_SUBJECT = 300


@dataclass(frozen=True)
class Line:
    """One line of a job, which may be pickled.

    Attributes:
        custom_id: What the job calls it.
        operation_id: The operation that it asks for.
        body: What it says, as it stands in the job.
        number: Where it stands in the job: its line, from 1.
        offset: Where it begins in the job, in bytes.
        folder: What local files are relative to; None for the working directory.
    """

    custom_id: str
    operation_id: str
    body: Mapping[str, Any]
    number: int = 0
    offset: int = 0
    folder: Path | None = None

    @cached_property
    def digest(self) -> str:
        """Return a hash of what is asked for: two lines with the same one ask for the same."""
        said = json.dumps([self.operation_id, self.body], sort_keys=True, separators=(",", ":"))
        return blake2b(said.encode(), digest_size=16).hexdigest()

    @property
    def subject(self) -> str:
        """Return what it is about, cut at 300 characters: its prompt, or the name of its first file."""
        called = operation(self.operation_id)
        texts = (self.body.get(name) for name in (called.subject or "", *_required(called)))
        subject = next((text for text in texts if isinstance(text, str)), "")[:_SUBJECT]
        return subject.encode(errors="replace").decode()  # which has no lone surrogates

    def arguments(self) -> dict[str, Any]:
        """Return what the operation's method takes, by name: images by reference and local files under the names of their kind.

        Raises:
            InvalidRequestError: The body says what is no parameter, or a reference is none.
        """
        called = operation(self.operation_id)
        body = self.body
        for name in body.keys() & _CALL_WORDS:
            raise refused(name, body[name], f"is no parameter of {called.id}")
        streams = [body.get(rules.roles.get("stream", "")) for rules in called.bodies.values()]
        if any(streams):
            raise refused("the stream", streams[0], "can't be had in bulk: leave it out")
        arguments = {name: body[name] for name in _required(called) if name in body} | dict(body)
        for name, key in called.bodies[called.by_reference].references.items():
            if key in body and (key != name or not _are_texts(body[key])):
                if key != name and name in body:
                    raise refused(f"{name} and {key}", [body[name], body[key]], "mean the same: give one")
                several = arguments.pop(key)
                named = [_named(called, name, key, each) for each in (several if isinstance(several, list) else [several])]
                arguments[name] = named if isinstance(several, list) else named[0]
        return arguments | {name: self._files(called, name, arguments[name]) for name in called.files if name in arguments}

    def written(self) -> bytes:
        """Return the line as it stands in a job, with its end."""
        called = operation(self.operation_id)
        said = {"custom_id": self.custom_id, "method": called.method, "url": url_of(called), "body": self.body}
        return json.dumps(said, ensure_ascii=False, separators=(",", ":")).encode(errors="surrogatepass") + b"\n"

    @property
    def local_files(self) -> list[Path]:
        """Return the local files that it names, as absolute paths where there is a folder."""
        arguments = self.arguments()
        several = (arguments.get(name) for name in operation(self.operation_id).files)
        return [each for given in several for each in (given if isinstance(given, list) else [given]) if isinstance(each, Path)]

    def _files(self, called: Operation, name: str, given: object) -> object:
        """Return what is given as images, with local files as paths."""
        if isinstance(given, list):
            return [self._files(called, name, each) for each in given]
        if not isinstance(given, str):
            raise refused(name, given, "must be the name of a file, a link or a file id, or several")
        if "://" in given or given.startswith("data:"):
            return given
        if "\0" in given or not given:
            raise refused(name, given, "must be the name of a file, a link or a file id")
        path = Path(self.folder or "", given).expanduser()
        return given if called.reference(name, given) and not path.exists() else path


def read_lines(job: BinaryIO) -> Iterator[tuple[int, int, bytes]]:
    """Yield the number of each line of a file, from 1, its offset, and its bytes; empty ones are left out.

    Args:
        job: A binary file, read from where it stands, which counts as its beginning.

    Raises:
        InvalidRequestError: A line is longer than 200 MB.
    """
    number = offset = 0
    while raw := job.readline(LONGEST_LINE + 1):
        number += 1
        if len(raw) > LONGEST_LINE:
            raise refused(f"line {number}", raw[:100], f"must have at most {LONGEST_LINE} bytes")
        if raw.strip().removeprefix(_BYTE_ORDER_MARK):
            yield number, offset, raw
        offset += len(raw)


def parse_line(raw: bytes, number: int = 0, offset: int = 0, folder: Path | None = None) -> Line:
    """Return what a line says.

    Args:
        raw: The line, with its end or without.
        number: Where it stands in the job: its line, from 1.
        offset: Where it begins in the job, in bytes.
        folder: What local files are relative to; None for the working directory.

    Raises:
        InvalidRequestError: It isn't in the Batch API's form, or asks for no operation that answers images.
    """
    try:
        said = decode_json(raw.removeprefix(_BYTE_ORDER_MARK))
    except ValueError as error:
        raise refused("the line", raw[:100].decode(errors="replace"), f"must be a JSON object ({error})") from None
    if not isinstance(said, dict):
        raise refused("the line", said, "must be a JSON object")
    for name in said.keys() - {*_KEYS}:
        raise refused(name, said[name], f"is no part of a line, which has {', '.join(_KEYS)}")
    custom_id, url, body = said.get("custom_id"), said.get("url"), said.get("body")
    if not isinstance(custom_id, str) or not re.fullmatch(r"[^\0\ud800-\udfff]+", custom_id):
        raise refused("custom_id", custom_id, "must be a text that names the line")
    called = by_url().get(url) if isinstance(url, str) else None
    if called is None:
        hint = did_you_mean(url, by_url()) if isinstance(url, str) else ""
        raise refused("url", url, f"must be one of {', '.join(by_url())}" + (f"; {hint}" if hint else ""))
    if said.get("method", called.method) != called.method:
        raise refused("method", said["method"], f"must be {called.method}")
    if not isinstance(body, dict):
        raise refused("body", body, "must be an object: the request")
    return Line(custom_id, called.id, body, number, offset, folder)


def url_of(called: Operation) -> str:
    """Return what a line says for an operation."""
    return httpx.URL(official_url()).path.rstrip("/") + called.path


@cache
def by_url() -> Mapping[str, Operation]:
    """Return the operations that answer images by what lines say for them."""
    return {url_of(each): each for each in operations().values() if each.answers_images}


@cache
def _required(called: Operation) -> tuple[str, ...]:
    return tuple(dict.fromkeys(name for body in called.bodies.values() for name in body.required))


def _are_texts(given: object) -> bool:
    return all(isinstance(each, str) for each in (given if isinstance(given, list) else [given]))


def _named(called: Operation, name: str, key: str, reference: object) -> str:
    """Return what a reference names."""
    if isinstance(reference, dict) and len(reference) == 1:
        text = next(iter(reference.values()))
        if isinstance(text, str) and called.reference(name, text) == reference:
            return text
    if isinstance(reference, str) and called.reference(name, reference):
        return reference
    raise refused(key, reference, 'must be a reference, such as {"image_url": "https://..."}')
