"""Whatever a caller gives as a picture, as an upload: its name, its type, its facts, and its bytes on the wire."""

from __future__ import annotations

import asyncio
import base64
import gc
import io
import json
import os
import re
import tempfile
import threading
from contextlib import ExitStack
from typing import TYPE_CHECKING, Any, ClassVar, NamedTuple
from urllib.parse import quote

import pytest
from generation import Part, form_parts
from pictures import drawn, half_clear, padded, turned
from PIL import Image
from platforms import NO_FOLDER, OPENED_FOLDER

from images_api import AsyncImagesClient, ImagesClient, ImagesResult, InvalidRequestError, UnreadableFileError
from images_api._images.headers import ImageFacts
from images_api._requests.uploads import Upload, upload

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from images_api.sandbox import Sandbox

PNG = drawn(48, 32)
JPEG = drawn(mode="RGB", kind="JPEG")
DATA_URL = "data:image/png;base64," + base64.b64encode(PNG).decode()


class Bare:
    """A stream as some libraries hand it out: it reads, and does nothing else."""

    def __init__(self, content: bytes) -> None:
        self._file = io.BytesIO(content)

    def read(self, size: int = -1) -> bytes:
        return self._file.read(size)


class Located:
    """A path of somebody's own kind."""

    def __init__(self, path: Path) -> None:
        self._path = path

    def __fspath__(self) -> str:
        return str(self._path)


class Place(NamedTuple):
    """A picture in a file, and what shall be closed after a test."""

    path: Path
    closing: ExitStack

    def opened(self, *, at: int = 0) -> io.BufferedReader:
        file = self.closing.enter_context(self.path.open("rb"))
        file.seek(at)
        return file

    def piped(self) -> io.BufferedReader:
        reader, writer = os.pipe()
        os.write(writer, PNG)
        os.close(writer)
        return self.closing.enter_context(os.fdopen(reader, "rb"))

    def temporary(self, mode: str) -> Any:
        return self.closing.enter_context(tempfile.SpooledTemporaryFile(mode=mode))


@pytest.fixture
def place(tmp_path: Path) -> Any:
    path = tmp_path / "otter.png"
    path.write_bytes(PNG)
    with ExitStack() as closing:
        yield Place(path, closing)


def sent(made: Upload) -> bytes:
    """Return what is sent of an upload, twice the same."""
    with made.open() as file:
        file.seek(0)
        content = file.read()
        file.seek(0)
        assert file.read() == content
    return content


# By kind of input: what is given, and the name that it goes by.
INPUTS: dict[str, tuple[Callable[[Place], Any], str]] = {
    "path as text": (lambda place: str(place.path), "otter.png"),
    "path": (lambda place: place.path, "otter.png"),
    "path of another kind": (lambda place: Located(place.path), "otter.png"),
    "bytes": (lambda place: PNG, "image.png"),
    "bytearray": (lambda place: bytearray(PNG), "image.png"),
    "memoryview": (lambda place: memoryview(PNG), "image.png"),
    "memoryview of every second byte": (
        lambda place: memoryview(bytes(each for byte in PNG for each in (byte, 0)))[::2],
        "image.png",
    ),
    "BytesIO": (lambda place: io.BytesIO(PNG), "image.png"),
    "open file": (lambda place: place.opened(), "otter.png"),
    "file that was read halfway": (lambda place: place.opened(at=100), "otter.png"),
    "file without buffer": (lambda place: place.closing.enter_context(place.path.open("rb", buffering=0)), "otter.png"),
    "pipe": (lambda place: place.piped(), "image.png"),
    "stream that only reads": (lambda place: Bare(PNG), "image.png"),
    "data URL": (lambda place: DATA_URL, "image.png"),
    "data URL in percent signs": (lambda place: "data:image/png," + quote(PNG), "image.png"),
    "data URL of no type": (lambda place: DATA_URL.replace("image/png", ""), "image.png"),
    "bytes with a name": (lambda place: ("a.png", PNG), "a.png"),
    "bytes with a name and a type": (lambda place: ("a.png", PNG, "image/png"), "a.png"),
    "path with a name": (lambda place: ("a.png", place.path), "a.png"),
    "path as text with a name": (lambda place: ("a.png", str(place.path)), "a.png"),
    "file with a name": (lambda place: ("a.png", place.opened(at=5)), "a.png"),
    "pipe with a name": (lambda place: ("a.png", place.piped()), "a.png"),
    "data URL with a name": (lambda place: ("a.png", DATA_URL), "a.png"),
    "bytes with an empty name": (lambda place: ("", PNG), "image.png"),
    "path with an empty name": (lambda place: ("", place.path), "otter.png"),
}


@pytest.mark.parametrize("kind", INPUTS)
def test_every_kind_of_input_becomes_the_same_upload(place: Place, kind: str) -> None:
    give, name = INPUTS[kind]
    made = upload("image", give(place))
    assert made.facts == ImageFacts(name=name, type="image/png", size=len(PNG), width=48, height=32, alpha=True)
    assert sent(made) == PNG


@pytest.mark.parametrize("kind", INPUTS)
def test_every_kind_of_input_arrives_whole(client: ImagesClient, sandbox: Sandbox, place: Place, kind: str) -> None:
    give, name = INPUTS[kind]
    client.create_variation(give(place), model="someone-elses-model", size="256x256")
    head = f'name="image"; filename="{name}"\r\nContent-Type: image/png\r\n\r\n'
    assert head.encode() + PNG + b"\r\n" in sandbox.requests[-1].body


@pytest.mark.parametrize("at", [0, 100, len(PNG)])
def test_a_callers_file_is_left_open_and_where_it_stood(client: ImagesClient, place: Place, at: int) -> None:
    for file in (place.opened(at=at), io.BytesIO(PNG)):
        file.seek(at)
        client.edit(file, "x", size="64x64", model="gpt-image-next")
        assert (file.closed, file.tell()) == (False, at)
        with pytest.raises(InvalidRequestError):
            client.edit(file, "x", n=0)
        assert (file.closed, file.tell()) == (False, at)


def test_one_file_may_be_given_several_times(client: ImagesClient, sandbox: Sandbox, place: Place) -> None:
    file = place.opened(at=7)
    client.edit([file, file], "x", mask=file, size="64x64", model="gpt-image-next")
    assert sandbox.requests[-1].body.count(PNG) == 3
    assert file.tell() == 7


def test_a_stream_is_read_to_its_end_and_left_open(client: ImagesClient, place: Place) -> None:
    pipe = place.piped()
    client.edit(pipe, "x", size="64x64", model="gpt-image-next")
    assert not pipe.closed
    assert pipe.read() == b""


def test_a_long_stream_arrives_whole(client: ImagesClient, sandbox: Sandbox, place: Place) -> None:
    # Longer than what is held in memory.
    noise = drawn(800, 800) + os.urandom(3 << 20)
    place.path.write_bytes(noise)
    client.edit(Bare(noise), "x", size="64x64", model="gpt-image-next")  # type: ignore[arg-type]
    assert noise in sandbox.requests[-1].body


def test_files_of_a_refused_call_are_closed(client: ImagesClient, place: Place) -> None:
    for _ in range(3):
        with pytest.raises(InvalidRequestError):
            client.edit([place.path, place.piped()], "x", n=0)
    # A file that nobody closed complains when it is thrown away, and complaints are errors.
    gc.collect()


@pytest.mark.parametrize(
    ("mode", "alpha"),
    [
        ("RGBA", True),
        ("LA", True),
        ("RGB", False),
        ("L", False),
        ("1", False),
        ("P", False),
        ("I;16", False),
        ("CMYK", None),
        ("HSV", None),
    ],
)
def test_pil_pictures_go_as_png(client: ImagesClient, sandbox: Sandbox, mode: str, alpha: bool | None) -> None:  # noqa: FBT001
    picture = Image.linear_gradient("L").resize((64, 48)).convert("RGB" if mode in {"CMYK", "HSV"} else "L").convert(mode)
    made = upload("image", picture)
    facts = made.facts
    assert (facts.name, facts.type, facts.width, facts.height) == ("image.png", "image/png", 64, 48)
    assert facts.alpha is alpha or alpha is None
    with Image.open(io.BytesIO(sent(made))) as arrived:
        assert arrived.convert("RGB").tobytes() == picture.convert("RGB").tobytes()
    client.edit(picture, "x", size="64x64", model="gpt-image-next")
    assert sandbox.requests[-1].body.count(b"Content-Type: image/png") == 1


def test_pil_pictures_may_have_a_name() -> None:
    picture = upload("mask", ("m.png", Image.new("RGBA", (3, 2)))).facts
    assert (picture.name, picture.width, picture.height, picture.alpha) == ("m.png", 3, 2, True)


def test_pil_pictures_from_a_file_stay_as_they_are(place: Place) -> None:
    with Image.open(place.path) as picture:
        made = upload("image", picture)
        with Image.open(io.BytesIO(sent(made))) as arrived:
            assert arrived.tobytes() == picture.tobytes()
        assert picture.format == "PNG"


@pytest.mark.parametrize(
    ("content", "media_type", "extension", "alpha"),
    [
        (PNG, "image/png", ".png", True),
        (drawn(mode="RGB"), "image/png", ".png", False),
        (JPEG, "image/jpeg", ".jpg", False),
        (drawn(mode="RGB", kind="WEBP"), "image/webp", ".webp", False),
        (half_clear("WEBP"), "image/webp", ".webp", True),
        (drawn(mode="P", kind="GIF"), "image/gif", ".gif", None),
        (b"no picture", None, ".bin", None),
        (b"", None, ".bin", None),
    ],
)
@pytest.mark.parametrize("parameter", ["image", "mask"])
def test_type_and_name_follow_the_bytes(
    parameter: str, content: bytes, media_type: str | None, extension: str, *, alpha: bool | None
) -> None:
    picture = upload(parameter, content).facts
    assert (picture.name, picture.type, picture.size) == (parameter + extension, media_type, len(content))
    assert picture.alpha is alpha or alpha is None
    # A name that says otherwise, and a type that does, are not believed.
    misnamed = upload(parameter, ("picture.tiff", content, "image/tiff")).facts
    assert misnamed.name == "picture.tiff"
    assert misnamed.type == media_type or media_type is None


def test_size_is_the_one_a_picture_is_shown_in() -> None:
    facts = [upload("image", turned(40, 24, orientation)).facts for orientation in range(1, 9)]
    assert [(each.width, each.height) for each in facts] == [(40, 24)] * 4 + [(24, 40)] * 4


@pytest.mark.parametrize(
    ("given", "name"),
    [
        ("/home/otter/Pictures/a.png", "a.png"),
        ("../../etc/a.png", "a.png"),
        ("C:\\Users\\otter\\a.png", "a.png"),
        ("a/b\\c.png", "c.png"),
        ("folder/", "folder"),
        ("..", "image.png"),
        ("/", "image.png"),
        ("a b; c.png", "a b; c.png"),
        ("été 水獺.png", "été 水獺.png"),
        (".hidden", ".hidden"),
    ],
)
def test_names_lose_their_directories_and_nothing_else(client: ImagesClient, sandbox: Sandbox, given: str, name: str) -> None:
    assert upload("image", (given, PNG)).facts.name == name
    client.edit((given, PNG), "x", size="64x64", model="gpt-image-next")
    assert f'filename="{name}"\r\n'.encode() in sandbox.requests[-1].body


@pytest.mark.parametrize("name", ['a"b.png', "a\r\nContent-Type: text-html\r\n\r\n.png", 'a"; name="model', "a\0b.png"])
def test_names_can_not_break_out_of_their_header(client: ImagesClient, sandbox: Sandbox, name: str) -> None:
    client.edit((name, PNG), "x", size="64x64", model="gpt-image-next")
    escaped = re.sub(r'["\r\n\0]', lambda sign: f"%{ord(sign[0]):02X}", name)
    assert f'name="image"; filename="{escaped}"\r\nContent-Type: image/png\r\n\r\n'.encode() in sandbox.requests[-1].body


def test_names_that_are_no_text_are_sent_all_the_same(client: ImagesClient, sandbox: Sandbox, tmp_path: Path) -> None:
    # What os.fsdecode makes of a byte that isn't UTF-8: file systems allow it, HTTP doesn't.
    client.edit(("ot\udcffter.png", PNG), "x", size="64x64", model="gpt-image-next")
    found = re.search(rb'name="image"; filename="(.*)"', sandbox.requests[-1].body)
    assert found
    assert re.fullmatch(r"ot.*ter\.png", found[1].decode())


REFUSED: dict[str, tuple[Callable[[Place], Any], str]] = {
    "nothing": (lambda place: None, "is required|must be a path"),
    "a number": (lambda place: 5, "must be a path"),
    "an object": (lambda place: object(), "must be a path"),
    "a class": (lambda place: bytes, "must be a path"),
    "a list": (lambda place: [PNG], "must be a path"),
    "a set": (lambda place: {PNG}, "must be a path"),
    "a text file": (
        lambda place: place.closing.enter_context(place.path.open(encoding="latin-1")),
        "binary file, opened with 'rb'",
    ),
    "a text in memory": (lambda place: io.StringIO("x"), "binary file, opened with 'rb'"),
    "a temporary text file": (lambda place: place.temporary("w+"), "binary file"),
    "a tuple of one": (lambda place: (PNG,), "tuple of file name"),
    "a tuple of four": (lambda place: ("a", PNG, "image/png", {}), "tuple of file name"),
    "an empty tuple": (lambda place: (), "tuple of file name"),
    "a name that is no text": (lambda place: (None, PNG), "tuple of file name"),
    "a type that is no text": (lambda place: ("a.png", PNG, None), "tuple of file name"),
    "a tuple within": (lambda place: ("a.png", ("b.png", PNG)), "must be a path"),
    "nothing with a name": (lambda place: ("a.png", None), "must be a path"),
    "bad base64": (lambda place: "data:image/png;base64,!!!", "base64"),
    "cut base64": (lambda place: DATA_URL[:51], "base64"),
}


@pytest.mark.parametrize("kind", REFUSED)
def test_what_is_no_picture_at_all_is_refused(client: ImagesClient, sandbox: Sandbox, place: Place, kind: str) -> None:
    give, why = REFUSED[kind]
    given = give(place)
    with pytest.raises(InvalidRequestError, match=why) as caught:
        upload("mask", given)
    (problem,) = caught.value.problems
    assert problem.parameter == "mask"
    with pytest.raises(InvalidRequestError, match=why):
        client.create_variation(given if kind != "a list" else [given], model="x")  # type: ignore[arg-type]
    assert not sandbox.requests


UNREADABLE: dict[str, tuple[Callable[[Place], Any], type[Exception]]] = {
    "missing file": (lambda place: place.path.parent / "gone.png", FileNotFoundError),
    "missing file as text": (lambda place: str(place.path.parent / "gone.png"), FileNotFoundError),
    "missing file with a name": (lambda place: ("a.png", place.path.parent / "gone.png"), FileNotFoundError),
    "directory": (lambda place: place.path.parent, OPENED_FOLDER),
    "file as a directory": (lambda place: place.path / "a.png", NO_FOLDER),
    "no name at all": (lambda place: "", OSError),
    "name too long": (lambda place: "x" * 5000, OSError),
    "NUL in a path": (lambda place: "a\0b.png", ValueError),
    "closed file": (lambda place: closed(place.opened()), ValueError),
    "file for writing": (lambda place: place.closing.enter_context((place.path.parent / "new").open("wb")), OSError),
}


def closed(file: io.BufferedReader) -> io.BufferedReader:
    file.close()
    return file


@pytest.mark.parametrize("kind", UNREADABLE)
def test_what_can_not_be_read_says_so_and_keeps_the_cause(place: Place, kind: str) -> None:
    give, cause = UNREADABLE[kind]
    with pytest.raises(UnreadableFileError, match=r"^image can't be read: ") as caught:
        upload("image", give(place))
    assert isinstance(caught.value.__cause__, cause)


def test_a_temporary_file_counts_with_all_that_was_written(place: Place) -> None:
    file = place.temporary("w+b")
    file.write(PNG)
    assert upload("image", file).facts.size == file.tell() == len(PNG)


def test_facts_are_short_to_read() -> None:
    assert repr(upload("image", PNG).facts) == f"'image.png' (image/png, 48x32, {len(PNG)} bytes)"
    assert repr(upload("image", b"text").facts) == "'image.bin' (no known image format, 4 bytes)"
    assert "BytesIO" not in repr(upload("image", PNG))


class Watched(io.BytesIO):
    """A file that tells how it is read."""

    def __init__(self, content: bytes) -> None:
        super().__init__(content)
        self.pieces: list[tuple[int, int]] = []

    def read(self, size: int | None = -1) -> bytes:
        content = super().read(size)
        if len(content) > 1000:  # no header
            self.pieces.append((len(content), threading.get_ident()))
        return content


class TestLargeFiles:
    CONTENT = padded(PNG, 1_000_000)
    PIECES: ClassVar[list[int]] = [*[256 << 10] * 3, len(CONTENT) - (3 * 256 << 10)]

    def test_are_sent_piece_by_piece(self, client: ImagesClient, sandbox: Sandbox) -> None:
        file = Watched(self.CONTENT)
        client.edit(file, "x")
        assert [size for size, _ in file.pieces] == self.PIECES
        assert self.CONTENT in sandbox.requests[0].body

    async def edit(self, sandbox: Sandbox, file: Watched) -> None:
        async with AsyncImagesClient(base_url=sandbox.base_url) as client:
            await client.edit(file, "x")

    def test_are_read_outside_of_the_event_loop(self, sandbox: Sandbox) -> None:
        file = Watched(self.CONTENT)
        asyncio.run(self.edit(sandbox, file))
        assert [size for size, _ in file.pieces] == self.PIECES
        assert threading.get_ident() not in {thread for _, thread in file.pieces}
        (request,) = sandbox.requests
        assert self.CONTENT in request.body
        assert request.headers["content-length"] == str(len(request.body))


def form(sandbox: Sandbox) -> list[Part]:
    request = sandbox.requests[-1]
    return form_parts(request.headers["content-type"], request.body)


class TestThatCameBack:
    """Images of a response go in again as they are."""

    def test_one_is_sent_with_its_bytes_and_type(self, client: ImagesClient, sandbox: Sandbox) -> None:
        made = client.generate("an otter", size="64x64", model="someone-elses-model", n=2)
        client.edit(made[1], "a beret")
        (image,) = [part for part in form(sandbox) if part.filename]
        assert (image.name, image.filename, image.type, image.content) == ("image", "image.png", "image/png", made[1].read())

    def test_a_result_is_several(self, client: ImagesClient, sandbox: Sandbox) -> None:
        made = client.generate("an otter", size="64x64", model="someone-elses-model", n=2)
        client.edit(made, "both in one")
        sent = [(part.name, part.content) for part in form(sandbox) if part.filename]
        assert sent == [("image[]", image.read()) for image in made]

    def test_asynchronously_likewise(self, sandbox: Sandbox) -> None:
        async def main() -> tuple[ImagesResult, str]:
            async with AsyncImagesClient(base_url=sandbox.base_url) as client:
                made = await client.generate("an otter", size="64x64", model="someone-elses-model")
                await client.edit(made[0], "a beret")
                by_link = "data:image/png;base64," + made[0].b64_json
                await client.edit(by_link, "a beret")
            return made, by_link

        made, by_link = asyncio.run(main())
        assert made[0].read() in sandbox.requests[-2].body
        assert json.loads(sandbox.requests[-1].body)["images"] == [{"image_url": by_link}]
