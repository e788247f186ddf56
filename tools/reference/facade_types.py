"""What the facade makes of the models of the contract: which class of its own an app sees in place of each."""

import re
from typing import Any

import images_api
from images_api import APIStatusError, CompletedImage, ImagesResult, PartialImage
from images_api._responses.result import _PARTIAL_INDEX
from tools.generator.document import Schema, operations, place_of, resolved
from tools.generator.events import event_references
from tools.generator.methods import EVENTS, JSON, answers_images
from tools.reference.schemas import Schemas, success

# The page under docs/api that tells of the classes of a module of the facade.
_PAGES = {"_errors": "errors", "_events": "streams", "_results": "results", "_streams": "streams"}


def class_page(name: str) -> str:
    """Return the page on a class of the facade, relative to `docs/reference`.

    Args:
        name: The name of the class.
    """
    module = str(getattr(images_api, name).__module__)
    return f"../api/{_PAGES[module.rpartition('.')[2]]}.md"


def facade_types(schemas: Schemas) -> dict[str, str]:
    """Return the name of the facade's class by that of the schema, where there is one.

    Args:
        schemas: The schemas of the contract.
    """
    found: dict[str, str] = {}
    for operation in operations(schemas.document):
        if not answers_images(schemas.document, operation):
            continue
        _follow(schemas, success(schemas.document, operation), ImagesResult, found)
        for status, response in operation.definition["responses"].items():
            content = resolved(schemas.document, response).get("content", {})
            if EVENTS in content and "schema" in content[EVENTS]:
                for kind in event_models(schemas, content[EVENTS]["schema"]).values():
                    event = PartialImage if is_partial(schemas.named[kind]) else CompletedImage
                    _follow(schemas, {"$ref": f"#/components/schemas/{kind}"}, event, found)
            if not status.startswith("2") and JSON in content:
                _follow(schemas, content[JSON].get("schema", {}), APIStatusError, found)
    return found


def event_models(schemas: Schemas, schema: Schema) -> dict[str, str]:
    """Return the name of the schema of each event of a stream, by the event's type."""
    references = event_references(resolved(schemas.document, schema))
    return {kind: str(place_of(reference)[-1]) for kind, reference in references.items()}


def is_partial(event: Schema) -> bool:
    """Return whether an event brings an unfinished image, as the facade tells it."""
    return _PARTIAL_INDEX in event.get("properties", {})


def _follow(schemas: Schemas, schema: Schema, kind: type[Any], found: dict[str, str]) -> None:
    """Note the class of a schema, and those of the schemas of its properties that the class has as well."""
    for name in schemas.references(schema):
        if name in found or name not in schemas.pages:
            continue
        found[name] = kind.__name__
        for key, part in schemas.named[name].get("properties", {}).items():
            said = str(getattr(kind, "__annotations__", {}).get(key, ""))
            if not said and isinstance(part, dict) and "items" in part:
                said = " ".join(str(base) for base in getattr(kind, "__orig_bases__", ()))
            # What is within an error's body is on the error itself.
            own = [kind.__name__] if issubclass(kind, Exception) else []
            classes = [word for word in re.findall(r"\w+", said) if word in images_api.__all__] or own
            if classes and isinstance(part, dict):
                _follow(schemas, part, getattr(images_api, classes[-1]), found)
