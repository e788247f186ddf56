"""What keeps a run from noting and saving, and what becomes of what is paid."""

from __future__ import annotations

import errno
import os
import shutil
import tempfile
from typing import TYPE_CHECKING, Any

import pytest
from bulk_jobs import assert_sound, write_job
from counting_server import CountingServer

from images_api import ImagesClient
from images_api.bulk import Entry, Journal, State, Summary, _saving, run
from images_api.bulk._saving import Store

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path


@pytest.fixture
def server(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[CountingServer]:
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    with CountingServer() as server:
        yield server


def go(server: CountingServer, folder: Path, lines: int = 9, **options: Any) -> Summary:
    with ImagesClient(base_url=server.base_url) as client:
        return run(write_job(folder, lines), folder / "out", client=client, concurrency=2, **options)


def full() -> OSError:
    return OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))


def after(calls: int, original: Callable[..., Any], fault: Callable[[], BaseException]) -> Callable[..., Any]:
    """Return a function that fails after so many calls."""
    left = [calls]

    def failing(*arguments: Any) -> Any:
        left[0] -= 1
        if left[0] < 0:
            raise fault()
        return original(*arguments)

    return failing


def test_images_that_cannot_be_saved_are_kept_elsewhere(
    server: CountingServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    whole = _saving._write

    def write(path: Path, content: bytes) -> Any:
        if path.parent.name == ".images-api" and server.made.total() > 3:
            raise full()
        return whole(path, content)

    with monkeypatch.context() as patched:
        patched.setattr(_saving, "_write", write)
        summary = go(server, tmp_path)
    [rescued] = tmp_path.glob("images-api-rescued-*")
    assert f"No space left on device; what came meanwhile is kept in {rescued}: move it into" in (summary.stopped or "")
    assert summary.counts[State.AMBIGUOUS] == len(list(rescued.iterdir())) > 0
    (tmp_path / "out" / ".images-api").mkdir(exist_ok=True)
    for path in rescued.iterdir():
        path.rename(tmp_path / "out" / ".images-api" / path.name)
    assert go(server, tmp_path).is_complete
    assert set(assert_sound(tmp_path / "out", server.made).values()) == {State.DONE}


def test_images_that_no_place_is_for_are_told(server: CountingServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(_saving, "_write", after(2, _saving._write, full))
    summary = go(server, tmp_path)
    assert "its images could not be kept elsewhere either" in (summary.stopped or "")
    assert summary.counts[State.DONE] == 2
    assert 1 <= summary.counts[State.AMBIGUOUS] <= 2


@pytest.mark.parametrize("calls", [0, 1, 2, 3, 4])
def test_a_journal_that_cannot_be_written_ends_the_run_before_more_is_sent(
    server: CountingServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, calls: int
) -> None:
    with monkeypatch.context() as patched:
        patched.setattr(Journal, "record", after(calls, Journal.record, full))
        summary = go(server, tmp_path)
    assert "No space left on device" in (summary.stopped or "")
    assert server.made.total() <= calls * 2
    for rescued in tmp_path.glob("images-api-rescued-*"):
        (tmp_path / "out" / ".images-api").mkdir(exist_ok=True)
        for path in rescued.iterdir():
            path.replace(tmp_path / "out" / ".images-api" / path.name)
    go(server, tmp_path)
    states = assert_sound(tmp_path / "out", server.made)
    assert all(state == State.DONE for number, state in states.items() if server.made[f"image {number}"])


def test_images_that_cannot_be_renamed_are_by_the_next_run(
    server: CountingServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with monkeypatch.context() as patched:
        patched.setattr(Store, "publish", after(1, Store.publish, full))
        summary = go(server, tmp_path)
    assert "the next run gives the images that are saved their names" in (summary.stopped or "")
    made = server.made.total()
    assert summary.counts[State.DONE] == made
    assert go(server, tmp_path).is_complete
    assert set(assert_sound(tmp_path / "out", server.made).values()) == {State.DONE}


def test_a_fault_of_ours_ends_the_run_and_hangs_nobody(
    server: CountingServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with monkeypatch.context() as patched:
        patched.setattr(Store, "write", after(1, Store.write, lambda: ZeroDivisionError("ours")))
        summary = go(server, tmp_path)
    assert summary.stopped == "ZeroDivisionError: ours"
    go(server, tmp_path)
    assert_sound(tmp_path / "out", dict(server.made) | {"": 0})


def test_a_disk_with_little_room_is_not_filled(server: CountingServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    usage = type("Usage", (), {"free": 100 << 20})
    monkeypatch.setattr(shutil, "disk_usage", lambda _: usage)
    server.size = 30 << 20
    summary = go(server, tmp_path)
    assert (summary.stopped or "").startswith("the disk has only 100 MiB left for images in ")
    assert 1 <= summary.counts[State.DONE] <= 2
    assert summary.counts[State.AMBIGUOUS] == 0
    usage.free = 1 << 20  # type: ignore[attr-defined]
    made = server.made.total()
    assert "only 1 MiB left" in (go(server, tmp_path).stopped or "")
    assert server.made.total() == made


def test_an_entry_says_what_went_wrong(server: CountingServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Store, "write", after(0, Store.write, full))
    go(server, tmp_path, 1)
    with Journal(tmp_path / "out", read_only=True) as journal:
        [entry] = journal.entries()
    assert isinstance(entry, Entry)
    assert (entry.state, entry.error_code) == (State.AMBIGUOUS, "OSError")
    assert "No space left on device; what came meanwhile is kept in " in (entry.error or "")
