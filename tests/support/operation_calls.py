"""Calls of generated operations, each made into a request by what their module says, and nothing of the facade.

Run by test_new_operations.py with a JSON list of [method, arguments]. Prints a JSON object: of each call what would be sent, of
each method its signature, the types in it and its docstring, of each TypedDict its types and its docstring.
"""

from __future__ import annotations

import inspect
import json
import sys
from importlib import import_module
from io import BytesIO
from keyword import iskeyword
from typing import Any, get_type_hints

from images_api_client import options
from images_api_client.operations import REQUESTS, ImageOperations
from images_api_client.types import File

WORDS = {"extra_headers", "extra_query", "extra_body", "timeout", "max_retries"}


class Operations(ImageOperations[str, "dict[str, Any]", "dict[str, Any]"]):
    """Says what would be sent; an image is its file's name."""

    def _call(self, operation: str, arguments: dict[str, Any]) -> dict[str, Any]:
        assert arguments.pop("self") is self
        given = {name: value for name, value in arguments.items() if value is not None and name not in WORDS}
        fields = {name[:-1] if iskeyword(name.removesuffix("_")) else name: value for name, value in given.items()}
        media_type, builder = next(iter(REQUESTS[operation].items()))
        module = import_module(builder.module, "images_api_client")
        if "image" in fields and media_type == "multipart/form-data":
            fields["image"] = File(BytesIO(fields["image"].encode()), fields["image"])
        body = getattr(module, builder.model)(**{builder.renamed.get(name, name): value for name, value in fields.items()})
        sent: dict[str, Any] = module._get_kwargs(body=body)
        form = [(name, part[1] if isinstance(part[1], str) else read(part[1])) for name, part in sent.get("files", ())]
        return {"media_type": media_type, "url": sent["url"], "json": sent.get("json"), "form": form}

    def _stream(self, operation: str, arguments: dict[str, Any]) -> dict[str, Any]:
        return {"streams": True, **self._call(operation, arguments)}


def read(content: Any) -> str:
    data: bytes = content if isinstance(content, bytes) else content.read()
    return data.decode()


def main(calls: str) -> None:
    operations = Operations()
    methods = [name for name, _ in inspect.getmembers(ImageOperations, inspect.isfunction) if not name.startswith("_")]
    told = {
        name: {
            "signature": str(inspect.signature(getattr(ImageOperations, name))),
            "types": {key: str(hint) for key, hint in get_type_hints(getattr(ImageOperations, name)).items()},
            "doc": inspect.getdoc(getattr(ImageOperations, name)),
        }
        for name in methods
    }
    typed = {name: kind for name, kind in vars(options).items() if name in options.__all__ and isinstance(kind, type)}
    json.dump(
        {
            "sent": [getattr(operations, method)(**arguments) for method, arguments in json.loads(calls)],
            "methods": told,
            "options": {name: {key: str(hint) for key, hint in get_type_hints(kind).items()} for name, kind in typed.items()},
            "documented": {name: kind.__doc__ for name, kind in typed.items()},
        },
        sys.stdout,
    )


if __name__ == "__main__":
    main(sys.argv[1])
