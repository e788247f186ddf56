"""Write which model each event of a stream becomes."""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from openapi_python_client.config import Config
from openapi_python_client.parser.properties import Class
from openapi_python_client.strings import PythonIdentifier

from tools.generator.document import Place, Schema, operations, place_of, resolved, role
from tools.generator.methods import EVENTS
from tools.generator.rendering import render

_SCHEMAS = ("components", "schemas")


@dataclass(frozen=True)
class _Events:
    """The events of one schema."""

    name: str
    alias: str
    type_property: str
    models: dict[str, Class]
    other: Class | None

    @property
    def classes(self) -> list[str]:
        """Return the names of all models."""
        return sorted({each.name for each in (*self.models.values(), *filter(None, [self.other]))})


def write_events(document: Schema, config: Config, target: Path) -> None:
    """Write `events.py`.

    Args:
        document: The contract.
        config: The settings of openapi-python-client, which decide how it names things.
        target: The file to write.
    """
    events = [_events(document, name, config) for name in sorted(_streamed_schemas(document))]
    classes = {each.name: each.module_name for some in events for each in (*some.models.values(), some.other) if each}
    stream = PythonIdentifier(role(document, "stream"), config.field_prefix) if role(document, "stream") else ""
    text = render("events.py.jinja", events=events, classes=sorted(classes.items()), stream=str(stream))
    target.write_text(text, encoding="utf-8")


def event_references(schema: Schema) -> dict[str, str]:
    """Return the reference to the schema of each event, by the event's type; without a discriminator there is none."""
    if not (discriminator := schema.get("discriminator")):
        return {}
    # Without a mapping, the schemas' own names are meant: https://spec.openapis.org/oas/v3.1.1.html#discriminator-object
    named = {str(place_of(reference)[-1]): reference for reference in _alternatives(schema)}
    mapping: dict[str, str] = discriminator.get("mapping", named)
    return {kind: named.get(each, each) for kind, each in mapping.items()}


def _alternatives(schema: Schema) -> list[str]:
    return [part["$ref"] for keyword in ("oneOf", "anyOf") for part in schema.get(keyword, ()) if "$ref" in part]


def _streamed_schemas(document: Schema) -> Iterator[str]:
    """Yield the names of the schemas whose values come as events."""
    found: set[Place] = set()
    for operation in operations(document):
        for response in operation.definition.get("responses", {}).values():
            schema = resolved(document, response).get("content", {}).get(EVENTS, {}).get("schema", {})
            if "$ref" in schema:
                found.add(place_of(schema["$ref"]))
    yield from (str(place[-1]) for place in found if place[:-1] == _SCHEMAS)


def _events(document: Schema, name: str, config: Config) -> _Events:
    schema = resolved(document, document["components"]["schemas"][name])
    models = {kind: Class.from_string(string=each, config=config) for kind, each in event_references(schema).items()}
    reference = f"#/components/schemas/{name}"
    model = Class.from_string(string=reference, config=config)
    return _Events(
        name,
        f"Any{model.name}",
        str(schema.get("discriminator", {}).get("propertyName", "")),
        models,
        other=model if "properties" in schema and not _alternatives(schema) else None,
    )
