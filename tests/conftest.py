"""What all tests share: a sandbox on a real socket, clients of it, real pictures, and no settings from outside."""

from __future__ import annotations

from io import BytesIO
from typing import TYPE_CHECKING, Protocol

import pytest
from hypothesis import settings
from PIL import Image

from images_api import ImagesClient
from images_api.sandbox import Sandbox

if TYPE_CHECKING:
    from collections.abc import Iterator


# What needs a browser, or takes its time: `make test-browser` and `make test-long` run them.
collect_ignore = ["browser", "long"]

# The same examples each time: a red run says something of the change, not of the day.
settings.register_profile("repeatable", derandomize=True, deadline=None, database=None)
settings.load_profile("repeatable")


class DrawPicture(Protocol):
    """Makes a real picture's bytes."""

    def __call__(self, width: int = 64, height: int = 64, *, mode: str = "RGBA", kind: str = "PNG") -> bytes:
        """Return the bytes; `mode` is PIL's, `kind` is PNG, JPEG, WEBP or GIF."""
        ...


@pytest.fixture(autouse=True)
def _no_outside_settings(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("OPENAI_API_KEY", "OPENAI_BASE_URL", "OPENAI_ORG_ID", "OPENAI_PROJECT_ID"):
        monkeypatch.delenv(name, raising=False)


@pytest.fixture(scope="session")
def running_sandbox() -> Iterator[Sandbox]:
    with Sandbox(any_model=True) as sandbox:
        yield sandbox


@pytest.fixture
def sandbox(running_sandbox: Sandbox) -> Sandbox:
    """The sandbox with an empty log."""
    running_sandbox.clear()
    return running_sandbox


@pytest.fixture
def client(sandbox: Sandbox) -> Iterator[ImagesClient]:
    with ImagesClient(base_url=sandbox.base_url) as client:
        yield client


@pytest.fixture
def draw() -> DrawPicture:
    def picture(width: int = 64, height: int = 64, *, mode: str = "RGBA", kind: str = "PNG") -> bytes:
        file = BytesIO()
        Image.linear_gradient("L").resize((width, height)).convert(mode).save(file, format=kind)
        return file.getvalue()

    return picture
