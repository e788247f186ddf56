"""A job from its first line to its last: one job in, every image once out; see `_sending` for what is paid."""

from __future__ import annotations

import asyncio
from collections import deque
from contextlib import AsyncExitStack, ExitStack, closing, suppress
from copy import copy
from functools import partial
from pathlib import Path
from tempfile import TemporaryDirectory
from time import monotonic
from typing import TYPE_CHECKING, Any

from images_api._problems import refused

from . import _names
from ._checking import taking
from ._cluster import LINES, Driver, fleet_of, look_again, merge_journals
from ._conversion import batch_form
from ._journal import FILE, Journal, State
from ._places import Workplace, downloaded, has_records, local
from ._prices import Prices
from ._recording import Recorder
from ._saving import Store
from ._sending import INTERRUPTED, TRIES, Reader, Run, sending_client
from ._summary import Progress, Summary

if TYPE_CHECKING:
    from collections.abc import Callable

    from distributed import Client

    from images_api._client import AsyncImagesClient, ImagesClient
    from images_api._problems import Problem


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
    scheduler: Client | None = None,
    chunk: int = LINES,
) -> Summary:
    """Make the images of a job, each once, and save them; whatever an earlier run has made stays.

    All lines are checked first, and nothing is sent if one is refused. A run that was cut, in whatever way, goes on when it is
    called again: what is `done` is never sent again, nor what the server has `refused`. A line that is changed is a new one.

    Args:
        job: JSON Lines in the Batch API's form; or a table (`.csv`, `.tsv`), a text with a prompt a line (`.txt`), or JSON Lines
            of prompts or requests. Local files in it are relative to it. Or any URL that fsspec knows, with `images-api[dask]`;
            then local files must be named by absolute paths.
        into: The folder of the images and the journal, which is made where it isn't there; or a URL, likewise.
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
        scheduler: A `dask.distributed.Client`: the workers of its cluster make the images, each with the key of its own
            environment and `concurrency` calls at once. They must reach the folder, and the job's local files, under the same
            path; or the images go to a URL.
        chunk: How many lines at most a worker is given at once, from 1; it counts where there is a scheduler or a URL.

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
        scheduler=scheduler,
        chunk=chunk,
    )
    try:
        return asyncio.run(work)
    except KeyboardInterrupt:
        with Workplace(str(into), read_only=True) as place:
            if not (place.folder / FILE).is_file():
                raise
            with Journal(place.folder, read_only=True) as journal:
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
    scheduler: Client | None = None,
    chunk: int = LINES,
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
        scheduler: As for `run`.
        chunk: As for `run`.

    Returns:
        As for `run`.

    Raises:
        InvalidRequestError: As for `run`.
        OSError: As for `run`.
    """
    limits = {"concurrency": concurrency, "max_images": max_images, "max_failures": max_failures, "tries": tries, "chunk": chunk}
    for name, value in limits.items():
        if value is not None and (isinstance(value, bool) or not isinstance(value, int) or value < 1):
            raise refused(name, value, "must be a whole number from 1")
    for name, seconds in {"images_per_minute": images_per_minute, "deadline": deadline, "interval": interval}.items():
        if seconds is not None and not seconds > 0:
            raise refused(name, seconds, "must be above 0")
    started = monotonic()
    path = local(into)
    into = str(into) if path is None else str(path.absolute())
    async with AsyncExitStack() as stack:
        place = stack.enter_context(Workplace(into))
        source = _local(job, stack)
        sender = await sending_client(client, stack)
        given = Prices(prices) if prices is not None else None
        if dry_run:
            return _dry_run(source, place.folder, sender, names, refusal)
        journal = stack.enter_context(Journal(place.folder))
        store = Store(place.folder)
        stack.callback(store.close)
        on_workers = scheduler is not None or local(into) is None
        with_workers = on_workers or has_records(place.folder)
        if with_workers:
            await asyncio.to_thread(merge_journals, journal, into, place.merged)
        store.recover(journal)
        journal.take_over(given=not on_workers)
        lines = batch_form(source, place.folder)
        with closing(taking(journal, lines, source.parent, sender.__getstate__(), names=names, refusal=refusal)) as check:
            for _ in check:
                await asyncio.sleep(0)
        if with_workers:
            await asyncio.to_thread(look_again, journal, into)
        reader = Reader(stack.enter_context(lines.open("rb")), source.parent)
        if on_workers:
            stopped = await _driven(
                Driver(
                    journal,
                    reader,
                    sender,
                    into,
                    merged=place.merged,
                    prices=given,
                    concurrency=concurrency,
                    images_per_minute=images_per_minute,
                    max_images=max_images,
                    max_failures=max_failures,
                    tries=tries,
                    repeat_ambiguous=repeat_ambiguous,
                    chunk=chunk,
                ),
                partial(fleet_of, scheduler, grace),
                (deadline, report, interval, grace),
            )
            return Summary.of(journal, seconds=monotonic() - started, stopped=stopped)
        todo = [State.PENDING, State.FAILED, *([State.AMBIGUOUS] if repeat_ambiguous else [])]
        # A pool of each worker's own: httpcore looks at all connections of a pool for each request.
        clients = [await stack.enter_async_context(copy(sender)) for _ in range(concurrency)]
        work = Run(
            journal,
            partial(Recorder, journal, store),
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


async def _driven(driver: Driver, fleet: Callable[[], Any], limits: tuple[Any, ...]) -> str | None:
    """Run a driver in a thread, and return why it stopped."""

    def drive() -> str | None:
        with fleet() as workers:
            return driver.go(workers, *limits)

    driving = asyncio.create_task(asyncio.to_thread(drive))
    try:
        return await asyncio.shield(driving)
    except asyncio.CancelledError:
        driver.interrupt()
        await driving
        raise


def _local(job: str | Path, stack: AsyncExitStack) -> Path:
    """Return the path of a job, which is copied where it is behind a URL."""
    path = local(job)
    if path is not None:
        return path.absolute()
    return downloaded(str(job), Path(stack.enter_context(TemporaryDirectory(prefix="images-api-"))))


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
