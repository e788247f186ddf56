"""What is noted and saved in a run, by one thread: whatever waits goes to the disk together, so that a sync is shared.

A group's images are written and synced, then the journal takes all of the group in one transaction, then the images are renamed:
see `_saving` for what a crash leaves between two of these. Nothing is told to be noted before it is on disk.
"""

from __future__ import annotations

import shutil
from contextlib import suppress
from queue import Empty, SimpleQueue
from threading import Thread
from typing import TYPE_CHECKING, NamedTuple

from images_api._messages import short

from ._journal import Entry, State
from ._work import Answer, kept

if TYPE_CHECKING:
    from asyncio import AbstractEventLoop, Future
    from collections.abc import Callable, Sequence

    from ._journal import Journal
    from ._saving import Store

# What is left free on the disk, for the answers that are on their way; or twice what they may hold, if that is more.
_RESERVE = 64 << 20


class _Note(NamedTuple):
    """What is to be noted of a line.

    Attributes:
        before: What the journal says of it so far.
        entry: What it is to say.
        answer: Its answer, whose images are to be saved first; None where there is none.
        future: Takes the entry as it is noted; None where it couldn't be.
    """

    before: State
    entry: Entry
    answer: Answer | None
    future: Future[Entry | None]


class Recorder:
    """Notes and saves what becomes of lines, in a thread, for one event loop.

    Args:
        journal: The journal.
        store: The folder's files.
        loop: The event loop.
        concurrency: How many answers may be on their way.
        noted: Is called in the loop with each line that is noted, and the state in which it was before.
        failed: Is called in the loop with what keeps lines from being noted or saved, in words.
    """

    def __init__(
        self,
        journal: Journal,
        store: Store,
        loop: AbstractEventLoop,
        *,
        concurrency: int,
        noted: Callable[[State, Entry], None],
        failed: Callable[[str], None],
    ) -> None:
        self._journal, self._store, self._loop = journal, store, loop
        self._concurrency, self._noted, self._failed = concurrency, noted, failed
        self._largest = 0
        self._notes: SimpleQueue[_Note | None] = SimpleQueue()
        self._thread = Thread(target=self._run, name="images-bulk", daemon=True)
        self._thread.start()

    def put(self, before: State, entry: Entry, answer: Answer | None = None) -> Future[Entry | None]:
        """Let something be noted, after all that was put before; nobody need wait for it.

        Args:
            before: What the journal says of the line so far.
            entry: What it is to say.
            answer: Its answer, whose images are saved first.

        Returns:
            What takes the entry once it is on disk; None where it can't be noted.
        """
        future: Future[Entry | None] = self._loop.create_future()
        self._notes.put(_Note(before, entry, answer, future))
        return future

    def room(self) -> str:
        """Say that the disk has too little room for what is on its way, if that is so."""
        free = shutil.disk_usage(self._store.folder).free
        needed = max(_RESERVE, 2 * self._concurrency * self._largest)
        return "" if free > needed else f"the disk has only {free >> 20} MiB left for images in {self._store.folder}"

    def close(self) -> None:
        """Return once all that was put is on disk."""
        self._notes.put(None)
        self._thread.join()

    def _run(self) -> None:
        goes_on = True
        while goes_on:
            group = [self._notes.get()]
            with suppress(Empty):
                while True:
                    group.append(self._notes.get_nowait())
            goes_on = None not in group
            notes = [note for note in group if note is not None]
            entries: Sequence[Entry | None]
            try:
                entries, fault = self._record(notes)
            except BaseException as error:  # noqa: BLE001  whatever it is, nobody may wait for ever
                entries, fault = [None] * len(notes), f"{type(error).__name__}: {short(error)}"
            with suppress(RuntimeError):  # the loop was closed, after a second interrupt
                self._loop.call_soon_threadsafe(self._tell, notes, entries, fault)

    def _record(self, notes: list[_Note]) -> tuple[Sequence[Entry | None], str]:
        """Return what is noted of each line, and what went wrong."""
        fault = ""
        entries: list[Entry] = []
        for note in notes:
            entry, why = self._written(note)
            entries.append(entry)
            fault = fault or why
        answers = [note.answer for note in notes if note.answer and note.answer.images]
        try:
            if answers:
                self._store.sync()
            self._journal.record(entries)
        except OSError as error:
            where = [self._rescued(note) for note in notes if note.answer and note.answer.images]
            return [None] * len(notes), f"{short(error)}{where[0] if where else ''}"
        for note, entry in zip(notes, entries, strict=True):
            if note.answer and not fault:
                try:
                    self._store.publish(entry, note.answer.images, note.answer.total)
                except OSError as error:
                    fault = f"{short(error)}; the next run gives the images that are saved their names"
        return entries, fault or (self.room() if answers else "")

    def _written(self, note: _Note) -> tuple[Entry, str]:
        """Write a line's images, and return its entry, and what went wrong."""
        if note.answer is None:
            return note.entry, ""
        try:
            entry = self._store.write(kept(self._store, note.entry, note.answer), note.answer.images, note.answer.total)
        except OSError as error:
            why = f"{short(error)}{self._rescued(note)}"
            return note.entry._replace(state=State.AMBIGUOUS, error_code=type(error).__name__, error=why), why
        self._largest = max([self._largest, *(file.size for file in entry.files)])
        return entry, ""

    def _rescued(self, note: _Note) -> str:
        """Put a line's images where there is room, and say where."""
        answer = note.answer
        if answer is None or not answer.images:
            return ""
        try:
            folder = self._store.rescue(note.entry, answer.images, answer.total)
        except OSError as error:
            return f"; its images could not be kept elsewhere either ({short(error)})"
        return f"; what came meanwhile is kept in {folder}: move it into {self._store.temporary}, and run again"

    def _tell(self, notes: list[_Note], entries: Sequence[Entry | None], fault: str) -> None:
        if fault:
            self._failed(fault)
        for note, entry in zip(notes, entries, strict=True):
            if entry is not None:
                self._noted(note.before, entry)
            if not note.future.done():
                note.future.set_result(entry)
