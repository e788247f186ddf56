"""Every call of the generated client, copied into another code base under another name.

Run by test_generated_client.py in an environment that holds httpx and attrs alone, with the base URL of a server, a key and
the path of a png. Prints a JSON object: what came back of each call, and what can't be imported here.
"""

from __future__ import annotations

import asyncio
import json
import sys
from base64 import b64encode
from importlib import import_module
from io import BytesIO
from pathlib import Path
from pkgutil import walk_packages
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from images_api_client import AuthenticatedClient, Client
    from images_api_client.api.images import create_image, create_image_edit, create_image_variation
    from images_api_client.models import (
        CompletedImageEvent,
        CreateImageEditByReferenceRequest,
        CreateImageEditRequest,
        CreateImageRequest,
        CreateImageVariationRequest,
        ErrorDetail,
        ErrorResponse,
        ImageReference,
        ImagesResponse,
        PartialImageEvent,
    )
    from images_api_client.types import File, Response
else:
    from acme.pictures import AuthenticatedClient, Client
    from acme.pictures.api.images import create_image, create_image_edit, create_image_variation
    from acme.pictures.models import (
        CompletedImageEvent,
        CreateImageEditByReferenceRequest,
        CreateImageEditRequest,
        CreateImageRequest,
        CreateImageVariationRequest,
        ErrorDetail,
        ErrorResponse,
        ImageReference,
        ImagesResponse,
        PartialImageEvent,
    )
    from acme.pictures.types import File, Response

ELSEWHERE = ("images_api", "images_api_client", "jsonschema_rs", "pybase64", "dateutil", "PIL")


def missing(name: str) -> bool:
    try:
        import_module(name)
    except ModuleNotFoundError:
        return True
    return False


def told(response: Response[ErrorResponse | ImagesResponse]) -> dict[str, Any]:
    """What a reply says, from its parsed form only."""
    reply = response.parsed
    told: dict[str, Any] = {"status": response.status_code}
    if isinstance(reply, ImagesResponse):
        told |= {"pictures": [image.b64_json for image in reply.data or []], "format": reply.output_format or None}
        told["tokens"] = reply.usage.total_tokens if reply.usage else None
    elif isinstance(reply, ErrorResponse) and isinstance(reply.error, ErrorDetail):
        told |= {"message": reply.error.message, "param": reply.error.param, "code": reply.error.code}
    return told


def told_events(events: list[Any]) -> dict[str, Any]:
    """What a stream says, from its models only."""
    partial = [each.partial_image_index for each in events if isinstance(each, PartialImageEvent)]
    completed = [each.b64_json for each in events if isinstance(each, CompletedImageEvent)]
    whole = [image.b64_json for each in events if isinstance(each, ImagesResponse) for image in each.data or []]
    return {"status": 200, "partial": partial, "pictures": completed + whole}


def streamed_creation() -> CreateImageRequest:
    return CreateImageRequest(prompt="an otter", size="64x32", model="gpt-image-next", output_format="webp", partial_images=2)


def streamed_edit(png: bytes) -> CreateImageEditRequest:
    return CreateImageEditRequest(image=File(png, "otter.png"), prompt="a beret", partial_images=1)


def creation() -> CreateImageRequest:
    return CreateImageRequest(prompt="an otter, größer", n=2, size="64x32", model="gpt-image-next", output_format="webp")


def refused() -> CreateImageRequest:
    return CreateImageRequest(prompt="an otter", n=0)


def edit(png: bytes) -> CreateImageEditRequest:
    images = [File(BytesIO(png), "größe 1.png"), File(BytesIO(png))]
    mask = File(BytesIO(png), "mask.png")
    return CreateImageEditRequest(image=images, prompt="a beret", mask=mask, n=None, quality="low", stream=False)


def edit_by_reference(png: bytes) -> CreateImageEditByReferenceRequest:
    reference = ImageReference(image_url=f"data:image/png;base64,{b64encode(png).decode()}")
    return CreateImageEditByReferenceRequest(images=[reference], prompt="a beret", n=None, user="u")


def variation(png: bytes) -> CreateImageVariationRequest:
    return CreateImageVariationRequest(image=File(BytesIO(png)), size="256x256", response_format="b64_json")


def call(client: AuthenticatedClient, stranger: Client, png: bytes) -> list[dict[str, Any]]:
    with client, stranger:
        return [
            told(create_image.sync_detailed(client=client, body=creation())),
            told(create_image_edit.sync_detailed(client=client, body=edit(png))),
            told(create_image_edit.sync_detailed(client=client, body=edit_by_reference(png))),
            told(create_image_variation.sync_detailed(client=client, body=variation(png))),
            told(create_image.sync_detailed(client=client, body=refused())),
            told(create_image.sync_detailed(client=stranger, body=creation())),
            told_events(list(create_image.sync_stream(client=client, body=streamed_creation()))),
            told_events(list(create_image_edit.sync_stream(client=client, body=streamed_edit(png)))),
            told_events(list(create_image_variation.sync_stream(client=client, body=variation(png)))),
        ]


async def acall(client: AuthenticatedClient, stranger: Client, png: bytes) -> list[dict[str, Any]]:
    async with client, stranger:
        return [
            told(await create_image.asyncio_detailed(client=client, body=creation())),
            told(await create_image_edit.asyncio_detailed(client=client, body=edit(png))),
            told(await create_image_edit.asyncio_detailed(client=client, body=edit_by_reference(png))),
            told(await create_image_variation.asyncio_detailed(client=client, body=variation(png))),
            told(await create_image.asyncio_detailed(client=client, body=refused())),
            told(await create_image.asyncio_detailed(client=stranger, body=creation())),
            told_events([each async for each in create_image.asyncio_stream(client=client, body=streamed_creation())]),
            told_events([each async for each in create_image_edit.asyncio_stream(client=client, body=streamed_edit(png))]),
            told_events([each async for each in create_image_variation.asyncio_stream(client=client, body=variation(png))]),
        ]


def main(base_url: str, key: str, path: str) -> None:
    png = Path(path).read_bytes()
    package = sys.modules[Client.__module__.rpartition(".")[0]]
    modules = [module.name for module in walk_packages(package.__path__, f"{package.__name__}.")]
    for module in modules:
        import_module(module)
    clients = AuthenticatedClient(base_url=base_url, token=key), Client(base_url=base_url)
    replies = {"sync": call(*clients, png), "async": asyncio.run(acall(*clients, png))}
    json.dump(
        {
            "replies": replies,
            "missing": [name for name in ELSEWHERE if missing(name)],
            "modules": modules,
            "version": package.__dict__["__version__"],
        },
        sys.stdout,
    )


if __name__ == "__main__":
    main(*sys.argv[1:])
