"""What is read from a picture's bytes, held against Pillow, which decodes them."""

from __future__ import annotations

import io
import struct
import zlib
from dataclasses import replace
from typing import TYPE_CHECKING

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from pictures import drawn, half_clear
from PIL import Image, ImageOps

from images_api._images.ends import is_whole
from images_api._images.headers import EXTENSIONS, ImageFacts, media_type, read_facts

if TYPE_CHECKING:
    from collections.abc import Iterator

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


def several(kind: str) -> bytes:
    first, *others = (Image.new("RGBA", (20, 12), (level, 0, 0, level)) for level in (50, 100, 150))
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
    assert [length for length in range(len(content)) if is_whole(file(content[:length]))] == []


@pytest.mark.parametrize("name", ["png of noise", "jpeg of noise", "gif of noise", "svg declared"])
def test_a_picture_whose_second_half_is_empty_space_is_not_whole(name: str) -> None:
    # What is left of a file that was made in its full length and never filled.
    half = len(ALL[name]) // 2
    assert not is_whole(file(ALL[name][:half] + bytes(half)))


@pytest.mark.parametrize("rest", [b"\n", b"\0", b"\0" * 512, b"\r\n\r\n"])
@pytest.mark.parametrize("name", ["png of noise", "jpeg of noise", "webp of noise", "gif of noise", "svg plain"])
def test_what_encoders_leave_behind_the_end_does_no_harm(name: str, rest: bytes) -> None:
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
        drawn(mode="RGB", kind="BMP"),
        drawn(kind="TIFF"),
        drawn(mode="RGB", kind="PPM"),
        drawn(kind="ICO"),
    ],
)
def test_what_is_no_picture_has_no_type_no_header_and_no_end(content: bytes) -> None:
    assert media_type(content[:64]) is None
    assert read_facts(file(content)) == ImageFacts(None, len(content))
    assert not is_whole(file(content))


def test_every_type_that_is_told_has_an_extension() -> None:
    assert {media_type(content[:64]) for content in ALL.values()} == set(EXTENSIONS)


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
