from __future__ import annotations

import json
import pickle
from io import BytesIO
from typing import TYPE_CHECKING, Any

import pytest

from images_api import InvalidRequestError
from images_api.bulk import _lines
from images_api.bulk._lines import Line, by_url, parse_line, read_lines

if TYPE_CHECKING:
    from pathlib import Path

GENERATIONS, EDITS, VARIATIONS = by_url()


def line(url: str = GENERATIONS, body: object = None, **said: object) -> bytes:
    return json.dumps(
        {"custom_id": "a", "method": "POST", "url": url, "body": {"prompt": "x"} if body is None else body} | said
    ).encode()


class TestReading:
    def test_tells_where_each_line_stands_and_leaves_out_empty_ones(self) -> None:
        content = b"\xef\xbb\xbf" + line() + b"\r\n\n  \n" + line(custom_id="b")
        found = list(read_lines(BytesIO(content)))
        assert [number for number, _, _ in found] == [1, 4]
        for _, offset, raw in found:
            assert content[offset:].startswith(raw)
        assert [parse_line(raw).custom_id for _, _, raw in found] == ["a", "b"]

    def test_takes_a_mark_alone_for_nothing(self) -> None:
        assert list(read_lines(BytesIO(b"\xef\xbb\xbf\n"))) == []

    def test_refuses_a_line_that_does_not_end(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(_lines, "LONGEST_LINE", 10)
        with pytest.raises(InvalidRequestError, match="line 2 must have at most 10 bytes"):
            list(read_lines(BytesIO(b"123\n" + b"1" * 11)))

    @pytest.mark.parametrize("url", [GENERATIONS, EDITS, VARIATIONS])
    def test_writes_what_it_has_read(self, url: str) -> None:
        body = {"prompt": "é\ud83d", "images": [{"image_url": "https://x/1"}], "n": 2}
        read = parse_line(line(url, body), 3, 7)
        assert (read.number, read.offset) == (3, 7)
        again = parse_line(read.written())
        assert (again.custom_id, again.operation_id, again.body) == ("a", read.operation_id, body)
        assert pickle.loads(pickle.dumps(again)) == again  # noqa: S301  our own


@pytest.mark.parametrize(
    ("raw", "why"),
    [
        (b"prompt", r"the line must be a JSON object \(Expecting value.*got 'prompt'"),
        (b"\xff\xfe", "the line must be a JSON object"),
        (b"[" * 200, "the line must be a JSON object"),
        (b"[]", r"the line must be a JSON object, got \[\]"),
        (line(model="x"), "model is no part of a line, which has custom_id, method, url, body, got 'x'"),
        (line(custom_id=7), "custom_id must be a text that names the line, got 7"),
        (line(custom_id=""), "custom_id must be a text"),
        (line(custom_id="a\0"), "custom_id must be a text"),
        (line(custom_id="\ud800"), "custom_id must be a text"),
        (line("/v1/images/generation"), "url must be one of .*; did you mean /v1/images/generations?"),
        (line(["/v1"]), "url must be one of /v1/images/generations, /v1/images/edits, /v1/images/variations, got"),  # type: ignore[arg-type]
        (line(method="GET"), "method must be POST, got 'GET'"),
        (line(body=[]), r"body must be an object: the request, got \[\]"),
    ],
)
def test_refuses_what_is_no_line(raw: bytes, why: str) -> None:
    with pytest.raises(InvalidRequestError, match=why):
        parse_line(raw)


def arguments(url: str, body: dict[str, Any], folder: Path | None = None) -> dict[str, Any]:
    return parse_line(line(url, body), folder=folder).arguments()


class TestArguments:
    def test_come_with_the_subject_first(self) -> None:
        assert list(arguments(GENERATIONS, {"size": "auto", "prompt": "x"})) == ["prompt", "size"]

    def test_take_references_under_the_name_of_the_files(self) -> None:
        named = {"images": [{"image_url": "https://x/1"}, {"file_id": "file-1"}], "mask": {"file_id": "file-2"}, "prompt": "x"}
        assert arguments(EDITS, named) == {"prompt": "x", "mask": "file-2", "image": ["https://x/1", "file-1"]}

    def test_take_a_reference_that_is_a_text(self) -> None:
        assert arguments(EDITS, {"images": "https://x/1", "prompt": "x"}) == {"prompt": "x", "image": "https://x/1"}

    def test_take_local_files_relative_to_the_job(self, tmp_path: Path) -> None:
        (tmp_path / "file-1").touch()
        body = {"image": ["cats/1.png", "file-1", "/elsewhere/2.png"], "mask": "file-2", "prompt": "x"}
        [first, second, third] = arguments(EDITS, body, tmp_path)["image"]
        assert (first, second, str(third)) == (tmp_path / "cats/1.png", tmp_path / "file-1", "/elsewhere/2.png")
        assert parse_line(line(EDITS, body), folder=tmp_path).local_files == [first, second, third]
        assert arguments(EDITS, body, tmp_path)["mask"] == "file-2"

    def test_take_data_as_it_is(self) -> None:
        assert arguments(VARIATIONS, {"image": "data:image/png;base64,AAAA"}) == {"image": "data:image/png;base64,AAAA"}

    @pytest.mark.parametrize(
        ("url", "body", "why"),
        [
            (GENERATIONS, {"prompt": "x", "extra_headers": {}}, "extra_headers is no parameter of createImage"),
            (GENERATIONS, {"prompt": "x", "timeout": 1}, "timeout is no parameter of createImage"),
            (GENERATIONS, {"prompt": "x", "stream": True}, "can't be had in bulk: leave it out"),
            (EDITS, {"images": [{"image_url": "cats/1.png"}]}, "images must be a reference, such as"),
            (EDITS, {"images": [{"image_url": "https://x", "file_id": "file-1"}]}, "images must be a reference"),
            (EDITS, {"images": [7]}, "images must be a reference"),
            (EDITS, {"images": "cats/1.png"}, "images must be a reference"),
            (EDITS, {"images": ["https://x"], "image": "1.png"}, "image and images mean the same: give one"),
            (EDITS, {"image": 7}, "image must be the name of a file, a link or a file id, or several, got 7"),
            (EDITS, {"image": ""}, "image must be the name of a file, a link or a file id, got ''"),
            (EDITS, {"image": "a\0b"}, "image must be the name of a file"),
        ],
    )
    def test_refuse_what_cannot_be_said(self, url: str, body: dict[str, Any], why: str) -> None:
        with pytest.raises(InvalidRequestError, match=why):
            arguments(url, body)


class TestALine:
    def test_has_a_digest_of_what_it_asks_for_alone(self) -> None:
        first = parse_line(line(body={"prompt": "x", "n": 1}), 1)
        assert first.digest == parse_line(line(body={"n": 1, "prompt": "x"}, custom_id="b"), 2).digest
        others = [line(body={"prompt": "x", "n": 2}), line(EDITS, {"prompt": "x", "n": 1}), line(body={"prompt": "\ud800"})]
        assert len({first.digest, *(parse_line(each).digest for each in others)}) == 4

    @pytest.mark.parametrize(
        ("url", "body", "subject"),
        [
            (GENERATIONS, {"n": 1, "prompt": "a" * 400}, "a" * 300),
            (EDITS, {"image": "1.png", "prompt": "a hat"}, "a hat"),
            (VARIATIONS, {"image": "cats/1.png"}, "cats/1.png"),
            (GENERATIONS, {"prompt": "\ud800"}, "?"),
            (GENERATIONS, {"prompt": 7}, ""),
        ],
    )
    def test_has_a_subject(self, url: str, body: dict[str, Any], subject: str) -> None:
        assert parse_line(line(url, body)).subject == subject

    def test_may_be_made_without_a_job(self) -> None:
        made = Line("a", by_url()[GENERATIONS].id, {"prompt": "x"})
        assert parse_line(made.written()) == made
