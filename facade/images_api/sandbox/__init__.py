"""A local server that imitates the Images API: real images, the same refusals, no cost.

with Sandbox() as sandbox:
    client = ImagesClient(base_url=sandbox.base_url)
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from ._app import create_app
    from ._faults import Fault, Faults
    from ._journal import ReceivedImage, ReceivedRequest
    from ._server import Sandbox
    from ._settings import Settings

# Starlette, uvicorn and Pillow are an extra, and a third of a second to load.
_MODULES = {
    "Fault": "_faults",
    "Faults": "_faults",
    "ReceivedImage": "_journal",
    "ReceivedRequest": "_journal",
    "Sandbox": "_server",
    "Settings": "_settings",
    "create_app": "_app",
}
__all__ = ["Fault", "Faults", "ReceivedImage", "ReceivedRequest", "Sandbox", "Settings", "create_app"]


def __getattr__(name: str) -> object:
    if name not in _MODULES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    try:
        return getattr(import_module(f"{__name__}.{_MODULES[name]}"), name)
    except ImportError as error:
        text = f"the sandbox needs more than is installed ({error.name}): pip install 'images-api[sandbox]'"
        raise ImportError(text, name=error.name) from error
