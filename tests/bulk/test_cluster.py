from __future__ import annotations

import asyncio
import pickle
import subprocess
import sys
import threading
import time
from contextlib import contextmanager
from functools import partial
from queue import Empty, SimpleQueue
from typing import TYPE_CHECKING, Any

import pytest
from bulk_jobs import MODEL, assert_sound, line, write_job
from counting_server import CountingServer
from platforms import needs_dask, needs_posix
from waiting import wait_until

from images_api import AsyncImagesClient, ImagesClient, InvalidRequestError
from images_api.bulk import Journal, Line, State, _cluster, _running, arun, make_lines, run
from images_api.bulk._chunk import Chunk, Made, Orders, make_chunk, pickled
from images_api.bulk._cluster import LostWorker
from images_api.bulk._journal import GIVEN, Entry, SavedFile
from images_api.bulk._places import Bucket, Folder, local, place_of
from images_api.bulk._records import Records, combined, entries_of, journal_of, parsed, written
from images_api.sandbox import Sandbox

if TYPE_CHECKING:
    from collections.abc import Callable, Generator, Iterator
    from pathlib import Path

    from images_api.bulk import Progress

ENTRY = Entry("cat", "d" * 32, 1, state=State.SENDING, attempts=1, name="cat.{ext}")


@pytest.fixture
def server() -> Iterator[CountingServer]:
    with CountingServer() as server:
        yield server


@pytest.fixture
def client(server: CountingServer) -> ImagesClient:
    return ImagesClient(base_url=server.base_url)


@pytest.fixture(params=["folder", pytest.param("bucket", marks=needs_dask)])
def place(request: pytest.FixtureRequest, tmp_path: Path) -> Folder | Bucket:
    return another(request.param, tmp_path)


def another(kind: str, folder: Path, token: str = "one") -> Folder | Bucket:  # noqa: S107  no secret
    return Folder(folder, token) if kind == "folder" else Bucket(f"memory://{folder}")


class Workers:
    """Workers in threads, of which some are lost.

    Args:
        names: What they are called.
        loses: The chunk, counted as they are given, whose worker is lost, before or after it is made, or without a word.
    """

    grace = None

    def __init__(self, *names: str, loses: dict[int, str] | None = None) -> None:
        self.names, self.loses = list(names), loses or {}
        self.queue: SimpleQueue[object] = SimpleQueue()
        self.chunks: list[tuple[str, Chunk]] = []
        self.threads: list[threading.Thread] = []
        self.most = 0
        self.results: dict[int, Made | BaseException] = {}

    def workers(self) -> list[str]:
        return self.names

    def give(self, worker: str, orders: Orders, chunk: Chunk) -> object:
        orders, chunk = pickle.loads(pickle.dumps((orders, chunk)))  # noqa: S301  our own
        self.chunks.append((worker, chunk))
        number = len(self.chunks)
        thread = threading.Thread(target=self.work, args=(number, worker, orders, chunk))
        self.threads.append(thread)
        thread.start()
        return number

    def work(self, number: int, worker: str, orders: Orders, chunk: Chunk) -> None:
        fate = self.loses.get(number, "")
        if fate == "without a word":
            self.names.remove(worker)
            return
        if fate != "before":
            try:
                self.results[number] = make_chunk(orders, chunk)
            except BaseException as error:  # noqa: BLE001  told to the driver
                self.results[number] = error
        if fate:
            self.results[number] = LostWorker()
        self.queue.put(number)

    def ended(self, seconds: float) -> object | None:
        try:
            return self.queue.get(timeout=seconds)
        except Empty:
            return None

    def made(self, given: Any) -> Made:
        result = self.results[given]
        if isinstance(result, BaseException):
            raise result
        return result

    def forget(self, given: Any) -> None:
        pass


@pytest.fixture
def use(monkeypatch: pytest.MonkeyPatch) -> Callable[[Workers], Workers]:
    """Let these workers stand for those of a scheduler."""

    def use(workers: Workers) -> Workers:
        @contextmanager
        def fleet(scheduler: object, grace: float) -> Generator[Workers]:
            yield workers
            for thread in workers.threads:
                thread.join()

        monkeypatch.setattr(_running, "fleet_of", fleet)
        return workers

    return use


SCHEDULER: Any = object()


class TestARecord:
    def test_is_claimed_by_one_alone(self, place: Folder | Bucket) -> None:
        assert Records(place, "a").claim(ENTRY) == (ENTRY, True)
        found, is_ours = Records(place, "b").claim(ENTRY)
        assert (found.state, found.error_code, is_ours) == (State.AMBIGUOUS, "lost", False)

    def test_is_claimed_by_one_of_many_at_once(self, place: Folder | Bucket) -> None:
        ours: list[bool] = []
        barrier = threading.Barrier(8)

        def claim(number: int) -> None:
            barrier.wait()
            ours.append(Records(place, f"{number}").claim(ENTRY)[1])

        threads = [threading.Thread(target=claim, args=(number,)) for number in range(8)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert sorted(ours) == [False] * 7 + [True]

    def test_is_ours_where_the_store_did_not_get_through_with_saying_so(self, place: Folder | Bucket) -> None:
        Records(place, "a").claim(ENTRY)
        assert Records(place, "a").claim(ENTRY) == (ENTRY, True)

    @pytest.mark.parametrize("state", [State.FAILED, State.PENDING])
    def test_is_followed_by_another_where_the_line_surely_did_not_run(self, place: Folder | Bucket, state: State) -> None:
        first = Records(place, "a")
        first.claim(ENTRY)
        first.note(ENTRY._replace(state=state))
        again = ENTRY._replace(attempts=2)
        assert Records(place, "b").claim(ENTRY) == (again, True)
        # The first one, should it live on, and the third find that.
        assert first.claim(again)[0].state == State.AMBIGUOUS
        assert Records(place, "c").claim(ENTRY)[0].state == State.AMBIGUOUS

    @pytest.mark.parametrize("state", [State.REFUSED, State.AMBIGUOUS, State.DONE])
    def test_says_what_became_of_the_line(self, place: Folder | Bucket, state: State) -> None:
        noted = ENTRY._replace(state=state, request_id="r", error="why", usage={"total_tokens": 1})
        Records(place, "a").note(noted)
        found, is_ours = Records(place, "b").claim(ENTRY._replace(offset=7))
        assert (found._replace(updated=0), is_ours) == (noted._replace(offset=7), False)

    def test_that_was_cut_while_it_was_written_counts_as_sending(self, place: Folder | Bucket) -> None:
        Records(place, "a").claim(ENTRY)
        [folder] = place.names("lines")
        [name] = place.names(folder)
        for content in (b"", written(ENTRY)[:40], b"[]"):
            place.replace(name, content)
            assert Records(place, "b").claim(ENTRY)[0].state == State.AMBIGUOUS

    def test_of_a_line_that_is_done_counts_only_with_its_images(self, place: Folder | Bucket) -> None:
        done = ENTRY._replace(state=State.DONE, files=(SavedFile("cat.png", "0" * 64, 3),))
        Records(place, "a").note(done)
        assert Records(place, "b").claim(ENTRY)[0].state == State.AMBIGUOUS
        place.replace("../cat.png", b"cat")
        assert Records(place, "b").claim(ENTRY)[0].files == done.files

    def test_of_the_owner_counts_for_more_than_what_others_guess(self) -> None:
        guess = ENTRY._replace(state=State.AMBIGUOUS, error_code="lost")
        said = ENTRY._replace(state=State.FAILED, error_code="x")
        assert combined(guess, said).state == combined(said, guess).state == State.FAILED
        assert combined(ENTRY._replace(error_code=GIVEN, attempts=5), said).state == State.FAILED

    def test_of_an_image_that_is_made_stays(self) -> None:
        files = tuple(SavedFile(name, name * 64, 1) for name in "ab")
        first = ENTRY._replace(state=State.DONE, files=files[:1])
        later = ENTRY._replace(state=State.AMBIGUOUS, attempts=2)
        assert combined(first, later).state == State.DONE
        both = combined(first, later._replace(state=State.DONE, files=files[1:]))
        assert (both.files, both.attempts) == (files, 2)

    def test_survives_writing(self) -> None:
        full = Entry("é", "d", 1, 2, State.DONE, 3, "r", (SavedFile("a.png", "0", 1),), {"t": {"x": 1}}, "c", "e", "s", 4.0, 5)
        full = full._replace(name="n", links=("http://x/1",), cost=0.5)
        assert parsed(written(full, "t")) == full
        assert list(entries_of(journal_of([full, ENTRY]) + b'{"custom_id":')) == [full, ENTRY]
        assert "http" not in repr(parsed(written(full)))


class TestAFolder:
    def test_may_be_tidied_by_another_while_its_owner_lives(
        self, tmp_path: Path, client: ImagesClient, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        line_ = Line("cat", "createImage", {**MODEL, "prompt": "image cat"})
        entry = Entry("cat", line_.digest, state=State.SENDING, attempts=1, name="cat.{ext}")
        publish = Folder.publish
        begun: list[Entry] = []
        looks: list[Entry] = []

        def late(self: Folder, *arguments: Any) -> None:
            if not begun:
                begun.append(entry)
                looks.append(Records(Folder(tmp_path, "other"), "other").claim(entry)[0])
            publish(self, *arguments)

        note = Records.note

        def late_note(self: Records, noted: Entry) -> None:
            if not begun and noted.state == State.DONE:
                begun.append(noted)
                looks.append(Records(Folder(tmp_path, "other"), "other").claim(entry)[0])
            note(self, noted)

        for name, owner, patched in (("publish", Folder, late), ("note", Records, late_note)):
            with monkeypatch.context() as patch:
                patch.setattr(owner, name, patched)
                [made] = make_lines(client, [line_], tmp_path)
            assert (made.state, looks[0].state) == (State.DONE, State.DONE)
            assert looks[0].files == made.files
            assert [path.name for path in tmp_path.glob("*.png")] == ["cat.png"]
            for path in tmp_path.rglob("*.*"):
                if path.is_file():
                    path.unlink()
            begun.clear()
            looks.clear()


class TestAPlace:
    def test_keeps_files_by_name(self, place: Folder | Bucket) -> None:
        assert (place.read("stops/x"), place.names("stops")) == (None, [])
        assert place.create("stops/x", b"1")
        assert not place.create("stops/x", b"2")
        assert (place.read("stops/x"), place.names("stops")) == (b"1", ["stops/x"])
        place.replace("stops/x", b"3")
        assert place.read("stops/x") == b"3"
        place.remove("stops/x")
        place.remove("stops/x")
        assert place.names("stops") == []

    @needs_dask
    def test_must_be_one_that_refuses_to_write_over_an_object(self) -> None:
        import fsspec

        base: Any = fsspec.AbstractFileSystem

        class Naive(base):  # type: ignore[misc]
            protocol = "naive"

        fsspec.register_implementation("naive", Naive, clobber=True)
        with pytest.raises(InvalidRequestError, match="must be a store that can refuse to write over an object") as caught:
            place_of("naive://user:secret@127.0.0.1/cats", "t")
        assert "secret" not in str(caught.value)

    @needs_dask
    @pytest.mark.parametrize("url", ["nonsense://x/y", "://x"])
    def test_must_be_one_that_is_known(self, url: str) -> None:
        with pytest.raises((InvalidRequestError, ImportError)):
            place_of(url, "t")

    @needs_dask
    def test_is_local_behind_a_file_url(self, tmp_path: Path) -> None:
        assert local(f"file://{tmp_path}") == tmp_path
        assert local(tmp_path) == tmp_path
        assert local("memory://x") is None

    @needs_dask
    def test_lets_every_error_be_an_os_error(self, monkeypatch: pytest.MonkeyPatch) -> None:
        bucket = Bucket("memory://x")
        monkeypatch.setattr(bucket._files, "cat_file", lambda _: 1 / 0)
        with pytest.raises(OSError, match="memory://x can't be used: ZeroDivisionError"):
            bucket.read("x")


class TestWorkers:
    def test_share_a_job(self, tmp_path: Path, server: CountingServer, client: ImagesClient, use: Any) -> None:
        fleet = use(Workers("a", "b"))
        reports: list[Progress] = []
        job = write_job(tmp_path, 25)
        summary = run(job, tmp_path / "out", client=client, scheduler=SCHEDULER, chunk=4, report=reports.append, interval=0.01)
        assert (summary.exit_status, summary.usage["total_tokens"]) == (0, 200)
        assert set(assert_sound(tmp_path / "out", server.made).values()) == {State.DONE}
        assert [len(chunk.lines) for _, chunk in fleet.chunks] == [4] * 6 + [1]
        assert {worker for worker, _ in fleet.chunks} == {"a", "b"}
        assert (reports[-1].images, reports[-1].counts[State.DONE]) == (25, 25)
        assert not list((tmp_path / "out" / ".images-api" / "journals").iterdir())

    @pytest.mark.parametrize("fate", ["before", "after", "without a word"])
    def test_that_are_lost_pay_nothing_twice(
        self, tmp_path: Path, server: CountingServer, client: ImagesClient, use: Any, fate: str
    ) -> None:
        use(Workers("a", "b", "c", loses={2: fate, 4: fate}))
        summary = run(write_job(tmp_path, 25), tmp_path / "out", client=client, scheduler=SCHEDULER, chunk=4)
        assert summary.is_complete
        assert_sound(tmp_path / "out", server.made)

    def test_may_have_the_same_lines_at_once(self, tmp_path: Path, server: CountingServer, client: ImagesClient) -> None:
        orders = Orders("r", pickled(client), str(tmp_path / "out"), None, 3, 1)
        lines = tuple(Line(f"{number}", "createImage", {**MODEL, "prompt": f"image {number}"}) for number in range(20))
        entries = tuple(Entry(each.custom_id, each.digest, name=f"{each.custom_id}.{{ext}}") for each in lines)
        server.latency = 0.02
        (tmp_path / "out").mkdir()
        threads = [
            threading.Thread(target=make_chunk, args=(orders, Chunk(number, entries[::step], lines[::step])))
            for number, step in enumerate((1, -1, 1, -1))
        ]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert set(server.made.values()) == {1}
        job = write_job(tmp_path, 20)
        assert run(job, tmp_path / "out", client=client).is_complete
        assert set(server.made.values()) == {1}

    def test_have_their_shares_of_the_rate(self, tmp_path: Path, client: ImagesClient, use: Any) -> None:
        fleet = use(Workers("a", "b"))
        job = write_job(tmp_path, 12)
        run(job, tmp_path / "out", client=client, scheduler=SCHEDULER, chunk=3, images_per_minute=6000)
        assert {chunk.images_per_minute for _, chunk in fleet.chunks} == {3000.0}

    def test_that_come_later_wait_for_their_share(
        self, tmp_path: Path, server: CountingServer, client: ImagesClient, use: Any
    ) -> None:
        fleet = use(Workers("a"))
        server.hold.clear()
        job = write_job(tmp_path, 8)

        def come() -> None:
            wait_until(lambda: len(fleet.chunks) == 1)
            fleet.names.append("b")
            wait_until(lambda: bool(server.made))
            server.hold.set()

        thread = threading.Thread(target=come)
        thread.start()
        run(job, tmp_path / "out", client=client, scheduler=SCHEDULER, chunk=2, images_per_minute=60_000, interval=0.01)
        thread.join()
        assert [chunk.images_per_minute for _, chunk in fleet.chunks][:2] == [60_000, 30_000]
        assert fleet.chunks[1][0] in {"a", "b"}

    def test_stop_together(self, tmp_path: Path, use: Any) -> None:
        use(Workers("a", "b"))
        job = write_job(tmp_path, 40)
        with Sandbox(any_model=True, api_key="right") as sandbox:
            client = ImagesClient(base_url=sandbox.base_url, api_key=lambda: "wrong")
            monkey = pickle_by_name(client)
            summary = run(job, tmp_path / "out", client=monkey, scheduler=SCHEDULER, chunk=5, concurrency=2)
        assert summary.stopped
        assert summary.counts[State.FAILED] + summary.counts[State.PENDING] == 40

    @pytest.mark.parametrize("limit", [{"max_images": 10}, {"deadline": 1e-9}])
    def test_are_given_no_more_than_is_allowed(
        self, tmp_path: Path, server: CountingServer, client: ImagesClient, use: Any, limit: dict[str, Any]
    ) -> None:
        use(Workers("a", "b"))
        summary = run(write_job(tmp_path, 40), tmp_path / "out", client=client, scheduler=SCHEDULER, chunk=3, **limit)
        assert (summary.stopped or "").startswith(("max_images", "the deadline"))
        assert sum(server.made.values()) == limit.get("max_images", 0)
        assert summary.counts[State.PENDING] == 40 - sum(server.made.values())

    def test_stop_after_some_failures(self, tmp_path: Path, use: Any) -> None:
        use(Workers("a"))
        job = write_job(tmp_path, (line(f"{number}", {"prompt": "x", "size": "16x16"}) for number in range(20)))
        with Sandbox(any_model=True, faults={"400; code=content_policy_violation": 1.0}, seed=1) as sandbox:
            client = ImagesClient(base_url=sandbox.base_url)
            options: dict[str, Any] = {"client": client, "scheduler": SCHEDULER, "chunk": 4, "concurrency": 1}
            summary = run(job, tmp_path / "out", max_failures=3, **options)
        assert (summary.stopped or "").startswith("max_failures, 3")
        assert (summary.counts[State.REFUSED], summary.counts[State.PENDING]) == (3, 17)

    def test_that_are_all_lost_stop_the_run(self, tmp_path: Path, server: CountingServer, client: ImagesClient, use: Any) -> None:
        use(Workers("a", loses=dict.fromkeys(range(100), "before")))
        summary = run(write_job(tmp_path, 4), tmp_path / "out", client=client, scheduler=SCHEDULER)
        assert (summary.stopped or "").startswith("10 workers in a row were lost")
        assert not server.made
        # One that was taken for lost may still live, so that nobody may say that nothing was sent.
        assert summary.counts[State.SENDING] == 4
        use(Workers("a"))
        assert run(tmp_path / "job.jsonl", tmp_path / "out", client=client, scheduler=SCHEDULER).is_complete
        assert set(server.made.values()) == {1}

    def test_that_never_come_stop_the_run(
        self, tmp_path: Path, client: ImagesClient, use: Any, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(_cluster, "_EMPTY", 0.05)
        monkeypatch.setattr(_cluster, "_LOOKS", 0.02)
        use(Workers())
        summary = run(write_job(tmp_path, 4), tmp_path / "out", client=client, scheduler=SCHEDULER)
        assert (summary.stopped, summary.counts[State.PENDING]) == ("there has been no worker for 0.05 s", 4)

    def test_that_fail_stop_the_run_and_lose_nothing(
        self, tmp_path: Path, server: CountingServer, client: ImagesClient, use: Any, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        use(Workers("a"))
        with monkeypatch.context() as patch:
            patch.setattr(Folder, "replace", fails_for(Folder.replace, "journals/"))
            summary = run(write_job(tmp_path, 6), tmp_path / "out", client=client, scheduler=SCHEDULER, chunk=3)
        assert (summary.stopped or "").startswith("a worker failed: OSError: no journals/")
        assert (summary.counts[State.DONE], summary.counts[State.PENDING]) == (3, 3)
        assert run(tmp_path / "job.jsonl", tmp_path / "out", client=client, scheduler=SCHEDULER).is_complete
        assert set(server.made.values()) == {1}

    def test_that_can_not_save_keep_what_is_paid(
        self, tmp_path: Path, client: ImagesClient, use: Any, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        use(Workers("a"))
        monkeypatch.setenv("TMPDIR", str(tmp_path))
        monkeypatch.setattr("tempfile.tempdir", None)
        with monkeypatch.context() as patch:
            patch.setattr(Folder, "publish", fails_for(Folder.publish, ""))
            job = write_job(tmp_path, 3)
            summary = run(job, tmp_path / "out", client=client, scheduler=SCHEDULER, concurrency=1)
        assert "what came meanwhile is kept in" in (summary.stopped or "")
        assert summary.counts[State.AMBIGUOUS] == 1
        assert [*tmp_path.glob("images-api-rescued-*/*.png")]
        # Its whole images are found where they were written first.
        assert run(tmp_path / "job.jsonl", tmp_path / "out", client=client).is_complete

    def test_repeat_what_is_ambiguous_only_if_they_are_asked_to(
        self, tmp_path: Path, server: CountingServer, client: ImagesClient, use: Any
    ) -> None:
        job = write_job(tmp_path, 3)
        with Journal(tmp_path / "out") as journal, journal.new_job():
            pass
        fleet = use(Workers("a"))
        assert run(job, tmp_path / "out", client=client, scheduler=SCHEDULER, max_images=1).counts[State.PENDING] == 2
        with Journal(tmp_path / "out") as journal:
            [*_, last] = journal.entries()
            journal.record([last._replace(state=State.AMBIGUOUS, attempts=1)])
        assert run(job, tmp_path / "out", client=client, scheduler=SCHEDULER).counts[State.AMBIGUOUS] == 1
        assert len(fleet.chunks) == 2
        assert run(job, tmp_path / "out", client=client, scheduler=SCHEDULER, repeat_ambiguous=True).is_complete
        assert sum(server.made.values()) == 3

    @pytest.mark.parametrize("change", ["the job", "a journal"])
    def test_lose_nothing_where_a_file_is_changed_meanwhile(
        self, tmp_path: Path, server: CountingServer, use: Any, monkeypatch: pytest.MonkeyPatch, change: str
    ) -> None:
        client = ImagesClient(base_url=server.base_url)
        use(Workers("a"))
        # More than any Python reads ahead.
        lines = [line(f"{number}", {"prompt": f"image {number}", "user": "x" * 1000}) for number in range(300)]
        job = write_job(tmp_path, lines)
        made = Workers.made

        def changing(self: Workers, given: Any) -> Made:
            result = made(self, given)
            if change == "the job":
                job.write_bytes(job.read_bytes().replace(b"image", b"other"))
            else:
                (tmp_path / "out" / ".images-api" / result.journal).unlink()
            return result

        monkeypatch.setattr(Workers, "made", changing)
        run_it = partial(run, job, tmp_path / "out", client=client, scheduler=SCHEDULER, chunk=60)
        if change == "the job":
            with pytest.raises(InvalidRequestError, match="has changed while it was run, at line"):
                run_it()
            write_job(tmp_path, lines)
            monkeypatch.undo()
            use(Workers("a"))
        assert run_it().is_complete
        assert set(server.made.values()) == {1}

    def test_keep_an_interrupted_run_to_what_is_on_its_way(
        self, tmp_path: Path, server: CountingServer, client: ImagesClient, use: Any
    ) -> None:
        use(Workers("a"))
        server.hold.clear()

        def answer() -> None:
            stops = tmp_path / "out" / ".images-api" / "stops"
            wait_until(lambda: bool([*stops.glob("*")]))
            time.sleep(0.7)  # in which the worker sees it
            server.hold.set()

        async def interrupted() -> None:
            job = write_job(tmp_path, 30)
            options: dict[str, Any] = {"client": client, "scheduler": SCHEDULER, "chunk": 10, "concurrency": 2, "grace": 0.1}
            running = asyncio.create_task(arun(job, tmp_path / "out", **options))
            await asyncio.to_thread(wait_until, lambda: len(server.made) == 2)
            running.cancel()
            threading.Thread(target=answer).start()
            with pytest.raises(asyncio.CancelledError):
                await running

        asyncio.run(interrupted())
        assert sum(server.made.values()) == 2
        assert run(tmp_path / "job.jsonl", tmp_path / "out", client=client).is_complete
        assert set(server.made.values()) == {1}

    def test_are_no_use_to_a_client_that_can_not_be_sent(self, tmp_path: Path, use: Any) -> None:
        import httpx

        use(Workers("a"))
        client = AsyncImagesClient(base_url="http://127.0.0.1:1", http_client=httpx.AsyncClient())
        with pytest.raises(InvalidRequestError, match="has an http_client of its own"):
            run(write_job(tmp_path, 1), tmp_path / "out", client=client, scheduler=SCHEDULER)

    def test_must_be_those_of_dask(self, tmp_path: Path, client: ImagesClient) -> None:
        with pytest.raises(InvalidRequestError, match=r"scheduler must be a dask\.distributed\.Client"):
            run(write_job(tmp_path, 1), tmp_path / "out", client=client, scheduler=SCHEDULER)


class TestLinesAlone:
    def test_are_made_once_however_often_that_is_asked_for(
        self, tmp_path: Path, server: CountingServer, client: ImagesClient
    ) -> None:
        lines = [Line(f"{number}", "createImage", {**MODEL, "prompt": f"image {number}"}, number + 1) for number in range(5)]
        (tmp_path / "out").mkdir()
        first = make_lines(client, lines, tmp_path / "out", concurrency=2)
        assert [(entry.custom_id, entry.state) for entry in first] == [(f"{number}", State.DONE) for number in range(5)]
        again = make_lines(client, lines[::-1], tmp_path / "out")
        assert [entry.files for entry in again] == [entry.files for entry in first[::-1]]
        assert run(write_job(tmp_path, 5), tmp_path / "out", client=client).is_complete
        assert set(server.made.values()) == {1}
        assert_sound(tmp_path / "out", server.made)


@needs_dask
class TestURLs:
    def test_take_a_job_and_its_images(self, tmp_path: Path, server: CountingServer, client: ImagesClient) -> None:
        import fsspec

        memory = fsspec.filesystem("memory")
        job, into = f"memory://{tmp_path}/job.jsonl", f"memory://{tmp_path}/out"
        memory.put_file(str(write_job(tmp_path, 12)), f"{tmp_path}/job.jsonl")
        assert run(job, into, client=client, chunk=5).is_complete
        assert run(job, into, client=client, dry_run=True).is_complete
        assert len(memory.glob(f"{tmp_path}/out/*.png")) == 12
        assert memory.glob(f"{tmp_path}/out/.images-api/journals/*") == []
        # The journal that was copied there is a convenience: without it, all is found in the records.
        memory.rm(f"{tmp_path}/out/journal.sqlite")
        assert run(job, into, client=client).is_complete
        assert set(server.made.values()) == {1}

    def test_keep_to_what_every_store_can_do(self, tmp_path: Path, server: CountingServer, client: ImagesClient) -> None:
        import plain_store

        assert plain_store.PlainStore.protocol == "plain"
        assert run(write_job(tmp_path, 12), f"plain://{tmp_path}/out", client=client, chunk=5).is_complete
        assert_sound(tmp_path / "out", server.made)

    def test_may_be_those_of_files(self, tmp_path: Path, server: CountingServer, client: ImagesClient) -> None:
        write_job(tmp_path, 3)
        assert run(f"file://{tmp_path}/job.jsonl", f"file://{tmp_path}/out", client=client).is_complete
        assert_sound(tmp_path / "out", server.made)

    def test_are_interrupted_as_folders_are(self, tmp_path: Path, server: CountingServer, client: ImagesClient) -> None:
        server.hold.clear()
        job, into = write_job(tmp_path, 10), f"plain://{tmp_path}/out"

        async def interrupted() -> None:
            running = asyncio.create_task(arun(job, into, client=client, concurrency=2, grace=0.1))
            await asyncio.to_thread(wait_until, lambda: len(server.made) == 2)
            running.cancel()
            with pytest.raises(asyncio.CancelledError):
                await running

        asyncio.run(interrupted())
        server.hold.set()
        counts = run(job, into, client=client).counts
        assert (counts[State.AMBIGUOUS], counts[State.DONE]) == (2, 8)


def fails_for(method: Callable[..., Any], prefix: str) -> Callable[..., Any]:
    def failing(self: Any, name: Any, *arguments: Any) -> Any:
        if str(name).startswith(prefix):
            raise OSError(f"no {prefix}")
        return method(self, name, *arguments)

    return failing


def wrong_key() -> str:
    return "wrong"


def pickle_by_name(client: ImagesClient) -> ImagesClient:
    return ImagesClient(base_url=str(client.__getstate__().base_url), api_key=wrong_key)


def test_nothing_is_imported_that_a_run_on_one_machine_needs_not() -> None:
    names = ("dask", "distributed", "fsspec")
    code = f"import sys, images_api.bulk as b; b.run, b.make_lines; sys.exit(any(n in sys.modules for n in {names}))"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0  # noqa: S603  our own


@needs_dask
class TestDask:
    def test_runs_nothing_again_meanwhile(self, tmp_path: Path) -> None:
        from distributed import Client, LocalCluster

        with LocalCluster(n_workers=0, processes=False, dashboard_address=":0") as cluster, Client(cluster) as client:
            local: Any = cluster
            scheduler = local.scheduler
            old = scheduler.allowed_failures
            with _cluster.fleet_of(client, 0.0):
                assert scheduler.allowed_failures == 0
            assert scheduler.allowed_failures == old > 0

    def test_may_be_asynchronous(self, tmp_path: Path, server: CountingServer, client: ImagesClient) -> None:
        from distributed import Client, LocalCluster

        async def main() -> None:
            options: dict[str, Any] = {"n_workers": 2, "threads_per_worker": 1, "processes": False, "protocol": "tcp"}
            async with (
                LocalCluster(asynchronous=True, dashboard_address=":0", **options) as cluster,
                Client(cluster, asynchronous=True) as scheduler,
            ):
                job = write_job(tmp_path, 20)
                assert (await arun(job, tmp_path / "out", client=client, scheduler=scheduler, chunk=5)).is_complete

        asyncio.run(main())
        assert_sound(tmp_path / "out", server.made)


@needs_dask
@needs_posix
class TestDrills:
    def test_workers_that_are_killed_cost_nothing_twice(self, tmp_path: Path) -> None:
        import cluster_drills

        cluster_drills.workers_killed(tmp_path, lines=60, store="plain")

    def test_nor_with_faults_at_rates(self, tmp_path: Path) -> None:
        import cluster_drills

        cluster_drills.workers_killed_with_faults(tmp_path, lines=80, rate=0.04)
