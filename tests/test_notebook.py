"""Streams that show themselves in notebooks, and docs/app/notebook.ipynb, run by a real kernel."""

from __future__ import annotations

import asyncio
import base64
import gc
import json
import re
import tempfile
from contextlib import suppress
from dataclasses import dataclass, field
from io import BytesIO
from pathlib import Path
from textwrap import dedent
from typing import TYPE_CHECKING, Any

import nbformat
import pytest
import zmq
from ipykernel.kernelspec import write_kernel_spec
from jupyter_client.kernelspec import KernelSpecManager
from jupyter_client.manager import AsyncKernelManager
from nbclient import NotebookClient
from pictures import drawn
from PIL import Image
from raw_server import END, Do, RawServer, chunk, head, reply

from images_api import (
    APIStatusError,
    AsyncImagesClient,
    AuthenticationError,
    ImagesAPIError,
    ImagesClient,
    StreamEvent,
    StreamInterruptedError,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from images_api.sandbox import Sandbox

DOCUMENTED = Path(__file__).resolve().parent.parent / "docs" / "app" / "notebook.ipynb"
MODES = ["sync", "async"]
PNG, SECOND, THIRD = (drawn(side, side) for side in (8, 9, 10))
WAITING, MAKING = "waiting for the first image", "still being made"


def event(kind: str, picture: bytes | None = None, **more: Any) -> bytes:
    fields = {"type": kind, **({} if picture is None else {"b64_json": base64.b64encode(picture).decode()}), **more}
    return chunk(f"data: {json.dumps(fields)}\n\n".encode())


def partial(picture: bytes) -> bytes:
    return event("image_generation.partial_image", picture, partial_image_index=0)


def final(picture: bytes) -> bytes:
    return event("image_generation.completed", picture)


# --- what a stream shows, and where -----------------------------------------------------------------------------------------


def pictures_in(html: str) -> list[bytes]:
    """Return the pictures that a gallery holds."""
    return [base64.b64decode(source) for source in re.findall(r'<img src="data:image/\w+;base64,([^"]+)"', html)]


@dataclass
class Place:
    """A place in a notebook, as IPython's `display` returns it.

    Attributes:
        shown: Everything that was shown there: the pictures, and what was said of them.
        interrupt: Raised by whoever shows a picture there.
    """

    shown: list[tuple[list[bytes], str]] = field(default_factory=list)
    interrupt: BaseException | None = None

    def update(self, thing: Any, *, raw: bool = False) -> None:
        html = thing["text/html"] if raw else thing._repr_html_()
        note = re.search("<p>(.*)</p>", html)
        self.shown.append((pictures_in(html), note[1] if note else ""))
        if self.interrupt and pictures_in(html):
            interrupt, self.interrupt = self.interrupt, None
            raise interrupt


@pytest.fixture
def places(monkeypatch: pytest.MonkeyPatch) -> list[Place]:
    """The places that streams were shown at, in IPython's stead."""
    made: list[Place] = []

    def display(data: dict[str, str], *, raw: bool, display_id: bool) -> Place:
        assert raw
        assert display_id
        made.append(Place())
        made[-1].update(data, raw=True)
        return made[-1]

    monkeypatch.setattr("IPython.display.display", display)
    return made


def shown(mode: str, base_url: str, act: Callable[[Any], Any] | None = None, **options: Any) -> list[Any]:
    """Let a stream show itself, and return what comes of asking for its result, twice; `act` is done with it before."""
    said: list[Any] = []

    def sync() -> None:
        with ImagesClient(base_url=base_url, max_retries=0) as client:
            stream = client.stream_generate("an otter", **options)
            if act:
                act(stream)
            with suppress(ImagesAPIError):  # which is that of the result
                stream._ipython_display_()
            for _ in range(2):
                try:
                    said.append(stream.result())
                except ImagesAPIError as error:
                    said.append(error)

    async def not_sync() -> None:
        async with AsyncImagesClient(base_url=base_url, max_retries=0) as client:
            stream = client.stream_generate("an otter", **options)
            if act:
                await act(stream)
            stream._ipython_display_()
            for _ in range(2):
                try:
                    said.append(await stream.aresult())
                except ImagesAPIError as error:
                    said.append(error)

    sync() if mode == "sync" else asyncio.run(not_sync())
    return said


@pytest.mark.parametrize("mode", MODES)
def test_each_unfinished_picture_takes_the_place_of_the_one_before(sandbox: Sandbox, places: list[Place], mode: str) -> None:
    results = shown(mode, sandbox.base_url, partial_images=2, size="64x64", model="mine")
    (place,) = places
    pictures = [pictures for pictures, _ in place.shown]
    assert [len(each) for each in pictures] == [0, 1, 1, 1, 1]
    assert [note for _, note in place.shown] == [WAITING, MAKING, MAKING, MAKING, ""]
    assert len({each for [each] in pictures[1:4]}) == 3
    assert pictures[3] == pictures[4] == [results[0][0].read()]
    assert results[0][0] is results[1][0]


@pytest.mark.parametrize("mode", MODES)
def test_those_that_are_finished_stay(places: list[Place], mode: str) -> None:
    script = [head(), partial(PNG), final(SECOND), partial(PNG), event("heartbeat"), final(THIRD), END]
    with RawServer(script) as server:
        result, _ = shown(mode, server.base_url, n=2, model="mine")
    assert [image.read() for image in result] == [SECOND, THIRD]
    expected = [[], [PNG], [SECOND], [SECOND, PNG], [SECOND, THIRD], [SECOND, THIRD]]
    assert [pictures for pictures, _ in places[0].shown] == expected


@pytest.mark.parametrize("mode", MODES)
def test_an_unfinished_picture_that_is_broken_is_passed_over(places: list[Place], mode: str) -> None:
    with RawServer([head(), partial(PNG), partial(PNG[:-20]), final(SECOND), END]) as server:
        shown(mode, server.base_url, model="mine")
    assert [pictures for pictures, _ in places[0].shown] == [[], [PNG], [SECOND], [SECOND]]


@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize(
    ("end", "kind"),
    [
        ([END], StreamInterruptedError),
        ([Do.CLOSE], StreamInterruptedError),
        ([event("error", error={"message": "<b>no</b>", "code": "server_error"}), END], APIStatusError),
    ],
    ids=["no final picture", "cut", "error event"],
)
def test_an_error_is_shown_below_what_there_is_and_raised_whenever_the_result_is_asked_for(
    places: list[Place], mode: str, end: list[bytes | Do], kind: type[ImagesAPIError]
) -> None:
    with RawServer([head(), partial(PNG), *end]) as server:
        errors = shown(mode, server.base_url, model="mine")
        assert len(server.requests) == 1
    assert isinstance(errors[0], kind)
    assert all(error is errors[0] for error in errors)
    pictures, note = places[0].shown[-1]
    assert pictures == [PNG]
    assert note.startswith(f"{type(errors[0]).__name__}: ")
    assert "<b>" not in note


@pytest.mark.parametrize("mode", MODES)
def test_a_call_that_is_refused_is_not_made_again_by_showing_it_again(places: list[Place], mode: str) -> None:
    def act(stream: Any) -> Any:
        with pytest.raises(AuthenticationError):
            return stream.result()

    async def aact(stream: Any) -> Any:
        with pytest.raises(AuthenticationError):
            await stream.aresult()

    with RawServer(reply(b'{"error": {"message": "no"}}', status=401)) as server:
        errors = shown(mode, server.base_url, act if mode == "sync" else aact, model="mine")
        assert len(server.requests) == 1
    assert [type(error) for error in errors] == [AuthenticationError] * len(errors)
    assert [note for _, note in places[0].shown] == [WAITING, f"AuthenticationError: {errors[0]}"]


@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize("events", [1, 2, 9])
def test_of_a_stream_that_has_begun_the_rest_is_shown(places: list[Place], mode: str, events: int) -> None:
    def act(stream: Any) -> None:
        list(zip(range(events), stream, strict=False))

    async def aact(stream: Any) -> None:
        for _ in range(events):
            await anext(stream, None)

    with RawServer([head(), partial(PNG), partial(SECOND), final(THIRD), END]) as server:
        shown(mode, server.base_url, act if mode == "sync" else aact, model="mine")
    assert [pictures for pictures, _ in places[0].shown] == [[], *[[PNG], [SECOND], [THIRD]][events:], [THIRD]]


def test_a_stream_may_be_shown_twice(places: list[Place]) -> None:
    with RawServer([head(), partial(PNG), final(SECOND), END]) as server, ImagesClient(base_url=server.base_url) as client:
        stream = client.stream_generate("an otter", model="mine")
        stream._ipython_display_()
        stream._ipython_display_()
        assert len(server.requests) == 1
    assert [[pictures for pictures, _ in place.shown] for place in places] == [[[], [PNG], [SECOND], [SECOND]], [[], [SECOND]]]


@pytest.mark.parametrize("way", ["aresult", "async with", "async for"])
def test_while_a_task_shows_a_stream_others_wait_for_it(places: list[Place], way: str) -> None:
    async def main(base_url: str) -> None:
        async with AsyncImagesClient(base_url=base_url) as client:
            stream = client.stream_generate("an otter", model="mine")
            if way == "async with":
                async with stream:
                    stream._ipython_display_()
            stream._ipython_display_()
            stream._ipython_display_()
            if way == "async for":
                assert [event async for event in stream] == []
            result = await stream.aresult()
            assert [image.read() for image in result] == [SECOND]

    with RawServer([head(), partial(PNG), final(SECOND), END]) as server:
        asyncio.run(main(server.base_url))
        assert len(server.requests) == 1
    first, *others = [[pictures for pictures, _ in place.shown] for place in places]
    assert first == [[], [PNG], [SECOND], [SECOND]]
    assert others == [[[], [SECOND]]] * len(others)


def test_a_task_whose_stream_fails_says_so_in_the_notebook_alone(places: list[Place], caplog: pytest.LogCaptureFixture) -> None:
    async def main(base_url: str) -> None:
        async with AsyncImagesClient(base_url=base_url) as client:
            client.stream_generate("an otter", model="mine")._ipython_display_()
            while places[0].shown[-1][1] in {WAITING, MAKING}:  # noqa: ASYNC110  that is all there is to be seen
                await asyncio.sleep(0.01)
        gc.collect()

    with RawServer([head(), partial(PNG), END]) as server:
        asyncio.run(main(server.base_url))
    assert "StreamInterruptedError" in places[0].shown[-1][1]
    assert not [record for record in caplog.records if record.name == "asyncio"]


def test_a_client_that_is_closed_ends_what_is_shown(places: list[Place]) -> None:
    async def main(base_url: str) -> None:
        async with AsyncImagesClient(base_url=base_url) as client:
            stream = client.stream_generate("an otter", model="mine")
            stream._ipython_display_()
            while not places[0].shown[-1][0]:  # noqa: ASYNC110  likewise
                await asyncio.sleep(0.01)
        with pytest.raises(StreamInterruptedError):
            await stream.aresult()

    with RawServer([head(), partial(PNG), Do.STALL]) as server:
        asyncio.run(main(server.base_url))
        assert server.left.wait(60)
    assert places[0].shown[-1][0] == [PNG]


def test_without_an_event_loop_an_async_stream_leaves_it_to_its_repr(places: list[Place]) -> None:
    stream = AsyncImagesClient(base_url="http://127.0.0.1:9/v1").stream_generate("an otter", model="mine")
    with pytest.raises(NotImplementedError):  # as IPython has it
        stream._ipython_display_()
    assert places == []


def test_an_interrupt_closes_the_connection_and_passes_through(places: list[Place], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Place, "interrupt", KeyboardInterrupt())
    monkeypatch.setattr(Place, "__init__", lambda self: setattr(self, "shown", []))
    with RawServer([head(), partial(PNG), Do.STALL]) as server, ImagesClient(base_url=server.base_url) as client:
        stream = client.stream_generate("an otter", model="mine")
        with pytest.raises(KeyboardInterrupt):
            stream._ipython_display_()
        assert server.left.wait(60)
        with pytest.raises(StreamInterruptedError):
            stream.result()
    assert places[0].shown[-1] == ([PNG], "KeyboardInterrupt: ")


def test_an_event_is_the_picture_that_it_brings() -> None:
    with (
        RawServer([head(), partial(PNG), event("heartbeat"), final(SECOND), END]) as server,
        ImagesClient(base_url=server.base_url) as client,
    ):
        events: list[StreamEvent] = list(client.stream_generate("an otter", model="mine"))
    bundles = [event._repr_mimebundle_(include=None, exclude=None) for event in events]
    assert [bundle.pop("text/plain") for bundle in bundles] == list(map(repr, events))
    assert bundles == [{"image/png": PNG}, {}, {"image/png": SECOND}]


# --- a real kernel ----------------------------------------------------------------------------------------------------------


@pytest.fixture
def run(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[Callable[[Any], list[Any]]]:
    """Runs a notebook with the interpreter of the tests, whatever kernels are installed, and returns its cells of code."""
    for name in ("RUNTIME", "CONFIG", "DATA"):
        monkeypatch.setenv(f"JUPYTER_{name}_DIR", str(tmp_path / name))
    monkeypatch.setenv("IPYTHONDIR", str(tmp_path / "ipython"))
    write_kernel_spec(tmp_path / "kernels" / "this")
    # The names of sockets may not be as long as those of pytest's folders.
    with tempfile.TemporaryDirectory() as folder:

        def executed(notebook: Any) -> list[Any]:
            specs = KernelSpecManager(kernel_dirs=[str(tmp_path / "kernels")])
            where = {"transport": "ipc", "connection_file": f"{folder}/kernel.json"} if zmq.has("ipc") else {}
            kernel = AsyncKernelManager(kernel_name="this", kernel_spec_manager=specs, **where)
            resources = {"metadata": {"path": str(tmp_path)}}
            NotebookClient(notebook, km=kernel, timeout=60, resources=resources).execute(cleanup_kc=True)
            return [cell for cell in notebook.cells if cell.cell_type == "code"]

        yield executed


def outputs(cells: list[Any], beginning: str) -> list[Any]:
    """Return the outputs of the cell that begins so."""
    (found,) = [cell.outputs for cell in cells if cell.source.startswith(beginning)]
    return list(found)


def sizes(output: Any) -> list[tuple[str | None, tuple[int, int]]]:
    """Return the format and the size of each picture in an output."""
    data = output.data
    contents = [base64.b64decode(data["image/png"])] if "image/png" in data else pictures_in(data["text/html"])
    return [(picture.format, picture.size) for picture in (Image.open(BytesIO(content)) for content in contents)]


def test_the_notebook_in_the_docs_runs(run: Callable[[Any], list[Any]], tmp_path: Path) -> None:
    notebook = nbformat.read(DOCUMENTED, as_version=4)
    assert all(not cell.get("outputs") for cell in notebook.cells)
    cells = run(notebook)
    large = (1024, 1024)

    (three,) = outputs(cells, 'client.generate("a baby sea otter on a raft"')
    assert sizes(three) == [("PNG", large)] * 3
    assert len(re.findall(r"<figcaption>png 1024x1024 \d+ bytes</figcaption>", three.data["text/html"])) == 3
    (revised,) = outputs(cells, 'client.generate("an otter reads')
    assert sizes(revised) == [("PNG", large)]
    assert re.search(
        r"<figcaption>png 1024x1024 \d+ bytes<br>an otter reads the news, .+</figcaption>", revised.data["text/html"]
    )
    (webp,) = outputs(cells, "otter = ")
    assert (webp.data.keys(), sizes(webp)) == ({"text/plain", "text/html"}, [("WEBP", large)])
    (edited,) = outputs(cells, "client.edit")
    assert sizes(edited) == [("JPEG", large)]

    (streamed,) = outputs(cells, "stream = ")
    assert (streamed.output_type, sizes(streamed)) == ("display_data", [("PNG", large)])
    (saved,) = (tmp_path / "otters").glob("an-otter-that-gets-sharper-*.png")
    assert pictures_in(streamed.data["text/html"]) == [saved.read_bytes()]
    events = outputs(cells, "with client.stream_generate")
    assert [sizes(each) for each in events] == [[("PNG", large)]] * 3
    assert [each.data["text/plain"].split()[0] for each in events] == ["<PartialImage", "<PartialImage", "<CompletedImage"]
    unhurried, _ = outputs(cells, "async_client = ")
    assert pictures_in(unhurried.data["text/html"]) == [(tmp_path / "otters" / "asynchronous.png").read_bytes()]

    partly, error, *_ = outputs(cells, "sandbox.fail_next")
    assert sizes(partly) == [("PNG", large)]
    assert "<p>StreamInterruptedError: " in partly.data["text/html"]
    assert (error.output_type, error.ename) == ("error", "StreamInterruptedError")
    (refused,) = outputs(cells, "try:")
    assert refused.text.startswith("400 moderation_blocked")


def test_a_task_shows_a_stream_in_its_cell(run: Callable[[Any], list[Any]], sandbox: Sandbox) -> None:
    setup = f"""
        from images_api import AsyncImagesClient, InternalServerError

        client = AsyncImagesClient(base_url={sandbox.base_url!r}, model="mine", size="64x64")
        good = client.stream_generate("an otter", partial_images=1)
        bad = client.stream_generate("an otter", partial_images=1, extra_headers={{"X-Sandbox-Fault": "error event"}})
    """
    shown_twice = """
        display(good)
        display(good)
        await good.aresult()
    """
    shown_and_failed = """
        display(bad)
        try:
            await bad.aresult()
        except InternalServerError as error:
            print(error.status_code)
    """
    sources = map(dedent, (setup, shown_twice, shown_and_failed))
    _, (first, second, result), (partly, printed) = (
        cell.outputs for cell in run(nbformat.v4.new_notebook(cells=list(map(nbformat.v4.new_code_cell, sources))))
    )
    assert sizes(first) == [("PNG", (64, 64))]
    assert first.data == second.data == result.data
    assert sizes(partly) == [("PNG", (64, 64))]
    assert "<p>InternalServerError: 500" in partly.data["text/html"]
    assert printed.text == "500\n"
