"""Images in bulk at the prompt: `images-api bulk`, on `images_api.bulk`."""

from __future__ import annotations

from contextlib import contextmanager
from dataclasses import asdict, replace
from typing import TYPE_CHECKING, Any

import click

from . import _report as report
from ._connecting import connected, connection_options
from ._failures import ExitStatus
from ._live import LiveLine
from ._speaking import speaking
from ._telling import complain, launch
from ._terminal import printable, say, write
from ._wishes import Wishes

if TYPE_CHECKING:
    from collections.abc import Callable, Generator

    from distributed import Client

    from images_api._problems import Problem
    from images_api.bulk import Summary

# What messages call the arguments of `run`.
_FLAGS = {
    name: f"--{name.replace('_', '-')}"
    for name in (
        *(
            "base_url",
            "concurrency",
            "images_per_minute",
            "names",
            "max_images",
            "max_failures",
            "deadline",
            "tries",
            "prices",
            "chunk",
        ),
        "timeout",
    )
}
_AS_JSON = click.option("--json", "as_json", is_flag=True, help="Print one JSON object.")
# Both may be URLs, which nobody but the engine knows.
_JOB = click.argument("job", type=click.Path())
_INTO = click.argument("into", type=click.Path())
_NAMES = click.option("--names", metavar="TEMPLATE", help="Such as {number:06}/{index}.{ext}; {custom_id} and {subject} too.")
_STATUSES = {True: ExitStatus.DONE, False: ExitStatus.PARTIAL}
# Told here, since to load them takes a third of a second.
_STATES = ("pending", "sending", "done", "refused", "failed", "ambiguous")


@click.group("bulk", short_help="Make the images of a whole job, each once.")
def bulk() -> None:
    """Make the images of a whole job, each once, whatever happens on the way.

    A job is JSON Lines in the Batch API's own form, a table (.csv, .tsv),
    or a text with a prompt a line (.txt).
    """


@bulk.command("run", short_help="Make the images of a job; what an earlier run has made stays.")
@_JOB
@_INTO
@click.option("--concurrency", type=int, metavar="NUMBER", help="How many calls go on at once. Else 8.")
@click.option("--images-per-minute", type=float, metavar="NUMBER", help="How many images are asked for in a minute.")
@_NAMES
@click.option("--repeat-ambiguous", is_flag=True, help="Send again also what may have run, and may then be billed twice.")
@click.option("--dry-run", is_flag=True, help="Check only, and tell what there is to do.")
@click.option("--max-images", type=int, metavar="NUMBER", help="How many images this run asks for at most.")
@click.option("--max-failures", type=int, metavar="NUMBER", help="After how many lines that aren't done the run stops.")
@click.option("--deadline", type=float, metavar="SECONDS", help="After how long nothing more is sent.")
@click.option("--tries", type=int, metavar="NUMBER", help="How often a line is sent while the server can't begin. Else 10.")
@click.option("--prices", type=click.Path(exists=True, dir_okay=False), metavar="FILE", help="A file of prices, for the cost.")
@click.option("--dask", metavar="ADDRESS", help="The scheduler of a Dask cluster, whose workers make the images.")
@click.option("--chunk", type=int, metavar="NUMBER", help="How many lines a worker is given at once. Else 100.")
@_AS_JSON
def run(job: str, into: str, *, as_json: bool, dask: str | None, **options: Any) -> int:
    """Make the images of JOB, and save them INTO a folder, where the journal is as well.

    All lines are checked first; nothing is sent if one is refused. A run that was cut goes on when it is called again: what is
    done is never sent again. Ends with 8 where some lines aren't done.
    """
    from images_api.bulk import InterruptedRun
    from images_api.bulk import run as run_job

    wishes = _wishes(options)
    asked = {name: value for name, value in options.items() if value is not None}

    def work(refusal: Callable[[Problem], None]) -> int:
        with _scheduler(dask) as scheduler, connected(wishes) as client, LiveLine("bulk") as line:
            given: dict[str, Any] = {"client": client, "scheduler": scheduler, "refusal": refusal, **asked}
            try:
                summary = run_job(job, into, report=lambda progress: line.update(str(progress)), **given)
                status = _STATUSES[summary.is_complete]
            except InterruptedRun as interrupt:
                summary, status = interrupt.summary, ExitStatus.INTERRUPTED
        _show(summary, is_json=as_json)
        return status

    return _guarded(work, wishes)


@bulk.command("check", short_help="Check all lines of a job, and send nothing.")
@_JOB
@_NAMES
@_AS_JSON
def check(job: str, *, as_json: bool, names: str | None, **options: Any) -> int:
    """Check all lines of JOB, and send nothing."""
    from images_api.bulk import check as check_job

    wishes = replace(_wishes(options), dry_run=True)

    def work(refusal: Callable[[Problem], None]) -> int:
        with connected(wishes) as client:
            checked = check_job(job, client=client, refusal=refusal, **({} if names is None else {"names": names}))
        said = checked._asdict()
        write(report.as_json(said) if as_json else f"{checked.lines} lines ask for {checked.images} images, and may be sent")
        return ExitStatus.DONE

    return _guarded(work, wishes)


# Behind their own options.
run.params += connection_options()
check.params += connection_options()


@bulk.command("status", short_help="Tell what a job has come to.")
@_INTO
@click.option(
    "--state", "states", multiple=True, type=click.Choice(_STATES), help="List the lines of this state; may be repeated."
)
@_AS_JSON
def status(into: str, *, as_json: bool, states: tuple[str, ...]) -> int:
    """Tell what the job whose images are INTO a folder has come to, from its journal."""
    from images_api.bulk import Journal, State, Summary
    from images_api.bulk._places import Workplace

    def work(_: object) -> int:
        with Workplace(into, read_only=True) as place, Journal(place.folder, read_only=True) as journal:
            summary = Summary.of(journal)
            if not states:
                _show(summary, is_json=as_json)
            for entry in journal.entries(*map(State, states)) if states else ():
                files = ", ".join(file.path for file in entry.files)
                told = [f"{entry.number}", entry.custom_id, entry.state, files or entry.error or ""]
                write(report.as_line(entry._asdict()) if as_json else "\t".join(map(printable, told)))
        return _STATUSES[summary.is_complete]

    return _guarded(work, Wishes(flags=_FLAGS))


@bulk.command("export", short_help="Write a job as files for the Batch API.")
@_JOB
@_INTO
@click.option(
    "--journal", type=click.Path(exists=True, file_okay=False), metavar="FOLDER", help="Of a run; what it settled is left out."
)
@click.option("--repeat-ambiguous", is_flag=True, help="Write also what may have run, and may then be billed twice.")
def export(job: str, into: str, **options: Any) -> int:
    """Write JOB as files for the Batch API INTO a new folder, as many lines and bytes in each as it takes."""
    from images_api.bulk import export_batch

    def work(refusal: Callable[[Problem], None]) -> int:
        for path in export_batch(job, into, refusal=refusal, **options):
            write(printable(str(path)))
        return ExitStatus.DONE

    return _guarded(work, Wishes(flags=_FLAGS))


@bulk.command("import", short_help="Save the images of an output file of the Batch API.")
@click.argument("output", type=click.Path(exists=True, dir_okay=False))
@_INTO
@click.option(
    "--job", type=click.Path(exists=True, dir_okay=False), metavar="JOB", help="The job, where INTO has no journal of it yet."
)
@_NAMES
@_AS_JSON
def import_(output: str, into: str, *, as_json: bool, **options: Any) -> int:
    """Save the images of OUTPUT, an output or error file of the Batch API, INTO a folder, and note what became of each line."""
    from images_api.bulk import import_batch

    asked = {name: value for name, value in options.items() if value is not None}

    def work(_: object) -> int:
        with LiveLine("bulk import") as line:
            imported = import_batch(output, into, report=lambda progress: line.update(str(progress)), **asked)
        for problem in imported.problems:
            say(str(problem), "error")
        counts = {"taken": imported.taken, "known": imported.known, "left": imported.left}
        told = f"{imported.taken} lines imported, {imported.known} known before, {imported.left} not taken"
        write(report.as_json(counts | _said(imported.summary)) if as_json else f"{told}\n{imported.summary}")
        return _STATUSES[not imported.exit_status]

    return _guarded(work, Wishes(flags=_FLAGS))


@bulk.command("sheet", short_help="Write a contact sheet of a run, one HTML file.")
@_INTO
@click.option("--thumbnails", is_flag=True, help="Put small images into the sheet itself; needs Pillow.")
@click.option("--open", "is_opened", is_flag=True, help="Open it with the system's browser.")
def sheet(into: str, *, thumbnails: bool, is_opened: bool) -> int:
    """Write a contact sheet of the run whose images are INTO a folder: images, captions and states, to be filtered."""
    from images_api.bulk import write_sheet

    def work(_: object) -> int:
        path = write_sheet(into, thumbnails=thumbnails)
        write(printable(str(path)))
        if is_opened:
            launch(path)
        return ExitStatus.DONE

    return _guarded(work, Wishes(flags=_FLAGS))


def _guarded(work: Callable[[Callable[[Problem], None]], int], wishes: Wishes) -> int:
    """Do some work, and return how it ended; what goes wrong is one line, or one for each thing that is wrong with a job.

    Args:
        work: Takes what is to be called with each such thing, and returns the exit status.
        wishes: What the command line asks for.
    """
    from images_api import ImagesAPIError

    told: list[Problem] = []

    def refusal(problem: Problem) -> None:
        told[:] = [problem]
        say(str(problem), "error")

    with speaking(wishes.verbosity):
        try:
            return work(refusal)
        except ImagesAPIError as error:
            return complain(error, wishes, "nothing was sent" if told else None)
        except KeyboardInterrupt:
            say("interrupted", "error")
            return ExitStatus.INTERRUPTED


@contextmanager
def _scheduler(address: str | None) -> Generator[Client | None]:
    """Give a client of a Dask cluster, if one is asked for."""
    if address is None:
        yield None
        return
    try:
        from distributed import Client
    except ImportError as error:
        text = f"--dask needs more than is installed ({error.name}): pip install 'images-api[dask]'"
        raise ImportError(text, name=error.name) from error
    with Client(address) as client:
        yield client


def _wishes(options: dict[str, Any]) -> Wishes:
    """Take what says which server is asked out of a command's options."""
    names = {option.name for option in connection_options()}
    return Wishes(flags=_FLAGS, **{name: options.pop(name) for name in [*options] if name in names})


def _show(summary: Summary, *, is_json: bool) -> None:
    write(report.as_json(_said(summary)) if is_json else str(summary))


def _said(summary: Summary) -> dict[str, Any]:
    return {**asdict(summary), "lines": summary.lines}
