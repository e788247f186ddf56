"""Tables and plain prompts as lines of a job: CSV, JSON Lines of requests or prompts, and texts with a prompt a line.

A row may say its `custom_id` and its `url`; all else are parameters. Without a url it asks for the operation that needs the most
of what it has: a prompt makes an image, an image and a prompt an edit.
"""

from __future__ import annotations

import csv
import os
from itertools import chain, islice
from typing import TYPE_CHECKING, Any, TextIO

from images_api._contract.document import decode_json
from images_api._problems import refused

from ._lines import Line, by_url, read_lines

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping
    from pathlib import Path

    from images_api._contract.operations import Operation

CONVERTED = "job.jsonl"
_TABLES = {".csv": ",", ".tsv": "\t"}
_SEPARATORS = ",;\t|"


def batch_form(job: Path, into: Path) -> Path:
    """Return a job in the Batch API's form: as it is, or converted into a folder.

    Args:
        job: The job, in any form.
        into: The folder that takes what it is converted to.

    Raises:
        InvalidRequestError: A row is no request.
        OSError: The job can't be read, or the folder not be written.
    """
    if is_batch_form(job):
        return job
    target = into / CONVERTED
    temporary = target.with_suffix(".tmp")
    with temporary.open("wb") as file:
        file.writelines(line.written() for line in converted(job))
        file.flush()
        os.fsync(file.fileno())
    return temporary.replace(target)


def is_batch_form(job: Path) -> bool:
    """Return whether a job is in the Batch API's form, which its first line tells.

    Raises:
        OSError: It can't be read.
    """
    if job.suffix.lower() in {*_TABLES, ".txt"}:
        return False
    with job.open("rb") as file:
        for _, _, raw in islice(read_lines(file), 1):
            try:
                said = decode_json(raw.removeprefix(b"\xef\xbb\xbf"))
            except ValueError:
                return True  # which the check says more of
            return not isinstance(said, str) and not (isinstance(said, dict) and "body" not in said)
    return True


def converted(job: Path) -> Iterator[Line]:
    """Yield the lines that the rows of a job stand for.

    Args:
        job: A CSV file with a head (`.csv`, `.tsv`), a text (`.txt`), or JSON Lines.

    Raises:
        InvalidRequestError: A row is no request, or the file isn't in UTF-8.
        OSError: It can't be read.
    """
    for number, row in _rows(job):
        custom_id, url = row.pop("custom_id", None), row.pop("url", None)
        called = by_url().get(url) if isinstance(url, str) else _operation_for(row)
        if called is None:
            needed = " or ".join(", ".join(each) for each in dict.fromkeys(chain(*map(_needed, by_url().values()))))
            urls = ", ".join(by_url())
            raise refused(f"line {number}", url or row, f"must be of {urls}" if url else f"must have {needed}")
        yield Line(f"{number:06}" if custom_id is None else str(custom_id), called.id, row, number)


def _rows(job: Path) -> Iterator[tuple[int, dict[str, Any]]]:
    separator = _TABLES.get(job.suffix.lower())
    try:
        with job.open(encoding="utf-8-sig", newline="" if separator else None) as file:
            if separator:
                yield from _table(file, separator)
            elif job.suffix.lower() == ".txt":
                yield from ((number, _prompt(text.strip())) for number, text in enumerate(file, 1) if text.strip())
            else:
                yield from ((number, _object(number, text)) for number, text in enumerate(file, 1) if text.strip())
    except UnicodeDecodeError as error:
        raise refused("job", str(job), f"must be in UTF-8 ({error.reason} at byte {error.start})") from None


def _table(file: TextIO, separator: str) -> Iterator[tuple[int, dict[str, Any]]]:
    head = file.readline()
    if separator not in head:
        separator = max(_SEPARATORS, key=head.count)
    reader = csv.DictReader(chain([head], file), delimiter=separator, strict=True)
    try:
        for row in reader:
            if None in row or None in row.values():
                raise refused(f"line {reader.line_num}", [*row.values()], f"must have {len(reader.fieldnames or ())} columns")
            said = {name.strip(): value for name, value in row.items() if value.strip()}
            if said:
                yield reader.line_num, _typed(said)
    except csv.Error as error:
        raise refused(f"line {reader.line_num}", head.strip(), f"can't be read as a table ({error})") from None


def _typed(row: Mapping[str, str]) -> dict[str, Any]:
    """Return a table's texts as what the contract wants of each parameter."""
    called = by_url().get(row.get("url", "")) or _operation_for(row)
    return {name: _value(called, name, text) if called else text for name, text in row.items()}


def _value(called: Operation, name: str, text: str) -> object:
    rules = [body for body in called.bodies.values() if name in body.properties]
    is_text = any(body.type_fault(name, text) is None for body in rules)
    if rules and (not is_text or (name in called.files and text.startswith("["))):
        try:
            return decode_json(text)
        except ValueError:
            return text  # which the check says more of
    return text


def _object(number: int, text: str) -> dict[str, Any]:
    try:
        said = decode_json(text)
    except ValueError as error:
        raise refused(f"line {number}", text[:100], f"must be JSON ({error})") from None
    if isinstance(said, str):
        return _prompt(said)
    if not isinstance(said, dict) or "body" in said:
        raise refused(f"line {number}", said, "must be a prompt, or an object of parameters, as the first one is")
    return dict(said)


def _prompt(text: str) -> dict[str, Any]:
    """Return the request that a mere text stands for: of the operation that needs nothing else."""
    return next({needed[0]: text} for called in by_url().values() for needed in _needed(called) if len(needed) == 1)


def _operation_for(row: Iterable[str]) -> Operation | None:
    """Return the operation that needs the most of what a row has."""
    said = set(row)
    fitting = [(len(needed), called) for called in by_url().values() for needed in _needed(called) if said.issuperset(needed)]
    return max(fitting, key=lambda each: each[0])[1] if fitting else None


def _needed(called: Operation) -> list[tuple[str, ...]]:
    return [tuple(body.required) for body in called.bodies.values()]
