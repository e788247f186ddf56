"""What is read from a picture's bytes, held against Pillow, which decodes them."""

from __future__ import annotations

import io
import struct
import zlib
from base64 import b64encode
from dataclasses import replace
from typing import TYPE_CHECKING

import pytest
from file_server import served_fixture
from hypothesis import example, given, settings
from hypothesis import strategies as st
from pictures import drawn, half_clear
from PIL import Image, ImageOps

from images_api import GeneratedImage, ImagesClient
from images_api._images.headers import EXTENSIONS, NAMES, ImageFacts, is_whole, media_type, read_facts

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from file_server import FileServer

# pytest finds them by their names, here.
FIXTURES = (served_fixture,)
_DEPTHS = {0: (1, 2, 4, 8, 16), 2: (8, 16), 3: (1, 2, 4, 8), 4: (8, 16), 6: (8, 16)}
_CHANNELS = {0: 1, 2: 3, 3: 1, 4: 2, 6: 4}
_TRANSPARENT_COLOUR = {0: bytes(2), 2: bytes(6), 3: b"\0"}
SVG = {
    "plain": b'<svg xmlns="http://www.w3.org/2000/svg" width="8" height="8"></svg>',
    "declared": b'<?xml version="1.0"?>\n<svg xmlns="http://www.w3.org/2000/svg"><g/></svg>',
    "with a mark of its encoding": b"\xef\xbb\xbf \n<svg></svg>",
    "with a comment first": b"<!-- drawn by hand --><svg></svg>",
    "with a document type": b'<!DOCTYPE svg PUBLIC "-//W3C//DTD SVG 1.1//EN" ""><svg></svg>',
    "shouting": b"<SVG></SVG>",
    "with another inside": b'<svg><svg x="1"></svg><g></g></svg>',
    "with a prefix": b'<svg:svg xmlns:svg="http://www.w3.org/2000/svg"><svg:g/></svg:svg>',
    "with entities of its own": b'<?xml version="1.0"?><!DOCTYPE svg [<!ENTITY a "http://a.example">]><svg xmlns="&a;"/>',
    "in UTF-16": '<?xml version="1.0" encoding="UTF-16"?><svg><title>\u6c34</title></svg>'.encode("utf-16"),
    "in UTF-16, big end first, without a mark": '<svg viewBox="0 0 8 8"><title>\u6c34</title></svg>'.encode("utf-16-be"),
}


def png(colour: int, depth: int, *, transparent: bool = False, width: int = 5, height: int = 3) -> bytes:
    """Return a png of a colour type that Pillow reads and doesn't write."""

    def chunk(kind: bytes, body: bytes) -> bytes:
        return struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body))

    row = bytes(1 + -(-width * _CHANNELS[colour] * depth // 8))
    parts = [chunk(b"IHDR", struct.pack(">IIBBBBB", width, height, depth, colour, 0, 0, 0))]
    if colour == 3:
        parts.append(chunk(b"PLTE", bytes(3)))
    if transparent:
        parts.append(chunk(b"tRNS", _TRANSPARENT_COLOUR[colour]))
    return b"".join([b"\x89PNG\r\n\x1a\n", *parts, chunk(b"IDAT", zlib.compress(row * height)), chunk(b"IEND", b"")])


def exif(order: str, orientation: int) -> bytes:
    """Return Exif data in one of its two byte orders, with the orientation behind another entry."""
    start = (b"II" if order == "<" else b"MM") + struct.pack(f"{order}HI", 42, 8)
    entries = struct.pack(f"{order}HHHII", 2, 0x0106, 3, 1, 0) + struct.pack(f"{order}HHIHH", 0x0112, 3, 1, orientation, 0)
    return b"Exif\0\0" + start + entries + bytes(4)


def jpeg(width: int = 40, height: int = 24, *, mode: str = "RGB", **settings: object) -> bytes:
    return drawn(width, height, mode=mode, kind="JPEG", **settings)


def tables_first() -> bytes:
    """Return a jpeg whose Huffman tables stand before its frame, which is as good a place."""
    content = jpeg()
    frame, tables, scan = (content.index(marker) for marker in (b"\xff\xc0", b"\xff\xc4", b"\xff\xda"))
    return content[:frame] + content[tables:scan] + content[frame:tables] + content[scan:]


def noise(kind: str, mode: str = "RGB") -> bytes:
    """Return a picture whose data holds any byte at all."""
    file = io.BytesIO()
    Image.effect_noise((48, 48), 120).convert(mode).save(file, kind)
    return file.getvalue()


def several(kind: str, mode: str = "RGBA") -> bytes:
    first, *others = (Image.new("RGBA", (20, 12), (level, 0, 0, level)).convert(mode) for level in (50, 100, 150))
    file = io.BytesIO()
    first.save(file, kind, save_all=True, append_images=others)
    return file.getvalue()


def pictures() -> Iterator[tuple[str, bytes]]:
    for colour, depths in _DEPTHS.items():
        for depth in depths:
            yield f"png of colour type {colour} and depth {depth}", png(colour, depth)
            if colour in _TRANSPARENT_COLOUR:
                yield (
                    f"png of colour type {colour} and depth {depth} with a transparent colour",
                    png(colour, depth, transparent=True),
                )
    for mode in ("1", "L", "LA", "P", "RGB", "RGBA", "I;16"):
        yield f"png from mode {mode}", drawn(30, 17, mode=mode)
    yield "png of noise", noise("PNG", "RGBA")
    yield "animated png", several("PNG")
    for mode in ("L", "RGB", "CMYK"):
        yield f"jpeg from mode {mode}", jpeg(mode=mode)
        yield f"progressive jpeg from mode {mode}", jpeg(mode=mode, progressive=True)
    for order in "<>":
        for orientation in range(10):
            yield f"jpeg with {order} Exif orientation {orientation}", jpeg(exif=exif(order, orientation))
    yield "jpeg with broken Exif data", jpeg(exif=b"Exif\0\0II")
    yield "jpeg with other data where Exif data are", jpeg(xmp=b"<x:xmpmeta/>", exif=exif("<", 6))
    yield "jpeg with a small one in its Exif data", jpeg(exif=exif("<", 1) + jpeg(8, 8))
    yield "jpeg with a small one in its comment", jpeg(comment=jpeg(8, 8))
    yield "jpeg with fill bytes", jpeg().replace(b"\xff\xdb", b"\xff\xff\xff\xdb", 1)
    yield "jpeg with its tables first", tables_first()
    yield "jpeg with restarts", jpeg(restart_marker_blocks=1)
    yield "jpeg of noise", noise("JPEG")
    for lossless in (False, True):
        for mode in ("RGB", "RGBA"):
            yield f"webp, lossless: {lossless}, from mode {mode}", drawn(33, 21, mode=mode, kind="WEBP", lossless=lossless)
        yield (
            f"webp, lossless: {lossless}, with Exif data",
            drawn(33, 21, mode="RGB", kind="WEBP", lossless=lossless, exif=exif("<", 1)),
        )
        yield f"webp, lossless: {lossless}, with clear parts", half_clear("WEBP", lossless=lossless)
    yield "webp of noise", noise("WEBP")
    yield "large webp", drawn(3000, 16, kind="WEBP")
    yield "animated webp", several("WEBP")
    yield "gif", drawn(30, 17, mode="P", kind="GIF")
    yield "gif with a transparent colour", half_clear("GIF")
    yield "animated gif", several("GIF")
    yield "gif with a comment", drawn(30, 17, mode="P", kind="GIF", comment=b"GIF;")
    yield "gif of noise", noise("GIF", "L")


PICTURES = dict(pictures())
ALL = PICTURES | {f"svg {name}": content for name, content in SVG.items()}


def file(content: bytes) -> io.BufferedReader:
    # Stricter than BytesIO, as a file on disk is.
    return io.BufferedReader(io.BytesIO(content))


def by_pillow(content: bytes) -> ImageFacts:
    with Image.open(io.BytesIO(content)) as opened:
        kind = Image.MIME[str(opened.format)]
        shown = ImageOps.exif_transpose(opened) if kind == "image/jpeg" else opened
        return ImageFacts(kind, len(content), *shown.size, opened.has_transparency_data)


@pytest.mark.parametrize("name", PICTURES)
def test_headers_say_what_pillow_says(name: str) -> None:
    truth = by_pillow(PICTURES[name])
    # A gif's frames may differ in it, so that nothing needs to be said.
    also_true = replace(truth, alpha=None) if truth.type == "image/gif" else truth
    assert read_facts(file(PICTURES[name])) in {truth, also_true}


@pytest.mark.parametrize("name", PICTURES)
def test_a_cut_header_says_nothing_or_the_truth(name: str) -> None:
    def said(content: bytes) -> tuple[int | None, int | None, bool | None]:
        facts = read_facts(file(content))
        assert facts.size == len(content)
        return facts.width, facts.height, facts.alpha

    whole = said(PICTURES[name])
    assert {said(PICTURES[name][:length]) for length in range(min(len(PICTURES[name]), 2000))} <= {(None, None, None), whole}


@pytest.mark.parametrize("name", ALL)
def test_a_picture_is_whole_with_its_last_byte_and_not_before(name: str) -> None:
    content = ALL[name]
    assert is_whole(file(content))
    whole = [length for length in range(len(content)) if is_whole(file(content[:length]))]
    if media_type(content) != "image/gif":
        assert whole == []
        return
    # Without its last byte a gif shows all that it has, and nothing tells that more frames should follow.
    assert len(whole) == frames(content)
    assert whole[-1] == len(content) - 1
    for number, length in enumerate(whole, 1):
        assert frames(content[:length]) == number


def frames(content: bytes) -> int:
    """How many frames Pillow decodes."""
    with Image.open(io.BytesIO(content)) as opened:
        count = getattr(opened, "n_frames", 1)
        for number in range(count):
            opened.seek(number)
            opened.load()
        return count


@pytest.mark.parametrize("name", ["png of noise", "jpeg of noise", "gif of noise", "svg declared"])
def test_a_picture_whose_second_half_is_empty_space_is_not_whole(name: str) -> None:
    # What is left of a file that was made in its full length and never filled.
    half = len(ALL[name]) // 2
    assert not is_whole(file(ALL[name][:half] + bytes(half)))


@pytest.mark.parametrize(
    "rest",
    [b"\n", b"\0", b"\0" * 512, b"\r\n\r\n", b"\0" * 5000, bytes(range(256)) * 300, b"\0\0\0\x18ftypmp42" * 500, b"\xff\xd8\xff"],
    ids=["line", "zero", "sector", "lines", "padding", "anything", "film", "another"],
)
@pytest.mark.parametrize(
    "name",
    [
        "png of noise",
        "animated png",
        "jpeg of noise",
        "progressive jpeg from mode RGB",
        "jpeg with a small one in its Exif data",
        "webp of noise",
        "gif of noise",
        "svg plain",
        "svg in UTF-16",
    ],
)
def test_what_stands_behind_the_end_does_no_harm(name: str, rest: bytes) -> None:
    assert is_whole(file(ALL[name] + rest))


@pytest.mark.parametrize("name", SVG)
def test_svgs_are_known_by_their_beginning(name: str) -> None:
    assert media_type(SVG[name][:64]) == "image/svg+xml"
    assert read_facts(file(SVG[name])) == ImageFacts("image/svg+xml", len(SVG[name]))


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"no picture",
        b'{"error": {"message": "busy"}}',
        b"<html><body><svg></svg></body></html>",
        b"<!DOCTYPE html><svg></svg>",
        b"<!-- --><html></html>",
        b'<?xml version="1.0"?><!DOCTYPE html PUBLIC "-//W3C//DTD XHTML">',
        b"\x89PNG",
        b"\xff\xd8",
        b"GIF88a;",
        b"RIFF\x04\0\0\0WAVE",
        b"RIFF\x04\0\0\0",
        b"BMW drives again, and nothing else is said here",
        b"\0\0\x02\0\x01\0" + bytes(58),
        b"\0\0\0\x20ftypisom\0\0\x02\0isomiso2avc1mp41",
        b"II and MM are orders of bytes",
        drawn(mode="RGB", kind="PPM"),
    ],
)
def test_what_is_no_picture_has_no_type_no_header_and_no_end(content: bytes) -> None:
    assert media_type(content[:64]) is None
    assert read_facts(file(content)) == ImageFacts(None, len(content))
    assert not is_whole(file(content))


def box(kind: bytes, content: bytes) -> bytes:
    return struct.pack(">I", 8 + len(content)) + kind + content


def heif(brand: bytes, *others: bytes, sides: tuple[tuple[int, int], ...], turn: int | None = None) -> bytes:
    """Return as much of a HEIF file as tells what it is, with the sides of its items."""
    items = b"".join(box(b"ispe", struct.pack(">III", 0, *each)) for each in sides)
    turned = b"" if turn is None else box(b"irot", bytes([turn]))
    properties = box(b"meta", bytes(4) + box(b"iprp", box(b"ipco", items + turned)))
    return box(b"ftyp", brand + bytes(4) + b"".join(others)) + properties + box(b"mdat", b"data")


def other(mode: str, kind: str, **settings: object) -> bytes:
    return drawn(40, 24, mode=mode, kind=kind, **settings)


# Format, media type, extension, sides where they are read, and content. Pillow writes AVIF from 11.3 on.
Image.init()
AVIF: dict[str, tuple[tuple[int, int], Callable[[], bytes]]] = {
    "avif": ((40, 24), lambda: other("RGB", "AVIF")),
    "avif on its side": ((24, 40), lambda: other("RGB", "AVIF", exif=exif("<", 6)[6:])),
    "avif with frames": ((20, 12), lambda: several("AVIF")),
}
OTHERS = {
    **{name: ("avif", "image/avif", ".avif", sides, draw()) for name, (sides, draw) in AVIF.items() if "AVIF" in Image.SAVE},
    "avif whose brand comes later": ("avif", "image/avif", ".avif", (64, 8), heif(b"mif1", b"miaf", b"avif", sides=((64, 8),))),
    "heic": (
        "heic",
        "image/heic",
        ".heic",
        (4032, 3024),
        heif(b"heic", b"mif1", b"heic", sides=((512, 512), (4032, 3024), (240, 320))),
    ),
    "heic on its side": ("heic", "image/heic", ".heic", (3024, 4032), heif(b"heix", b"mif1", sides=((4032, 3024),), turn=3)),
    "heic upside down": ("heic", "image/heic", ".heic", (40, 30), heif(b"mif1", b"hevc", sides=((40, 30),), turn=2)),
    "heif": ("heif", "image/heif", ".heif", (40, 30), heif(b"mif1", b"unif", sides=((40, 30),))),
    "heif without sides": ("heif", "image/heif", ".heif", None, heif(b"msf1", sides=())),
    "jxl": ("jxl", "image/jxl", ".jxl", None, b"\xff\x0a" + bytes(50)),
    "jxl in a container": ("jxl", "image/jxl", ".jxl", None, box(b"JXL ", b"\r\n\x87\n") + box(b"ftyp", b"jxl \0\0\0\0jxl ")),
    "jp2": ("jp2", "image/jp2", ".jp2", None, other("RGB", "JPEG2000")),
    "j2c": ("j2c", "image/j2c", ".j2c", None, other("RGB", "JPEG2000", no_jp2=True)),
    "tiff": ("tiff", "image/tiff", ".tiff", None, other("RGB", "TIFF")),
    "tiff, big end first": ("tiff", "image/tiff", ".tiff", None, other("I;16B", "TIFF")),
    "big tiff": ("tiff", "image/tiff", ".tiff", None, other("RGB", "TIFF", big_tiff=True)),
    "big tiff, big end first": ("tiff", "image/tiff", ".tiff", None, b"MM\0+\0\x08\0\0" + bytes(8)),
    "bmp": ("bmp", "image/bmp", ".bmp", None, other("RGB", "BMP")),
    "bmp from the top": ("bmp", "image/bmp", ".bmp", None, b"BM" + bytes(12) + struct.pack("<Iii", 40, 40, -24) + bytes(28)),
    "bmp of old": ("bmp", "image/bmp", ".bmp", None, b"BM" + bytes(12) + struct.pack("<IHH", 12, 40, 24) + bytes(28)),
    "ico": ("ico", "image/vnd.microsoft.icon", ".ico", None, other("RGBA", "ICO")),
}


class TestOtherFormats:
    @pytest.mark.parametrize("name", OTHERS)
    def test_they_are_known_by_name_type_and_extension(self, name: str) -> None:
        format_name, kind, extension, sides, content = OTHERS[name]
        image = GeneratedImage(content)
        assert (image.format, image.media_type, EXTENSIONS[kind]) == (format_name, kind, extension)
        assert (image.width, image.height) == (sides or (None, None))
        assert read_facts(file(content)).alpha is None

    @pytest.mark.parametrize("name", OTHERS)
    def test_their_ends_are_not_looked_for(self, name: str) -> None:
        assert is_whole(file(OTHERS[name][4]))

    @pytest.mark.parametrize("name", [name for name in ("avif", "tiff", "bmp", "ico", "jp2") if name in OTHERS])
    def test_a_cut_one_does_no_harm(self, name: str) -> None:
        content = OTHERS[name][4]
        for length in range(len(content)):
            read_facts(file(content[:length]))

    @pytest.mark.parametrize("name", OTHERS)
    def test_they_are_results(self, served: FileServer, tmp_path: Path, name: str) -> None:
        format_name, _, extension, _, content = OTHERS[name]
        served.answer_calls({"b64_json": b64encode(content).decode()})
        with ImagesClient(base_url=f"{served.url}/v1") as client:
            image = client.generate("x")[0]
        assert (image.format, image.read()) == (format_name, content)
        assert image.save(tmp_path / "otter").name == f"otter{extension}"


def test_every_type_that_is_told_has_an_extension() -> None:
    told = {media_type(content[:64]) for content in (*ALL.values(), *(each[4] for each in OTHERS.values()))}
    assert told == set(EXTENSIONS) == set(NAMES)


def with_stray(content: bytes, stray: bytes) -> bytes:
    """Return a jpeg with other bytes before each of its tables, its frame and its scan."""
    for marker in (b"\xff\xdb\0", b"\xff\xc0\0", b"\xff\xc4\0", b"\xff\xda\0"):
        content = content.replace(marker, stray + marker, 1)
    return content


class TestOddButWhole:
    """What decoders show in full is whole, however odd its writer."""

    @pytest.mark.parametrize(
        "stray", [b"\0", b"\x82", b"stray bytes", b"\xff\0", b"\xff\xff\xff", b"\x82\x3a\x65\x0f" * 5000, b"\xff\xd3"]
    )
    @pytest.mark.parametrize("name", ["jpeg of noise", "progressive jpeg from mode RGB", "jpeg with < Exif orientation 6"])
    def test_a_jpeg_with_stray_bytes_between_its_segments(self, name: str, stray: bytes) -> None:
        plain = PICTURES[name]
        content = with_stray(plain, stray)
        truth = by_pillow(plain)
        assert read_facts(file(content)) == replace(truth, size=len(content))
        assert is_whole(file(content))
        assert not any(is_whole(file(content[:length])) for length in range(len(content) - 40, len(content)))

    def test_a_jpeg_with_a_second_one_behind_it(self) -> None:
        content = several("MPO", "RGB")
        assert read_facts(file(content)) == ImageFacts("image/jpeg", len(content), 20, 12, alpha=False)
        assert is_whole(file(content))
        assert not is_whole(file(content[: content.index(b"\xff\xd9") + 1]))

    @pytest.mark.parametrize("name", ["gif of noise", "animated gif", "gif with a transparent colour"])
    def test_a_gif_without_its_last_byte(self, name: str) -> None:
        assert is_whole(file(PICTURES[name][:-1]))

    @pytest.mark.parametrize("last", [b"\0;", b"\0\0\0\0;", b"!\xfe\x03abc\0", b"!\xfe\x03abc\0;", b"!\xff\x01a\0!\xfe\0"])
    def test_a_gif_that_ends_otherwise(self, last: bytes) -> None:
        assert is_whole(file(PICTURES["gif of noise"][:-1] + last))

    @pytest.mark.parametrize("last", [b"!\xf9\x04\0\0\0\0\0", b"!\xfe\x03abc", b"!", b",", b"\0", b"?"])
    def test_but_not_one_in_which_something_is_missing(self, last: bytes) -> None:
        assert not is_whole(file(PICTURES["gif of noise"][:-1] + last))

    @pytest.mark.parametrize("last", [b" \n", b"<!-- made by hand -->", b"<?end?>", b"\0\0\0", b"```", b"\x1a"])
    def test_an_svg_with_anything_behind_it(self, last: bytes) -> None:
        assert is_whole(file(SVG["declared"] + last))

    @pytest.mark.parametrize(
        "content", [b"<?xml version='1.0'?><Error><Code>Busy</Code></Error>", b"<!-- x --><rss></rss>", b"<svgs/>"]
    )
    def test_but_no_other_xml(self, content: bytes) -> None:
        assert not is_whole(file(content))

    @pytest.mark.parametrize("encoding", ["gb2312", "x-of-my-own"])
    def test_an_svg_in_an_encoding_that_no_parser_knows(self, encoding: str) -> None:
        assert is_whole(file(f'<?xml version="1.0" encoding="{encoding}"?><svg/>'.encode()))

    @pytest.mark.parametrize("length", [b"\0\0", b"\0\x01"])
    def test_nor_a_jpeg_whose_segment_is_shorter_than_its_own_length(self, length: bytes) -> None:
        content = PICTURES["jpeg of noise"]
        damaged = content[:2] + b"\xff\xe2" + length + content[2:]
        assert not is_whole(file(damaged))
        assert read_facts(file(damaged)) == ImageFacts("image/jpeg", len(damaged))

    def test_nor_a_jpeg_that_ends_before_its_scan(self) -> None:
        content = PICTURES["jpeg of noise"]
        assert not is_whole(file(content[: content.index(b"\xff\xda")] + b"\xff\xd9"))
        assert read_facts(file(b"\xff\xd8\xff\xd9")) == ImageFacts("image/jpeg", 4)


class CountingFile(io.BytesIO):
    """Counts what is read, a page of memory as much as a call."""

    count = 0

    def read(self, size: int | None = -1, /) -> bytes:
        chunk = super().read(size)
        self.count += 1 + len(chunk) // 4096
        return chunk


MANY = 1 << 16
_PNG_START = b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR" + struct.pack(">IIBBBBB", 9, 9, 8, 2, 0, 0, 0) + bytes(4)
_GIF_START = b"GIF89a\x01\0\x01\0\0\0\0"
# What is made of as many parts as there can be in so many bytes, and whether it is whole.
TINY_PARTS = {
    "png of empty chunks": (_PNG_START + b"\0\0\0\0abcd\0\0\0\0" * MANY + b"\0\0\0\0IEND\xaeB`\x82", True),
    "png of one-byte chunks": (_PNG_START + b"\0\0\0\x01IDAT?\0\0\0\0" * MANY + b"\0\0\0\0IEND\xaeB`\x82", True),
    "jpeg of fill bytes": (b"\xff\xd8" + b"\xff" * MANY, False),
    "jpeg of empty segments": (b"\xff\xd8" + b"\xff\xe2\0\x02" * MANY + b"\xff\xda\0\x02?\xff\xd9", True),
    "jpeg of restarts": (b"\xff\xd8\xff\xda\0\x02" + b"\xff\xd0" * MANY + b"\xff\xd9", True),
    "jpeg of escaped bytes": (b"\xff\xd8\xff\xda\0\x02" + b"\xff\0" * MANY + b"\xff\xd9", True),
    "gif of one-byte blocks": (_GIF_START + b"!\xfe" + b"\x01a" * MANY + b"\0;", True),
    "gif of empty extensions": (_GIF_START + b"!\xfe\0" * MANY + b";", True),
    "gif of empty frames": (_GIF_START + b",\0\0\0\0\x01\0\x01\0\0\x02\0" * MANY + b";", True),
    "gif of stray zeros": (_GIF_START + bytes(MANY) + b";", True),
    "webp of empty chunks": (b"RIFF" + struct.pack("<I", 4 + 8 * MANY) + b"WEBP" + b"ABCD\0\0\0\0" * MANY, True),
    "svg of empty elements": (b"<svg>" + b"<a/>" * MANY + b"</svg>", True),
    "svg of open elements": (b"<svg>" + b"<a>" * MANY, False),
    "svg with much behind it": (b"<svg/>" + b"\0" * MANY, True),
}


class TestManyParts:
    """Each is looked at a few times at most, so that no image takes long, whatever it is made of."""

    @pytest.mark.parametrize("name", TINY_PARTS)
    def test_are_read_once(self, name: str) -> None:
        content, whole = TINY_PARTS[name]
        opened = CountingFile(content)
        assert is_whole(opened) == whole
        assert opened.count <= 4 * MANY
        opened.count = 0
        read_facts(opened)
        assert opened.count <= 4 * MANY

    @pytest.mark.parametrize(
        "content",
        [b"\xff\xd8" + b"\xff\xe2\0\x02" * (1 << 18) + b"\xff\xda\0\x02?\xff\xd9", _GIF_START + b"!\xfe\0" * (1 << 19) + b";"],
        ids=["jpeg", "gif"],
    )
    def test_of_which_there_are_more_than_any_encoder_writes_are_not_read_to_their_end(self, content: bytes) -> None:
        assert not is_whole(file(content))
        opened = CountingFile(content * 2)
        assert not is_whole(opened)
        assert opened.tell() <= len(content)

    @pytest.mark.parametrize("rest", [b"&a9;", b"&a9;" * 1000])
    def test_an_svg_that_grows_without_end_is_not_followed(self, rest: bytes) -> None:
        entities = b"".join(b'<!ENTITY a%d "%s">' % (number, b"&a%d;" % (number - 1) * 10) for number in range(1, 10))
        content = b'<?xml version="1.0"?><!DOCTYPE svg [<!ENTITY a0 "ha">' + entities + b"]><svg>" + rest + b"</svg>"
        assert not is_whole(file(content))


_BEGINNINGS = st.sampled_from(
    [
        b"",
        b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR",
        b"\xff\xd8\xff",
        b"\xff\xd8\xff\xe1\0\x40Exif\0\0MM\0\x2a\0\0\0\x08",
        *(b"RIFF\x20\0\0\0WEBP" + kind for kind in (b"VP8 ", b"VP8L", b"VP8X", b"ALPH")),
        b"GIF89a",
        b"<svg",
        b"<?xml",
    ]
)


@settings(deadline=None)
@given(_BEGINNINGS, st.binary(max_size=200))
@example(b"\xff\xd8\xff\xe1", b"\0\0")
@example(b"\xff\xd8\xff\xe1", b"\0\x01")
def test_no_bytes_whatever_do_harm(beginning: bytes, rest: bytes) -> None:
    read_facts(file(beginning + rest))
    is_whole(file(beginning + rest))


@settings(deadline=None)
@given(st.sampled_from(sorted(PICTURES)), st.integers(min_value=0, max_value=400), st.binary(min_size=1, max_size=8))
def test_no_damage_to_a_picture_does_harm(name: str, place: int, damage: bytes) -> None:
    content = bytearray(PICTURES[name])
    content[place : place + len(damage)] = damage
    read_facts(file(bytes(content)))
    is_whole(file(bytes(content)))


def test_exif_data_without_an_orientation_turn_nothing() -> None:
    exif = Image.Exif()
    exif[0x010E] = "a description"
    content = io.BytesIO()
    Image.new("RGB", (20, 12)).save(content, format="JPEG", exif=exif)
    size = content.tell()
    assert read_facts(content) == ImageFacts("image/jpeg", size, 20, 12, alpha=False)
