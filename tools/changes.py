"""Tell callers what a new contract changes for them, as Markdown for CHANGELOG.md."""

from typing import Any

from tools.comparison.compatibility import breaks
from tools.comparison.differences import PRESENCE, SETS, Difference, differences
from tools.comparison.documents import Document, DocumentError, operations, parse_document
from tools.comparison.facts import Entries, Entry, read_facts
from tools.comparison.models import read_models
from tools.comparison.wording import field_name, value_text

_HEADINGS = {True: "### Breaking", False: "### Compatible"}


def changes(before: bytes | None, after: bytes, since: str) -> str:
    """Tell what changed for callers between two contracts.

    Args:
        before: The contract as it was, what `openapi.json` held; None where there was none.
        after: The contract as it is, likewise.
        since: What the contract was of, such as `HEAD`.

    Returns:
        Markdown with what breaks and what doesn't, or a line that says why there is none.
    """
    if before is None:
        return f"There is no contract in {since} to compare with."
    try:
        old, new = parse_document(f"the contract of {since}", before), parse_document("the new contract", after)
        left, right = _entries(old), _entries(new)
    except DocumentError as error:
        return f"What changed for callers can't be told. {error}"
    names = _operation_ids(old) | _operation_ids(new)
    lines: dict[bool, dict[str, list[str]]] = {True: {}, False: {}}
    for difference in differences(left, right):
        callers = lines[breaks(difference, left, right)].setdefault(_describe(difference, left, right), [])
        callers.append(difference.place.operation)
    texts = [
        "\n".join(
            [
                _HEADINGS[breaking],
                *(_bullet(text, [name for key, name in names.items() if key in callers]) for text, callers in bullets.items()),
            ]
        )
        for breaking, bullets in lines.items()
        if bullets
    ]
    return "\n\n".join(texts) or "Nothing changed for callers."


def _entries(document: Document) -> Entries:
    named = {f"{method.upper()} {path}": (method, item) for method, path, item in operations(document)}
    return {**read_facts(named, own=True).entries, **dict(read_models(document))}


def _operation_ids(document: Document) -> dict[str, str]:
    return {
        f"{method.upper()} {path}": str(item.mapping()[method].value.get("operationId", f"{method.upper()} {path}"))
        for method, path, item in operations(document)
    }


def _describe(difference: Difference, left: Entries, right: Entries) -> str:
    place = difference.place
    field = f"`{field_name(place)}`" if place.field else ""
    kind, _, name = place.part.partition(" ")
    subject = {
        "request": field,  # callers give an operation its fields, however they travel
        "reply": f"{field} of replies" if field else place.part,
        "event": f"{field} of the event `{name}`" if field else f"the event `{name}`",
        "error": f"{field} of errors" if field else place.part,
    }.get(kind, f"{place.part} {field}")
    when = f", when {place.when}" if place.when else ""
    return f"{subject.strip() or place.part or 'the operation'}{when}: {_what(difference, left, right)}"


def _what(difference: Difference, left: Entries, right: Entries) -> str:
    before, after = difference.left, difference.right
    if difference.aspect == PRESENCE:
        said = _facts((right if after else left)[difference.place])
        if difference.place.when:
            return said if after else f"no longer {said}"
        return f"{'new' if after else 'gone'}{f' ({said})' if said and after else ''}"
    if difference.aspect in SETS and isinstance(before or after, str):
        return f"{SETS[difference.aspect]} {before or after} {'gone' if before else 'new'}"
    if after is None:
        return f"no longer {_fact(difference.aspect, before)}"
    return f"{_fact(difference.aspect, after)} (was {value_text(difference.aspect, before)})"


def _facts(entry: Entry) -> str:
    if "types" in entry.facts and not entry.facts["types"].value:
        return "refused"
    facts = {name: fact.value for name, fact in entry.facts.items() if not name.endswith(" allowed") and fact.value is not False}
    return ", ".join("required" if name == "required" else _fact(name, value) for name, value in facts.items())


def _fact(aspect: str, value: Any) -> str:
    return f"{aspect} {value_text(aspect, value)}"


def _bullet(text: str, callers: list[str]) -> str:
    return f"- {', '.join(f'`{caller}`' for caller in callers)}{': ' if callers else ''}{text}"
