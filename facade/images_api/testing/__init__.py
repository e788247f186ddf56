"""What an app's own tests need: fixtures of pytest that stand on the sandbox, and results that need no server.

pytest finds the fixtures by itself: `images_sandbox`, `images_client` and `async_images_client`. What is defined here is for unit
tests, with pytest or without.

client = create_autospec(ImagesClient)
client.generate.return_value = fake_result()
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from ._fakes import fake_async_stream, fake_error, fake_image, fake_result, fake_stream

# pytest imports this module at each start, whether a test needs it or not: nothing else may be loaded with it.
pytest_plugins = ("images_api.testing._fixtures",)
__all__ = ["fake_async_stream", "fake_error", "fake_image", "fake_result", "fake_stream"]


def __getattr__(name: str) -> object:
    if name not in __all__:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(f"{__name__}._fakes"), name)
