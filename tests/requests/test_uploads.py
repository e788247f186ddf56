"""Whatever a caller gives as a picture, as an upload: its name, its type, its facts, and its bytes on the wire."""

from __future__ import annotations

import asyncio
import base64
import gc
import gzip
import io
import json
import mmap
import os
import re
import tempfile
import threading
from array import array
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from pathlib import Path
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any, BinaryIO, ClassVar, NamedTuple
from unittest.mock import AsyncMock, MagicMock, Mock
from urllib.parse import quote
from urllib.request import urlopen
from zipfile import BadZipFile, ZipFile

import httpx
import pytest
from generation import Part, form_parts
from pictures import drawn, half_clear, padded, turned
from PIL import Image, ImageChops, ImageOps
from platforms import NO_FOLDER, OPENED_FOLDER, needs_posix
from starlette.datastructures import UploadFile

from images_api import AsyncImagesClient, ImagesClient, ImagesResult, InvalidRequestError, UnreadableFileError
from images_api._images.headers import ImageFacts
from images_api._requests.files import OpenFiles
from images_api._requests.uploads import Upload

if TYPE_CHECKING:
    from collections.abc import Callable

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


class Chunks:
    """A stream that gives what it was told to, or raises it."""

    def __init__(self, *chunks: object) -> None:
        self._chunks = list(chunks)

    def read(self, size: int = -1) -> Any:
        chunk = self._chunks.pop(0) if size else b""
        if isinstance(chunk, Exception):
            raise chunk
        return chunk


class PassingOn:
    """An upload as werkzeug has it, whose `name` is that of the form's field."""

    def __init__(self, stream: BinaryIO, filename: str) -> None:
        self.stream, self.filename, self.name = stream, filename, "field"

    def __getattr__(self, name: str) -> Any:
        return getattr(self.stream, name)


class Awaited:
    """A file as aiofiles and anyio have it."""

    async def read(self, size: int = -1) -> bytes:
        return PNG[:size]


class Name(str):
    """A text of somebody's own kind."""

    __slots__ = ()


class Unhelpful:
    """What some proxies are outside of a request."""

    def __getattr__(self, name: str) -> Any:
        raise RuntimeError("working outside of a request")


class Array:
    """Pixels, as numpy and others have them."""

    def __array__(self) -> Any:
        raise AssertionError("is converted")


class Located:
    """A path of somebody's own kind."""

    def __init__(self, path: Path | None) -> None:
        self._path = path

    def __fspath__(self) -> Any:
        return str(self._path) if self._path else self._path


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

    def made(self, parameter: str, given: object) -> Upload:
        return Upload(self.closing.enter_context(OpenFiles()), parameter, given)

    def temporary(self, mode: str) -> Any:
        return self.closing.enter_context(tempfile.SpooledTemporaryFile(mode=mode))

    def reading(self, file: Any) -> Any:
        return self.closing.enter_context(file)

    def written(self, file: Any) -> Any:
        self.reading(file).write(PNG)
        return file

    def mapped(self) -> Any:
        return self.reading(mmap.mmap(self.opened().fileno(), 0, access=mmap.ACCESS_READ))

    def archived(self, *, broken: bool = False) -> Any:
        packed = io.BytesIO()
        with ZipFile(packed, "w") as archive:
            archive.writestr("folder/inside.png", PNG)
        content = packed.getvalue().replace(PNG, PNG[:-1] + b"!") if broken else packed.getvalue()
        return self.reading(self.reading(ZipFile(io.BytesIO(content))).open("folder/inside.png"))

    def compressed(self, *, cut: int = 0) -> Any:
        path = self.path.with_name("otter.png.gz")
        path.write_bytes(gzip.compress(PNG)[: -cut or None])
        return self.reading(gzip.open(path))


@pytest.fixture
def place(tmp_path: Path) -> Any:
    path = tmp_path / "otter.png"
    path.write_bytes(PNG)
    with ExitStack() as closing:
        yield Place(path, closing)


def form(sandbox: Sandbox) -> list[Part]:
    request = sandbox.requests[-1]
    return form_parts(request.headers["content-type"], request.body)


def sent(made: Upload) -> bytes:
    """Return what is sent of an upload, twice the same."""
    file: Any = made  # as httpx takes it
    contents = []
    for _ in range(2):
        file.seek(0)
        contents.append(b"".join(iter(lambda: file.read(65536), b"")))
    assert contents[0] == contents[1]
    return contents[0]


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
    "file with a name": (lambda place: ("a.png", place.opened(at=5)), "a.png"),
    "pipe with a name": (lambda place: ("a.png", place.piped()), "a.png"),
    "bytes with a name and no type": (lambda place: ("a.png", PNG, None), "a.png"),
    "bytes with an empty name": (lambda place: ("", PNG), "image.png"),
    "path with an empty name": (lambda place: ("", place.path), "otter.png"),
    "file for reading and writing": (lambda place: place.reading(place.path.open("r+b")), "otter.png"),
    "temporary file": (lambda place: place.written(tempfile.TemporaryFile()), "image.png"),  # noqa: SIM115  closed with the place
    "temporary file in memory": (lambda place: place.written(place.temporary("w+b")), "image.png"),
    "memory map": (lambda place: place.mapped(), "image.png"),
    "file in an archive": (lambda place: place.archived(), "inside.png"),
    "compressed file": (lambda place: place.compressed(), "otter.png.gz"),
    "response of urllib": (lambda place: place.reading(urlopen(place.path.as_uri())), "image.png"),  # noqa: S310  a file of our own
    "upload of Starlette": (lambda place: UploadFile(place.opened(), filename="photo.png"), "photo.png"),
    "upload of Starlette without a name": (lambda place: UploadFile(io.BytesIO(PNG)), "image.png"),
    "upload of Starlette with a name": (lambda place: ("a.png", UploadFile(io.BytesIO(PNG), filename="b.png"), None), "a.png"),
    "upload that passes on its file's methods": (lambda place: PassingOn(io.BytesIO(PNG), "folder/photo.png"), "photo.png"),
    "upload that has a file and no methods": (
        lambda place: SimpleNamespace(name="field", filename="photo.png", file=io.BytesIO(PNG)),
        "photo.png",
    ),
    "stream of memoryviews": (lambda place: Chunks(memoryview(PNG), bytearray()), "image.png"),
    "text of a kind of its own": (lambda place: Name(str(place.path)), "otter.png"),
}


@pytest.mark.parametrize("kind", INPUTS)
def test_every_kind_of_input_becomes_the_same_upload(place: Place, kind: str) -> None:
    give, name = INPUTS[kind]
    made = place.made("image", give(place))
    assert made.facts == ImageFacts(name=name, type="image/png", size=len(PNG), width=48, height=32, alpha=True)
    assert sent(made) == PNG


async def varied(sandbox: Sandbox, given: Any) -> None:
    async with AsyncImagesClient(base_url=sandbox.base_url) as client:
        await client.create_variation(given, model="someone-elses-model", size="256x256")


@pytest.mark.parametrize("kind", INPUTS)
@pytest.mark.parametrize("asynchronous", [False, True])
def test_every_kind_of_input_arrives_whole(
    client: ImagesClient, sandbox: Sandbox, place: Place, kind: str, *, asynchronous: bool
) -> None:
    give, name = INPUTS[kind]
    if asynchronous:
        asyncio.run(varied(sandbox, give(place)))
    else:
        client.create_variation(give(place), model="someone-elses-model", size="256x256")
    head = f'name="image"; filename="{name}"\r\nContent-Type: image/png\r\n\r\n'
    assert head.encode() + PNG + b"\r\n" in sandbox.requests[-1].body


@pytest.mark.parametrize("at", [0, 100, len(PNG)])
def test_a_callers_file_is_left_open_and_where_it_stood(client: ImagesClient, place: Place, at: int) -> None:
    for file in (place.opened(at=at), io.BytesIO(PNG)):
        file.seek(at)
        client.edit(file, "x", model="small", size="64x64")
        assert (file.closed, file.tell()) == (False, at)
        with pytest.raises(InvalidRequestError):
            client.edit(file, "x", n=0)
        assert (file.closed, file.tell()) == (False, at)


def test_one_file_may_be_given_several_times(client: ImagesClient, sandbox: Sandbox, place: Place) -> None:
    file = place.opened(at=7)
    client.edit([file, file], "x", mask=file, model="small", size="64x64")
    assert sandbox.requests[-1].body.count(PNG) == 3
    assert file.tell() == 7


def test_a_stream_is_read_to_its_end_and_left_open(client: ImagesClient, place: Place) -> None:
    pipe = place.piped()
    client.edit(pipe, "x", model="small", size="64x64")
    assert not pipe.closed
    assert pipe.read() == b""


def test_a_long_stream_arrives_whole(client: ImagesClient, sandbox: Sandbox, place: Place) -> None:
    # Longer than what is held in memory.
    noise = drawn(800, 800) + os.urandom(3 << 20)
    place.path.write_bytes(noise)
    client.edit(Bare(noise), "x", model="small", size="64x64")
    assert noise in sandbox.requests[-1].body


def test_files_of_a_refused_call_are_closed(client: ImagesClient, place: Place) -> None:
    for _ in range(3):
        with pytest.raises(InvalidRequestError):
            client.edit([place.path, place.piped()], "x", n=0)
    # A file that nobody closed complains when it is thrown away, and complaints are errors.
    gc.collect()


# By mode of PIL: the mode that arrives, which keeps what can be kept.
MODES = {
    **{mode: mode for mode in ("1", "L", "LA", "P", "RGB", "RGBA", "I;16")},
    **dict.fromkeys(["I", "I;16B", "I;16L", "I;16N"], "I;16"),
    **dict.fromkeys(["CMYK", "YCbCr", "HSV", "LAB", "RGBX"], "RGB"),
    "F": "L",
    "La": "LA",
    "PA": "RGBA",
    "RGBa": "RGBA",
}


@pytest.mark.parametrize("mode", MODES)
def test_pil_pictures_of_every_mode_go_as_png(client: ImagesClient, sandbox: Sandbox, mode: str) -> None:
    gradient = Image.linear_gradient("L").resize((64, 48))
    through = {"La": "LA", "PA": "P", "RGBa": "RGBA", "F": "L"}.get(mode, "I" if mode.startswith("I") else "RGB")
    picture = gradient.convert(through).convert(mode)
    client.edit(picture, "x", model="small", size="64x64")
    (part,) = (each for each in form(sandbox) if each.filename)
    assert (part.filename, part.type) == ("image.png", "image/png")
    with Image.open(io.BytesIO(part.content)) as arrived:
        assert (arrived.mode, arrived.size) == (MODES[mode], (64, 48))
        if mode.startswith("I"):
            assert arrived.convert("I").tobytes() == picture.convert("I").tobytes()
        else:
            got, meant = (
                each.convert("RGB").convert("L") for each in (arrived, picture.convert("LA") if mode == "La" else picture)
            )
            # What is multiplied with its alpha, or LAB, is rounded.
            assert max(ImageChops.difference(got, meant).tobytes()) <= 2


def test_wide_grey_is_not_cut_to_bytes(place: Place) -> None:
    with Image.open(io.BytesIO(sent(place.made("image", Image.new("I", (2, 2), 40_000))))) as arrived:
        assert arrived.getpixel((0, 0)) == 40_000


def test_a_see_through_colour_of_a_palette_stays(place: Place) -> None:
    picture = Image.new("P", (4, 4))
    picture.info["transparency"] = 0
    assert place.made("image", picture).facts.alpha


def test_a_colour_profile_goes_with_its_mode_alone(place: Place) -> None:
    for mode, kept in (("RGB", True), ("CMYK", False)):
        with Image.open(io.BytesIO(drawn(mode=mode, kind="JPEG", icc_profile=b"a profile"))) as picture:
            assert (b"iCCP" in sent(place.made("image", picture))) is kept


@pytest.mark.parametrize("orientation", range(1, 9))
def test_pil_pictures_go_upright(place: Place, orientation: int) -> None:
    with Image.open(io.BytesIO(turned(40, 24, orientation))) as photo:
        made = place.made("image", photo)
        assert (photo.size, photo.getexif()[0x0112]) == ((40, 24), orientation)
        shown = ImageOps.exif_transpose(photo)
    with Image.open(io.BytesIO(sent(made))) as arrived:
        assert arrived.size == shown.size
        assert arrived.tobytes() == shown.tobytes()
        assert 0x0112 not in arrived.getexif()


def test_of_an_animation_the_frame_that_is_shown_goes(place: Place) -> None:
    file = io.BytesIO()
    Image.new("RGB", (8, 8), "red").save(file, "GIF", save_all=True, append_images=[Image.new("RGB", (8, 8), "blue")])
    with Image.open(file) as animation:
        animation.seek(1)
        with Image.open(io.BytesIO(sent(place.made("image", animation)))) as arrived:
            assert arrived.convert("RGB").getpixel((0, 0)) == (0, 0, 255)
        assert animation.tell() == 1


def test_what_only_looks_like_a_pil_picture_is_a_file() -> None:
    class Stored(io.BytesIO):
        format = mode = "RGB"  # pyright: ignore[reportIncompatibleMethodOverride, reportAssignmentType]

        def save(self, name: str) -> None:
            raise AssertionError("is saved")

    assert Upload(OpenFiles(), "image", Stored(PNG)).facts.size == len(PNG)


def test_a_path_may_begin_at_home(client: ImagesClient, sandbox: Sandbox, place: Place, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("HOME", "USERPROFILE"):
        monkeypatch.setenv(name, str(place.path.parent))
    for given in ("~/otter.png", Path("~", "otter.png"), ("a.png", Path("~/otter.png"))):
        client.edit(given, "x", model="small", size="64x64")
        assert PNG in sandbox.requests[-1].body
    tilde = place.path.with_name("~otter.png")
    tilde.write_bytes(PNG)
    monkeypatch.chdir(tilde.parent)
    client.edit("~otter.png", "x", model="small", size="64x64")
    assert b'filename="~otter.png"' in sandbox.requests[-1].body


@needs_posix
def test_a_path_may_lead_to_a_pipe(client: ImagesClient, sandbox: Sandbox, place: Place) -> None:
    pipe = place.path.with_name("pipe")
    os.mkfifo(pipe)
    with ThreadPoolExecutor(1) as writer:
        writing = writer.submit(pipe.write_bytes, PNG)
        client.edit(pipe, "x", model="small", size="64x64")
        writing.result()
    assert b'filename="pipe"\r\nContent-Type: image/png\r\n\r\n' + PNG in sandbox.requests[-1].body


def test_pil_pictures_may_have_a_name() -> None:
    picture = Upload(OpenFiles(), "mask", ("m.png", Image.new("RGBA", (3, 2)))).facts
    assert (picture.name, picture.width, picture.height, picture.alpha) == ("m.png", 3, 2, True)


def test_pil_pictures_from_a_file_stay_as_they_are(place: Place) -> None:
    with Image.open(place.path) as picture:
        made = place.made("image", picture)
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
    picture = Upload(OpenFiles(), parameter, content).facts
    assert (picture.name, picture.type, picture.size) == (parameter + extension, media_type, len(content))
    assert picture.alpha is alpha or alpha is None
    # A name that says otherwise, and a type that does, are not believed.
    misnamed = Upload(OpenFiles(), parameter, ("picture.tiff", content, "image/tiff")).facts
    assert misnamed.name == "picture.tiff"
    assert misnamed.type == media_type or media_type is None


def test_size_is_the_one_a_picture_is_shown_in() -> None:
    facts = [Upload(OpenFiles(), "image", turned(40, 24, orientation)).facts for orientation in range(1, 9)]
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
    assert Upload(OpenFiles(), "image", (given, PNG)).facts.name == name
    client.edit((given, PNG), "x", model="small", size="64x64")
    assert f'filename="{name}"\r\n'.encode() in sandbox.requests[-1].body


@pytest.mark.parametrize("name", ['a"b.png', "a\r\nContent-Type: text-html\r\n\r\n.png", 'a"; name="model', "a\0b.png"])
def test_names_can_not_break_out_of_their_header(client: ImagesClient, sandbox: Sandbox, name: str) -> None:
    client.edit((name, PNG), "x", model="small", size="64x64")
    escaped = re.sub(r'["\r\n\0]', lambda sign: f"%{ord(sign[0]):02X}", name)
    assert f'name="image"; filename="{escaped}"\r\nContent-Type: image/png\r\n\r\n'.encode() in sandbox.requests[-1].body


def test_names_that_are_no_text_are_sent_all_the_same(client: ImagesClient, sandbox: Sandbox, tmp_path: Path) -> None:
    # What os.fsdecode makes of a byte that isn't UTF-8: file systems allow it, HTTP doesn't.
    client.edit(("ot\udcffter.png", PNG), "x", model="small", size="64x64")
    found = re.search(rb'name="image"; filename="(.*)"', sandbox.requests[-1].body)
    assert found
    assert re.fullmatch(r"ot.*ter\.png", found[1].decode())


REFUSED: dict[str, tuple[Callable[[Place], Any], str]] = {
    "nothing": (lambda place: None, "is required|must be a path"),
    "a number": (lambda place: 5, "must be a path"),
    "an object": (lambda place: object(), "must be a path"),
    "a class": (lambda place: bytes, "must be a path"),
    "a list": (lambda place: [PNG], "must be a path"),
    "a set": (lambda place: {PNG}, "must be a path.*for several images pass a list"),
    "paths that are yet to be found": (lambda place: place.path.parent.glob("*.png"), "for several images pass a list"),
    "a mapping": (lambda place: {"image": PNG}, "for several images pass a list"),
    "a list of numbers": (lambda place: list(PNG), "must be a path"),
    "an array of numbers": (lambda place: array("B", PNG), "must be a path"),
    "an array of pixels": (lambda place: Array(), r"PIL\.Image\.fromarray"),
    "two paths": (lambda place: (str(place.path), str(place.path)), "for several images pass a list"),
    "three paths": (lambda place: (str(place.path), str(place.path), "image/png"), "for several images pass a list"),
    "two paths that are no texts": (lambda place: (place.path, place.path), "for several images pass a list"),
    "two images of PIL": (lambda place: (Image.new("L", (3, 2)),) * 2, "for several images pass a list"),
    "a path and a data URL": (lambda place: ("a.png", DATA_URL), "for several images pass a list"),
    "base64 as text": (lambda place: base64.b64encode(PNG).decode(), "is base64 text: pass what it stands for"),
    "base64 as bytes": (lambda place: base64.b64encode(PNG), "is base64 text.* 'data:image/png;base64,'"),
    "base64 in lines": (lambda place: base64.encodebytes(JPEG).decode(), "is base64 text.* 'data:image/jpeg;base64,'"),
    "base64 with a name": (lambda place: ("a.png", base64.b64encode(PNG)), "is base64 text"),
    "a file that is awaited": (lambda place: Awaited(), "must read bytes, not coroutine: .*pass its bytes"),
    "a stream that gives nothing": (lambda place: Chunks(PNG, None), "must read bytes, not NoneType"),
    "a stream that gives a text": (lambda place: Chunks(PNG, "x"), "must read bytes, not str"),
    "what answers to every name": (lambda place: Mock(), "must read bytes, not Mock"),
    "what answers to every name and method": (lambda place: MagicMock(), "can't be read|must read bytes"),
    "what answers to every name later": (lambda place: AsyncMock(), "can't be read|must read bytes"),
    "a text file": (
        lambda place: place.closing.enter_context(place.path.open(encoding="latin-1")),
        "must read bytes, not str: open it with 'rb'",
    ),
    "a text in memory": (lambda place: io.StringIO("x"), "must read bytes, not str: open it with 'rb'"),
    "a temporary text file": (lambda place: place.temporary("w+"), "must read bytes"),
    "a tuple of one": (lambda place: (PNG,), "tuple of file name"),
    "a tuple of four": (lambda place: ("a", PNG, "image/png", {}), "tuple of file name"),
    "an empty tuple": (lambda place: (), "tuple of file name"),
    "a name that is no text": (lambda place: (None, PNG), "tuple of file name"),
    "a type that is no text": (lambda place: ("a.png", PNG, 5), "tuple of file name"),
    "a list of name and content": (lambda place: [["a.png", PNG]], "must be a path"),
    "a tuple within": (lambda place: ("a.png", ("b.png", PNG)), "must be a path"),
    "nothing with a name": (lambda place: ("a.png", None), "must be a path"),
    "numbers in a tuple": (lambda place: ("a.png", 5), "must be a path"),
    "bad base64": (lambda place: "data:image/png;base64,!!!", "base64"),
    "cut base64": (lambda place: DATA_URL[:51], "base64"),
}


@pytest.mark.parametrize("kind", REFUSED)
def test_what_is_no_picture_at_all_is_refused(client: ImagesClient, sandbox: Sandbox, place: Place, kind: str) -> None:
    give, why = REFUSED[kind]
    given = give(place)
    with pytest.raises(InvalidRequestError, match=why) as caught:
        place.made("mask", given)
    (problem,) = caught.value.problems
    assert problem.parameter == "mask"
    nested = [give(place)] if isinstance(given, list) else give(place)
    with pytest.raises(InvalidRequestError, match=why):
        client.create_variation(nested, model="x")  # type: ignore[arg-type]
    nested = [give(place)] if isinstance(given, list) else give(place)
    with pytest.raises(InvalidRequestError, match=why):
        asyncio.run(varied(sandbox, nested))
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
    "closed upload": (lambda place: UploadFile(closed(place.opened())), ValueError),
    "closed image of PIL": (lambda place: closed(Image.open(place.path)), ValueError),
    "image of PIL that is cut": (lambda place: Image.open(io.BytesIO(PNG[:-30])), OSError),
    "image of PIL without a pixel": (lambda place: Image.new("RGB", (0, 0)), Exception),
    "nobody's home": (lambda place: "~nobody-of-this-name/a.png", FileNotFoundError),
    "path that can't be told": (lambda place: Located(None), TypeError),
    "released memory": (lambda place: released(memoryview(PNG)), ValueError),
    "broken archive": (lambda place: place.archived(broken=True), BadZipFile),
    "cut archive": (lambda place: place.compressed(cut=20), EOFError),
    "stream that fails": (lambda place: Chunks(PNG, ZeroDivisionError("at once")), ZeroDivisionError),
    "stream that fails without a word": (lambda place: Chunks(PNG, ValueError()), ValueError),
    "method that takes no size": (lambda place: httpx.Response(200, content=PNG), TypeError),
    "attribute that isn't to be had": (lambda place: Unhelpful(), RuntimeError),
    "file for writing": (lambda place: place.closing.enter_context((place.path.parent / "new").open("wb")), OSError),
}


def closed(file: Any) -> Any:
    file.close()
    return file


def released(memory: memoryview) -> memoryview:
    memory.release()
    return memory


@pytest.mark.parametrize("kind", UNREADABLE)
def test_what_can_not_be_read_says_so_and_keeps_the_cause(place: Place, kind: str) -> None:
    give, cause = UNREADABLE[kind]
    with pytest.raises(UnreadableFileError, match=r"^image can't be read: ") as caught:
        place.made("image", give(place))
    assert isinstance(caught.value.__cause__, cause)


def test_a_temporary_file_counts_with_all_that_was_written(place: Place) -> None:
    file = place.temporary("w+b")
    file.write(PNG)
    assert place.made("image", file).facts.size == file.tell() == len(PNG)


def test_facts_are_short_to_read() -> None:
    assert repr(Upload(OpenFiles(), "image", PNG).facts) == f"'image.png' (image/png, 48x32, {len(PNG)} bytes)"
    assert repr(Upload(OpenFiles(), "image", b"text").facts) == "'image.bin' (no known image format, 4 bytes)"
    assert "BytesIO" not in repr(Upload(OpenFiles(), "image", PNG))


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

    def test_results_may_be_several_of_several(self, client: ImagesClient, sandbox: Sandbox) -> None:
        made = [client.generate("an otter", size="64x64", model="someone-elses-model", n=n) for n in (1, 2)]
        client.edit([made[0], PNG, made[1]], "all in one")  # type: ignore[list-item]
        sent = [part.content for part in form(sandbox) if part.filename]
        assert sent == [made[0][0].read(), PNG, made[1][0].read(), made[1][1].read()]

    def test_links_are_fetched_first(self, sandbox: Sandbox) -> None:
        async def main() -> list[bytes]:
            async with AsyncImagesClient(base_url=sandbox.base_url, model="dall-e-2", size="256x256") as client:
                made = await client.generate("an otter", n=2, response_format="url")
                assert all(image.url for image in made)
                await client.edit(made, "a beret", model="gpt-image-2", size="1024x1024")
                await client.create_variation(("otter.png", made[0]))
                return [await image.aread() for image in made]

        contents = asyncio.run(main())
        edited, varied = [request for request in sandbox.requests if request.method == "POST"][-2:]
        assert all(content in edited.body for content in contents)
        assert b'filename="otter.png"' in varied.body
        assert contents[0] in varied.body

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
