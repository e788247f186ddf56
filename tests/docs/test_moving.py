"""What the page on moving from the official SDK says, row by row: both sides are run, and come to the same."""

from __future__ import annotations

import ast
import asyncio
import base64
import inspect
import json
import re
import warnings
from contextlib import chdir
from dataclasses import asdict
from io import BytesIO
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

import httpx
import httpx2
import openai
import pytest
from documents import KEY, draw_images
from generation import ROOT
from openai.resources import Images
from openai.types import ImagesResponse
from PIL import Image
from routing import Routing

import images_api

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

PAGE = ROOT / "docs" / "moving.md"
CALLS = ("The official SDK", "images-api")
ERRORS = ("The server", *CALLS)
VARIABLES = ("Variable", *CALLS)

AZURE = "name.openai.azure.com"
HOSTS = ("api.openai.com", "gpu-box", AZURE)
PROMPT: dict[str, Any] = {"prompt": "an otter", "model": "gpt-image-2"}
LINKED: dict[str, Any] = {"prompt": "an otter", "model": "dall-e-2", "n": 1, "size": "512x512", "response_format": "url"}
# What says how something is sent, and not what.
PLUMBING = re.compile(r"accept|connection|content-|host|user-agent|x-forwarded-|x-stainless-")
# A value for each variable that makes a difference where it is read.
READ = {
    "OPENAI_API_KEY": "sk-another",
    "OPENAI_BASE_URL": "http://gpu-box:8080/v1",
    "OPENAI_ORG_ID": "org-1",
    "OPENAI_PROJECT_ID": "proj-1",
    "OPENAI_CUSTOM_HEADERS": "X-Team: art",
    "HTTPS_PROXY": "http://127.0.0.1:1",
}


class Row(NamedTuple):
    """A row of one of the page's tables: the code in each of its cells."""

    cells: tuple[str, ...]

    def __str__(self) -> str:
        return self.cells[0]


def rows(heading: tuple[str, ...]) -> list[Row]:
    """Return the rows of all tables that have such a head."""
    found, head = list[Row](), tuple[str, ...]()
    for line in PAGE.read_text(encoding="utf-8").splitlines():
        cells = tuple(cell.strip("` ") for cell in line.strip("|").split(" | ")) if line.startswith("|") else ()
        if head == heading and cells and not set(line) <= {"|", "-"}:
            found.append(Row(cells))
        head = head and cells and head if cells else ()
        head = head or cells
    return found


class Side:
    """One of the two packages, with all that the page's cells name.

    Args:
        is_official: Whether it is the official SDK.
        routing: Leads the hosts to sandboxes.
        folder: What is read is in there, and what is written for a while.
    """

    def __init__(self, routing: Routing, folder: Path, *, is_official: bool) -> None:
        self.is_official = is_official
        self.routing = routing
        self.folder = folder
        package: Any = openai if is_official else images_api
        self.client, self.async_client = (
            (package.OpenAI, package.AsyncOpenAI) if is_official else (package.ImagesClient, package.AsyncImagesClient)
        )
        self.names = {name: getattr(package, name) for name in [*package.__all__, *(["AzureOpenAI"] if is_official else [])]}
        self.names |= {"httpx": httpx, "httpx2": httpx2, "base64": base64, "BytesIO": BytesIO, "Image": Image, "Path": Path}
        self.names |= {"AZURE": f"https://{AZURE}", "VERSION": "2025-04-01-preview"}
        self.names |= {"read_key": lambda: "sk-read", "fetch": fetch}
        self.data = (folder / "otter.png").read_bytes()

    def outcome(self, code: str) -> tuple[object, dict[str, bytes], list[object]]:
        """Return what an expression gives, which files it writes, and what arrives at which host."""
        before = {*self.folder.iterdir()}
        for host in HOSTS:
            self.routing.sandbox(host).clear()
        with chdir(self.folder):
            value = asyncio.run(self.value(code))
        written = {path.name: path.read_bytes() for path in {*self.folder.iterdir()} - before}
        for name in written:
            (self.folder / name).unlink()
        return None if written else value, written, self.arrived()

    async def value(self, code: str) -> object:
        """Return what an expression gives, in a form that both sides have in common."""
        with self.client(max_retries=0) as client:
            async with self.async_client(max_retries=0) as async_client:
                names = {**self.names, "client": client, "async_client": async_client, "data": self.data}
                for name, make in self.given(client, async_client).items():
                    if re.search(rf"\b{name}\b", code):
                        names[name] = await settled(make())
                compiled = compile(code, str(PAGE), "eval", flags=ast.PyCF_ALLOW_TOP_LEVEL_AWAIT)
                value = await settled(eval(compiled, names))  # noqa: S307  the page is our own
                if isinstance(value, self.client | self.async_client):
                    value = [await self.key(value), await settled(self.generate(value)(**PROMPT))]
                    await settled(names.get("made", client).close())
                return plain(value)

    def given(self, client: Any, async_client: Any) -> dict[str, Callable[[], Any]]:
        """Return what makes the results, events and errors that cells look at, by name."""
        generate = self.generate(client)

        def events() -> list[Any]:
            said = PROMPT | {"partial_images": 1}
            return [*(generate(**said, stream=True) if self.is_official else client.stream_generate(**said))]

        return {
            "result": lambda: generate(**PROMPT),
            "several": lambda: generate(**PROMPT, n=2),
            "linked": lambda: generate(**LINKED),
            "async_linked": lambda: self.generate(async_client)(**LINKED),
            "event": lambda: events()[0],
            "last": lambda: events()[-1],
            "error": lambda: self.refusal("status=429, retry_after=1"),
        }

    def generate(self, client: Any) -> Callable[..., Any]:
        generate: Callable[..., Any] = client.images.generate if self.is_official else client.generate
        return generate

    def refusal(self, fault: str) -> Exception | None:
        """Return what a call raises, if anything, that meets with a fault of the server."""
        said: tuple[tuple[str, ...], dict[str, Any]] = eval(f"(lambda *kind, **said: (kind, said))({fault})")  # noqa: S307  likewise
        self.routing.sandbox().fail_next(*said[0], **said[1])
        with self.client(max_retries=0, timeout=0.3 if fault == '"silence"' else 60) as client:
            try:
                self.generate(client)(**PROMPT)
            except (openai.OpenAIError, images_api.ImagesAPIError, json.JSONDecodeError) as error:
                return error
        return None

    async def key(self, client: Any) -> str:
        """Return the key that a client sends; the sandbox keeps none."""
        if not self.is_official:
            (header,) = client._settings.authorization().values()
            return str(header).removeprefix("Bearer ")
        provider = getattr(client, "_azure_ad_token_provider", None) or client._api_key_provider
        return str(provider() if provider else client.api_key)

    def arrived(self) -> list[object]:
        """Return what came to the hosts."""
        return [
            (
                (host, request.operation, request.path, request.query, dict(request.parameters)),
                {name: value for name, value in request.headers.items() if not PLUMBING.match(name)},
                {name: [(each.type, each.content) for each in several] for name, several in request.images.items()},
            )
            for host in HOSTS
            for request in self.routing.sandbox(host).requests
            if request.operation
        ]


async def settled(value: Any) -> Any:
    return await value if inspect.isawaitable(value) else value


async def fetch(url: str) -> bytes:
    async with httpx.AsyncClient() as client:
        return (await client.get(url)).content


def plain(value: Any) -> Any:
    """Return a value as what both packages have in common: bytes, texts, numbers, and collections of them."""
    found = value
    match value:
        case ImagesResponse():
            found = [base64.b64decode(image.b64_json or "") for image in value.data or ()]
        case images_api.ImagesResult():
            found = [image.read() for image in value]
        case images_api.StreamEvent():
            found = value.type, value.image.read()
        case openai.BaseModel():
            image = getattr(value, "b64_json", None)
            found = (getattr(value, "type", None), base64.b64decode(image)) if image else value.to_dict()
        case Image.Image():
            found = value.size, value.tobytes()
        case list() | tuple():
            found = [plain(each) for each in value]
        case images_api.Usage():
            found = asdict(value, dict_factory=lambda items: {name: each for name, each in items if name != "extra"})
        case str():  # ids and signatures are new each time
            found = re.sub(r"(req_sandbox_|expires=|signature=)\w+", r"\1…", value)
        case int() if value > 1_000_000_000:
            found = "a time"
        case _:
            pass
    return found


@pytest.fixture(scope="module")
def routing(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Routing]:
    with Routing(tmp_path_factory.mktemp("routing")) as routing:
        yield routing


@pytest.fixture(scope="module")
def images(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("images")
    draw_images(folder)
    return folder


@pytest.fixture
def sides(routing: Routing, images: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[tuple[Side, Side]]:
    """Return the official SDK and this package, with the hosts led to sandboxes."""
    for name in ("NO_PROXY", "no_proxy", "ALL_PROXY", "all_proxy"):
        monkeypatch.delenv(name, raising=False)
    for name, value in {"OPENAI_API_KEY": KEY, **routing.environment}.items():
        monkeypatch.setenv(name, value)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)  # of models and an operation that are retired
        yield Side(routing, images, is_official=True), Side(routing, images, is_official=False)


def test_the_page_has_these_tables() -> None:
    assert len(rows(CALLS)) > 50
    assert len(rows(ERRORS)) > 15
    assert [row.cells[0] for row in rows(VARIABLES)] == [*READ]


@pytest.mark.parametrize("row", rows(CALLS), ids=str)
def test_both_sides_send_and_give_the_same(row: Row, sides: tuple[Side, Side]) -> None:
    there, here = (side.outcome(code) for side, code in zip(sides, row.cells, strict=True))
    assert here == there


@pytest.mark.parametrize("row", rows(ERRORS), ids=str)
def test_both_sides_raise_what_the_table_says(row: Row, sides: tuple[Side, Side]) -> None:
    fault, *kinds = row.cells
    for side, kind in zip(sides, kinds, strict=True):
        raised = side.refusal(fault)
        found = "nothing is raised" if raised is None else f"{type(raised).__module__.split('.')[0]}.{type(raised).__name__}"
        assert found == kind


def test_each_error_of_the_official_sdk_stands_in_the_table() -> None:
    named = {row.cells[1] for row in rows(ERRORS)}
    kinds = {kind for kind in [*vars(openai).values()] if inspect.isclass(kind) and issubclass(kind, openai.APIError)}
    of_no_call = {openai.OAuthError, openai.APIError, openai.APIResponseValidationError}
    assert {f"openai.{kind.__name__}" for kind in kinds - of_no_call} <= named


@pytest.mark.parametrize("row", rows(VARIABLES), ids=str)
def test_a_variable_counts_where_the_table_says_so(row: Row, sides: tuple[Side, Side], monkeypatch: pytest.MonkeyPatch) -> None:
    name, *said = row.cells

    def told(side: Side) -> object:
        try:
            return side.outcome("OpenAI(max_retries=0)" if side.is_official else "ImagesClient(max_retries=0)")
        except (openai.APIConnectionError, images_api.APIConnectionError):
            return None

    before = [told(side) for side in sides]
    monkeypatch.setenv(name, READ[name])
    monkeypatch.setenv(name.lower(), READ[name])
    is_read = [told(side) != old for side, old in zip(sides, before, strict=True)]
    assert is_read == [each == "read" for each in said]


@pytest.mark.parametrize("name", ["generate", "edit", "create_variation"])
def test_parameters_have_the_same_names(name: str) -> None:
    there, here = (inspect.signature(getattr(kind, name)).parameters for kind in (Images, images_api.ImagesClient))
    assert {*there} - {*here} <= {"stream"}
