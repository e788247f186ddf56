"""What a call tells programs: its images, usage and request id, or its error, as an object of JSON."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from ._failures import sentence

if TYPE_CHECKING:
    from collections.abc import Mapping

    from images_api import ImagesAPIError
    from images_api._images.headers import ImageFacts
    from images_api._requests.request import CheckedRequest

    from ._outcome import Outcome, SavedImage


def as_json(said: Mapping[str, Any]) -> str:
    """Return an object as JSON, for people as well."""
    return json.dumps(said, ensure_ascii=False, indent=2, default=str)


def as_line(value: object) -> str:
    """Return a value in one line: a text as it is, anything else as JSON."""
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False, default=str)


def of_outcome(outcome: Outcome, flags: Mapping[str, str], status: int) -> dict[str, Any]:
    """Return what is said of a call that is over.

    Args:
        outcome: What came of it.
        flags: What the command line calls the arguments of a call.
        status: The exit status.
    """
    return {
        "images": [of_image(each) for each in outcome.saved],
        "partial_images": [str(each) for each in outcome.partials],
        **of_result(outcome),
        "failures": [*map(str, outcome.result.failures if outcome.result else ()), *outcome.complaints],
        "error": outcome.error and of_error(outcome.error, flags, status),
    }


def of_result(outcome: Outcome) -> dict[str, Any]:
    """Return what is said of a response as a whole."""
    from images_api.bulk._prices import plain_usage

    result, http = outcome.result, outcome.http
    return {
        "created": result and result.created,
        "usage": plain_usage(result.usage) if result else None,
        "request_id": http and http.request_id,
        "seconds": http and round(http.elapsed, 3),
        "cost": http and http.cost,
    }


def of_image(saved: SavedImage) -> dict[str, Any]:
    """Return what is said of an image."""
    image = saved.image
    return {
        "path": None if saved.path is None else str(saved.path),
        "format": image.format,
        "width": image.width,
        "height": image.height,
        "bytes": saved.size,
        "sha256": saved.sha256,
        "revised_prompt": image.revised_prompt,
    }


def of_error(error: ImagesAPIError, flags: Mapping[str, str], status: int) -> dict[str, Any]:
    """Return what is said of an error.

    Args:
        error: The error.
        flags: What the command line calls the arguments of a call.
        status: The exit status.
    """
    names = ("status_code", "code", "param", "request_id", "may_have_run", "retry_after")
    facts = {name: value for name in names if (value := getattr(error, name, None)) is not None}
    return {"type": type(error).__name__, "message": sentence(error, flags), "exit_status": status, **facts}


def of_request(checked: CheckedRequest, extra: Mapping[str, Any]) -> dict[str, Any]:
    """Return what is said of a request: all that would be sent but its headers."""
    files = {name: [_of_upload(each.facts) for each in several] for name, several in checked.uploads.items()}
    fields = {**checked.fields, **extra}
    return {"method": checked.http.method, "url": str(checked.http.url), "fields": fields, "files": files}


def of_origin(saved: SavedImage, command: str, request: Mapping[str, Any], outcome: Outcome) -> dict[str, Any]:
    """Return what is said of an image's origin, to lie beside it.

    Args:
        saved: The image.
        command: The command that made it.
        request: What was said of the request.
        outcome: What came of the call.
    """
    return {
        "command": command,
        "parameters": request["fields"],
        "files": request["files"],
        **of_image(saved),
        **of_result(outcome),
    }


def _of_upload(facts: ImageFacts) -> dict[str, Any]:
    return {"name": facts.name, "type": facts.type, "width": facts.width, "height": facts.height, "bytes": facts.size}
