from __future__ import annotations

import sys
from typing import TYPE_CHECKING

import pytest
from bulk_jobs import EDITS, line, write_job

from images_api import AsyncImagesClient, ImagesClient, InvalidRequestError, bulk
from images_api.bulk import check

if TYPE_CHECKING:
    from pathlib import Path

    from images_api._problems import Problem


def test_counts_lines_and_images_and_leaves_no_trace(tmp_path: Path) -> None:
    job = write_job(tmp_path, [line("a", {"prompt": "x", "n": 3}), line("b", {"prompt": "x"})])
    with ImagesClient(base_url="http://127.0.0.1:1/v1", n=2) as client:
        assert check(job, client=client) == (2, 5)
    assert [path.name for path in tmp_path.iterdir()] == ["job.jsonl"]


def test_needs_no_client_but_a_key(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    job = write_job(tmp_path, [line("a", {"prompt": "x", "model": "gpt-image-2.5-flare"})])
    with pytest.raises(InvalidRequestError, match="api_key is required"):
        check(job)
    monkeypatch.setenv("OPENAI_API_KEY", "sk-test")
    assert check(job).lines == 1


def test_lists_all_that_is_wrong(tmp_path: Path) -> None:
    lines = [
        line("a", {"prompt": "x"}),
        line("b", {"prompt": "x", "n": 0, "size": "1x"}),
        line("a", {"prompt": "y"}),
        line("A", {"prompt": "y"}),
        line("../c", {"prompt": "y"}),
        line("d", {"image": "none.png", "prompt": "y"}, EDITS),
        "{\n",
        line("e", {"prompt": "y"}, "/v1/chat/completions"),
    ]
    found: list[Problem] = []
    client = AsyncImagesClient(base_url="http://127.0.0.1:1/v1")
    with pytest.raises(InvalidRequestError) as caught:
        check(write_job(tmp_path, lines), client=client, refusal=found.append)
    assert list(caught.value.problems) == found
    assert [each.parameter for each in found] == [
        "line 2 (b), n",
        "line 2 (b), size",
        "line 3 (a), custom_id",
        "line 4 (A), custom_id",
        "line 5 (../c), custom_id",
        "line 6 (d), image",
        "line 7, the line",
        "line 8, url",
    ]
    assert "line 2 (b), n must be at least 1, got 0" in str(caught.value)


def test_lists_the_first_hundred_and_tells_all(tmp_path: Path) -> None:
    job = write_job(tmp_path, (line(f"{number}", {"prompt": 7}) for number in range(250)))
    found: list[Problem] = []
    with ImagesClient(base_url="http://127.0.0.1:1/v1") as client, pytest.raises(InvalidRequestError) as caught:
        check(job, client=client, refusal=found.append)
    assert (len(caught.value.problems), len(found)) == (101, 250)
    assert "the job has more that is wrong than 100 things, got 250" in str(caught.value)


def test_refuses_a_job_without_lines(tmp_path: Path) -> None:
    with ImagesClient(base_url="http://127.0.0.1:1/v1") as client, pytest.raises(InvalidRequestError, match="must have a line"):
        check(write_job(tmp_path, ["\n"]), client=client)


def test_names_are_loaded_when_they_are_used() -> None:
    assert dir(bulk) == bulk.__all__
    assert sorted(bulk._MODULES) == sorted(bulk.__all__)
    assert all(
        getattr(bulk, name) is getattr(sys.modules[f"images_api.bulk.{bulk._MODULES[name]}"], name) for name in bulk.__all__
    )
    with pytest.raises(AttributeError, match="has no attribute 'runs'"):
        _ = bulk.runs
