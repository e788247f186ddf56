"""Replies and events read as they come, wherever they are cut, against the standard library, which reads them whole."""

from __future__ import annotations

import base64
import gc
import json
import random
import re
import tracemalloc
import zlib
from collections import deque
from contextlib import suppress
from functools import partial
from itertools import chain, combinations, pairwise
from typing import TYPE_CHECKING, Any
from urllib.parse import unquote_to_bytes
from weakref import ref

import httpx
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pictures import drawn, padded

from images_api._contract.document import decode_json
from images_api._http.codings import Decoder
from images_api._images import spool
from images_api._images.base64 import BrokenImageError, check_image
from images_api._images.spool import Content
from images_api._responses.body import Body
from images_api._responses.json import JSONReader

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

# The smallest picture with anything behind its end.
GIF = b"GIF89a" + bytes(7) + b";"
SVG = b"<svg/>"
# Of the length from which a text may be an image without being called one.
DRAWING, OTHER_DRAWING = b"<svg>%b</svg>" % (b" " * 40), b"<svg>%b</svg>" % (b" " * 50)
NOT_BASE64 = "isn't base64"


def b64(content: bytes) -> bytes:
    return base64.b64encode(content)


def decoded(text: str) -> bytes:
    """Return what a text stands for: base64 in either alphabet, in lines or not, padded or not; or a data URL."""
    if text.startswith("data:"):
        head, _, text = text.partition(",")
        content = unquote_to_bytes(text.encode(errors="surrogatepass"))
        if not head.endswith(";base64"):
            return content
        text = content.decode("ascii")
    bare = re.sub(r"[ \t\n\r\v\f]", "", text).replace("-", "+").replace("_", "/").rstrip("=")
    return base64.b64decode(bare + "=" * (-len(bare) % 4), validate=True)


def found(picture: Callable[[], bytes | None]) -> bytes | str | None:
    """Return a picture's bytes, or what is wrong with it."""
    try:
        return picture()
    except BrokenImageError as error:
        return str(error)


def expected_picture(text: str) -> bytes | None:
    try:
        content = decoded(text)
    except ValueError as error:
        raise BrokenImageError(NOT_BASE64) from error
    if content:
        check_image(Content(content))
    return content or None


def described(document: Any, picture: Callable[[str], bytes | None]) -> str:
    """Return all that a reply says, its pictures decoded; as text, in which NaN is NaN and True isn't 1."""
    entries = document.get("data") if isinstance(document, dict) else None
    return repr([_with_picture(entry, picture) for entry in (entries if isinstance(entries, list) else [])]) + repr(document)


def _with_picture(entry: Any, picture: Callable[[str], bytes | None]) -> Any:
    if isinstance(entry, dict) and isinstance(text := entry.get("b64_json"), str):
        entry["b64_json"] = found(lambda: picture(text))
    return entry


def expected(body: bytes) -> str | None:
    """Return what the standard library finds in a reply; None where it is no JSON."""
    try:
        return described(json.loads(body), expected_picture)
    except ValueError:
        return None


def read(pieces: Iterable[bytes]) -> JSONReader:
    reader = JSONReader()
    for piece in pieces:
        reader.write(piece)
    return reader


def picture_in(reader: JSONReader) -> Callable[[str], bytes | None]:
    def picture(text: str) -> bytes | None:
        content = reader.image(text)
        return content.read() if content else None

    return picture


def outcome(reader: JSONReader) -> str | None:
    """Return what a reader found, in the form of `expected`."""
    try:
        return described(reader.restored(reader.document()), picture_in(reader))
    except ValueError:
        return None


def parts(body: bytes, *places: int) -> list[bytes]:
    return [body[start:end] for start, end in pairwise([0, *places, len(body)])]


def cuts(body: bytes, *, twice: int = 90) -> Iterator[list[bytes]]:
    """Yield a body whole, byte by byte, cut at each place, and a short one at every two."""
    yield [body]
    yield parts(body, *range(1, len(body)))
    for place in range(1, len(body)):
        yield parts(body, place)
    if len(body) <= twice:
        for places in combinations(range(1, len(body)), 2):
            yield parts(body, *places)


def one(text: bytes, before: bytes = b"", after: bytes = b"") -> bytes:
    """Return a reply with a picture whose base64 is given as it stands in JSON."""
    return b'{"data":[{%b"b64_json":"%b"%b}]}' % (before, text, after)


def escaped(text: bytes) -> bytes:
    return b"".join(b"\\u%04x" % letter for letter in text)


# All alphabet characters, as far as a picture can have them; no padding, one, two.
NONE, ONE_PAD, TWO_PAD = (GIF + content for content in (b"\xfb\xef\xbe\xff", b"\xfb\xef\xbe", b"\xfb\xef\xbe\xff\xff"))
PLAIN = {
    "no padding": one(b64(NONE)),
    "one sign of padding": one(b64(ONE_PAD)),
    "two signs of padding": one(b64(TWO_PAD)),
    "several": b'{"data":[{"b64_json":"%b"},{"b64_json":"%b"}]}' % (b64(SVG), b64(SVG)),
    "whitespace": b' \t\r\n{ "data"\n:\r[ {\t"b64_json" \n : \t"%b" } ] } \n' % b64(SVG),
    "keys in any order": b'{"z":[1,{"data":{}}],"data":[{"url":null,"b64_json":"%b","revised_prompt":"x"}],"a":{}}' % b64(SVG),
    "nothing in it": b'{"data":[{"b64_json":""}]}',
    "null": b'{"data":[{"b64_json":null},null,[],{}]}',
    "other kinds": b'{"data":[{"b64_json":7},{"b64_json":{"b64_json":"PHN2Zy8+"}},{"b64_json":["PHN2Zy8+"]}]}',
    "data missing": b'{"created":1,"b64_json":"PHN2Zy8+"}',
    "data that is no list": b'{"data":{"b64_json":"PHN2Zy8+"}}',
    "data that is a text": b'{"data":"b64_json","x":[{"b64_json":"PHN2Zy8+"}]}',
    "data within an entry": b'{"data":[{"data":[{"b64_json":"PHN2Zy8+"}],"b64_json":"PHN2Zy8+"}]}',
    "data deeper": b'{"x":{"data":[{"b64_json":"PHN2Zy8+"}]},"data":[]}',
    "a list in the list": b'{"data":[[{"b64_json":"PHN2Zy8+"}],{"b64_json":"PHN2Zy8+"}]}',
    "a list around": b'[{"data":[{"b64_json":"PHN2Zy8+"}]}]',
    "the key in a text": b'{"data":[{"p":"\\"b64_json\\":\\"PHN2\\"","b64_json":"PHN2Zy8+"}]}',
    "brackets in a text": b'{"]":"}","data":[{"p":"]}{[\\"","b64_json":"PHN2Zy8+"}]}',
    "the key as a value": b'{"data":[{"a":"b64_json","b":"PHN2Zy8+"},"b64_json","PHN2Zy8+"]}',
    "keys twice": b'{"data":[{"b64_json":"AAAA","b64_json":"PHN2Zy8+"}]}',
    "a picture, then null": b'{"data":[{"b64_json":"PHN2Zy8+","b64_json":null}]}',
    "data twice": b'{"data":[{"b64_json":"AAAA"}],"data":[{"b64_json":"PHN2Zy8+"}]}',
    "an escaped key": b'{"\\u0064ata":[{"b64\\u005fjson":"PHN2Zy8+"}]}',
    "a key all of escapes": b'{"%b":[{"%b":"PHN2Zy8+"}]}' % (escaped(b"data"), escaped(b"b64_json")),
    "keys that only look alike": b'{"data":[{"b64_json ":"PHN2Zy8+","b64_json\\u0000":"A","B64_JSON":"A","b64_json\\\\":"A"}]}',
    "a long key": b'{"data":[{"%b":"A","b64_json":"PHN2Zy8+"}]}' % (b"b64_json" * 9),
    "backslashes": b'{"\\\\":"\\\\\\\\","data":[{"p":"\\\\\\"","b64_json":"PHN2Zy8+"}]}',
    "letters of several bytes": '{"ü":"🦦","data":[{"é":"字","b64_json":"PHN2Zy8+"}]}'.encode(),
    "half a pair": b'{"\\ud800":"\\udfff","data":[{"b64_json":"PHN2Zy8+"}]}',
    "numbers": b'{"data":[{"n":-1.5e+9,"x":NaN,"y":-Infinity,"b64_json":"PHN2Zy8+"}],"t":true}',
    "byte order mark": b"\xef\xbb\xbf" + one(b64(SVG)),
    "not base64": one(b64(SVG) + b"!" + b64(SVG)),
    "padding in the middle": one(b"PHN2Zw==PHN2Zy8+"),
    "padding within four": one(b"PHN2Z=y8+"),
    "too much padding": one(b"=PHN2"),
    "one letter too many": one(b64(SVG) + b"A"),
    "a number for an entry": b'{"data":[7]}',
    "a text": b'"b64_json"',
    "nothing": b"",
    "blanks": b" \n",
}
DRESSED = {
    "padding missing": one(b64(ONE_PAD).rstrip(b"=")),
    "both missing": one(b64(TWO_PAD).rstrip(b"=")),
    "padding and more": one(b64(SVG) + b"===="),
    "the other alphabet": one(base64.urlsafe_b64encode(ONE_PAD)),
    "both alphabets": one(b64(NONE) + base64.urlsafe_b64encode(TWO_PAD)),
    "slashes escaped": one(b64(NONE).replace(b"/", b"\\/")),
    "plus signs escaped": one(b64(NONE).replace(b"+", b"\\u002b").replace(b"/", b"\\u002F")),
    "all escaped": one(escaped(b64(SVG))),
    "padding escaped": one(b64(TWO_PAD).replace(b"=", b"\\u003d")),
    "lines": one(b64(SVG * 2).replace(b"P", b"\\r\\nP") + b"\\n"),
    "blanks of all kinds": one(b" \\tPH\\f N2\\u000bZy  8+ \\n "),
    "padding in two lines": one(b64(TWO_PAD).replace(b"=", b"\\n=") + b"\\n"),
    "a data URL": one(b"data:image/gif;base64," + b64(ONE_PAD)),
    "a data URL of the other alphabet": one(b"data:;base64," + base64.urlsafe_b64encode(TWO_PAD).rstrip(b"=")),
    "a data URL in percent signs": one(b"data:image/svg+xml,%3Csvg/%3E"),
    "a data URL in both": one(b"data:;base64,PHN2%5A%798%2B"),
    "a data URL with escapes": one(b"\\u0064ata:image\\/gif;base64," + b64(TWO_PAD).replace(b"/", b"\\/")),
    "a data URL all of escapes": one(escaped(b"data:,<svg/>")),
    "a data URL of nothing": one(b"data:,"),
    "a data URL without a comma": one(b"data:"),
    "a data URL that isn't base64": one(b"data:;base64,PHN2!"),
    "a data URL of half a pair": one(b"data:,\\ud800"),
    "a data URL in a data URL": one(b"data:;base64,data:;base64,PHN2Zy8+"),
    "nearly a data URL": one(b"datA:;base64,PHN2Zy8+", b'"p":"data:",'),
    "a data URL behind base64": one(b"PHN2Zy8+data:,<svg/>"),
    "a data URL in lines": one(b"da\\nta:;base64,PHN2Zy8+"),
    "a letter that isn't ASCII": one("PHN2Zy8+ é".encode()),
    "a quote": one(b'PHN2\\"Zy8+'),
    "a backslash": one(b"PHN2Zy8+\\\\"),
    "half a pair in base64": one(b"PHN2\\ud83d"),
    "half a pair, raw": one(b"PHN2\xed\xa0\xbd"),
    "a pair": one(b"PHN2\\ud83d\\ude00"),
}
BROKEN = {
    "an unknown escape": one(b"PHN2\\x41Zy8+"),
    "an unfinished escape": one(b"PHN2\\u004"),
    "a raw line end": one(b"PHN2\nZy8+"),
    "a raw line end behind the padding": one(b64(TWO_PAD) + b"\n"),
    "a raw zero": one(b"\0PHN2"),
    "bytes that aren't UTF-8": one(b"PHN2\xff"),
    "bytes that aren't UTF-8 elsewhere": one(b64(SVG), b'"p":"\xff",'),
    "a picture that isn't kept": b'{"data":[{"b64_json":"\n","b64_json":"PHN2Zy8+"}]}',
    "a comma too many": one(b64(SVG), after=b","),
    "no colon": b'{"data":[{"b64_json""PHN2Zy8+"}]}',
    "two colons": b'{"data":[{"b64_json"::"PHN2Zy8+"}]}',
    "blanks that JSON hasn't": b'{"data":[{"b64_json"\x0b:\x0c"PHN2Zy8+"}]}',
    "brackets that close nothing": b'}]{"data":[{"b64_json":"PHN2Zy8+"}]}',
    "brackets that don't match": b'{"data":[{"b64_json":"PHN2Zy8+"]}}',
    "two documents": one(b64(SVG)) * 2,
    "single quotes": b"{'data':[{'b64_json':'PHN2Zy8+'}]}",
}
BODIES = PLAIN | DRESSED | BROKEN
WIDE = {
    f"{name} in {encoding}": BODIES[name].decode().encode(encoding)
    for encoding in ("utf-16", "utf-16-le", "utf-16-be", "utf-32", "utf-32-le", "utf-32-be")
    for name in ("several", "the key in a text", "slashes escaped", "a data URL with escapes", "letters of several bytes")
}


@pytest.mark.parametrize("name", BODIES | WIDE)
def test_a_reply_says_the_same_wherever_it_is_cut(name: str) -> None:
    body = (BODIES | WIDE)[name]
    said = expected(body)
    assert (said is None) == (name in BROKEN or not body.strip())
    for pieces in cuts(body):
        reader = read(pieces)
        assert outcome(reader) == said, pieces
        again = reader.read()
        assert expected(again) == said, pieces
        assert again == body or name in DRESSED | BROKEN, pieces


@pytest.mark.parametrize("small", [0, 1, 12])
def test_a_reply_says_the_same_from_files_as_from_memory(small: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(spool, "_SMALL", small)
    monkeypatch.setattr(spool, "_FREE_PAGES", deque[None]())
    for body in BODIES.values():
        said = expected(body)
        for pieces in ([body], parts(body, len(body) // 2), parts(body, *range(1, len(body)))):
            assert outcome(read(pieces)) == said, pieces


STRANGE = [
    b'"',
    b"\\",
    b"{",
    b"}",
    b"[",
    b"]",
    b":",
    b",",
    b"=",
    b"-",
    b"\n",
    b"\0",
    b" ",
    b"u",
    b"A",
    b"\xff",
    b"\xc3",
    b'":"',
    b"\\u00",
]


@pytest.mark.parametrize("name", BODIES)
def test_a_reply_with_a_byte_more_or_less_is_read_or_refused_as_a_whole(name: str) -> None:
    body = BODIES[name]
    for place in range(len(body) + 1):
        before, after = body[:place], body[place:]
        for changed in (before, after[1:], *STRANGE):
            pieces = [before] if changed is before else [before, changed, after[1:] if len(changed) == 1 and place % 2 else after]
            said = expected(b"".join(pieces))
            reader = read(pieces)
            assert outcome(reader) == said, pieces
            assert expected(reader.read()) == said, pieces


LEAVES = st.sampled_from(
    [None, True, 0, 2**70, -1.5, "", "b64_json", '{"data":[{"b64_json":"PHN2Zy8+"}]}', "\\", '"', "\ud800"]
) | st.text(max_size=6)
KEYS = st.sampled_from(["data", "b64_json", "url", "a", 'b64_json":"', "\\", "", "\ud83e\udda6"])
DRESSES: list[Callable[[str], str]] = [
    str,
    str,
    lambda text: text.rstrip("="),
    lambda text: text.replace("+", "-").replace("/", "_"),
    lambda text: re.sub("(.{5})", "\\1\r\n", text),
    lambda text: "data:image/gif;base64," + text,
    lambda text: text[:-3],
    lambda text: text[:5] + "=" + text[5:],
    lambda text: text[:9] + "é" + text[9:],
]
PICTURES = st.builds(
    lambda content, dress: dress(b64(content).decode()),
    st.sampled_from([SVG, GIF, b""]).flatmap(lambda head: st.binary(max_size=9).map(lambda tail: head and head + tail))
    | st.binary(),
    st.sampled_from(DRESSES),
)


def _objects(values: st.SearchStrategy[Any]) -> st.SearchStrategy[Any]:
    """Objects as tuples of pairs, for a key may come twice."""
    return st.lists(st.tuples(KEYS, values), max_size=4).map(tuple)


VALUES = st.recursive(LEAVES | PICTURES, lambda values: st.lists(values, max_size=3) | _objects(values), max_leaves=6)
ENTRIES = st.lists(st.tuples(st.just("b64_json"), PICTURES) | st.tuples(KEYS, VALUES), max_size=4).map(tuple)
REPLIES = st.lists(st.tuples(st.just("data"), st.lists(ENTRIES | VALUES, max_size=3)) | st.tuples(KEYS, VALUES), max_size=4).map(
    tuple
)


def spelled(value: Any, dice: random.Random) -> str:
    """Return JSON with blanks and escapes wherever the dice say."""
    if isinstance(value, list):
        text = "[" + ",".join(spelled(each, dice) for each in value) + "]"
    elif isinstance(value, tuple):
        text = "{" + ",".join(f"{spelled(name, dice)}:{spelled(each, dice)}" for name, each in value) + "}"
    elif isinstance(value, str):
        often = dice.choice([0, 0, 0.1, 1])
        letters = (
            f"\\u{ord(each):04x}" if each < "\U00010000" and dice.random() < often else _letter(each, dice) for each in value
        )
        text = '"' + "".join(letters) + '"'
    else:
        text = json.dumps(value)
    return dice.choice(["", "", "", " ", "\r\n\t"]) + text + dice.choice(["", "", "", " ", "\n"])


def _letter(letter: str, dice: random.Random) -> str:
    if letter == "/" and dice.random() < 0.5:
        return "\\/"
    return json.dumps(letter, ensure_ascii=dice.random() < 0.5)[1:-1]


@st.composite
def replies(draw: st.DrawFn) -> tuple[bytes, list[list[bytes]]]:
    """A reply, most often a whole one, and ways to cut it."""
    dice = random.Random(draw(st.integers(0, 2**32)))  # noqa: S311  no secrets
    text = spelled(draw(REPLIES | VALUES), dice)
    body = bytearray(
        text.encode(draw(st.sampled_from(["utf-8"] * 8 + ["utf-8-sig", "utf-16", "utf-32-be"])), errors="surrogatepass")
    )
    for change in draw(st.lists(st.sampled_from(["cut", "drop", "flip", "add"]), max_size=2) | st.just([])):
        place = dice.randrange(len(body) + 1)
        body[place : len(body) if change == "cut" else place + (change != "add")] = (
            b"" if change in {"cut", "drop"} else dice.choice([*STRANGE, dice.randbytes(1)])
        )
    pieces = [parts(bytes(body), *sorted(dice.choices(range(len(body) + 1), k=dice.randrange(9)))) for _ in range(8)]
    return bytes(body), [[bytes(body)], parts(bytes(body), *range(1, len(body))), *pieces]


@settings(max_examples=600)
@given(replies())
def test_any_reply_says_what_the_standard_library_reads_in_it(given: tuple[bytes, list[list[bytes]]]) -> None:
    body, cut = given
    said = expected(body)
    for pieces in cut:
        reader = read(pieces)
        assert outcome(reader) == said, pieces
        assert expected(reader.read()) == said, pieces


@given(st.lists(st.binary(max_size=300).map(lambda tail: SVG + tail), max_size=3), st.data())
def test_a_reply_as_servers_write_it_is_given_back_byte_for_byte(pictures: list[bytes], data: st.DataObject) -> None:
    body = json.dumps({"created": 1, "data": [{"b64_json": b64(each).decode(), "url": None} for each in pictures]}).encode()
    places = sorted(data.draw(st.lists(st.integers(0, len(body)), max_size=9)))
    assert read(parts(body, *places)).read() == body
    assert read([body[: places[0]] if places else body]).read() == body[: places[0] if places else None]


@pytest.mark.parametrize("name", PLAIN)
def test_a_cut_reply_is_given_back_as_far_as_it_came(name: str) -> None:
    body = PLAIN[name]
    for end in range(len(body)):
        assert read([body[:end]]).read() == body[:end]
        assert read(parts(body[:end], *range(1, end))).read() == body[:end]


@pytest.mark.parametrize("name", DRESSED | BROKEN)
def test_a_cut_reply_loses_nothing_that_its_rest_needs(name: str) -> None:
    body = BODIES[name]
    said = expected(body)
    for end in range(len(body)):
        for pieces in ([body[:end]], parts(body[:end], *range(1, end))):
            assert expected(read(pieces).read() + body[end:]) == said, pieces


@pytest.mark.parametrize("depth", [101, 65_000])
@pytest.mark.parametrize("within", ["%s", f'{{"data":[{{"b64_json":"{b64(DRAWING).decode()}","x":%s}}]}}', '{"data":%s}'])
@pytest.mark.parametrize(("begin", "end"), [("[", "]"), ('{"":', "}"), ('[{"":', "}]")])
def test_a_reply_deeper_than_python_can_show_is_refused(begin: str, end: str, within: str, depth: int) -> None:
    body = (within % (begin * depth + "1" + end * depth)).encode()
    with pytest.raises(ValueError, match=r"^nested too deep$"):
        decode_json(body)
    reader = read(parts(body, *range(1 << 16, len(body), 1 << 16)))
    with pytest.raises(ValueError, match=r"^nested too deep$"):
        reader.document()
    assert [image.read() for image in reader.whole_images()] == [DRAWING] * body.count(b64(DRAWING))
    assert reader.read() == body


@pytest.mark.parametrize("body", [b"[" * 100 + b"]" * 100, b'[{"":' * 40 + b"1" + b"}]" * 40, b"[%b[]]" % (b"[[[]]],{}," * 9999)])
def test_a_reply_as_deep_as_that_is_read(body: bytes) -> None:
    assert decode_json(body) == json.loads(body)
    assert repr(decode_json(body))


def test_a_reply_that_is_no_json_gives_the_pictures_that_came_whole() -> None:
    one, other = b64(DRAWING), b64(OTHER_DRAWING)
    body = b'{"data":[{"b64_json":"%b"},{"image":"%b"},{"b64_json":"%b"},"%b"]}' % (one, other, one[:-4], one)
    ends = [body.index(one) + len(one), body.index(other) + len(other), body.rindex(one) + len(one)]
    for end in range(len(body)):
        reader = read(parts(body[:end], *range(7, end, 7)))
        whole = [DRAWING, OTHER_DRAWING, DRAWING][: sum(end >= each for each in ends)]
        found = [each.read() for each in reader.whole_images()]
        # What is missing is padding alone, or what the end of a drawing can do without.
        assert [each for each in found if each in {DRAWING, OTHER_DRAWING}] == whole or len(found) > len(whole), body[:end]


def big(side: int, size: int) -> bytes:
    return padded(drawn(side, side), size)


@pytest.mark.parametrize(
    "dress", [bytes, lambda text: text.replace(b"/", b"\\/"), lambda text: re.sub(b"(.{76})", b"\\1\\\\n", text)]
)
@pytest.mark.parametrize("step", [1 << 10, 1 << 16, (1 << 16) + 1, 1 << 30])
@pytest.mark.parametrize("in_file", [True, False])
def test_large_pictures_are_as_sent_in_any_dress_and_pieces(
    dress: Callable[[bytes], bytes], step: int, monkeypatch: pytest.MonkeyPatch, *, in_file: bool
) -> None:
    monkeypatch.setattr(spool, "_FREE_PAGES", deque[None]([] if in_file else [None] * 99))
    pictures = [big(side, 300_000 + side) for side in (8, 9, 10)]
    names = [b'"b64_json":', b'"%b" : ' % escaped(b"b64_json"), b'"p":"\\"","b64_json"\n\t:']
    entries = [b'{%b"%b"}' % (name, dress(b64(each))) for name, each in zip(names, pictures, strict=True)]
    body = b'{"data":[%b]}' % b",".join(entries)
    reader = read(parts(body, *range(step, len(body), step)))
    contents = [reader.image(entry["b64_json"]) for entry in reader.document()["data"]]
    assert [content.read() for content in contents if content] == pictures
    assert [content._file is not None for content in contents if content] == [in_file] * 3
    assert expected(reader.read()) == expected(body)


@pytest.mark.parametrize("name", BODIES)
def test_what_nobody_holds_is_gone_at_once(name: str) -> None:
    """Without the garbage collector, which comes late and in some servers never."""

    def work(body: bytes) -> list[ref[Any]]:
        reader = read([body[:7], body[7:]])
        outcome(reader)
        for use in (reader.document, reader.whole_images):
            with suppress(ValueError):
                use()
        parts = [image.content for image in reader.images.values()]
        return [ref(reader), *map(ref, reader.images.values()), *map(ref, parts)]

    gc.disable()
    try:
        for body in (BODIES[name], BODIES[name][:-9]):
            assert [each() for each in work(body)] == [None] * len(work(body))
    finally:
        gc.enable()


def peak(work: Callable[[], object]) -> int:
    """Return the most memory that was held at one time."""
    tracemalloc.start()
    try:
        work()
        return tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()


def reply_in_pieces(entry: bytes, count: int, coding: str) -> Iterator[bytes]:
    """Yield a reply in the pieces that a socket gives, compressed or not."""
    squeeze = zlib.compressobj(1, wbits=31)
    for number in range(count):
        lazily = (entry[start : start + (1 << 16)] for start in range(0, len(entry), 1 << 16))
        for piece in chain([b"," if number else b'{"data":['], lazily):
            yield squeeze.compress(piece) if coding else piece
    yield squeeze.compress(b"]}") + squeeze.flush() if coding else b"]}"


@pytest.mark.parametrize("coding", ["", "gzip"])
def test_of_large_pictures_only_a_piece_is_in_memory(coding: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """In memory beyond what all the process's contents may have there."""
    monkeypatch.setattr(spool, "_FREE_PAGES", deque[None]())
    entry = b'{"b64_json":"%b"}' % b64(GIF + random.Random(0).randbytes(4 << 20))  # noqa: S311  no secrets

    def read_all(count: int) -> None:
        body, decoder = Body(httpx.Headers(), 1 << 30), Decoder(httpx.Headers({"content-encoding": coding} if coding else {}))
        for piece in reply_in_pieces(entry, count, coding):
            for chunk in decoder.decode(piece):
                body.write(chunk)
        body.close()
        assert isinstance(body.form, JSONReader)
        assert len(body.form.document()["data"]) == len(body.form.whole_images()) == count

    read_all(1)  # what it imports is no part of it
    assert peak(lambda: read_all(8)) < peak(lambda: read_all(1)) + (64 << 10) < 1 << 20
    monkeypatch.setattr(spool, "_FREE_PAGES", deque([None] * (spool._MEMORY // spool._PAGE)))
    assert peak(lambda: read_all(8)) < spool._MEMORY + (1 << 20)


EVENT = b'{"type":"a","b64_json":"%b"}'
EVENTS = {
    "pictures": b"data: %b\n\ndata:%b\n\n" % (EVENT % b64(NONE), EVENT % b64(TWO_PAD)),
    "an event in lines": b'event: x\r\ndata: {"type":"a",\r\ndata:  "b64_json"\r\ndata:\r\ndata: : "PHN2Zy8+"\r\ndata: }\r\n\r\n',
    "an event in lines of CR": b'data:{\rdata:"b64_json":\r: heartbeat\rid: "b64_json":"A"\rdata:"PHN2Zy8+"}\r\r',
    "a picture in lines": b'data: {"b64_json":"PHN2\ndata: Zy8+"}\n\n',
    "a picture with line ends escaped": b'data: {"b64_json":"PHN2\\nZy8+\\r\\n"}\n\n',
    "escapes": b"data: %b\n\n" % (EVENT % escaped(b64(SVG))),
    "a data URL": b"data: %b\n\n" % (EVENT % b"data:;base64,PHN2Zy8+"),
    "the field's name in it": b'data: {"data":"data: {","b64_json":"PHN2Zy8+"}\n\n',
    "as in a reply": b'data: {"data":[{"b64_json":"PHN2Zy8+"}]}\n\ndata: [{"b64_json":"PHN2Zy8+"}]\n\n',
    "the key deeper": b'data: {"x":{"b64_json":"A"},"b64_json":"PHN2Zy8+"}\n\n',
    "not JSON": b'data: {"b64_json":"PHN2Zy8+"\n\ndata: {"b64_json":"PHN2Zy8+"}\n\n',
    "an end in the picture": b'data: {"b64_json":"PHN2\n\ndata: Zy8+"}\n\n',
    "no end": b'\xef\xbb\xbfdata: {"b64_json":"PHN2Zy8+"}\r',
    "cut": b'data: {"b64_json":"PHN2Zy8+"}\n\ndata: {"b64_json":"PHN',
    "mixed ends": b'data: {\r\ndata: "b64_json":\rdata: "PHN2Zy8+"\n: "\rdata: }\n\r\n\rdata: {"b64_json":""}\n\n',
}


def events_of(stream: bytes) -> list[bytes]:
    """Return the data of each event, with or without a blank line behind the last."""
    events, data = [], list[bytes]()
    for line in [*re.split(rb"\r\n|\r|\n", stream.removeprefix(b"\xef\xbb\xbf")), b""]:
        name, _, value = line.partition(b":")
        if name == b"data":
            data.append(value.removeprefix(b" "))
        if not line:
            events.append(b"\n".join(data))
            data = []
    return [event for event in events if event.strip()]


def events_after(body: Body, piece: bytes | None) -> list[JSONReader]:
    """Return the events that a piece, or the end, completes."""
    if piece is None:
        body.close()
    else:
        body.write(piece)
    return list(body.events())


def expected_event(data: bytes) -> str | None:
    try:
        return repr(_with_picture(json.loads(data), expected_picture))
    except ValueError:
        return None


def event_outcome(event: JSONReader) -> str | None:
    try:
        return repr(_with_picture(event.restored(event.document()), picture_in(event)))
    except ValueError:
        return None


def _check_events(stream: bytes, cut: Iterable[list[bytes]]) -> None:
    data = events_of(stream)
    said = [expected_event(each) for each in data]
    for pieces in cut:
        body = Body(httpx.Headers({"content-type": "text/event-stream"}), 1 << 30)
        events = list(chain.from_iterable(map(partial(events_after, body), [*pieces, None])))
        assert [event_outcome(event) for event in events] == said, pieces
        assert [expected_event(event.read()) for event in events] == said, pieces


@pytest.mark.parametrize("name", EVENTS)
def test_a_stream_says_the_same_wherever_it_is_cut(name: str) -> None:
    _check_events(EVENTS[name], cuts(EVENTS[name]))


@pytest.mark.parametrize("step", [99, 1000, 4096, 4097, 9999, 1 << 16, 1 << 30])
@pytest.mark.parametrize("end", [b"\n", b"\r\n", b"\r"])
def test_events_with_images_of_any_size_come_one_by_one(step: int, end: bytes) -> None:
    pictures = [b64(GIF + random.Random(size).randbytes(size)) for size in (90, 3000, 3100, 5000, 9000, 30_000)]  # noqa: S311
    strange = [pictures[4] + b"!", pictures[4][:4100] + end + end + b"data: 7", b"\\" * 5000, b"A" * 5000, pictures[5] + b"\\"]
    texts = [text for pair in zip(pictures, [*strange, b""], strict=True) for text in pair]
    stream = b"".join(
        b"event: x%bdata: %b%b%b" % (end, EVENT % text, end, end + b": %b" % pictures[3] + end if number % 3 else end)
        for number, text in enumerate(texts)
    )
    _check_events(stream, [parts(stream, *range(step, len(stream), step))])


@pytest.mark.parametrize("name", BODIES)
def test_a_reply_said_as_an_event_says_the_same(name: str) -> None:
    stream = b"data: " + BODIES[name].replace(b"\n", b"\ndata: ") + b"\n\n" + EVENTS["pictures"]
    _check_events(
        stream, [[stream], parts(stream, *range(1, len(stream))), *(parts(stream, place) for place in range(1, len(stream)))]
    )


@settings(max_examples=250)
@given(st.lists(replies(), max_size=3), st.sampled_from([b"\n", b"\r", b"\r\n"]), st.integers(0, 2**32))
def test_any_stream_says_what_the_standard_library_reads_in_it(
    said: list[tuple[bytes, list[list[bytes]]]], end: bytes, seed: int
) -> None:
    lines = (b"".join(b"data: " + line + end for line in re.split(rb"[\r\n]+", body)) + end for body, _ in said)
    stream = b"".join(lines)
    dice = random.Random(seed)  # noqa: S311  no secrets
    _check_events(stream, [parts(stream, *sorted(dice.choices(range(len(stream) + 1), k=dice.randrange(9)))) for _ in range(6)])
