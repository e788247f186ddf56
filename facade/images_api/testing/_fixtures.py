"""The fixtures that pytest finds by themselves. None of them costs anything before a test asks for it."""

from __future__ import annotations

import os
from contextlib import ExitStack
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

    from images_api import AsyncImagesClient, ImagesClient
    from images_api.sandbox import Sandbox

_ANY_KEY = "sk-sandbox"
# Some clients read the one, some the other.
_BASE_URL = ("OPENAI_BASE_URL", "OPENAI_API_BASE")
_NO_PROXY = ("no_proxy", "NO_PROXY")


@pytest.fixture(scope="session")
def images_sandbox_settings() -> Mapping[str, Any]:
    """What the sandbox is made with: arguments of `images_api.sandbox.Sandbox` by name; none, unless you define this fixture.

    Yours may have any scope, and be another one in each module: a sandbox runs for each choice of settings that tests ask for.
    """
    return {}


@pytest.fixture(scope="session")
def _images_sandboxes() -> Iterator[Callable[[Mapping[str, Any]], Sandbox]]:
    running: list[tuple[Mapping[str, Any], Sandbox]] = []
    with ExitStack() as until_the_end:

        def started(settings: Mapping[str, Any]) -> Sandbox:
            for known, sandbox in running:
                if known == settings:
                    return sandbox
            try:
                from images_api.sandbox import Sandbox
            except ImportError as error:
                raise pytest.fail.Exception(str(error), pytrace=False) from None
            sandbox = until_the_end.enter_context(Sandbox(**settings))
            running.append((dict(settings), sandbox))
            return sandbox

        yield started


@pytest.fixture
def images_sandbox(
    _images_sandboxes: Callable[[Mapping[str, Any]], Sandbox],
    images_sandbox_settings: Mapping[str, Any],
    monkeypatch: pytest.MonkeyPatch,
) -> Sandbox:
    """The Images API on this machine, for nothing: an `images_api.sandbox.Sandbox`, one for all tests, that remembers nothing.

    For as long as the test runs, the environment (`OPENAI_BASE_URL`, `OPENAI_API_KEY` and the like) leads to it: whatever client
    the app makes for itself talks to it, and a key that is set on your machine pays for nothing. What outlives a test, such as
    a server of your app that runs for all of them, takes a `Sandbox` of its own.
    """
    sandbox = _images_sandboxes(images_sandbox_settings)
    sandbox.clear()
    for name in _BASE_URL:
        monkeypatch.setenv(name, sandbox.base_url)
    monkeypatch.setenv("OPENAI_API_KEY", images_sandbox_settings.get("api_key") or _ANY_KEY)
    for name in ("OPENAI_ORG_ID", "OPENAI_PROJECT_ID"):
        monkeypatch.delenv(name, raising=False)
    direct = ",".join(["127.0.0.1", "localhost", *filter(None, map(os.environ.get, _NO_PROXY))])
    for name in _NO_PROXY:
        monkeypatch.setenv(name, direct)
    return sandbox


@pytest.fixture
def images_client(images_sandbox: Sandbox) -> Iterator[ImagesClient]:
    """An `ImagesClient` of the sandbox, closed after the test."""
    from images_api import ImagesClient

    with ImagesClient(base_url=images_sandbox.base_url) as client:
        yield client


@pytest.fixture
def async_images_client(images_sandbox: Sandbox) -> AsyncImagesClient:
    """An `AsyncImagesClient` of the sandbox, for any event loop, whoever runs it: pytest-asyncio, anyio, or the app.

    A fixture that isn't itself asynchronous needs none of these, and can't close connections in their loop: so each connection
    closes with its response.
    """
    from images_api import AsyncImagesClient

    return AsyncImagesClient(base_url=images_sandbox.base_url, headers={"Connection": "close"})
