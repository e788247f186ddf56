"""Tell what another OpenAPI document that holds an Images API says differently from ours.

python -m tools.upstream DOCUMENT         what is new, for people
python -m tools.upstream DOCUMENT --all   what is known and wanted as well, with the reasons
python -m tools.upstream DOCUMENT --json  for machines
"""

import argparse
import json
import sys
import tomllib
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import groupby
from pathlib import Path
from typing import Any

from tools.comparison.differences import PRESENCE, SETS, Difference, differences
from tools.comparison.documents import Document, DocumentError, Node, operations, read_document
from tools.comparison.facts import Facts, read_facts
from tools.comparison.wording import field_name, value_text
from tools.terminal import printable, write

CONTRACT = Path(__file__).resolve().parent.parent / "openapi.yaml"
KNOWN = Path(__file__).with_suffix(".toml")


@dataclass(frozen=True)
class Pattern:
    """Differences that are known and wanted."""

    text: str
    reason: str

    def fits(self, difference: Difference) -> bool:
        """Tell whether a difference is one of them."""
        return _fits(self.text.split("*"), describe(difference))


@dataclass(frozen=True)
class Comparison:
    """What came of comparing a document with ours."""

    theirs: Document
    paths: dict[str, str | None]  # theirs, by our operation; None where they have none
    news: list[Difference]
    known: list[tuple[Difference, str]]
    stale: list[Pattern]
    misplaced_nullable: list[str]


def main(arguments: list[str] | None = None) -> int:
    """Run the command.

    Args:
        arguments: The command line; that of the process where it is None.

    Returns:
        The exit code: 0 when there is no news, 1 when there is, 2 when the documents couldn't be compared.
    """
    parser = argparse.ArgumentParser(prog="python -m tools.upstream", description="Compare an OpenAPI document with ours.")
    parser.add_argument("document", metavar="DOCUMENT", help="a path or an http(s) URL; JSON or YAML, OpenAPI 3.0 or 3.1")
    parser.add_argument("--all", action="store_true", help="show what is known and wanted as well, with the reasons")
    parser.add_argument("--json", action="store_true", help="print JSON, of all that differs")
    parser.add_argument("--contract", default=str(CONTRACT), help="the document to compare with")
    parser.add_argument("--known", type=Path, default=KNOWN, help="the list of known differences")
    options = parser.parse_args(arguments)
    try:
        found = compare(read_document(options.contract), read_document(options.document), read_known(options.known))
        text = _json_text(found) if options.json else "\n".join(map(printable, _as_text(found, everything=options.all)))
    except DocumentError as error:
        write(printable(str(error)), sys.stderr)
        return 2
    except Exception as error:  # noqa: BLE001  Python would end with 1, which says that there is news
        why = f"can't be compared, and nobody foresaw why: {type(error).__name__}: {error}"
        write(printable(f"{options.document}: {why}"), sys.stderr)
        return 2
    write(text)
    return 1 if found.news else 0


def read_known(path: Path) -> list[Pattern]:
    """Read the differences that are known and wanted.

    Raises:
        DocumentError: The list can't be read.
    """
    try:
        entries = tomllib.loads(path.read_text(encoding="utf-8"))["known"]
        return [Pattern(text, entry["reason"]) for entry in entries for text in entry["differences"]]
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise DocumentError(f"{path}: isn't a list of known differences: {type(error).__name__}: {error}") from error


def compare(ours: Document, theirs: Document, known: list[Pattern]) -> Comparison:
    """Compare a document with ours.

    Args:
        ours: The contract. Its operations are those that are compared.
        theirs: The other document. Its paths may have a prefix, as `/v1`.
        known: Differences that are no news.

    Returns:
        The differences, ours on the left.

    Raises:
        DocumentError: The other document holds none of the operations, or can't be understood.
    """
    wanted = {f"{method.upper()} {path}": (method, path, item) for method, path, item in operations(ours)}
    found = {name: there for name, (method, path, _) in wanted.items() if (there := _find(theirs, method, path))}
    if not found:
        raise DocumentError(f"{theirs.source}: holds no Images API: it has none of {', '.join(wanted)}, under any prefix")
    left = _facts(ours, {name: (method, item) for name, (method, _, item) in wanted.items()})
    right = _facts(theirs, {name: (wanted[name][0], item) for name, (_, item) in found.items()})
    found_differences = [
        (difference, [pattern for pattern in known if pattern.fits(difference)])
        for difference in differences(left.entries, right.entries)
    ]
    met = [pattern for _, patterns in found_differences for pattern in patterns]
    is_official = bool(met) and not _servers(ours).isdisjoint(_servers(theirs))
    return Comparison(
        theirs=theirs,
        paths={name: found[name][0] if name in found else None for name in wanted},
        news=[difference for difference, patterns in found_differences if not patterns],
        known=[(difference, patterns[0].reason) for difference, patterns in found_differences if patterns],
        # Other documents need not have each of the official document's differences.
        stale=[pattern for pattern in known if is_official and pattern not in met],
        misplaced_nullable=sorted(right.misplaced_nullable),
    )


def describe(difference: Difference) -> str:
    """Describe a difference in one line, which the patterns of known differences are held against."""
    return f"{' '.join(filter(None, (*difference.place[:2], field_name(difference.place))))}: {_what(difference)}"


def _facts(document: Document, operations: dict[str, tuple[str, Node]]) -> Facts:
    try:
        return read_facts(operations)
    except RecursionError as error:
        raise DocumentError(f"{document.source}: its schemas are nested too deeply, by way of its references") from error


def _fits(parts: list[str], text: str) -> bool:
    """Tell whether a text begins with the first part, ends with the last, and has those between in their order."""
    begin, *middle = parts
    if not middle:
        return text == begin
    *middle, end = middle
    at = len(begin)
    for part in middle:
        found = text.find(part, at)
        if found < 0:
            return False
        at = found + len(part)
    return text.startswith(begin) and text.endswith(end) and at + len(end) <= len(text)


def _find(document: Document, method: str, path: str) -> tuple[str, Node] | None:
    """Return the shortest of the paths that end so, and its path item."""
    there = [(theirs, item) for their_method, theirs, item in operations(document, path) if their_method == method]
    return min(there, key=lambda each: len(each[0]), default=None)


def _servers(document: Document) -> set[str]:
    root = document.root.mapping()
    servers = [server.mapping() for server in root["servers"].list()] if "servers" in root else []
    return {str(server["url"].value) for server in servers if "url" in server}


def _what(difference: Difference) -> str:
    left, right = difference.left, difference.right
    side, value = ("ours", left) if right is None else ("theirs", right)
    if difference.aspect == PRESENCE:
        return f"only {side}"
    if difference.aspect in SETS and isinstance(value, str):
        return f"{SETS[difference.aspect]} {value} only {side}"
    return f"{difference.aspect}: ours {value_text(difference.aspect, left)}, theirs {value_text(difference.aspect, right)}"


def _as_text(found: Comparison, *, everything: bool) -> Iterator[str]:
    yield from _listed(found.news, found.paths)
    if everything:
        for reason, group in groupby(sorted(found.known, key=_reason), key=_reason):
            yield ""
            yield f"Known: {reason}"
            yield from _listed([difference for difference, _ in group], found.paths)
    if found.stale:
        yield f"The official document no longer differs in this; delete it from {KNOWN.name}:"
        yield from (f"  {pattern.text}" for pattern in found.stale)
    if found.misplaced_nullable:
        yield (
            f"{len(found.misplaced_nullable)} x `nullable` in a document of version {found.theirs.version}, where it has no "
            f"meaning; compared as it was meant. The first: {found.misplaced_nullable[0]}"
        )
    counts = f"New differences: {len(found.news)}. Known and wanted: {len(found.known)}"
    there = [path for path in found.paths.values() if path]
    shown = "" if everything or not found.known else " (--all shows them)"
    yield f"{counts}{shown}. Operations compared: {len(there)} of {len(found.paths)}."


def _reason(known: tuple[Difference, str]) -> str:
    return known[1]


def _listed(found: list[Difference], paths: dict[str, str | None]) -> Iterator[str]:
    for (operation, part), group in groupby(found, key=lambda difference: difference.place[:2]):
        theirs = paths[operation]
        other_path = f"(theirs: {theirs})" if theirs and not operation.endswith(f" {theirs}") else ""
        yield " ".join(filter(None, (operation, other_path, part)))
        for difference in group:
            name = field_name(difference.place)
            yield f"  {f'{name}: ' if name else ''}{_what(difference)}"
            yield f"    ours {difference.left_pointer}  theirs {difference.right_pointer}"


def _json_text(found: Comparison) -> str:
    record = {
        "document": found.theirs.source,
        "paths": found.paths,
        "news": [_record(difference) for difference in found.news],
        "known": [{**_record(difference), "reason": reason} for difference, reason in found.known],
        "stale": [pattern.text for pattern in found.stale],
        "misplaced_nullable": found.misplaced_nullable,
    }
    return json.dumps(record, indent=1, default=str)


def _record(difference: Difference) -> dict[str, Any]:
    return {
        "operation": difference.place.operation,
        "part": difference.place.part,
        "field": field_name(difference.place),
        "aspect": difference.aspect,
        "ours": _plain(difference.left),
        "theirs": _plain(difference.right),
        "ours_at": difference.left_pointer,
        "theirs_at": difference.right_pointer,
        "text": describe(difference),
    }


def _plain(value: Any) -> Any:
    return sorted(value) if isinstance(value, frozenset) else value


if __name__ == "__main__":
    sys.exit(main())
