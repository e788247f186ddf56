"""A chunk of a job's lines, as one worker makes its images: a function of what can be pickled, whose result is a name.

What it noted before it was cut is in the records of its lines (see `_records`), so that it may be called again, by anyone.
"""

from __future__ import annotations

import asyncio
import pickle
from concurrent.futures import ThreadPoolExecutor, wait
from contextlib import AsyncExitStack, suppress
from copy import copy
from secrets import token_hex
from typing import TYPE_CHECKING, Any, NamedTuple

from images_api._client import AsyncImagesClient
from images_api._messages import short
from images_api._problems import refused

from ._journal import Entry, State, Totals
from ._names import DEFAULT, Template
from ._places import JOURNALS, STOPS, local, place_of
from ._records import Records, entries_of, journal_of
from ._sending import INTERRUPTED, TRIES, Run, as_async
from ._work import Answer, entry_of, kept

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence
    from concurrent.futures import Future
    from pathlib import Path

    from images_api._client import ImagesClient

    from ._lines import Line
    from ._places import Bucket, Folder
    from ._prices import Prices

# Seconds between two looks whether the driver has stopped the run.
_LOOKS = 0.5


class Orders(NamedTuple):
    """What all chunks of a run have in common.

    Attributes:
        run: What no other run is called.
        client: What to send with, pickled: its configuration, while the key is in the worker's environment.
        into: The folder or URL of the images.
        prices: What images cost.
        concurrency: How many calls go on at once.
        tries: How often a line is sent at most while the server says that it can't begin.
        grace: For how many seconds, after an interrupt, answers are waited for; None for as long as they take.
    """

    run: str
    client: bytes
    into: str
    prices: Prices | None
    concurrency: int
    tries: int
    grace: float | None = None


class Chunk(NamedTuple):
    """Some lines of a job.

    Attributes:
        number: Which chunk of the run it is, from 1.
        entries: What the journal says of them: `pending` for those that are to be sent.
        lines: What they ask for; None for one whose images are only to be fetched.
        images_per_minute: How many images may be asked for in a minute: the worker's share.
        max_failures: How many lines may end otherwise than `done`.
        deadline: After how many seconds nothing more is sent.
    """

    number: int
    entries: tuple[Entry, ...]
    lines: tuple[Line | None, ...]
    images_per_minute: float | None = None
    max_failures: int | None = None
    deadline: float | None = None


class Made(NamedTuple):
    """What has come of a chunk.

    Attributes:
        journal: The name of its journal, which says what became of each line that isn't as it was.
        stopped: Why it ended before its lines did.
    """

    journal: str
    stopped: str | None


def make_chunk(orders: Orders, chunk: Chunk) -> Made:
    """Make the images of a chunk, each once, and save them.

    Args:
        orders: What all chunks have in common.
        chunk: The lines.

    Raises:
        ImagesAPIError: There can't be a client here, such as without a key.
        OSError: The images or the journal can't be written.
    """
    return asyncio.run(_made(orders, chunk))


def make_lines(
    client: ImagesClient | AsyncImagesClient,
    lines: Sequence[Line],
    into: str | Path,
    *,
    names: str = DEFAULT,
    concurrency: int = 8,
    images_per_minute: float | None = None,
    tries: int = TRIES,
) -> list[Entry]:
    """Make the images of some lines, each once, whoever else is at them, and however often this is called.

    It is the unit of work for whatever maps functions over machines, and may run one again: what may be paid for isn't repeated.
    `run` with the same folder, once the machines are done, takes what they have noted into its journal.

    Args:
        client: A client; it may be pickled, without its key, which is read where it is used.
        lines: The lines, which may be pickled; no two of a job may have one id or file name, which `check` sees to.
        into: The folder of the images, which all machines reach under the same path, or a URL that fsspec knows.
        names: What files are called: see `run`.
        concurrency: How many calls go on at once, from 1.
        images_per_minute: How many images are asked for here in a minute, above 0; None for any number.
        tries: How often a line is sent at most, from 1, while the server says that it can't begin.

    Returns:
        The lines' entries, in their order, as a journal has them.

    Raises:
        InvalidRequestError: The client has an `http_client` of its own, a name isn't safe, or the URL is none.
        OSError: The images or the records can't be written.
    """
    template, defaults = Template(names), client.__getstate__().defaults
    entries = [entry_of(line, template, defaults) for line in lines]
    path = local(into)
    where = str(into) if path is None else str(path.absolute())
    orders = Orders(token_hex(8), pickled(client), where, None, concurrency, tries)
    made = make_chunk(orders, Chunk(1, tuple(entries), tuple(lines), images_per_minute))
    content = place_of(where, orders.run).read(made.journal) or b""
    found = {(entry.custom_id, entry.digest): entry for entry in entries_of(content)}
    return [found.get((entry.custom_id, entry.digest), entry) for entry in entries]


def pickled(client: ImagesClient | AsyncImagesClient) -> bytes:
    """Return a client's configuration for workers.

    Raises:
        InvalidRequestError: It has an `http_client`, which can't be sent anywhere.
    """
    if client._connections.borrowed:  # noqa: SLF001  which has no public side
        raise refused("client", client, "has an http_client of its own, which workers can't be given")
    return pickle.dumps(client if isinstance(client, AsyncImagesClient) else as_async(client))


async def _made(orders: Orders, chunk: Chunk) -> Made:
    token = token_hex(8)
    place = place_of(orders.into, token)
    recorders: list[ChunkRecorder] = []

    def recorder(loop: asyncio.AbstractEventLoop, **options: Any) -> ChunkRecorder:
        recorders.append(ChunkRecorder(place, Records(place, token), loop, **options))
        return recorders[0]

    async with AsyncExitStack() as stack:
        stack.callback(place.close)
        client = await stack.enter_async_context(copy(pickle.loads(orders.client)))  # noqa: S301  of our own driver
        clients = [await stack.enter_async_context(copy(client)) for _ in range(orders.concurrency)]
        work = Run(
            ChunkLines(chunk),
            recorder,
            ChunkLines(chunk),
            clients,
            prices=orders.prices,
            todo=[State.PENDING],
            images_per_minute=chunk.images_per_minute,
            max_images=None,
            max_failures=chunk.max_failures,
            tries=orders.tries,
        )
        making = asyncio.create_task(work.go(chunk.deadline, None, 1.0, 0.0))
        watch = asyncio.create_task(_watch(place, orders, work, making))
        try:
            await asyncio.wait([making])
            if not making.cancelled():
                making.result()
        finally:
            watch.cancel()
        name = f"{JOURNALS}/{orders.run}-{chunk.number:06}-{token}.jsonl"
        place.replace(name, journal_of(recorders[0].noted.values()))
        return Made(name, work.stopped)


async def _watch(place: Folder | Bucket, orders: Orders, work: Run, making: asyncio.Task[None]) -> None:
    """Stop a chunk when its run is stopped, of which a store tells also those that the scheduler doesn't reach."""
    why = None
    while why is None:
        await asyncio.sleep(_LOOKS)
        with suppress(OSError):
            why = await asyncio.to_thread(place.read, f"{STOPS}/{orders.run}")
    work.stop(why.decode())
    if why.decode() == INTERRUPTED and orders.grace is not None:
        await asyncio.sleep(orders.grace)
        making.cancel()


class ChunkLines:
    """The lines of a chunk, as `Run` asks for them."""

    def __init__(self, chunk: Chunk) -> None:
        self._entries = chunk.entries
        self._lines = dict(zip((entry.custom_id for entry in chunk.entries), chunk.lines, strict=True))

    def entries(self, *states: State) -> Iterator[Entry]:
        """Yield the lines in some states."""
        return (entry for entry in self._entries if entry.state in states)

    def counts(self) -> dict[State, int]:
        """Return how many lines there are in each state."""
        return {state: sum(entry.state == state for entry in self._entries) for state in State}

    def totals(self) -> Totals:
        """Return that nothing has come of them yet."""
        return Totals(0, {}, None)

    def images(self, *states: State) -> int:
        """Return how many images the lines in some states ask for."""
        return sum(entry.images for entry in self.entries(*states))

    @property
    def most_images(self) -> int:
        """Return how many images a line asks for at most."""
        return max(entry.images for entry in self._entries)

    def line(self, entry: Entry) -> Line:
        """Return what a line asks for."""
        line = self._lines[entry.custom_id]
        assert line is not None  # noqa: S101  it isn't asked for where images are only to be fetched
        return line


class ChunkRecorder:
    """Notes and saves what becomes of lines where others can see it: see `Recorder`.

    Lines don't wait for each other; of one line, all is noted in order.
    """

    def __init__(
        self,
        place: Folder | Bucket,
        records: Records,
        loop: asyncio.AbstractEventLoop,
        *,
        concurrency: int,
        noted: Callable[[State, Entry], None],
        failed: Callable[[str], None],
    ) -> None:
        self._place, self._records, self._loop, self._noted, self._failed = place, records, loop, noted, failed
        self._pool = ThreadPoolExecutor(concurrency, thread_name_prefix="images-bulk")
        self._latest: dict[str, Future[None]] = {}
        self._attempts: dict[str, int] = {}
        self.noted: dict[str, Entry] = {}

    def put(self, before: State, entry: Entry, answer: Answer | None = None) -> asyncio.Future[Entry | None]:
        """Let something be noted: see `Recorder`; the future takes None also where a line isn't ours to send."""
        future: asyncio.Future[Entry | None] = self._loop.create_future()
        name = entry.custom_id
        self._latest[name] = self._pool.submit(self._do, self._latest.get(name), before, entry, answer, future)
        return future

    def room(self) -> str:
        """Say nothing: a store has room."""
        return ""

    def close(self) -> None:
        """Return once all that was put is noted."""
        self._pool.shutdown()

    def _do(
        self,
        previous: Future[None] | None,
        before: State,
        entry: Entry,
        answer: Answer | None,
        future: asyncio.Future[Entry | None],
    ) -> None:
        if previous:
            wait([previous])
        noted: Entry | None = None
        fault, goes_on = "", True
        try:
            if entry.state == State.SENDING:
                noted, goes_on = self._records.claim(entry)
                self._attempts[entry.custom_id] = noted.attempts
            else:
                noted, fault = self._record(entry, answer)
        except BaseException as error:  # noqa: BLE001  whatever it is, nobody may wait for ever
            fault = short(error) if isinstance(error, OSError) else f"{type(error).__name__}: {short(error)}"
        if noted:
            self.noted[entry.custom_id] = noted
        with suppress(RuntimeError):  # the loop was closed
            self._loop.call_soon_threadsafe(self._tell, before, noted, noted if goes_on else None, fault, future)

    def _record(self, entry: Entry, answer: Answer | None) -> tuple[Entry, str]:
        """Note what became of a line, and save its images; return it as it is noted, and what went wrong."""
        # What was claimed and then not sent is noted as of the time that it was claimed for.
        entry = entry._replace(attempts=self._attempts.get(entry.custom_id, entry.attempts))
        if answer is None:
            self._records.note(entry)
            return entry, ""
        try:
            written = self._place.write(kept(self._place, entry, answer), answer.images, answer.total)
            self._records.note(written)
            self._place.publish(written, answer.images, answer.total)
        except OSError as error:
            fault = f"{short(error)}{self._rescued(entry, answer)}"
            lost = entry._replace(state=State.AMBIGUOUS, error_code=type(error).__name__, error=fault)
            with suppress(OSError):
                self._records.note(lost)
            return lost, fault
        return written, ""

    def _rescued(self, entry: Entry, answer: Answer) -> str:
        """Put a line's images where there is room, and say where."""
        if not answer.images:
            return ""
        try:
            return f"; what came meanwhile is kept in {self._place.rescue(entry, answer.images, answer.total)} of the worker"
        except OSError as error:
            return f"; its images could not be kept elsewhere either ({short(error)})"

    def _tell(
        self, before: State, noted: Entry | None, result: Entry | None, fault: str, future: asyncio.Future[Entry | None]
    ) -> None:
        if fault:
            self._failed(fault)
        if noted is not None:
            self._noted(before, noted)
        if not future.done():
            future.set_result(result)
