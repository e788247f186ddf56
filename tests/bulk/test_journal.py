from __future__ import annotations

import multiprocessing
import os
import signal
import sqlite3
from typing import TYPE_CHECKING, Any

import pytest
from platforms import needs_posix

from images_api import InvalidRequestError
from images_api.bulk._journal import FILE, Entry, Journal, SavedFile, State

if TYPE_CHECKING:
    from pathlib import Path


def entry(custom_id: str = "cat", digest: str = "d1", **said: Any) -> Entry:
    fields: dict[str, Any] = {"number": 1, "name": f"{custom_id}.{{ext}}"} | said
    return Entry(custom_id, digest, **fields)


def take(journal: Journal, *entries: Entry) -> None:
    with journal.new_job() as job:
        for number, each in enumerate(entries, 1):
            job.add(each._replace(number=number), [each.name.lower()])


def hold(folder: Path, connection: Any) -> None:
    with Journal(folder) as journal:
        journal.record([entry()])
        connection.send(os.getpid())
        signal.pause()


class TestWhatIsNoted:
    def test_is_there_whole_after_closing(self, tmp_path: Path) -> None:
        files = (SavedFile("cat.png", "0" * 64, 7), SavedFile("cat-2.png", "1" * 64, 8))
        said: dict[str, Any] = {
            "request_id": "r",
            "files": files,
            "usage": {"total_tokens": 3},
            "error_code": "c",
            "error": "e",
            "subject": "é",
        }
        noted = entry(state=State.DONE, attempts=2, offset=5, images=2, links=("http://x/1",), cost=0.5, **said)
        with Journal(tmp_path) as journal:
            journal.record([noted])
        with Journal(tmp_path, read_only=True) as journal:
            [found] = journal.entries()
        assert found.updated > 0
        assert found._replace(updated=0) == noted

    def test_shows_no_link(self, tmp_path: Path) -> None:
        with Journal(tmp_path) as journal:
            journal.record([entry(links=("http://x/?sig=secret",))])
            assert "secret" not in repr(journal.find("cat"))

    def test_comes_in_the_jobs_order_by_states_and_pages(self, tmp_path: Path) -> None:
        states = list(State)
        with Journal(tmp_path) as journal:
            journal.record(entry(f"{number}", number=number, state=states[number % 6]) for number in reversed(range(1, 1300)))
            assert [each.number for each in journal.entries()] == list(range(1, 1300))
            done = [each.number for each in journal.entries(State.DONE, State.FAILED)]
            assert done == [number for number in range(1, 1300) if states[number % 6] in {"done", "failed"}]
            counts = journal.counts()
        assert sum(counts.values()) == 1299
        assert counts[State.DONE] == 217

    def test_of_one_time_is_all_or_nothing(self, tmp_path: Path) -> None:
        with Journal(tmp_path) as journal:
            with pytest.raises(AttributeError):
                journal.record([entry(), None])  # type: ignore[list-item]
            assert list(journal.entries()) == []

    def test_counts_every_state(self, tmp_path: Path) -> None:
        with Journal(tmp_path) as journal:
            assert journal.counts() == dict.fromkeys(State, 0)
            assert journal.most_images == 0


class TestAJob:
    def test_keeps_what_is_known_of_its_lines(self, tmp_path: Path) -> None:
        with Journal(tmp_path) as journal:
            take(journal, entry("a"), entry("b"))
            known = journal.find("a")
            assert known
            journal.record([known._replace(state=State.DONE)])
            take(journal, entry("c"), entry("a", subject="new"))
            assert [(each.custom_id, each.state, each.number) for each in journal.entries()] == [
                ("c", "pending", 1),
                ("a", "done", 2),
            ]
            assert journal.find("b") is None

    def test_knows_what_was_paid_when_a_line_comes_back(self, tmp_path: Path) -> None:
        with Journal(tmp_path) as journal:
            take(journal, entry("a"))
            [first] = journal.entries()
            journal.record([first._replace(state=State.DONE, files=(SavedFile("a.png", "0", 1),))])
            take(journal, entry("a", "d2"))
            [changed] = journal.entries()
            assert (changed.state, changed.name) == ("pending", "a-d2.{ext}")
            assert [each.state for each in journal.with_digest("d1")] == ["done"]
            take(journal, entry("a", "d1"))
            [back] = journal.entries()
            assert (back.state, back.name) == ("done", "a.{ext}")
            assert journal.find("a", "d2") is None

    @pytest.mark.parametrize("state", [State.PENDING, State.FAILED, State.REFUSED])
    def test_gives_the_name_of_a_line_without_files_to_the_changed_one(self, tmp_path: Path, state: State) -> None:
        with Journal(tmp_path) as journal:
            take(journal, entry("a"))
            [first] = journal.entries()
            journal.record([first._replace(state=state)])
            take(journal, entry("a", "d2"))
            assert [(each.name, each.state) for each in journal.entries()] == [("a.{ext}", "pending")]
            take(journal, entry("a", "d1"))
            expected = State.REFUSED if state == State.REFUSED else State.PENDING
            assert [(each.name, each.state) for each in journal.entries()] == [("a.{ext}", expected)]

    def test_takes_another_name_while_there_are_no_files(self, tmp_path: Path) -> None:
        with Journal(tmp_path) as journal:
            take(journal, entry("a"), entry("b"))
            done, _ = journal.entries()
            journal.record([done._replace(state=State.DONE)])
            take(journal, entry("a", name="other-a"), entry("b", name="other-b"))
            assert [each.name for each in journal.entries()] == ["a.{ext}", "other-b"]

    @pytest.mark.parametrize(
        ("second", "why"),
        [
            (entry("a", "d2"), "custom_id must be of one line only, and is that of line 1"),
            (entry("a"), "custom_id must be of one line only"),
            (entry("A"), "custom_id gives its file the name of line 1, a, on some systems"),
        ],
    )
    def test_refuses_what_is_there_twice_and_stays_as_it_was(self, tmp_path: Path, second: Entry, why: str) -> None:
        with Journal(tmp_path) as journal:
            take(journal, entry("before"))
            with pytest.raises(InvalidRequestError, match=why):
                take(journal, entry("a"), second)
            assert [each.custom_id for each in journal.entries()] == ["before"]
            journal.record([entry("later", number=2)])
            assert [each.custom_id for each in journal.entries()] == ["before", "later"]

    def test_has_a_name_without_an_extension(self, tmp_path: Path) -> None:
        with Journal(tmp_path) as journal:
            take(journal, entry("a", name="a"))
            journal.record(each._replace(state=State.DONE) for each in list(journal.entries()))
            take(journal, entry("a", "d2", name="a", images=3))
            assert [each.name for each in journal.entries()] == ["a-d2"]
            assert journal.most_images == 3


class TestTheFolder:
    def test_has_one_run(self, tmp_path: Path) -> None:
        with Journal(tmp_path), pytest.raises(InvalidRequestError, match="is used by another run, which must end first"):
            Journal(tmp_path)
        Journal(tmp_path).close()

    @needs_posix
    def test_is_free_when_a_run_was_killed(self, tmp_path: Path) -> None:
        context = multiprocessing.get_context("spawn")
        here, there = context.Pipe()
        process = context.Process(target=hold, args=(tmp_path, there))
        process.start()
        os.kill(here.recv(), signal.SIGKILL)
        process.join()
        with Journal(tmp_path) as journal:
            assert [each.custom_id for each in journal.entries()] == ["cat"]

    def test_can_be_looked_into_meanwhile(self, tmp_path: Path) -> None:
        with Journal(tmp_path) as journal:
            journal.record([entry()])
            with Journal(tmp_path, read_only=True) as watched:
                journal.record([entry(state=State.DONE)])
                assert watched.counts()[State.DONE] == 1

    def test_without_a_journal_has_nothing_to_look_into(self, tmp_path: Path) -> None:
        with pytest.raises(InvalidRequestError, match="the folder has no journal of a run"):
            Journal(tmp_path / "none", read_only=True)
        assert not (tmp_path / "none").exists()

    def test_that_is_a_file_is_refused(self, tmp_path: Path) -> None:
        (tmp_path / "file").touch()
        with pytest.raises(OSError, match="file"):
            Journal(tmp_path / "file")

    @needs_posix
    def test_may_be_an_archive_that_cannot_be_written(self, tmp_path: Path) -> None:
        with Journal(tmp_path) as journal:
            journal.record([entry()])
        copy = tmp_path / "copy"
        copy.mkdir()
        (copy / FILE).write_bytes((tmp_path / FILE).read_bytes())
        copy.chmod(0o500)
        with Journal(copy, read_only=True) as journal:
            assert journal.counts()[State.PENDING] == 1
        copy.chmod(0o700)


def spoil(path: Path) -> None:
    content = bytearray(path.read_bytes())
    for page in range(4096, len(content), 4096):
        content[page : page + 100] = os.urandom(100)
    path.write_bytes(content)


def make_another(path: Path) -> None:
    path.unlink()
    with sqlite3.connect(path) as connection:
        connection.execute("CREATE TABLE others (id)")
    connection.close()


def make_newer(path: Path) -> None:
    with sqlite3.connect(path) as connection:
        connection.execute("PRAGMA user_version = 99")
    connection.close()


class TestAJournalThatCannotBeRead:
    @pytest.mark.parametrize(
        ("spoilt", "why"),
        [
            (lambda path: path.write_bytes(b"no database" * 1000), "file is not a database"),
            (spoil, "can't be read"),
            (make_another, "it is no journal of images-api"),
            (make_newer, "it was made by another version of images-api"),
        ],
        ids=["no database", "spoilt pages", "another database", "newer"],
    )
    @pytest.mark.parametrize("read_only", [False, True])
    def test_is_told_and_left_as_it_is(self, tmp_path: Path, spoilt: Any, why: str, *, read_only: bool) -> None:
        with Journal(tmp_path) as journal:
            journal.record(entry(str(number), number=number) for number in range(2000))
        spoilt(tmp_path / FILE)
        content = (tmp_path / FILE).read_bytes()
        with pytest.raises(InvalidRequestError, match=why) as caught, Journal(tmp_path, read_only=read_only) as journal:
            list(journal.entries())
        assert "bring back a copy of it" in str(caught.value)
        assert (tmp_path / FILE).read_bytes() == content
