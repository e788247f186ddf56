"""Whatever a user can name stands in the documentation: names, options, errors, variables of the environment, make's targets."""

from __future__ import annotations

import ast
import inspect
import re
from functools import cache
from typing import TYPE_CHECKING

import pytest
from click import Context, Group
from documents import DOCS
from generation import ROOT

import images_api
import images_api.bulk
import images_api.sandbox
import images_api.testing
import images_api_client
from images_api import ImagesAPIError, ImagesClient
from images_api.cli._app import app
from images_api.sandbox.__main__ import main as serve
from images_api_client.operations import REQUESTS, ImageOperations

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from pathlib import Path
    from types import ModuleType

    from click import Command

FACADE = ROOT / "facade" / "images_api"
FIXTURES = ["images_sandbox", "images_client", "async_images_client", "images_sandbox_settings"]
# Which httpx finds by itself, by the scheme of a URL.
PROXIES = ["HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY", "NO_PROXY"]
VARIABLE = re.compile(r"[A-Z][A-Z0-9]+(_[A-Z0-9]+)*")
OWN_ARGUMENTS = [
    name
    for name, parameter in inspect.signature(ImagesClient).parameters.items()
    if parameter.kind in {parameter.KEYWORD_ONLY, parameter.POSITIONAL_OR_KEYWORD}
]


@cache
def text(*pages: Path) -> str:
    """Return what pages say, and those in folders."""
    found = [page for each in pages for page in (sorted(each.rglob("*.md")) if each.is_dir() else [each])]
    assert found
    return "\n".join(page.read_text(encoding="utf-8") for page in found)


def missing(names: Iterable[str], said: str) -> set[str]:
    """Return the names that a text doesn't say as words of their own."""
    words = set(re.findall(r"[\w-]+", said))
    return {name for name in names if name not in words}


def test_a_name_that_is_not_said_is_missing() -> None:
    assert missing(["n", "size", "--n"], "one `sizes`, `--n` and n_images") == {"n", "size"}


@pytest.mark.parametrize("module", [images_api, images_api.testing, images_api.sandbox, images_api.bulk])
def test_every_public_name_has_its_class_page(module: ModuleType) -> None:
    documented = set(re.findall(r"^\.\. auto\w+:: ([\w.]+)$", text(DOCS / "api"), re.MULTILINE))
    expected = {f"{module.__name__}.{name}" for name in module.__all__ if not name.startswith("__")}
    if module is images_api.testing:
        expected |= {f"images_api.testing._fixtures.{name}" for name in FIXTURES}
    assert expected - documented == set()


def test_the_generated_clients_have_their_class_page() -> None:
    clients = {f".. autoclass:: images_api_client.client.{name}" for name in images_api_client.__all__ if name != "__version__"}
    assert clients - set(text(DOCS / "api").splitlines()) == set()


def test_every_public_name_is_told_by_hand_as_well() -> None:
    written = text(DOCS / "app", DOCS / "recipes", DOCS / "vendor", DOCS / "moving.md")
    names = {name for module in (images_api, images_api.testing, images_api.bulk) for name in module.__all__}
    assert missing({*names, *FIXTURES, "Sandbox"} - {"__version__"}, written) == set()


def test_every_argument_of_a_client_is_told() -> None:
    assert missing(OWN_ARGUMENTS, text(DOCS / "app" / "settings.md")) == set()


def test_every_option_of_every_operation_is_in_the_reference() -> None:
    methods = [each for name, each in inspect.getmembers(ImageOperations, inspect.isfunction) if not name.startswith("_")]
    assert len(methods) >= len(REQUESTS)
    reference = text(DOCS / "reference" / "operations.md")
    options = {name for each in methods for name in inspect.signature(each).parameters} - {"self"}
    assert missing(options | {each.__name__ for each in methods} | set(REQUESTS), reference) == set()


def commands(command: Command, path: str = "images-api") -> Iterator[tuple[str, Command]]:
    yield path, command
    if isinstance(command, Group):
        context = Context(command)
        for name in command.list_commands(context):
            found = command.get_command(context, name)
            assert found
            yield from commands(found, f"{path} {name}")


@pytest.mark.parametrize(("path", "command"), list(commands(app)), ids=lambda each: each if isinstance(each, str) else "")
def test_every_command_and_its_options_are_told(path: str, command: Command) -> None:
    written = text(*(DOCS / "app" / f"{name}.md" for name in ("command-line", "bulk", "sandbox")), DOCS / "reference")
    options = {option for each in command.params for option in each.opts if option.startswith("--")}
    # Those that are parameters of the contract stand in the reference, under the contract's names.
    unsaid = missing(options, written)
    assert missing((option.removeprefix("--").replace("-", "_") for option in unsaid), text(DOCS / "reference")) == set()
    assert path in re.sub(r"[`|]", " ", written)


def test_every_option_of_the_sandbox_is_told(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        serve(["--help"])
    options = set(re.findall(r"(?<![\w-])--[a-z][a-z-]+", capsys.readouterr().out))
    assert "--dialect" in options
    assert missing(options - {"--help"}, text(DOCS / "app" / "sandbox.md")) == set()


def errors(kind: type[ImagesAPIError] = ImagesAPIError) -> Iterator[str]:
    yield kind.__name__
    for each in kind.__subclasses__():
        yield from errors(each)


@pytest.mark.parametrize("page", ["app/errors.md", "api/errors.md"])
def test_every_error_is_told(page: str) -> None:
    public = {name for name in errors() if name in images_api.__all__}
    assert missing(public, text(DOCS / page)) == set()


def variables() -> Iterator[str]:
    """Yield the variables of the environment that the package reads: named where it does, or listed at the head of a module."""
    for module in sorted(FACADE.rglob("*.py")):
        source = module.read_text(encoding="utf-8")
        if "environ" not in source:
            continue
        tree = ast.parse(source)
        lists = [each for each in tree.body if isinstance(each, (ast.Assign, ast.AnnAssign))]
        reads = [
            each for each in ast.walk(tree) if isinstance(each, (ast.Call, ast.Subscript)) and "environ" in ast.unparse(each)
        ]
        texts = (each.value for part in (*lists, *reads) for each in ast.walk(part) if isinstance(each, ast.Constant))
        yield from (value for value in texts if isinstance(value, str) and VARIABLE.fullmatch(value))


def test_every_variable_of_the_environment_is_told() -> None:
    found = {*variables(), *PROXIES}
    assert {"OPENAI_API_KEY", "NO_COLOR", "SSL_CERT_FILE", "SSLKEYLOGFILE", "TERM_PROGRAM"} <= found
    assert missing(found, text(*(DOCS / "app" / f"{name}.md" for name in ("settings", "command-line", "testing")))) == set()


def test_every_target_of_make_is_told() -> None:
    (targets,) = re.findall(r"^\.PHONY: (.+)$", (ROOT / "Makefile").read_text(encoding="utf-8"), re.MULTILINE)
    said = set(re.findall(r"`make ([a-z0-9-]+)", text(DOCS / "maintainer" / "index.md")))
    assert set(targets.split()) - {"help"} - said == set()
    assert said - set(targets.split()) == set()
