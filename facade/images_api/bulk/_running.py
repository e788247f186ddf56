"""A job from its first line to its last: what is sent, what is sent again, and when to stop.

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
from contextlib import AsyncExitStack, ExitStack, closing, suppress
from copy import copy
from pathlib import Path
from tempfile import TemporaryDirectory
from time import monotonic
from typing import TYPE_CHECKING, Any, BinaryIO, cast

from images_api._client import AsyncImagesClient, ImagesClient
from images_api._contract.operations import operation
from images_api._problems import InvalidRequestError, refused

from . import _names
from ._checking import taking
from ._conversion import batch_form
from ._journal import FILE, Entry, Journal, State
from ._lines import Line, parse_line
from ._pace import Pace
from ._prices import Prices, added
from ._recording import Recorder
from ._saving import Store
from ._summary import Progress, Summary
from ._work import Answer, afetch, asend

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence

    from images_api._problems import Problem

TRIES = 10
INTERRUPTED = "interrupted"
# So many lines after each other that came to nothing, or twice as many as are on their way at once, mean that others would, too:
# each may be billed.
_IN_A_ROW = 20
# Of the latest so many progress reports, the rate is made.
_REPORTS = 60


class InterruptedRun(KeyboardInterrupt):
    """The user interrupted a run, which has noted and saved all that it knew.

    Attributes:
        summary: What the job has come to.
    """

    def __init__(self, summary: Summary) -> None:
        self.summary = summary
        super().__init__(str(summary))


def run(
    job: str | Path,
    into: str | Path,
    *,
    client: ImagesClient | AsyncImagesClient | None = None,
    concurrency: int = 8,
    images_per_minute: float | None = None,
    names: str = _names.DEFAULT,
    repeat_ambiguous: bool = False,
    dry_run: bool = False,
    max_images: int | None = None,
    max_failures: int | None = None,
    deadline: float | None = None,
    tries: int = TRIES,
    prices: str | Path | None = None,
    report: Callable[[Progress], None] | None = None,
    interval: float = 0.5,
    grace: float = 0.5,
    refusal: Callable[[Problem], None] | None = None,
) -> Summary:
    """Make the images of a job, each once, and save them; whatever an earlier run has made stays.

    All lines are checked first, and nothing is sent if one is refused. A run that was cut, in whatever way, goes on when it is
    called again: what is `done` is never sent again, nor what the server has `refused`. A line that is changed is a new one.

    Args:
        job: JSON Lines in the Batch API's form; or a table (`.csv`, `.tsv`), a text with a prompt a line (`.txt`), or JSON Lines
            of prompts or requests. Local files in it are relative to it.
        into: The folder of the images and the journal, which is made where it isn't there.
        client: What to send with; without it, a client with the environment's key. What it retries by itself isn't used.
        concurrency: How many calls go on at once, from 1.
        images_per_minute: How many images are asked for in a minute, above 0, evenly spread; None for any number.
        names: What files are called: a path with `{custom_id}`, `{number}` of the line, `{subject}` (the prompt's first words),
            `{index}` of the image and `{ext}`, such as `{number:06}/{index}.{ext}`.
        repeat_ambiguous: Whether to send again also what may have run, and may then be billed twice.
        dry_run: Whether to check only, and tell what there is to do.
        max_images: How many images this run asks for at most.
        max_failures: How many lines may end otherwise than `done` in this run before it stops, from 1.
        deadline: After how many seconds nothing more is sent.
        tries: How often a line is sent at most in this run, from 1, while the server says that it can't begin.
        prices: A file of prices: see `Prices`.
        report: Is called with how it goes, at each interval and at the end.
        interval: Seconds between two reports.
        grace: For how many seconds, after an interrupt, answers are still waited for; those that don't come are `ambiguous`.
        refusal: Is called with everything that is wrong with the job, of which an error lists a hundred.

    Returns:
        What the job has come to; its `stopped` says why the run ended before the job did.

    Raises:
        InvalidRequestError: A line or an argument is refused, another run has the folder, the journal can't be read, or the
            job is changed while it is run; or an event loop runs, as in a notebook, where `arun` is to be awaited.
        InterruptedRun: The user interrupted it. It is a KeyboardInterrupt.
        OSError: The job can't be read, or the folder not be written.
    """
    with suppress(RuntimeError):
        raise refused("the event loop", asyncio.get_running_loop(), "runs already: `await arun(...)` in it")
    started = monotonic()
    work = arun(
        job,
        into,
        client=client,
        concurrency=concurrency,
        images_per_minute=images_per_minute,
        names=names,
        repeat_ambiguous=repeat_ambiguous,
        dry_run=dry_run,
        max_images=max_images,
        max_failures=max_failures,
        deadline=deadline,
        tries=tries,
        prices=prices,
        report=report,
        interval=interval,
        grace=grace,
        refusal=refusal,
    )
    try:
        return asyncio.run(work)
    except KeyboardInterrupt:
        if not Path(into, FILE).is_file():
            raise
        with Journal(into, read_only=True) as journal:
            summary = Summary.of(journal, seconds=monotonic() - started, stopped=INTERRUPTED)
        raise InterruptedRun(summary) from None


async def arun(
    job: str | Path,
    into: str | Path,
    *,
    client: ImagesClient | AsyncImagesClient | None = None,
    concurrency: int = 8,
    images_per_minute: float | None = None,
    names: str = _names.DEFAULT,
    repeat_ambiguous: bool = False,
    dry_run: bool = False,
    max_images: int | None = None,
    max_failures: int | None = None,
    deadline: float | None = None,
    tries: int = TRIES,
    prices: str | Path | None = None,
    report: Callable[[Progress], None] | None = None,
    interval: float = 0.5,
    grace: float = 0.5,
    refusal: Callable[[Problem], None] | None = None,
) -> Summary:
    """Do what `run` does, in a running event loop; to interrupt it, cancel the task.

    Args:
        job: As for `run`.
        into: As for `run`.
        client: As for `run`.
        concurrency: As for `run`.
        images_per_minute: As for `run`.
        names: As for `run`.
        repeat_ambiguous: As for `run`.
        dry_run: As for `run`.
        max_images: As for `run`.
        max_failures: As for `run`.
        deadline: As for `run`.
        tries: As for `run`.
        prices: As for `run`.
        report: As for `run`.
        interval: As for `run`.
        grace: As for `run`.
        refusal: As for `run`.

    Returns:
        As for `run`.

    Raises:
        InvalidRequestError: As for `run`.
        OSError: As for `run`.
    """
    limits = {"concurrency": concurrency, "max_images": max_images, "max_failures": max_failures, "tries": tries}
    for name, value in limits.items():
        if value is not None and (isinstance(value, bool) or not isinstance(value, int) or value < 1):
            raise refused(name, value, "must be a whole number from 1")
    for name, seconds in {"images_per_minute": images_per_minute, "deadline": deadline, "interval": interval}.items():
        if seconds is not None and not seconds > 0:
            raise refused(name, seconds, "must be above 0")
    started = monotonic()
    job, into = Path(job), Path(into)
    async with AsyncExitStack() as stack:
        sender = await _sender(client, stack)
        given = Prices(prices) if prices is not None else None
        if dry_run:
            return _dry_run(job, into, sender, names, refusal)
        journal = stack.enter_context(Journal(into))
        store = Store(into)
        stack.callback(store.close)
        store.recover(journal)
        journal.take_over()
        lines = batch_form(job, into)
        with closing(taking(journal, lines, job.parent, sender.__getstate__(), names=names, refusal=refusal)) as check:
            for _ in check:
                await asyncio.sleep(0)
        reader = _Reader(stack.enter_context(lines.open("rb")), job.parent)
        todo = [State.PENDING, State.FAILED, *([State.AMBIGUOUS] if repeat_ambiguous else [])]
        # A pool of each worker's own: httpcore looks at all connections of a pool for each request.
        clients = [await stack.enter_async_context(copy(sender)) for _ in range(concurrency)]
        work = _Run(
            journal,
            store,
            reader,
            clients,
            prices=given,
            todo=todo,
            images_per_minute=images_per_minute,
            max_images=max_images,
            max_failures=max_failures,
            tries=tries,
        )
        await work.go(deadline, report, interval, grace)
        return Summary.of(journal, seconds=monotonic() - started, stopped=work.stopped or work.ended)


class _Reader:
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


class _Run:
    """One run of a job whose lines are in the journal."""

    def __init__(
        self,
        journal: Journal,
        store: Store,
        reader: _Reader,
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
        self._saved, self._cost, self._usage = self._totals.images, self._totals.cost, self._totals.usage
        self._left = journal.images(*todo)
        self._asked = self._failures = self._in_a_row = self._successes = 0
        self._entries = self._to_do(todo)
        self._waiting: set[asyncio.Task[Any]] = set()
        self._pace = Pace(concurrency, images_per_minute, journal.most_images)
        self._recorder = Recorder(
            journal, store, asyncio.get_running_loop(), concurrency=concurrency, noted=self._noted, failed=self.stop
        )

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
        self._saved += len(entry.files)
        added(self._usage, entry.usage or {})
        if entry.cost is not None:
            self._cost = entry.cost + (self._cost or 0.0)

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
        now = monotonic()
        of_late.append((now, self._saved))
        since, saved = of_late[0] if len(of_late) > 1 else (started, self._totals.images)
        rate = 60 * (self._saved - saved) / (now - since) if now > since else 0.0
        remaining = 60 * self._left / rate if rate else None
        counts, usage = dict(self._counts), dict(self._usage)
        return Progress(counts, self._saved, rate, remaining, now - started, self._pace.waiting, usage, self._cost)


def _dry_run(job: Path, into: Path, client: AsyncImagesClient, names: str, refusal: Callable[[Problem], None] | None) -> Summary:
    """Check a job against a copy of the journal, and tell what there is to do."""
    with ExitStack() as stack:
        folder = Path(stack.enter_context(TemporaryDirectory(prefix="images-api-")))
        if (into / FILE).is_file():
            with Journal(into, read_only=True) as journal:
                journal.copy_to(folder)
        copy = stack.enter_context(Journal(folder))
        lines = taking(copy, batch_form(job, folder), job.parent, client.__getstate__(), names=names, refusal=refusal)
        deque(lines, maxlen=0)
        return Summary.of(copy)


async def _sender(client: ImagesClient | AsyncImagesClient | None, stack: AsyncExitStack) -> AsyncImagesClient:
    """Return a client for this event loop: the caller's own, or one with its settings, which is closed in the end."""
    if isinstance(client, AsyncImagesClient):
        return client
    if client is None:
        return await stack.enter_async_context(AsyncImagesClient())
    if client._connections.borrowed:  # noqa: SLF001  which has no public side
        raise refused("client", client, "has an http_client of its own: give an AsyncImagesClient")
    sender = AsyncImagesClient.__new__(AsyncImagesClient)
    sender.__setstate__(client.__getstate__())
    return await stack.enter_async_context(sender)
