"""A job on workers: in chunks of lines, which a driver gives to the workers of a cluster, or to a thread of its own.

The driver checks the job, keeps the journal, and reads the lines; a chunk is a list of them, and what comes back is the name of a
journal. One chunk at a time is with each worker, so that its memory is that of the chunks which are on their way, and each worker
has its share of the rate: what is given of it isn't given again before its chunk is back, or its worker lost.

A line that is given to a worker is `sending` in the driver's journal, as `given`. What has become of it, its records say (see
`_records`): they are read by the next worker that takes the chunk, line by line, whether the first one was lost, or the driver
was killed and runs again. What the driver knows may thus be old, but never makes a line be paid twice.
"""

from __future__ import annotations

from collections import deque
from concurrent.futures import ThreadPoolExecutor
from contextlib import AbstractContextManager, ExitStack, suppress
from dataclasses import dataclass
from itertools import islice
from queue import Empty, SimpleQueue
from secrets import token_hex
from threading import Event
from time import monotonic
from typing import TYPE_CHECKING, Any, Protocol, Self

from images_api._messages import short
from images_api._problems import refused

from ._chunk import Chunk, Made, Orders, make_chunk, pickled
from ._journal import GIVEN, Entry, State
from ._places import JOURNALS, STOPS, place_of
from ._records import Records, combined, entries_of
from ._sending import INTERRUPTED
from ._summary import Progress

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Sequence

    from distributed import Client

    from images_api._client import AsyncImagesClient

    from ._journal import Journal
    from ._lines import Line
    from ._prices import Prices
    from ._sending import Reader

LINES = 100
# A chunk has no more bytes than that, but for a line that has more by itself: it passes through the scheduler.
_BYTES = 1 << 20
# Seconds between two looks at the workers.
_LOOKS = 0.5
# For so many seconds a chunk may wait for a worker that isn't there, before it is given to another one.
_PATIENCE = 3.0
# After so many seconds without a worker, a run stops.
_EMPTY = 60.0
# Seconds that workers may take to see that a run is interrupted.
_DRAIN = 1.5
# So many workers that are lost after each other mean that others would be, too.
_LOSSES = 10
_DRIVER = "driver"
# So many records are read at once.
_AT_ONCE = 32
_GIVEN = "given to a worker; it may be billed"
_FAILURES = frozenset({State.REFUSED, State.FAILED, State.AMBIGUOUS})


class LostWorker(Exception):  # noqa: N818  no fault of the run
    """A worker is gone, and what it did isn't known."""


class Fleet(Protocol):
    """Workers, each of which takes one chunk at a time.

    Attributes:
        grace: For how many seconds, after an interrupt, they wait for answers; None for as long as these take.
    """

    grace: float | None

    def workers(self) -> Sequence[str]:
        """Return the addresses of those that are there."""
        ...

    def give(self, worker: str, orders: Orders, chunk: Chunk) -> object:
        """Give a chunk to a worker, and return what stands for it."""
        ...

    def ended(self, seconds: float) -> object | None:
        """Wait for a chunk to end, and return what stands for it; None where none does."""
        ...

    def made(self, given: Any) -> Made:
        """Return what came of a chunk that has ended.

        Raises:
            LostWorker: Its worker is gone.
            Exception: What it raised.
        """
        ...

    def forget(self, given: Any) -> None:
        """Wait for a chunk no more."""
        ...


class Dask:
    """The workers of a Dask cluster; a context manager.

    No task is ever run again by Dask itself: not where it failed, not where its worker was lost, and not because it looks like
    another one. The scheduler's `allowed-failures` is 0 meanwhile.

    Args:
        client: A client of the cluster.
    """

    grace: float | None = None

    def __init__(self, client: Client) -> None:
        from distributed import Client

        self._stack = ExitStack()
        given: Any = client  # whose methods are coroutines or not, which no type tells
        if given.asynchronous:
            address, security = given.scheduler.address, given.security
            given = self._stack.enter_context(Client(address, security=security, set_as_default=False))
        self._client = given
        self._ended: SimpleQueue[object] = SimpleQueue()

    def workers(self) -> list[str]:
        """Return their addresses."""
        return list(self._client.nthreads())

    def give(self, worker: str, orders: Orders, chunk: Chunk) -> object:
        """Give a chunk to a worker, and to no other."""
        key = f"images-{orders.run}-{chunk.number}-{token_hex(4)}"
        future = self._client.submit(
            make_chunk, orders, chunk, key=key, workers=[worker], allow_other_workers=False, retries=0, pure=False
        )
        future.add_done_callback(self._ended.put)
        return future

    def ended(self, seconds: float) -> object | None:
        """Wait for a chunk to end."""
        return _first(self._ended, seconds)

    def made(self, given: Any) -> Made:
        """Return what came of a chunk."""
        from distributed import KilledWorker

        if given.status in {"lost", "cancelled"}:
            raise LostWorker
        try:
            made: Made = given.result(timeout=60)
        except KilledWorker as error:
            raise LostWorker from error
        finally:
            given.release()
        return made

    def forget(self, given: Any) -> None:
        """Wait for a chunk no more."""
        given.cancel()

    def __enter__(self) -> Self:
        with suppress(Exception):  # one that nobody may change: what counts are the records
            old = self._client.run_on_scheduler(_allowing(0))
            self._stack.callback(self._client.run_on_scheduler, _allowing(old))
        return self

    def __exit__(self, *_: object) -> None:
        with suppress(OSError):  # a scheduler that is gone
            self._stack.close()


class Here:
    """One worker, a thread of this process; a context manager.

    Args:
        grace: For how many seconds, after an interrupt, it waits for answers.
    """

    def __init__(self, grace: float) -> None:
        self.grace: float | None = grace
        self._pool = ThreadPoolExecutor(1, thread_name_prefix="images-bulk-chunk")
        self._ended: SimpleQueue[object] = SimpleQueue()

    def workers(self) -> list[str]:
        """Return that it is there."""
        return ["here"]

    def give(self, worker: str, orders: Orders, chunk: Chunk) -> object:  # noqa: ARG002  there is one
        """Let a chunk be made."""
        future = self._pool.submit(make_chunk, orders, chunk)
        future.add_done_callback(self._ended.put)
        return future

    def ended(self, seconds: float) -> object | None:
        """Wait for a chunk to end."""
        return _first(self._ended, seconds)

    def made(self, given: Any) -> Made:
        """Return what came of a chunk."""
        made: Made = given.result()
        return made

    def forget(self, given: Any) -> None:
        """Let it come to its end."""

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._pool.shutdown()


@dataclass
class _Given:
    """A chunk that is with a worker.

    Attributes:
        chunk: The chunk.
        worker: Whom it was given to.
        share: How many images a minute that worker may ask for.
        since: Since when the worker isn't there; None while it is.
    """

    chunk: Chunk
    worker: str
    share: float
    since: float | None = None


class Driver:
    """One run of a job on workers, whose lines are in the journal.

    Args:
        journal: The journal.
        reader: Reads the lines.
        client: What to send with.
        into: The folder or URL of the images.
        merged: Takes the names of the chunks' journals that have been read.
        prices: What images cost.
        concurrency: How many calls go on at once with each worker.
        images_per_minute: How many images all of them ask for in a minute; None for any number.
        max_images: As for `run`.
        max_failures: As for `run`.
        tries: As for `run`.
        repeat_ambiguous: As for `run`.
        chunk: How many lines a chunk has at most.
    """

    def __init__(
        self,
        journal: Journal,
        reader: Reader,
        client: AsyncImagesClient,
        into: str,
        *,
        merged: Callable[[str], None],
        prices: Prices | None,
        concurrency: int,
        images_per_minute: float | None,
        max_images: int | None,
        max_failures: int | None,
        tries: int,
        repeat_ambiguous: bool,
        chunk: int,
    ) -> None:
        self._journal, self._reader, self._merged = journal, reader, merged
        self._orders = Orders(token_hex(8), pickled(client), into, prices, concurrency, tries)
        self._rate, self._max_images, self._max_failures = images_per_minute, max_images, max_failures
        self._repeats, self._chunk_lines, self._interrupted = repeat_ambiguous, chunk, Event()
        self.stopped: str | None = None
        self._place = place_of(into, _DRIVER)
        self._records = Records(self._place, _DRIVER)
        self._given: dict[object, _Given] = {}
        self._again: deque[Chunk] = deque()  # to be given before others
        self._unsure: set[int] = set()  # the chunks of which more than one worker may have lines
        self._deadline: float | None = None
        self._numbers = 0
        self._asked = self._failures = self._losses = 0
        self._counts = journal.counts()
        self._totals = journal.totals()
        self._first = self._totals.images
        self._entries = self._to_do()
        self._ended: str | None = None
        self._had_workers = monotonic()

    def interrupt(self) -> None:
        """Stop as soon as may be; any thread may say so."""
        self._interrupted.set()

    def go(
        self,
        fleet: Fleet,
        deadline: float | None,
        report: Callable[[Progress], None] | None,
        interval: float,
        grace: float,
    ) -> str | None:
        """Give all that is to be sent to workers, until it is done or stopped, and return why it stopped.

        Args:
            fleet: The workers.
            deadline: As for `run`.
            report: As for `run`.
            interval: As for `run`.
            grace: As for `run`.

        Raises:
            InvalidRequestError: The job is changed meanwhile.
            OSError: The journal can't be written, or the scheduler is gone.
        """
        self._fleet = fleet
        self._orders = self._orders._replace(grace=fleet.grace)
        started = reported = monotonic()
        interrupted: float | None = None
        try:
            while self._goes_on():
                now = monotonic()
                self._check_time(now - started, deadline)
                if self._interrupted.is_set():
                    self.stop(INTERRUPTED)
                    interrupted = interrupted or now
                    if now > interrupted + grace + _DRAIN:
                        break
                self._hand_out()
                if self._given and (ended := fleet.ended(min(_LOOKS, interval))):
                    self._take(ended)
                self._miss(now)
                if report and now >= reported + interval:
                    reported = now
                    report(self._progress(now - started))
        except BaseException:
            self.stop("the driver failed")
            raise
        finally:
            self._leave()
        self.stopped = self.stopped or self._ended
        if report:
            report(self._progress(monotonic() - started))
        return self.stopped

    def _check_time(self, elapsed: float, deadline: float | None) -> None:
        self._deadline = None if deadline is None else deadline - elapsed
        if self._deadline is not None and self._deadline <= 0:
            self.stop(f"the deadline of {deadline:g} s")

    def _leave(self) -> None:
        """Wait for no worker any more; what is still with one, the next run finds."""
        for given in self._given:
            self._fleet.forget(given)
        for chunk in self._again:
            self._look_at(chunk)
        if self._unsure:  # should one that was taken for lost live on
            self._tell(self.stopped or "the run is over")
            for name in self._place.names(JOURNALS):
                self._take_late(name)
        self._place.close()

    def _take_late(self, name: str) -> None:
        """Take the journal of a chunk whose worker was lost when it was done, or lives on."""
        if self._orders.run in name:
            said = [(self._journal.find(each.custom_id, each.digest), each) for each in entries_of(self._place.read(name) or b"")]
            self._record([(known, combined(known, each)) for known, each in said if known])
            self._merged(name)

    def stop(self, why: str) -> None:
        """Give out nothing more, and let all workers know."""
        if self.stopped is None:
            self.stopped = why
            if self._given:
                self._tell(why)

    def _tell(self, why: str) -> None:
        with suppress(OSError):  # a store that isn't there: the workers find that out by themselves
            self._place.replace(f"{STOPS}/{self._orders.run}", why.encode(errors="replace"))

    def _goes_on(self) -> bool:
        if self._given:
            return True
        if self.stopped is not None:
            return False
        if not self._again and (chunk := self._next_chunk()):
            self._again.append(chunk)
        return bool(self._again)

    def _hand_out(self) -> None:
        """Give chunks to workers that have none."""
        if self.stopped is not None:
            return
        workers = self._fleet.workers()
        busy = {given.worker for given in self._given.values()}
        if workers:
            self._had_workers = monotonic()
        elif not self._given:
            if monotonic() > self._had_workers + _EMPTY:
                self.stop(f"there has been no worker for {_EMPTY:g} s")
            self._fleet.ended(_LOOKS)
        for worker in workers:
            if worker in busy:
                continue
            share = self._share(len(workers))
            if share == 0:
                return
            chunk = self._again.popleft() if self._again else self._next_chunk()
            if chunk is None:
                return
            left = None if self._max_failures is None else self._max_failures - self._failures
            rate = None if self._rate is None else share
            # Should nobody reach it when the time is up.
            deadline = None if self._deadline is None else self._deadline + 2 * _LOOKS
            chunk = chunk._replace(images_per_minute=rate, max_failures=left, deadline=deadline)
            self._given[self._fleet.give(worker, self._orders, chunk)] = _Given(chunk, worker, share)

    def _share(self, workers: int) -> float:
        """Return what a worker gets of the rate; 0 where too much of it is given already, for workers have come since."""
        if self._rate is None:
            return 1.0
        fair = self._rate / workers
        left = self._rate - sum(given.share for given in self._given.values())
        return min(fair, left) if left > fair / 2 else 0.0

    def _next_chunk(self) -> Chunk | None:
        """Return lines that are still to be given, and note that they are."""
        entries: list[Entry] = []
        lines: list[Line | None] = []
        size = 0
        while len(entries) < self._chunk_lines and size < _BYTES and (entry := next(self._entries, None)):
            line = None if any(entry.links) else self._reader.line(entry)
            entries.append(entry)
            lines.append(line)
            size += len(line.written()) if line else 0
        if not entries:
            return None
        # What is to be repeated stays ambiguous, so that it isn't repeated by a run that isn't asked to.
        given = [entry for entry in entries if entry.state in {State.PENDING, State.FAILED}]
        self._record([(entry, entry._replace(state=State.SENDING, error_code=GIVEN, error=_GIVEN)) for entry in given])
        self._numbers += 1
        if any(entry.state == State.SENDING for entry in entries):  # since an earlier run, whose workers may live on
            self._unsure.add(self._numbers)
        return Chunk(self._numbers, tuple(map(_to_send, entries)), tuple(lines))

    def _to_do(self) -> Iterator[Entry]:
        """Yield the lines that are to be given, as long as there may be more."""
        for entry in self._journal.entries(State.PENDING, State.FAILED, State.SENDING, State.AMBIGUOUS):
            if entry.state == State.AMBIGUOUS and not (self._repeats or any(entry.links)):
                continue
            asks = 0 if any(entry.links) else entry.images
            if self._max_images is not None and self._asked + asks > self._max_images:
                self._ended = f"max_images, {self._max_images}"
                return
            self._asked += asks
            yield entry

    def _take(self, ended: object) -> None:
        """Take what came of a chunk."""
        given = self._given.pop(ended, None)
        if given is None:
            return  # it was given to another one since
        try:
            made = self._fleet.made(ended)
        except LostWorker:
            self._lose(given)
        except Exception as error:  # noqa: BLE001  whatever a worker raises
            self.stop(f"a worker failed: {type(error).__name__}: {short(error)}")
            self._look_at(given.chunk)
        else:
            self._losses = 0
            content = self._place.read(made.journal)
            if content is None:  # somebody has removed it
                self._look_at(given.chunk)
            else:
                self._settle(given.chunk, entries_of(content))
                self._merged(made.journal)
            if made.stopped:
                self.stop(made.stopped)

    def _miss(self, now: float) -> None:
        """Take chunks from workers that are gone, of which the scheduler says nothing, for they wait for these very workers."""
        there = set(self._fleet.workers()) if self._given else set()
        for key, given in list(self._given.items()):
            given.since = None if given.worker in there else given.since or now
            if given.since and now > given.since + _PATIENCE:
                self._fleet.forget(key)
                del self._given[key]
                self._lose(given)

    def _lose(self, given: _Given) -> None:
        """Let another worker take up a chunk."""
        self._losses += 1
        if self._losses >= _LOSSES:
            self.stop(f"{self._losses} workers in a row were lost, the last one at {given.worker}")
        self._unsure.add(given.chunk.number)
        self._again.append(given.chunk)

    def _look_at(self, chunk: Chunk) -> None:
        """Take what the records say of a chunk's lines."""
        self._settle(chunk, [look for entry in chunk.entries if (look := self._records.look(entry))])

    def _settle(self, chunk: Chunk, said: Iterable[Entry]) -> None:
        """Note what has become of a chunk's lines; the rest comes back as it was given, unless another worker may send it."""
        found = {entry.custom_id: entry for entry in said}
        changes: list[tuple[Entry, Entry]] = []
        for each in chunk.entries:
            known = self._journal.find(each.custom_id, each.digest)
            if known and each.custom_id in found:
                changes.append((known, combined(known, found[each.custom_id])))
            elif known and known.error_code == GIVEN and chunk.number not in self._unsure:
                changes.append((known, known._replace(state=State.PENDING, error_code=None, error=None)))
        self._record(changes)

    def _record(self, changes: Sequence[tuple[Entry, Entry]]) -> None:
        """Note what lines have become, and count it."""
        self._journal.record(entry for _, entry in changes)
        for before, entry in changes:
            self._counts[before.state] -= 1
            self._counts[entry.state] += 1
            self._totals.images += len(entry.files) - len(before.files)
            if before.state == entry.state:
                continue
            if entry.state in {State.DONE, *_FAILURES}:
                self._totals.spend(entry)
            if entry.state in _FAILURES:
                self._failures += 1
                if self._failures == self._max_failures:
                    self.stop(f"max_failures, {self._max_failures}; the last one: {entry.error}")

    def _progress(self, elapsed: float) -> Progress:
        totals = self._totals
        rate = 60 * (totals.images - self._first) / elapsed if elapsed else 0.0
        left = sum(self._counts[state] for state in (State.PENDING, State.FAILED, State.SENDING))
        remaining = 60 * left / rate if rate else None
        return Progress(dict(self._counts), totals.images, rate, remaining, elapsed, 0.0, dict(totals.usage), totals.cost)


def merge_journals(journal: Journal, into: str, merged: Callable[[str], None]) -> None:
    """Take the journals of chunks of which a journal doesn't know, for a driver was killed before it had read them.

    Args:
        journal: The journal.
        into: The folder or URL of the images.
        merged: Takes the name of each that has been read.

    Raises:
        OSError: One can't be read, or the journal not be written.
    """
    place = place_of(into, _DRIVER)
    for name in place.names(JOURNALS):
        entries = list(entries_of(place.read(name) or b""))
        known = [journal.find(entry.custom_id, entry.digest) for entry in entries]
        journal.record(combined(old, new) if old else new for old, new in zip(known, entries, strict=True))
        merged(name)
    place.close()


def look_again(journal: Journal, into: str) -> None:
    """See what has become of lines that may have run: their workers may have lived on.

    Args:
        journal: The journal.
        into: The folder or URL of the images.

    Raises:
        OSError: A record can't be read, or the journal not be written.
    """
    place = place_of(into, _DRIVER)
    records = Records(place, _DRIVER)
    entries = journal.entries(State.AMBIGUOUS)
    with ThreadPoolExecutor(_AT_ONCE) as threads:
        while group := list(islice(entries, 10 * _AT_ONCE)):
            looks = threads.map(records.look, group)
            found = [(entry, look) for entry, look in zip(group, looks, strict=True) if look and look.state != State.AMBIGUOUS]
            journal.record(combined(entry, look) for entry, look in found)
    place.close()


def fleet_of(scheduler: Client | None, grace: float) -> AbstractContextManager[Fleet]:
    """Return the workers of a scheduler, or one of this process.

    Raises:
        InvalidRequestError: The scheduler is none that is known here.
    """
    if scheduler is None:
        return Here(grace)
    if not hasattr(scheduler, "submit") or not hasattr(scheduler, "run_on_scheduler"):
        raise refused("scheduler", scheduler, "must be a dask.distributed.Client")
    return Dask(scheduler)


def _first(queue: SimpleQueue[object], seconds: float) -> object | None:
    try:
        return queue.get(timeout=seconds)
    except Empty:
        return None


def _to_send(entry: Entry) -> Entry:
    """Return a line as a worker is to see it: to be sent, unless its images are only to be fetched."""
    return entry if any(entry.links) else entry._replace(state=State.PENDING, error_code=None, error=None)


def _allowing(failures: int) -> Callable[..., int]:
    """Return a function that sets how often a scheduler runs again what killed a worker, and returns what was set before."""

    # Within another function, it is pickled whole, so that the scheduler needn't have this package.
    def allow(dask_scheduler: Any) -> int:
        old: int = dask_scheduler.allowed_failures
        dask_scheduler.allowed_failures = failures
        return old

    return allow
