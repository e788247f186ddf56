"""Every line of a job against the contract, before anything is sent."""

from __future__ import annotations

from collections import deque
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, NamedTuple

from images_api._client import AsyncImagesClient, ImagesClient
from images_api._problems import InvalidRequestError, Problem
from images_api._requests.files import OpenFiles
from images_api._requests.request import CheckedRequest

from . import _names
from ._conversion import batch_form
from ._journal import Journal, State
from ._lines import parse_line, read_lines
from ._work import entry_of

if TYPE_CHECKING:
    from collections.abc import Callable, Generator

    from images_api._settings import Settings

# What an error lists; all of them go to who asks for each.
_LISTED = 100
# Lines that are checked in one go, which takes some milliseconds.
_AT_ONCE = 100
_SETTLED = frozenset({State.DONE, State.REFUSED})


class Checked(NamedTuple):
    """What a job asks for.

    Attributes:
        lines: How many lines it has.
        images: How many images they ask for.
    """

    lines: int
    images: int


def check(
    job: str | Path,
    *,
    client: ImagesClient | AsyncImagesClient | None = None,
    names: str = _names.DEFAULT,
    refusal: Callable[[Problem], None] | None = None,
) -> Checked:
    """Check all lines of a job, and send nothing.

    Args:
        job: The job: JSON Lines in the Batch API's form, or what `run` converts.
        client: What it would be sent with; its defaults and `validate` count.
        names: How files would be named: see `run`.
        refusal: Is called with everything that is wrong, such as `line 3 (cat-1), size`; an error lists the first hundred.

    Returns:
        How many lines there are, and how many images they ask for.

    Raises:
        InvalidRequestError: A line is refused; all that is wrong is in its `problems`, up to a hundred.
        OSError: The job can't be read.
    """
    settings = (client or ImagesClient()).__getstate__()
    with TemporaryDirectory(prefix="images-api-") as folder, Journal(folder) as journal:
        lines = batch_form(Path(job), Path(folder))
        deque(taking(journal, lines, Path(job).parent, settings, names=names, refusal=refusal), maxlen=0)
        return Checked(sum(journal.counts().values()), journal.images(*State))


def taking(
    journal: Journal,
    job: Path,
    base: Path,
    settings: Settings,
    *,
    names: str,
    refusal: Callable[[Problem], None] | None = None,
) -> Generator[None]:
    """Check all lines of a job and take them into a journal, which stays as it is if one is refused, or the rest isn't wanted.

    It yields now and then, so that others may have a turn.

    Args:
        journal: The journal.
        job: The job, in the Batch API's form.
        base: What local files are relative to.
        settings: Those of the client.
        names: How files are named.
        refusal: As for `check`.

    Raises:
        InvalidRequestError: As for `check`.
        OSError: As for `check`, or the journal can't be written.
    """
    template = _names.Template(names)
    refused = Refusals(refusal)
    with job.open("rb") as file, journal.new_job() as entries:
        count = 0
        for count, (number, offset, raw) in enumerate(read_lines(file), 1):
            if count % _AT_ONCE == 0:
                yield
            where = f"line {number}"
            try:
                line = parse_line(raw, number, offset, base)
                where = f"line {number} ({line.custom_id})"
                entry = entry_of(line, template, settings.defaults)
                if entries.add(entry, _names.keys(entry.name, entry.images)) not in _SETTLED:
                    with OpenFiles() as files:
                        CheckedRequest(settings, line.operation_id, line.arguments(), files, stream=False)
            except InvalidRequestError as error:
                refused.add(error, where)
        if not count:
            refused.add(InvalidRequestError([Problem("the job", str(job), "must have a line")]), "line 1")
        if refused.count:
            raise refused.error()


class Refusals:
    """What is wrong with a job.

    Args:
        refusal: Is called with each thing; an error lists the first hundred.

    Attributes:
        count: How many things there are.
    """

    def __init__(self, refusal: Callable[[Problem], None] | None) -> None:
        self._refusal = refusal
        self._problems: list[Problem] = []
        self.count = 0

    def add(self, error: InvalidRequestError, where: str) -> None:
        """Take what is wrong with a line."""
        for problem in error.problems:
            told = problem._replace(parameter=f"{where}, {problem.parameter}")
            self.count += 1
            if self.count <= _LISTED:
                self._problems.append(told)
            if self._refusal:
                self._refusal(told)

    def error(self) -> InvalidRequestError:
        """Return the error that lists what is wrong, or the beginning of it."""
        more = [Problem("the job", self.count, f"has more that is wrong than {_LISTED} things")] if self.count > _LISTED else []
        return InvalidRequestError([*self._problems, *more])
