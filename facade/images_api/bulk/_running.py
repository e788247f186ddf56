"""A job from its first line to its last: one job in, every image once out; see `_sending` for what is paid."""

from __future__ import annotations

import asyncio
from collections import deque
from contextlib import AsyncExitStack, ExitStack, closing
from copy import copy
from pathlib import Path
from tempfile import TemporaryDirectory
from time import monotonic
from typing import TYPE_CHECKING

from images_api._problems import refused

from . import _names
from ._checking import taking
from ._conversion import batch_form
from ._journal import FILE, Journal, State
from ._prices import Prices
from ._saving import Store
from ._sending import INTERRUPTED, Reader, Run, sending_client
from ._summary import Progress, Summary

if TYPE_CHECKING:
    from collections.abc import Callable

    from images_api._client import AsyncImagesClient, ImagesClient
    from images_api._problems import Problem

TRIES = 10


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
            job is changed while it is run.
        InterruptedRun: The user interrupted it. It is a KeyboardInterrupt.
        OSError: The job can't be read, or the folder not be written.
    """
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
        sender = await sending_client(client, stack)
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
        reader = Reader(stack.enter_context(lines.open("rb")), job.parent)
        todo = [State.PENDING, State.FAILED, *([State.AMBIGUOUS] if repeat_ambiguous else [])]
        # A pool of each worker's own: httpcore looks at all connections of a pool for each request.
        clients = [await stack.enter_async_context(copy(sender)) for _ in range(concurrency)]
        work = Run(
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
