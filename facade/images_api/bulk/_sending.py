"""The lines of a job that are in a journal: what is sent, what is sent again, and when to stop.

Each image is paid once, for a line goes out only when
- no other run has the folder,
- the journal says `pending` or `failed`, which is noted where the server surely didn't begin, or `ambiguous`, if the user asked,
- `sending` is on disk.

What a crash finds, wherever it is:
- before `sending` is on disk, nothing was sent;
- from then on, until the answer is on disk, `sending`, which the next run makes `ambiguous`: it may not have been sent yet, or
  the server may have said that it didn't begin, but none is sent twice;
- while the answer is saved, what `_saving` says: images that are whole are found, and never made again.
"""

from __future__ import annotations

import asyncio
from collections import deque
from contextlib import suppress
from time import monotonic
from typing import TYPE_CHECKING, Any, BinaryIO, Protocol, cast

from images_api._client import AsyncImagesClient, ImagesClient
from images_api._contract.operations import operation
from images_api._problems import InvalidRequestError, refused

from ._journal import Entry, State
from ._lines import Line, parse_line
from ._pace import Pace
from ._summary import Progress
from ._work import Answer, afetch, asend

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence
    from contextlib import AsyncExitStack
    from pathlib import Path

    from ._journal import Totals
    from ._prices import Prices

TRIES = 10
INTERRUPTED = "interrupted"
# So many lines after each other that came to nothing, or twice as many as are on their way at once, mean that others would, too:
# each may be billed.
_IN_A_ROW = 20
# Of the latest so many progress reports, the rate is made.
_REPORTS = 60


class Lines(Protocol):
    """The lines of a run: see `Journal`."""

    def entries(self, *states: State) -> Iterator[Entry]: ...
    def counts(self) -> dict[State, int]: ...
    def totals(self) -> Totals: ...
    def images(self, *states: State) -> int: ...
    @property
    def most_images(self) -> int: ...


class Notes(Protocol):
    """Takes what is to be noted and saved: see `Recorder`."""

    def put(self, before: State, entry: Entry, answer: Answer | None = None) -> asyncio.Future[Entry | None]: ...
    def room(self) -> str: ...
    def close(self) -> None: ...


class Reads(Protocol):
    """Reads lines: see `Reader`."""

    def line(self, entry: Entry) -> Line: ...


class Reader:
    """Reads the lines of a job where the journal says that they are."""

    def __init__(self, file: BinaryIO, base: Path) -> None:
        self._file, self._base = file, base

    def line(self, entry: Entry) -> Line:
        """Return a line.

        Raises:
            InvalidRequestError: It isn't there any more.
        """
        self._file.seek(entry.offset)
        try:
            line = parse_line(self._file.readline(), entry.number, entry.offset, self._base)
        except InvalidRequestError:
            line = None
        if line is None or (line.custom_id, line.digest) != (entry.custom_id, entry.digest):
            raise refused("the job", self._file.name, f"has changed while it was run, at line {entry.number}; run it again")
        return line


class Run:
    """One run of lines that a journal has.

    Args:
        journal: Which lines there are, and what became of them so far.
        recorder: Makes what notes and saves, for an event loop.
        reader: Reads the lines.
        clients: What to send with, one for each call that may go on.
        prices: What images cost.
        todo: The states of lines that are to be sent.
        images_per_minute: As for `run`.
        max_images: As for `run`.
        max_failures: As for `run`.
        tries: As for `run`.
    """

    def __init__(
        self,
        journal: Lines,
        recorder: Callable[..., Notes],
        reader: Reads,
        clients: Sequence[AsyncImagesClient],
        *,
        prices: Prices | None,
        todo: list[State],
        images_per_minute: float | None,
        max_images: int | None,
        max_failures: int | None,
        tries: int,
    ) -> None:
        self._journal, self._reader, self._clients, self._prices = journal, reader, clients, prices
        concurrency = self._concurrency = len(clients)
        self._tries = tries
        self._max_images, self._max_failures = max_images, max_failures
        self.stopped: str | None = None
        self.ended: str | None = None  # with what is on its way still to go out
        self._counts = journal.counts()
        self._totals = journal.totals()
        self._first = self._totals.images
        self._left = journal.images(*todo)
        self._asked = self._failures = self._in_a_row = self._successes = 0
        self._entries = self._to_do(todo)
        self._waiting: set[asyncio.Task[Any]] = set()
        self._pace = Pace(concurrency, images_per_minute, journal.most_images)
        loop = asyncio.get_running_loop()
        self._recorder = recorder(loop, concurrency=concurrency, noted=self._noted, failed=self.stop)

    def stop(self, why: str) -> None:
        """Let nothing more go out; what has gone out is waited for."""
        self.stopped = self.stopped or why
        for task in self._waiting:
            task.cancel()

    async def go(self, deadline: float | None, report: Callable[[Progress], None] | None, interval: float, grace: float) -> None:
        """Send all that is to be sent, until it is done or stopped."""
        started = monotonic()
        loop = asyncio.get_running_loop()
        timer = loop.call_later(deadline, self.stop, f"the deadline of {deadline:g} s") if deadline else None
        reports = asyncio.create_task(self._report(started, report, interval)) if report else None
        if full := self._recorder.room():
            self.stop(full)
        workers = [asyncio.create_task(self._work(client)) for client in self._clients]
        try:
            done, _ = await asyncio.wait(workers, return_when=asyncio.FIRST_EXCEPTION)
            faults = [fault for each in done if (fault := each.exception())]
            if faults:
                self.stop(str(faults[0]))
                await asyncio.wait(workers)
                raise faults[0]
        except asyncio.CancelledError:
            self.stop(INTERRUPTED)
            if grace > 0:
                await asyncio.wait(workers, timeout=grace)
            for each in workers:
                each.cancel()
            await asyncio.wait(workers)
            raise
        finally:
            if timer:
                timer.cancel()
            self._recorder.close()
            await asyncio.sleep(0)  # in which what was noted last is told
            if reports:
                reports.cancel()
                with suppress(asyncio.CancelledError):
                    await reports  # which raises what the caller's own function did
            if report:
                report(self._progress(started, deque()))

    async def _work(self, client: AsyncImagesClient) -> None:
        for entry in self._entries:
            await self._line(client, entry)

    def _to_do(self, todo: list[State]) -> Iterator[Entry]:
        """Yield the lines that are to be sent, as long as there may be more; and those that are only to be fetched."""
        for entry in self._journal.entries(*{*todo, State.AMBIGUOUS}):
            if entry.state not in todo and not any(entry.links):
                continue
            asks = 0 if any(entry.links) else entry.images
            if self._max_images is not None and self._asked + asks > self._max_images:
                self.ended = f"max_images, {self._max_images}"
                return
            if self.stopped:
                return
            self._asked += asks
            yield entry

    async def _line(self, client: AsyncImagesClient, entry: Entry) -> None:
        """Take care of one line, until it is settled or the run stops."""
        line = None if any(entry.links) else self._reader.line(entry)
        successes, tries = self._successes, 0
        while await self._may_begin(entry.images):
            success = False
            try:
                sending = entry if line is None else await self._sending(entry)
                if sending is None:
                    return
                answer = await self._answer(client, sending, line, tries)
                success = answer.state in {State.DONE, State.REFUSED}
            finally:
                self._pace.end(success=success)
            tries += 1
            self._successes += success
            if answer.wait is not None:
                self._pace.pause(answer.wait)
                if tries < self._tries:
                    # It surely didn't run, and so isn't `sending` any more.
                    entry = answer.entry(sending)._replace(state=State.PENDING)
                    self._recorder.put(State.SENDING, entry)
                    continue
                if self._successes == successes:
                    self.stop(f"nothing gets through: {answer.error}")
            self._settle(sending, line, answer)
            return

    async def _may_begin(self, images: int) -> bool:
        """Wait until a call may go out, and tell whether it may at all."""
        if self.stopped:
            return False
        task = cast("asyncio.Task[Any]", asyncio.current_task())
        self._waiting.add(task)
        try:
            await self._pace.begin(images)
        except asyncio.CancelledError:
            if self.stopped is None:
                raise
            return False
        finally:
            self._waiting.discard(task)
        if self.stopped:
            self._pace.end(success=False)
            return False
        return True

    async def _sending(self, entry: Entry) -> Entry | None:
        """Return a line once the disk says that it is being sent; None where that can't be noted, or the run was stopped."""
        sending = entry._replace(state=State.SENDING, attempts=entry.attempts + 1, error_code=None, error=None)
        try:
            noted = await self._recorder.put(entry.state, sending)
        except asyncio.CancelledError:
            self._recorder.put(State.SENDING, entry)
            raise
        if noted and self.stopped:
            self._recorder.put(State.SENDING, entry)
            return None
        return noted

    async def _answer(self, client: AsyncImagesClient, entry: Entry, line: Line | None, tries: int) -> Answer:
        try:
            return await (afetch(client, entry) if line is None else asend(client, line, tries))
        except asyncio.CancelledError:
            if line is not None:
                why = "interrupted before the answer came; it may be billed"
                self._recorder.put(State.SENDING, entry._replace(state=State.AMBIGUOUS, error_code=INTERRUPTED, error=why))
            raise

    def _settle(self, sending: Entry, line: Line | None, answer: Answer) -> None:
        """Let what came of a line be saved and noted."""
        entry = answer.entry(sending)
        if self._prices and line is not None and answer.images:
            cost = self._prices.cost(self._request(line), answer.total, answer.usage)
            entry = entry._replace(cost=cost if cost is not None else entry.cost)
        self._recorder.put(sending.state, entry, answer)
        if answer.stop:
            self.stop(answer.stop)
        is_through = answer.state in {State.DONE, State.REFUSED}
        self._in_a_row = 0 if is_through else self._in_a_row + 1
        if self._in_a_row >= max(_IN_A_ROW, 2 * self._concurrency):
            self.stop(f"{self._in_a_row} lines in a row came to nothing; the last one: {answer.error}")
        if answer.state != State.DONE:
            self._failures += 1
            if self._failures == self._max_failures:
                self.stop(f"max_failures, {self._max_failures}; the last one: {answer.error}")

    def _request(self, line: Line) -> Mapping[str, Any]:
        """Return what a line's request says, as far as prices may depend on it."""
        called = operation(line.operation_id)
        general = next(iter(called.bodies.values())).general_defaults
        return {**general, **self._clients[0].__getstate__().defaults, **line.body}

    def _noted(self, before: State, entry: Entry) -> None:
        self._counts[before] -= 1
        self._counts[entry.state] += 1
        if entry.state in {State.PENDING, State.SENDING}:
            return
        self._left -= entry.images
        self._totals.images += len(entry.files)
        self._totals.spend(entry)

    async def _report(self, started: float, report: Callable[[Progress], None], interval: float) -> None:
        of_late: deque[tuple[float, int]] = deque(maxlen=_REPORTS)
        try:
            while True:
                report(self._progress(started, of_late))
                await asyncio.sleep(interval)
        except Exception as error:
            self.stop(f"the report failed: {error}")
            raise

    def _progress(self, started: float, of_late: deque[tuple[float, int]]) -> Progress:
        now, totals = monotonic(), self._totals
        of_late.append((now, totals.images))
        since, saved = of_late[0] if len(of_late) > 1 else (started, self._first)
        rate = 60 * (totals.images - saved) / (now - since) if now > since else 0.0
        remaining = 60 * self._left / rate if rate else None
        counts, usage = dict(self._counts), dict(totals.usage)
        return Progress(counts, totals.images, rate, remaining, now - started, self._pace.waiting, usage, totals.cost)


async def sending_client(client: ImagesClient | AsyncImagesClient | None, stack: AsyncExitStack) -> AsyncImagesClient:
    """Return a client for this event loop: the caller's own, or one with its settings, which is closed in the end."""
    if isinstance(client, AsyncImagesClient):
        return client
    if client is None:
        return await stack.enter_async_context(AsyncImagesClient())
    if client._connections.borrowed:  # noqa: SLF001  which has no public side
        raise refused("client", client, "has an http_client of its own: give an AsyncImagesClient")
    return await stack.enter_async_context(as_async(client))


def as_async(client: ImagesClient) -> AsyncImagesClient:
    """Return a client for asyncio with the settings of another, and connections of its own."""
    own = AsyncImagesClient.__new__(AsyncImagesClient)
    own.__setstate__(client.__getstate__())
    return own
