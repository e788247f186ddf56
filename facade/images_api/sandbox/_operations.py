"""The operations that the sandbox answers: all in the contract that have a body and answer images."""

from __future__ import annotations

import re
from functools import cache
from typing import TYPE_CHECKING

from images_api._contract.document import MODELS, at, event_models
from images_api._contract.operations import operations

if TYPE_CHECKING:
    from images_api._contract.operations import Operation


@cache
def image_operations() -> tuple[Operation, ...]:
    """Return the operations, in the contract's order."""
    return tuple(each for each in operations().values() if each.answers_images)


def event_prefix(asked: Operation, *, has_images: bool) -> str:
    """Return the first part of the names of a stream's events.

    Args:
        asked: The operation.
        has_images: Whether the request has images, which tells where the contract has no events of this very operation.
    """
    # The contract names the events of /images/edits after the path: image_edit.
    own = re.sub(r"s\b", "", asked.path.strip("/")).replace("/", "_")
    if own in {name.partition(".")[0] for name in event_models()}:
        return own
    return "image_edit" if has_images else "image_generation"


@cache
def models() -> tuple[str, ...]:
    """Return the ids of the models that the contract lists."""
    return tuple(at(MODELS)["enum"])
