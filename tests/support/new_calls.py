"""Calls of operations that only a changed contract has, by both clients of a facade that knows nothing of them.

Run by test_new_calls.py with a JSON list of [method, arguments] and a JSON object of defaults for the clients. The sandbox of
the same path answers. Prints a JSON object: what `help` shows of each method, what the server got, and of each call, by each
client, the images and events that came back, or what was wrong.
"""

from __future__ import annotations

import asyncio
import inspect
import json
import sys
from base64 import b64encode
from typing import TYPE_CHECKING, Any, get_type_hints
from unittest.mock import create_autospec

from images_api import AsyncImagesClient, ImagesClient, InvalidRequestError
from images_api.sandbox import Sandbox

if TYPE_CHECKING:
    from images_api import ImagesResult


def shown(result: ImagesResult, events: list[str]) -> dict[str, Any]:
    for image in result:
        image.to_pil().load()  # every pixel of it
    return {"images": [[image.format, image.width, image.height] for image in result], "events": events}


def refused(error: Exception) -> Any:
    if isinstance(error, InvalidRequestError):
        return [[problem.parameter, problem.why] for problem in error.problems]
    return str(error)


def call(client: ImagesClient, method: str, arguments: dict[str, Any]) -> Any:
    try:
        if not method.startswith("stream_"):
            return shown(getattr(client, method)(**arguments), [])
        with getattr(client, method)(**arguments) as stream:
            return shown(stream.result(), events) if (events := [event.type for event in stream]) else None
    except (InvalidRequestError, TypeError) as error:
        return refused(error)


async def acall(client: AsyncImagesClient, method: str, arguments: dict[str, Any]) -> Any:
    try:
        if not method.startswith("stream_"):
            return shown(await getattr(client, method)(**arguments), [])
        async with getattr(client, method)(**arguments) as stream:
            events = [event.type async for event in stream]
            return shown(await stream.aresult(), events)
    except (InvalidRequestError, TypeError) as error:
        return refused(error)


async def acalls(base_url: str, calls: list[tuple[str, dict[str, Any]]], defaults: dict[str, Any]) -> list[Any]:
    async with AsyncImagesClient(base_url=base_url, max_retries=0, **defaults) as client:
        return [await acall(client, *each) for each in calls]


def misspelt(method: str, arguments: dict[str, Any]) -> str:
    """Return what an autospec says of a misspelt option beside these arguments."""
    try:
        getattr(create_autospec(ImagesClient, instance=True), method)(**arguments | {"sclae": 2})
    except TypeError as error:
        return str(error)
    return ""


def main(calls: str, defaults: str) -> None:
    wanted, told = json.loads(calls), json.loads(defaults)
    with Sandbox(any_model=True) as sandbox:
        with ImagesClient(base_url=sandbox.base_url, max_retries=0, **told) as client:
            outcomes = [call(client, *each) for each in wanted]
        sent = [
            [request.method, request.path, request.headers["content-type"], b64encode(request.body).decode()]
            for request in sandbox.requests
        ]
        aoutcomes = asyncio.run(acalls(sandbox.base_url, wanted, told))
    methods = {
        method: {
            "signature": str(inspect.signature(getattr(ImagesClient, method))),
            "types": sorted(get_type_hints(getattr(AsyncImagesClient, method))),
            "doc": inspect.getdoc(getattr(ImagesClient, method)),
            "misspelt": misspelt(method, arguments),
        }
        for method, arguments in wanted
    }
    json.dump({"methods": methods, "sent": sent, "outcomes": outcomes, "aoutcomes": aoutcomes}, sys.stdout)


if __name__ == "__main__":
    main(*sys.argv[1:])
