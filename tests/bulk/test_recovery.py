"""What a crash leaves between two steps, and what the next run makes of it; `bulk_drills.py` has the crashes themselves."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from bulk_jobs import saved_images
from counting_server import image_of

from images_api import GeneratedImage
from images_api.bulk import Entry, Journal, State
from images_api.bulk._saving import Store

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

DIGEST = "0" * 32


@pytest.fixture
def journal(tmp_path: Path) -> Iterator[Journal]:
    with Journal(tmp_path) as journal:
        yield journal


@pytest.fixture
def store(journal: Journal) -> Iterator[Store]:
    store = Store(journal.folder)
    yield store
    store.close()


def entry(state: State = State.SENDING, images: int = 2) -> Entry:
    return Entry("a", DIGEST, 1, state=state, images=images, name="a-{index}.{ext}", attempts=1)


def images(*indexes: int, content: bytes | None = None) -> list[GeneratedImage]:
    return [GeneratedImage(content or image_of("x", index), index=index) for index in indexes]


def recovered(store: Store, journal: Journal) -> Entry:
    store.recover(journal)
    [found] = journal.entries()
    return found


class TestRecovery:
    def test_finds_a_line_done_whose_answer_was_written_whole(self, store: Store, journal: Journal) -> None:
        journal.record([entry()])
        store.write(entry(), images(0, 1), 2)
        found = recovered(store, journal)
        assert (found.state, [file.path for file in found.files]) == (State.DONE, ["a-1.png", "a-2.png"])
        assert saved_images(journal.folder) == {"a-1.png": image_of("x", 0), "a-2.png": image_of("x", 1)}

    def test_saves_a_part_of_an_answer_and_leaves_the_line_open(self, store: Store, journal: Journal) -> None:
        journal.record([entry()])
        store.write(entry(), images(1), 2)
        found = recovered(store, journal)
        assert (found.state, [file.path for file in found.files]) == (State.SENDING, ["a-2.png"])
        assert list(saved_images(journal.folder)) == ["a-2.png"]

    def test_gives_names_that_the_journal_knows(self, store: Store, journal: Journal) -> None:
        journal.record([store.write(entry(State.DONE), images(0, 1), 2)])
        store.publish(next(journal.entries()), images(0, 1)[:0], 2)
        assert recovered(store, journal).state == State.DONE
        assert list(saved_images(journal.folder)) == ["a-1.png", "a-2.png"]

    def test_tells_images_apart_that_are_alike(self, store: Store, journal: Journal) -> None:
        same = images(0, 1, content=image_of("same"))
        journal.record([store.write(entry(State.DONE), same, 2)])
        recovered(store, journal)
        assert saved_images(journal.folder) == {"a-1.png": image_of("same"), "a-2.png": image_of("same")}

    def test_removes_what_is_half_written_and_nothing_else(self, store: Store, journal: Journal) -> None:
        journal.record([entry()])
        store.write(entry(), images(0, 1), 2)
        [half, _] = sorted(store.temporary.iterdir())
        half.write_bytes(half.read_bytes()[:-1])
        (store.temporary / "notes.txt").touch()
        other = Entry("b", "1" * 32, name="b.{ext}")
        store.write(other, images(0), 1)
        assert recovered(store, journal).state == State.SENDING
        # Another journal's image, a stranger's file, and one image of two.
        assert {path.name[0] for path in store.temporary.iterdir()} == {"n", "1"}
        assert [path.name for path in journal.folder.glob("*.png")] == [recovered(store, journal).files[0].path]

    def test_removes_a_copy_of_what_is_saved(self, store: Store, journal: Journal) -> None:
        done = store.write(entry(State.DONE), images(0, 1), 2)
        journal.record([done])
        store.publish(done, images(0, 1), 2)
        store.write(entry(), images(0, 1), 2)
        store.sync()
        recovered(store, journal)
        assert list(store.temporary.iterdir()) == []
        assert len(saved_images(journal.folder)) == 2
        store.close()
        assert not store.temporary.exists()

    def test_takes_up_what_was_rescued(self, store: Store, journal: Journal) -> None:
        journal.record([entry(State.AMBIGUOUS)])
        folder = store.rescue(entry(), images(0), 2)
        assert store.rescue(entry(), images(1), 2) == folder
        for path in folder.iterdir():
            path.rename(store.temporary / path.name)
        folder.rmdir()
        assert recovered(store, journal).state == State.DONE

    def test_leaves_a_line_open_that_has_links(self, store: Store, journal: Journal) -> None:
        linked = entry(State.AMBIGUOUS)._replace(links=("", "http://x.test/1"))
        journal.record([store.write(linked, images(0), 2)])
        assert recovered(store, journal).state == State.AMBIGUOUS
        assert list(saved_images(journal.folder)) == ["a-1.png"]


class TestNames:
    def test_never_replace_a_file(self, store: Store, journal: Journal) -> None:
        names = []
        for _ in range(3):
            written = store.write(entry(), images(0), 1)
            store.publish(written, images(0), 1)
            names += [file.path for file in written.files]
        assert names == ["a-1.png", f"a-1-{DIGEST[:12]}-1.png", f"a-1-{DIGEST[:12]}-2.png"]
        assert list(saved_images(journal.folder)) == sorted(names)

    def test_of_an_answer_that_is_kept_come_from_the_lines_own(self, store: Store) -> None:
        one = entry(images=1)._replace(name="b/a.{ext}")
        assert store.keep(one, b"?") == "b/a.response"
        assert store.keep(one, b"?") == f"b/a-{DIGEST[:12]}-1.response"
        assert (store.folder / "b" / "a.response").read_bytes() == b"?"

    def test_without_a_line_are_numbers(self, store: Store) -> None:
        assert [file.path for file in store.write(Entry("a", DIGEST), images(0), 1).files] == ["1.png"]
