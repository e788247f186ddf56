"""What an editor, `help()` and a mock see of the operations: every option by name, with its type."""

from __future__ import annotations

import inspect
import pydoc
import sys
from collections.abc import Coroutine, Iterator
from typing import TYPE_CHECKING, Any, get_origin, get_type_hints
from unittest.mock import create_autospec

import jedi
import pytest
from contract_tables import SCHEMAS

from images_api import AsyncImagesClient, ImagesClient
from images_api_client.options import CreateImageOptions

if TYPE_CHECKING:
    from jedi.api.environment import Environment

CLIENTS = [ImagesClient, AsyncImagesClient]
WORDS = {"extra_headers", "extra_query", "extra_body", "timeout", "max_retries"}
# The methods with the schema of what they send.
METHODS = {
    name: request
    for request, names in {
        "CreateImageRequest": ("generate", "stream_generate"),
        "CreateImageEditRequest": ("edit", "stream_edit"),
        "CreateImageVariationRequest": ("create_variation", "stream_variation"),
    }.items()
    for name in names
}


def wanted(method: str) -> set[str]:
    return {*SCHEMAS[METHODS[method]]["properties"], *WORDS} - {"stream"}


@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize("client", CLIENTS)
def test_a_signature_names_every_option(client: type, method: str) -> None:
    parameters = inspect.signature(getattr(client, method)).parameters
    assert wanted(method) <= parameters.keys()
    assert not {each.kind for each in parameters.values()} & {inspect.Parameter.VAR_KEYWORD, inspect.Parameter.VAR_POSITIONAL}
    assert all(parameters[name].default is None for name in WORDS)


@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize("client", CLIENTS)
def test_every_option_has_a_type_at_run_time(client: type, method: str) -> None:
    hints = get_type_hints(getattr(client, method))
    assert wanted(method) <= hints.keys()
    assert hints["n"] == int | None


@pytest.mark.parametrize("client", CLIENTS)
def test_a_constructors_arguments_have_types_at_run_time(client: type) -> None:
    hints = get_type_hints(client.__init__)  # type: ignore[misc]
    assert {"api_key", "base_url", "timeout", "validate", "defaults"} <= hints.keys()


@pytest.mark.parametrize("client", CLIENTS)
def test_help_tells_every_option_with_its_bounds_and_models(client: type) -> None:
    text = pydoc.plain(pydoc.render_doc(getattr(client, "generate")))  # noqa: B009  mypy knows a type alone
    for name in CreateImageOptions.__annotations__:
        assert f"{name}: " in text
    assert "At most 10 for dall-e-2" in text
    assert "Only for dall-e-3." in text


@pytest.fixture(scope="module")
def environment(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Environment]:
    """This environment, whatever the variables of the shell name, with a cache that no other process writes to."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(jedi.settings, "cache_directory", str(tmp_path_factory.mktemp("jedi")))
        yield jedi.create_environment(sys.prefix, safe=False)


@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize("kind", ["ImagesClient", "AsyncImagesClient"])
def test_an_editor_shows_every_option_with_its_type(kind: str, method: str, environment: Environment) -> None:
    script = jedi.Script(f"from images_api import {kind}\n{kind}().{method}(", environment=environment)
    (signature,) = script.get_signatures()
    shown = {parameter.name: parameter.to_string() for parameter in signature.params}
    assert wanted(method) <= shown.keys()
    assert shown["n"] == "n: int | None=None"
    assert signature.docstring(raw=True).splitlines()[0].endswith(".")


@pytest.mark.parametrize("client", CLIENTS)
def test_a_mock_refuses_what_the_client_refuses(client: type[ImagesClient]) -> None:
    mock = create_autospec(client, instance=True)
    mock.generate("an otter", size="64x64", model="gpt-image-next", n=2)
    mock.edit("otter.png", "a beret", mask="mask.png")
    with pytest.raises(TypeError, match="sise"):
        mock.generate("an otter", sise="64x64")
    with pytest.raises(TypeError, match="prompt"):
        mock.edit("otter.png")


def test_async_results_are_awaitable() -> None:
    (bases,) = (base for base in AsyncImagesClient.__orig_bases__ if "ImageOperations" in str(base))  # type: ignore[attr-defined]
    result: Any = bases.__args__[1]
    assert get_origin(result) is Coroutine
