"""Which model each event of a stream becomes, by the name of its schema in the contract."""

from collections.abc import Mapping
from typing import Any, TypeAlias

from .models.completed_image_event import CompletedImageEvent
from .models.partial_image_event import PartialImageEvent
from .streams import EventModels, UnknownEvent

STREAM = "stream"
"""The attribute of a request that asks for a stream."""

AnyImageStreamEvent: TypeAlias = CompletedImageEvent | PartialImageEvent | UnknownEvent


def event_models(schema: str, error: Any) -> EventModels:
    """Return the models of the events that a schema describes.

    Args:
        schema: The schema's name in the contract.
        error: The model of an error, if the operation has one.
    """
    type_property, models, other = _MODELS[schema]
    return EventModels(type_property, models, other, error)


_MODELS: Mapping[str, tuple[str, Mapping[str, Any], Any]] = {
    "ImageStreamEvent": (
        "type",
        {
            "image_generation.partial_image": PartialImageEvent,
            "image_edit.partial_image": PartialImageEvent,
            "image_generation.completed": CompletedImageEvent,
            "image_edit.completed": CompletedImageEvent,
        },
        None,
    ),
}
