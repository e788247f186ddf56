"""Say in a few words when a conditional of the contract holds."""

import json
from typing import Any

_Schema = dict[str, Any]


def describe(condition: Any) -> str:
    """Describe an `if`.

    Args:
        condition: The schema.

    Returns:
        The same text for the same condition; empty where it always holds.
    """
    if not isinstance(condition, dict) or set(condition) - {"type", "properties", "required", "not"}:
        return _json(condition)
    required: list[str] = condition.get("required", [])
    properties: dict[str, Any] = condition.get("properties", {})
    texts = [f"{name} {_value(schema)}{'' if name in required else ' or missing'}" for name, schema in properties.items()]
    texts += [f"{name} is given" for name in required if name not in properties]
    if "not" in condition:
        texts.append(f"not ({describe(condition['not'])})")
    return " and ".join(sorted(texts))


def _value(schema: Any) -> str:
    if not isinstance(schema, dict) or set(schema) - {"$ref", "enum", "const", "type", "not"}:
        return f"fits {_json(schema)}"
    choices = [schema["const"]] if "const" in schema else schema.get("enum", ())
    texts = (
        [f"is {' or '.join(sorted(choice if isinstance(choice, str) else _json(choice) for choice in choices))}"]
        if choices
        else []
    )
    if "$ref" in schema:
        texts.append(f"is in {schema['$ref'].rpartition('/')[2]}")
    if "type" in schema:
        texts.append(f"is {schema['type']}")
    if "not" in schema:
        texts.append(f"not ({_value(schema['not'])})")
    return " and ".join(texts)


def _json(value: Any) -> str:
    return json.dumps(value, sort_keys=True, separators=(",", ":"), default=str)
