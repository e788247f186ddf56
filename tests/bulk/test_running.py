"""A job from its first line to its last, against a server on a real socket."""

from __future__ import annotations

import asyncio
import base64
import json
import time
from typing import TYPE_CHECKING, Any

import pytest
from bulk_jobs import EDITS, VARIATIONS, assert_sound, line, saved_images, write_job
from counting_server import CountingServer, image_of
from raw_server import RawServer, reply
from waiting import wait_until

from images_api import AsyncImagesClient, ImagesClient, InvalidRequestError
from images_api._http import downloads
from images_api.bulk import Journal, Progress, State, Summary, arun, run
from images_api.bulk._names import DEFAULT

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from conftest import DrawPicture

    from images_api.sandbox import Sandbox


@pytest.fixture
def server() -> Iterator[CountingServer]:
    with CountingServer() as server:
        yield server


def counts(summary: Summary) -> dict[str, int]:
    return {state: count for state, count in summary.counts.items() if count}


def go(server: CountingServer | Sandbox | RawServer, job: Path, into: Path, **options: Any) -> Summary:
    with ImagesClient(base_url=server.base_url) as client:
        return run(job, into, client=client, **options)


def entries(folder: Path) -> dict[str, Any]:
    with Journal(folder, read_only=True) as journal:
        return {entry.custom_id: entry for entry in journal.entries()}


class TestAJob:
    def test_makes_each_image_once_however_often_it_runs(self, server: CountingServer, tmp_path: Path) -> None:
        job = write_job(tmp_path, 20)
        summary = go(server, job, tmp_path / "out")
        assert (counts(summary), summary.images, summary.exit_status, summary.stopped) == ({"done": 20}, 20, 0, None)
        assert summary.usage == {"input_tokens": 60, "output_tokens": 100, "total_tokens": 160}
        assert go(server, job, tmp_path / "out").is_complete
        assert set(assert_sound(tmp_path / "out", server.made).values()) == {State.DONE}
        [entry, *_] = entries(tmp_path / "out").values()
        assert (entry.number, entry.offset, entry.attempts, entry.subject) == (1, 0, 1, "image 0")
        assert entry.request_id.startswith("req-")

    def test_may_ask_for_several_images_and_name_them(self, server: CountingServer, tmp_path: Path) -> None:
        job = write_job(tmp_path, [line("a", {"prompt": "x", "n": 3}), line("b", {"prompt": "y"})])
        assert go(server, job, tmp_path / "out").images == 4
        assert list(saved_images(tmp_path / "out")) == ["a-1.png", "a-2.png", "a-3.png", "b.png"]
        assert saved_images(tmp_path / "out")["a-2.png"] == image_of("x", 1)
        assert go(server, job, tmp_path / "other", names="{subject}/{number:03}_{index}").images == 4
        assert list(saved_images(tmp_path / "other")) == ["x/001_1.png", "x/001_2.png", "x/001_3.png", "y/002_1.png"]

    def test_may_edit_and_vary_local_files(self, sandbox: Sandbox, tmp_path: Path, draw: DrawPicture) -> None:
        (tmp_path / "cats").mkdir()
        (tmp_path / "cats" / "1.png").write_bytes(draw())
        edit = line("edit", {"image": ["cats/1.png", "cats/1.png"], "prompt": "a hat"}, EDITS)
        data = f"data:image/png;base64,{base64.b64encode(draw()).decode()}"
        linked = line("linked", {"images": [{"image_url": data}], "prompt": "a hat", "model": "gpt-image-1"}, EDITS)
        vary = line("vary", {"image": "cats/1.png", "model": "dall-e-2", "size": "256x256"}, VARIATIONS)
        summary = go(sandbox, write_job(tmp_path, [edit, linked, vary]), tmp_path / "out")
        assert summary.is_complete, [each.error for each in entries(tmp_path / "out").values()]
        assert list(saved_images(tmp_path / "out")) == ["edit.png", "linked.png", "vary.png"]
        received = {each.path: [len(images) for images in each.images.values()] for each in sandbox.requests}
        assert received[VARIATIONS] == [1]

    def test_may_be_a_table(self, server: CountingServer, tmp_path: Path) -> None:
        (tmp_path / "cats.csv").write_text("custom_id,prompt,n\na,a cat,2\nb,a dog,\n")
        for _ in range(2):
            assert counts(go(server, tmp_path / "cats.csv", tmp_path / "out")) == {"done": 2}
        assert server.made == {"a cat": 2, "a dog": 1}
        assert list(saved_images(tmp_path / "out")) == ["a-1.png", "a-2.png", "b.png"]

    def test_is_run_by_any_client(self, server: CountingServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        job = write_job(tmp_path, 2)
        monkeypatch.setenv("OPENAI_BASE_URL", server.base_url)
        assert run(job, tmp_path / "1").is_complete

        async def with_async() -> Summary:
            async with AsyncImagesClient() as client:
                return await arun(job, tmp_path / "2", client=client)

        assert asyncio.run(with_async()).is_complete

    def test_tells_how_it_goes(self, server: CountingServer, tmp_path: Path) -> None:
        told: list[Progress] = []
        server.latency = 0.02
        go(server, write_job(tmp_path, 30), tmp_path / "out", report=told.append, interval=0.02, concurrency=2)
        assert [sum(each.counts.values()) for each in told] == [30] * len(told)
        assert told[0].counts[State.PENDING] == 30
        assert told[-1].counts[State.DONE] == 30
        assert (told[-1].images, told[-1].usage["total_tokens"], told[-1].cost) == (30, 240, None)
        assert any(each.remaining for each in told[1:-1])
        assert str(told[0]) == "0/30 done, 30 pending, 0 images/min"
        assert "30/30 done, " in str(told[-1])
        assert "90 input tokens" in str(told[-1])

    def test_is_ended_by_a_report_that_fails(self, server: CountingServer, tmp_path: Path) -> None:
        def report(_: Progress) -> None:
            raise LookupError("no terminal")

        with pytest.raises(LookupError, match="no terminal"):
            go(server, write_job(tmp_path, 3), tmp_path / "out", report=report)

    def test_costs_what_the_prices_say(self, server: CountingServer, tmp_path: Path) -> None:
        (tmp_path / "prices.toml").write_text('[[price]]\nwhen = {model = "gpt-image-*"}\nper_image = 0.25\n')
        summary = go(server, write_job(tmp_path, 4), tmp_path / "out", prices=tmp_path / "prices.toml")
        assert summary.cost == 1.0
        assert "cost 1.00" in str(summary)

    @pytest.mark.parametrize(
        ("options", "why"),
        [
            ({"concurrency": 0}, "concurrency must be a whole number from 1, got 0"),
            ({"concurrency": True}, "concurrency must be a whole number from 1"),
            ({"tries": 1.5}, "tries must be a whole number from 1"),
            ({"max_images": 0}, "max_images must be a whole number from 1"),
            ({"max_failures": -1}, "max_failures must be a whole number from 1"),
            ({"images_per_minute": 0}, "images_per_minute must be above 0, got 0"),
            ({"deadline": -1}, "deadline must be above 0"),
            ({"names": "x"}, "names must hold a field"),
        ],
    )
    def test_refuses_arguments_that_mean_nothing(self, tmp_path: Path, options: dict[str, Any], why: str) -> None:
        with ImagesClient(base_url="http://127.0.0.1:1/v1") as client, pytest.raises(InvalidRequestError, match=why):
            run(write_job(tmp_path, 1), tmp_path / "out", client=client, **options)

    def test_is_refused_where_an_event_loop_runs(self, tmp_path: Path) -> None:
        async def in_a_loop() -> None:
            run(write_job(tmp_path, 1), tmp_path / "out")

        with pytest.raises(InvalidRequestError, match=r"the event loop runs already: `await arun\(...\)` in it"):
            asyncio.run(in_a_loop())

    def test_refuses_a_client_with_connections_that_no_event_loop_can_use(self, tmp_path: Path) -> None:
        import httpx

        with httpx.Client() as http:
            client = ImagesClient(base_url="http://127.0.0.1:1/v1", http_client=http)
            with pytest.raises(InvalidRequestError, match="client has an http_client of its own"):
                run(write_job(tmp_path, 1), tmp_path / "out", client=client)


class TestStops:
    def test_after_so_many_images(self, server: CountingServer, tmp_path: Path) -> None:
        job = write_job(tmp_path, [line(f"{number}", {"prompt": f"{number}", "n": 2}) for number in range(5)])
        summary = go(server, job, tmp_path / "out", max_images=5)
        assert (counts(summary), summary.stopped, summary.exit_status) == ({"done": 2, "pending": 3}, "max_images, 5", 8)
        assert summary.left == 6
        assert sum(server.made.values()) == 4
        assert go(server, job, tmp_path / "out").is_complete

    def test_after_so_many_failures(self, tmp_path: Path) -> None:
        refusal = json.dumps({"error": {"message": "no", "code": "content_policy_violation"}}).encode()
        with RawServer(reply(refusal, status=400)) as server:
            summary = go(server, write_job(tmp_path, 30), tmp_path / "out", max_failures=3, concurrency=1)
        assert counts(summary) == {"refused": 3, "pending": 27}
        assert summary.stopped
        assert summary.stopped.startswith("max_failures, 3; the last one: 400 content_policy_violation: no")
        assert summary.errors == {"content_policy_violation": 3}

    def test_at_a_deadline(self, server: CountingServer, tmp_path: Path) -> None:
        server.latency = 0.2
        job = write_job(tmp_path, 200)
        summary = go(server, job, tmp_path / "out", deadline=0.3, concurrency=2)
        assert summary.stopped == "the deadline of 0.3 s"
        assert summary.counts[State.DONE] + summary.counts[State.PENDING] == 200
        assert 0 < summary.counts[State.DONE] < 200

    def test_while_it_waits(self, server: CountingServer, tmp_path: Path) -> None:
        summary = go(server, write_job(tmp_path, 9), tmp_path / "out", deadline=0.2, images_per_minute=2, concurrency=4)
        assert counts(summary) == {"done": 1, "pending": 8}

    @pytest.mark.parametrize(
        ("status", "code"), [(401, "invalid_api_key"), (403, "forbidden"), (429, "insufficient_quota"), (404, None), (402, None)]
    )
    def test_at_what_no_line_gets_past(self, tmp_path: Path, status: int, code: str | None) -> None:
        content = json.dumps({"error": {"message": "no way", "code": code}}).encode()
        with RawServer(reply(content, status=status)) as server:
            summary = go(server, write_job(tmp_path, 30), tmp_path / "out", concurrency=2)
            assert 1 <= summary.counts[State.FAILED] <= 2
            assert summary.counts[State.PENDING] == 30 - summary.counts[State.FAILED]
            assert f"{status}" in (summary.stopped or "")
            assert len(server.requests) <= 2

    def test_when_lines_in_a_row_come_to_nothing(self, tmp_path: Path) -> None:
        with RawServer(reply(b"", status=500)) as server:
            summary = go(server, write_job(tmp_path, 60), tmp_path / "out", concurrency=1)
        assert counts(summary) == {"ambiguous": 20, "pending": 40}
        assert "20 lines in a row came to nothing" in (summary.stopped or "")

    def test_when_nobody_answers_at_all(self, server: CountingServer, tmp_path: Path) -> None:
        job = write_job(tmp_path, 5)
        with ImagesClient(base_url="http://127.0.0.1:1/v1") as client:
            summary = run(job, tmp_path / "out", client=client, tries=2, concurrency=2)
        assert "nothing gets through: no whole answer" in (summary.stopped or "")
        assert summary.counts[State.FAILED] >= 1
        assert summary.counts[State.AMBIGUOUS] == 0
        assert go(server, job, tmp_path / "out").is_complete

    def test_when_a_server_asks_for_too_long_a_pause(self, tmp_path: Path) -> None:
        with RawServer(reply(b"{}", status=429, Retry_After="7200")) as server:
            summary = go(server, write_job(tmp_path, 5), tmp_path / "out", concurrency=1)
            assert len(server.requests) == 1
        assert (counts(summary), summary.stopped) == ({"failed": 1, "pending": 4}, "the server asks to wait for 7200 seconds")


class TestALine:
    def test_is_sent_again_when_it_surely_did_not_run(self, sandbox: Sandbox, tmp_path: Path) -> None:
        for fault in ("429; retry-after-ms=5", "503; retry-after-ms=5", "429; retry-after-ms=5"):
            sandbox.fail_next(fault)
        job = write_job(tmp_path, [line("a", {"prompt": "x", "size": "16x16"})])
        summary = go(sandbox, job, tmp_path / "out")
        assert (counts(summary), sandbox.pictures_made) == ({"done": 1}, 1)
        [entry] = entries(tmp_path / "out").values()
        assert (entry.attempts, entry.error, entry.error_code) == (4, None, None)

    def test_is_failed_when_it_is_out_of_tries_and_sent_by_the_next_run(self, sandbox: Sandbox, tmp_path: Path) -> None:
        sandbox.fail_next("429; retry-after-ms=5", times=2)
        job = write_job(tmp_path, [line("a", {"prompt": "x", "size": "16x16"})])
        summary = go(sandbox, job, tmp_path / "out", tries=2)
        assert counts(summary) == {"failed": 1}
        assert "nothing gets through" in (summary.stopped or "")
        assert counts(go(sandbox, job, tmp_path / "out")) == {"done": 1}

    def test_that_may_have_run_is_repeated_only_if_that_is_asked_for(self, sandbox: Sandbox, tmp_path: Path) -> None:
        sandbox.fail_next("reset")
        job = write_job(tmp_path, [line("a", {"prompt": "x", "size": "16x16"})])
        for _ in range(2):
            summary = go(sandbox, job, tmp_path / "out")
            assert (counts(summary), sandbox.pictures_made, summary.exit_status) == ({"ambiguous": 1}, 1, 8)
            assert "1 lines may have run and may be billed" in str(summary)
        assert counts(go(sandbox, job, tmp_path / "out", repeat_ambiguous=True)) == {"done": 1}
        assert sandbox.pictures_made == 2

    def test_that_was_refused_is_never_sent_again_unless_it_is_changed(self, sandbox: Sandbox, tmp_path: Path) -> None:
        sandbox.fail_next("400; code=content_policy_violation")
        job = write_job(tmp_path, [line("a", {"prompt": "x", "size": "16x16"})])
        for _ in range(2):
            assert counts(go(sandbox, job, tmp_path / "out", repeat_ambiguous=True)) == {"refused": 1}
        write_job(tmp_path, [line("a", {"prompt": "y", "size": "16x16"})])
        assert counts(go(sandbox, job, tmp_path / "out")) == {"done": 1}
        assert list(saved_images(tmp_path / "out")) == ["a.png"]

    def test_keeps_what_cannot_be_understood_and_the_images_that_are_good(self, sandbox: Sandbox, tmp_path: Path) -> None:
        sandbox.fail_next("cut image")
        job = write_job(tmp_path, [line("a", {"prompt": "x", "size": "16x16", "n": 2})])
        assert counts(go(sandbox, job, tmp_path / "out")) == {"ambiguous": 1}
        assert list(saved_images(tmp_path / "out")) == ["a-1.png"]
        [entry] = entries(tmp_path / "out").values()
        assert [file.path for file in entry.files] == ["a-1.png"]
        [kept] = [path for path in (tmp_path / "out").iterdir() if path.suffix == ".response"]
        assert entry.error.endswith(f"; the answer is kept in {kept.name}")
        assert kept.read_bytes()
        assert counts(go(sandbox, job, tmp_path / "out", repeat_ambiguous=True)) == {"done": 1}
        assert len(saved_images(tmp_path / "out")) == 3

    def test_whose_link_cannot_be_fetched_is_fetched_by_the_next_run(
        self, sandbox: Sandbox, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        said = {"prompt": "x", "model": "dall-e-2", "size": "256x256", "response_format": "url", "n": 2}
        job = write_job(tmp_path, [line("a", said)])
        with monkeypatch.context() as patched:
            patched.setattr(downloads, "_TRIES", 1)
            patched.setattr(downloads._Download, "begin", lambda *_: (_ for _ in ()).throw(OSError("no disk")))
            assert counts(go(sandbox, job, tmp_path / "out")) == {"ambiguous": 1}
        [entry] = entries(tmp_path / "out").values()
        assert (entry.error_code, len(entry.links), entry.files) == ("DownloadError", 2, ())
        assert str(entry.links[0]).startswith("http")
        assert "http" not in repr(entry.links)
        for repeat in (False, True):
            assert counts(go(sandbox, job, tmp_path / "out", repeat_ambiguous=repeat)) == {"done": 1}
        assert (sandbox.pictures_made, list(saved_images(tmp_path / "out"))) == (2, ["a-1.png", "a-2.png"])
        [entry] = entries(tmp_path / "out").values()
        assert (entry.links, entry.error) == ((), None)

    def test_whose_file_is_gone_is_failed(self, sandbox: Sandbox, tmp_path: Path, draw: DrawPicture) -> None:
        (tmp_path / "1.png").write_bytes(draw())
        job = write_job(tmp_path, [line("a", {"image": "1.png", "prompt": "x"}, EDITS)])
        server = RawServer(reply(b"{}", status=429, retry_after_ms="5"))
        with server:
            assert counts(go(server, job, tmp_path / "out", tries=1)) == {"failed": 1}
        (tmp_path / "1.png").unlink()
        with pytest.raises(InvalidRequestError, match=r"line 1 \(a\), image can't be read"):
            go(sandbox, job, tmp_path / "out")
        (tmp_path / "1.png").write_bytes(draw())
        assert counts(go(sandbox, job, tmp_path / "out")) == {"done": 1}


class TestAJobThatChanges:
    def test_between_runs_has_new_lines_and_loses_nothing(self, server: CountingServer, tmp_path: Path) -> None:
        job = write_job(tmp_path, 4)
        assert go(server, job, tmp_path / "out").is_complete
        texts = job.read_text().splitlines(keepends=True)
        write_job(tmp_path, [texts[3], line("0", {"prompt": "another"}), line("new", {"prompt": "new"}), texts[1]])
        assert counts(go(server, job, tmp_path / "out")) == {"done": 4}
        assert server.made == {"image 0": 1, "image 1": 1, "image 2": 1, "image 3": 1, "another": 1, "new": 1}
        images = saved_images(tmp_path / "out")
        assert len(images) == 6
        assert images["0.png"] == image_of("image 0")
        assert images[entries(tmp_path / "out")["0"].files[0].path] == image_of("another")

    def test_while_it_runs_is_told_before_a_wrong_line_is_sent(self, server: CountingServer, tmp_path: Path) -> None:
        job = write_job(tmp_path, 3000)

        def report(_: Progress) -> None:
            job.write_text(line("0", {"prompt": "something else, and longer than it was"}) * 4000)

        server.latency = 0.05
        with pytest.raises(InvalidRequestError, match=r"the job has changed while it was run, at line .*; run it again"):
            go(server, job, tmp_path / "out", report=report, concurrency=2)
        assert "something else, and longer than it was" not in server.made
        assert len(saved_images(tmp_path / "out")) == sum(server.made.values())

    def test_is_refused_whole_if_a_line_is(self, server: CountingServer, tmp_path: Path) -> None:
        job = write_job(tmp_path, 2)
        go(server, job, tmp_path / "out", max_images=1)
        write_job(tmp_path, [*job.read_text().splitlines(keepends=True), line("2", {"promt": "x"})])
        problems: list[object] = []
        with pytest.raises(InvalidRequestError, match=r"line 3 \(2\), promt is no parameter") as caught:
            go(server, job, tmp_path / "out", refusal=problems.append)
        assert list(caught.value.problems) == problems
        assert list(entries(tmp_path / "out")) == ["0", "1"]
        assert sum(server.made.values()) == 1


class TestADryRun:
    def test_tells_what_there_is_to_do_and_leaves_no_trace(self, server: CountingServer, tmp_path: Path) -> None:
        job = write_job(tmp_path, 4)
        summary = go(server, job, tmp_path / "out", dry_run=True)
        assert (counts(summary), summary.left, summary.images) == ({"pending": 4}, 4, 0)
        assert not (tmp_path / "out").exists()
        go(server, job, tmp_path / "out", max_images=1)
        before = saved_images(tmp_path / "out")
        summary = go(server, job, tmp_path / "out", dry_run=True)
        assert (counts(summary), summary.left, summary.images) == ({"done": 1, "pending": 3}, 3, 1)
        assert saved_images(tmp_path / "out") == before
        assert counts(go(server, job, tmp_path / "out", max_images=1)) == {"done": 2, "pending": 2}
        assert sum(server.made.values()) == 2

    def test_refuses_what_a_run_refuses(self, server: CountingServer, tmp_path: Path) -> None:
        job = write_job(tmp_path, [line("a", {"prompt": "x", "n": 99})])
        with pytest.raises(InvalidRequestError, match=r"line 1 \(a\), n must be at most"):
            go(server, job, tmp_path / "out", dry_run=True)


class TestTheFolder:
    def test_keeps_what_is_not_ours(self, server: CountingServer, tmp_path: Path) -> None:
        out = tmp_path / "out"
        out.mkdir()
        (out / "0.png").write_bytes(b"mine")
        (out / "notes.txt").write_bytes(b"mine, too")
        assert go(server, write_job(tmp_path, 2), out).is_complete
        assert (out / "0.png").read_bytes() == b"mine"
        [file] = entries(out)["0"].files
        assert file.path != "0.png"
        assert (out / file.path).read_bytes() == image_of("image 0")

    def test_has_one_run_at_once(self, server: CountingServer, tmp_path: Path) -> None:
        job = write_job(tmp_path, 1)
        with Journal(tmp_path / "out"), pytest.raises(InvalidRequestError, match="is used by another run"):
            go(server, job, tmp_path / "out")
        assert server.made == {}

    def test_is_where_nothing_is_sent_if_it_cannot_be_made(self, server: CountingServer, tmp_path: Path) -> None:
        (tmp_path / "file").touch()
        with pytest.raises(OSError, match="file"):
            go(server, write_job(tmp_path, 1), tmp_path / "file" / "out")
        assert server.made == {}

    def test_is_where_nothing_is_sent_if_the_journal_cannot_be_read(self, server: CountingServer, tmp_path: Path) -> None:
        job = write_job(tmp_path, 1)
        go(server, job, tmp_path / "out")
        (tmp_path / "out" / "journal.sqlite").write_bytes(b"x" * 10_000)
        with pytest.raises(InvalidRequestError, match="nothing was sent; bring back a copy of it"):
            go(server, job, tmp_path / "out")
        assert server.made == {"image 0": 1}


def test_an_interrupted_run_tells_what_may_be_billed(server: CountingServer, tmp_path: Path) -> None:
    """As a task of an event loop; `tests/support/bulk_drills.py` does it with a signal."""
    server.latency = 60
    job = write_job(tmp_path, 9)

    async def interrupted() -> None:
        async with AsyncImagesClient(base_url=server.base_url) as client:
            task = asyncio.create_task(arun(job, tmp_path / "out", client=client, concurrency=3, grace=0))
            await asyncio.to_thread(wait_until, lambda: len(server.made) == 3)
            task.cancel()
            with pytest.raises(asyncio.CancelledError):
                await task

    begun = time.monotonic()
    asyncio.run(interrupted())
    assert time.monotonic() - begun < 30
    states = assert_sound(tmp_path / "out", server.made)
    assert sorted(states.values()) == ["ambiguous"] * 3 + ["pending"] * 6
    [entry, *_] = entries(tmp_path / "out").values()
    assert (entry.error_code, entry.error) == ("interrupted", "interrupted before the answer came; it may be billed")
    server.latency = 0
    assert counts(go(server, job, tmp_path / "out", names=DEFAULT)) == {"done": 6, "ambiguous": 3}
