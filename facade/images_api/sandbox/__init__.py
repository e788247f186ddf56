"""A local server that imitates the Images API: real images, the same refusals, no cost.

with Sandbox() as sandbox:
    client = ImagesClient(base_url=sandbox.base_url)
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from ._app import create_app
    from ._server import Sandbox

__all__ = ["Sandbox", "create_app"]


def __getattr__(name: str) -> object:
    # Starlette, uvicorn and Pillow are an extra, and a third of a second to load.
    if name == "Sandbox":
        from ._server import Sandbox

        return Sandbox
    if name == "create_app":
        from ._app import create_app

        return create_app
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
