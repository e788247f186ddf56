from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest
from bulk_jobs import EDITS, GENERATIONS, VARIATIONS, line

from images_api import InvalidRequestError
from images_api.bulk import converted
from images_api.bulk._conversion import batch_form, is_batch_form

if TYPE_CHECKING:
    from pathlib import Path


def lines(folder: Path, text: str, name: str) -> list[dict[str, Any]]:
    path = folder / name
    path.write_text(text, encoding="utf-8")
    return [json.loads(each.written()) for each in converted(path)]


def request(custom_id: str, body: dict[str, Any], url: str = GENERATIONS) -> dict[str, Any]:
    return {"custom_id": custom_id, "method": "POST", "url": url, "body": body}


class TestATable:
    def test_has_parameters_as_the_contract_wants_them(self, tmp_path: Path) -> None:
        text = '\ufeffcustom_id,prompt,n,size,svg\r\na,"a cat, in\nbed",2,auto,\r\nb,7,,,"{""model"": ""x""}"\r\n'
        assert lines(tmp_path, text, "job.csv") == [
            request("a", {"prompt": "a cat, in\nbed", "n": 2, "size": "auto"}),
            request("b", {"prompt": "7", "svg": {"model": "x"}}),
        ]

    @pytest.mark.parametrize(("name", "separator"), [("job.csv", ";"), ("job.tsv", "\t"), ("job.csv", "\t"), ("job.CSV", "|")])
    def test_may_be_separated_otherwise(self, tmp_path: Path, name: str, separator: str) -> None:
        text = f"prompt{separator} n \nx{separator}2\n\n{separator}\n"
        assert lines(tmp_path, text, name) == [request("000002", {"prompt": "x", "n": 2})]

    def test_asks_for_what_its_columns_are_for(self, tmp_path: Path) -> None:
        text = 'image,prompt,url\n1.png,a hat,\n2.png,,\n"[""1.png"", ""2.png""]",x,\n,x,\n3.png,x,/v1/images/variations\n'
        assert [(each["url"], each["body"]) for each in lines(tmp_path, text, "job.csv")] == [
            (EDITS, {"image": "1.png", "prompt": "a hat"}),
            (VARIATIONS, {"image": "2.png"}),
            (EDITS, {"image": ["1.png", "2.png"], "prompt": "x"}),
            (GENERATIONS, {"prompt": "x"}),
            (VARIATIONS, {"image": "3.png", "prompt": "x"}),
        ]

    def test_leaves_to_the_check_what_is_no_value_or_no_parameter(self, tmp_path: Path) -> None:
        assert lines(tmp_path, "prompt,n,promt\nx,two,y\n", "job.csv")[0]["body"] == {"prompt": "x", "n": "two", "promt": "y"}

    @pytest.mark.parametrize(
        ("text", "why"),
        [
            ("prompt,n\nx,1,2\n", "line 2 must have 2 columns"),
            ("prompt,n\nx\n", "line 2 must have 2 columns"),
            ("title\nx\n", r"line 2 must have prompt or image, prompt or images, prompt or image, got \{'title': 'x'\}"),
            ('prompt\n"x', "can't be read as a table"),
            ("prompt,url\nx,/v1/chat\n", "line 2 must be of /v1/images/generations, .*, got '/v1/chat'"),
        ],
    )
    def test_is_refused_where_a_row_is_no_request(self, tmp_path: Path, text: str, why: str) -> None:
        with pytest.raises(InvalidRequestError, match=why):
            lines(tmp_path, text, "job.csv")

    def test_is_refused_if_it_is_not_in_utf_8(self, tmp_path: Path) -> None:
        (tmp_path / "job.csv").write_bytes(b"prompt\ncaf\xe9\n")
        with pytest.raises(InvalidRequestError, match="job must be in UTF-8"):
            list(converted(tmp_path / "job.csv"))


class TestPlainPrompts:
    def test_may_be_a_text(self, tmp_path: Path) -> None:
        assert lines(tmp_path, "\ufeffa cat\n\n  a dog  \n", "job.txt") == [
            request("000001", {"prompt": "a cat"}),
            request("000003", {"prompt": "a dog"}),
        ]

    def test_may_be_json_lines(self, tmp_path: Path) -> None:
        text = '"a cat"\n{"prompt": "a dog", "n": 2, "custom_id": 7}\n{"image": "1.png", "url": "/v1/images/variations"}\n'
        assert lines(tmp_path, text, "job.jsonl") == [
            request("000001", {"prompt": "a cat"}),
            request("7", {"prompt": "a dog", "n": 2}),
            request("000003", {"image": "1.png"}, VARIATIONS),
        ]

    @pytest.mark.parametrize(
        ("text", "why"),
        [
            ('"x"\n{', "line 2 must be JSON"),
            ('"x"\n7', "line 2 must be a prompt, or an object of parameters, as the first one is, got 7"),
            ('"x"\n' + line("a", {"prompt": "x"}), "line 2 must be a prompt, or an object of parameters, as the first one is"),
            ("{}\n", "line 1 must have prompt or image"),
        ],
    )
    def test_are_refused_where_one_is_no_request(self, tmp_path: Path, text: str, why: str) -> None:
        with pytest.raises(InvalidRequestError, match=why):
            lines(tmp_path, text, "job.jsonl")


@pytest.mark.parametrize(
    ("name", "text", "is_it"),
    [
        ("job.jsonl", line("a", {}), True),
        ("job.jsonl", "\ufeff\n" + line("a", {}), True),
        ("job.jsonl", "[]\n", True),
        ("job.jsonl", "not json\n", True),
        ("job.jsonl", "", True),
        ("job.jsonl", '"a cat"\n', False),
        ("job.jsonl", '{"prompt": "a cat"}\n', False),
        ("job.csv", line("a", {}), False),
        ("job.txt", line("a", {}), False),
    ],
)
def test_the_first_line_tells_the_form(tmp_path: Path, name: str, text: str, *, is_it: bool) -> None:
    path = tmp_path / name
    path.write_text(text, encoding="utf-8")
    assert is_batch_form(path) is is_it


def test_a_job_is_converted_once_and_whole(tmp_path: Path) -> None:
    job, into = tmp_path / "job.txt", tmp_path / "into"
    into.mkdir()
    job.write_text("a cat\n")
    assert batch_form(job, into).read_text() == line("000001", {}).replace(
        '{"model": "gpt-image-next"}', '{"prompt":"a cat"}'
    ).replace(": ", ":").replace(", ", ",")
    assert [each.name for each in into.iterdir()] == ["job.jsonl"]
    batch = tmp_path / "batch.jsonl"
    batch.write_text(line("a", {}))
    assert batch_form(batch, into) == batch
