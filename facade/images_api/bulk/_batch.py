"""A job on its way through the Batch API: as the files that it takes, and back from the files that it answers with."""

from __future__ import annotations

import json
import os
import shutil
from collections import deque
from contextlib import ExitStack, suppress
from dataclasses import dataclass, replace
from functools import partial
from hashlib import sha256
from pathlib import Path
from secrets import token_hex
from tempfile import TemporaryDirectory
from time import monotonic
from typing import TYPE_CHECKING, Any, BinaryIO, NamedTuple, cast

import httpx
import pybase64

from images_api import _errors as errors
from images_api._client import ImagesClient
from images_api._contract.operations import operation
from images_api._http.downloads import Downloader
from images_api._images.headers import read_facts
from images_api._messages import short
from images_api._problems import InvalidRequestError, Problem, refused
from images_api._requests.files import OpenFiles
from images_api._requests.request import CheckedRequest
from images_api._responses.body import Body
from images_api._responses.failures import status_error
from images_api._responses.json import MOST_TEXT, JSONReader, TooLargeError
from images_api._responses.result import ResponseReader
from images_api._results import HTTPInfo
from images_api._secrets import Secrets

from . import _names
from ._checking import Refusals, taking
from ._conversion import batch_form
from ._journal import FILE, Entry, Journal, State
from ._lines import LONGEST_LINE, Line, parse_line, read_lines, url_of
from ._saving import Store
from ._summary import PARTIAL, Progress, Summary
from ._work import Answer, answered, cleaned, fetched, kept, meaning

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

# What a file may hold: "up to 50,000 requests", and "up to 200 MB in size".
# https://developers.openai.com/api/docs/guides/batch
MOST_LINES = 50_000
LARGEST_FILE = LONGEST_LINE
_BODY = "application/json"
# Of what a batch says of a request that has no response, what means that it was never begun; a timeout may have come later.
_NEVER_BEGUN = frozenset({"batch_expired", "batch_cancelled"})
_CHUNK = 256 << 10
# What is saved together, so that a sync is shared: lines, and their bytes, whose images wait in temporary files meanwhile.
_GROUP, _GROUP_SIZE = 64, 64 << 20
_NO_KEY = "none"


def export_batch(
    job: str | Path,
    into: str | Path,
    *,
    journal: str | Path | None = None,
    repeat_ambiguous: bool = False,
    client: ImagesClient | None = None,
    names: str = _names.DEFAULT,
    refusal: Callable[[Problem], None] | None = None,
) -> list[Path]:
    """Write a job as files for the Batch API, which takes what one endpoint is asked for of one model, and so much of it a file.

    A line says all that a call would send, the client's defaults included; local files are in it as `data:` URLs. What comes of
    a batch is brought back by `import_batch`. Until then, `run` would make the same images once more.

    Args:
        job: The job: as for `run`.
        into: The folder of the files, which mustn't be there, or be empty: it is made whole or not at all.
        journal: The folder of a run, or of an import, of the job: what it has settled is left out, which is all that is `done`,
            `refused`, or under way.
        repeat_ambiguous: Whether to write also what may have run, and may then be billed twice.
        client: Whose defaults and `validate` count; without it, the environment's. No key is needed.
        names: How files would be named: as for `run`.
        refusal: Is called with everything that is wrong with the job, of which an error lists a hundred.

    Returns:
        The files; none where nothing is left to be made.

    Raises:
        InvalidRequestError: A line is refused, or can't be in such a file, or the folder holds something.
        OSError: The job can't be read, or the folder not be written.
    """
    job, into = Path(job), Path(into).absolute()
    if into.is_dir() and next(into.iterdir(), None):
        raise refused("the folder", str(into), "must be empty, so that no file of an earlier export is taken for one of this")
    wanted = {State.PENDING, State.FAILED, *([State.AMBIGUOUS] if repeat_ambiguous else [])}
    with ExitStack() as stack:
        settings = (client or stack.enter_context(_without_key())).__getstate__()
        folder = Path(stack.enter_context(TemporaryDirectory(prefix="images-api-")))
        lines = batch_form(job, folder)
        fresh = stack.enter_context(Journal(folder))
        deque(taking(fresh, lines, job.parent, settings, names=names, refusal=refusal), maxlen=0)
        known = stack.enter_context(Journal(journal, read_only=True)) if journal is not None else None
        parts = _Parts(into.with_name(f".{into.name}-{token_hex(4)}"))
        stack.callback(parts.remove)
        problems = Refusals(refusal)
        for number, offset, raw in read_lines(stack.enter_context(lines.open("rb"))):
            line = parse_line(raw, number, offset, job.parent)
            entry = known.find(line.custom_id, line.digest) if known else None
            if entry and entry.state not in wanted:
                continue
            try:
                with OpenFiles() as files:
                    content = CheckedRequest(settings, line.operation_id, _by_reference(line), files, stream=False).http
                parts.add(line, content)
            except InvalidRequestError as error:
                problems.add(error, f"line {number} ({line.custom_id})")
        if problems.count:
            raise problems.error()
        return parts.publish(into)


def import_batch(
    output: str | Path,
    into: str | Path,
    *,
    job: str | Path | None = None,
    client: ImagesClient | None = None,
    names: str = _names.DEFAULT,
    refusal: Callable[[Problem], None] | None = None,
    report: Callable[[Progress], None] | None = None,
    interval: float = 0.5,
) -> Imported:
    """Save the images of an output file of the Batch API, and note what became of each line, as `run` does.

    What is noted as `done` or `refused` stays as it is, and so importing a file again changes nothing. An error file is imported
    in the same way. A line that can't be taken is told of, and all others are.

    Args:
        output: The output file, or the error file, of a batch.
        into: The folder of the images and the journal, which is made where it isn't there.
        job: The job, as it was exported, or as it was before; needed where the folder has no journal of it yet.
        client: What links are fetched with; without it, the environment's. No key is needed.
        names: What files are called: as for `run`. It counts where the job is given.
        refusal: Is called with each line that can't be taken, of which the first hundred are returned.
        report: Is called with how it goes, at each interval and at the end.
        interval: Seconds between two reports.

    Returns:
        What was taken, what wasn't, and what the job has come to.

    Raises:
        InvalidRequestError: The output has no line of the job, the job is missing or refused, another run has the folder, or the
            journal can't be read.
        OSError: The output can't be read, or the folder not be written; what was noted until then stays.
    """
    started, output, into = monotonic(), Path(output), Path(into)
    if job is None and not (into / FILE).is_file():
        raise refused("job", job, f"must be given, since there is no journal of it in {into}")
    with ExitStack() as stack:
        file = stack.enter_context(output.open("rb"))
        sender = client or stack.enter_context(_without_key())
        journal = stack.enter_context(Journal(into))
        store = Store(into)
        stack.callback(store.close)
        store.recover(journal)
        journal.take_over()
        if job is not None:
            lines = batch_form(Path(job), into)
            deque(taking(journal, lines, Path(job).parent, sender.__getstate__(), names=names), maxlen=0)
        work = _Import(journal, store, _Answers(sender), Refusals(refusal))
        reported = started
        for number, reader, size in _read(file):
            work.take(number, reader, size)
            if report and monotonic() - reported >= interval:
                reported = monotonic()
                report(work.progress(reported - started, file.tell() / output.stat().st_size))
        work.save()
        if report:
            report(work.progress(monotonic() - started, 1.0))
        if not work.taken and not work.known:
            work.problems.add(refused("the output", str(output), "must have a line of the job"), "in all")
            raise work.problems.error()
        problems = work.problems.error().problems if work.problems.count else ()
        summary = Summary.of(journal, seconds=monotonic() - started)
        return Imported(work.taken, work.known, work.problems.count, problems, summary)


@dataclass(frozen=True)
class Imported:
    """What came of importing a file.

    Attributes:
        taken: How many of its lines were taken.
        known: How many were taken before, or are settled otherwise.
        left: How many couldn't be taken.
        problems: Why: the first hundred.
        summary: What the job has come to.
    """

    taken: int
    known: int
    left: int
    problems: tuple[Problem, ...]
    summary: Summary

    @property
    def exit_status(self) -> int:
        """Return a command's exit status: 0 where all was taken and every line of the job is done, else 8."""
        return PARTIAL if self.left else self.summary.exit_status

    def __str__(self) -> str:
        """Return it in a few lines."""
        told = [f"{self.taken} lines imported, {self.known} known before, {self.left} not taken", *map(str, self.problems)]
        return "\n".join([*told, str(self.summary)])


class _Part(NamedTuple):
    path: Path
    lines: int
    size: int


class _Parts:
    """The files that a job is split into, in a folder that nobody knows before all are whole."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._paths: list[Path] = []
        # The file that takes the next line: by the endpoint, and by the model, since a batch is of one.
        self._open: dict[tuple[str, str], _Part] = {}

    def add(self, line: Line, request: httpx.Request) -> None:
        """Write a line.

        Raises:
            InvalidRequestError: It can't be in such a file.
            OSError: It can't be written.
        """
        called = operation(line.operation_id)
        if request.headers["content-type"] != _BODY:
            raise refused("url", url_of(called), "can't be in a batch, which takes JSON alone: use `run`")
        body = request.read()
        head = json.dumps({"custom_id": line.custom_id, "method": called.method, "url": url_of(called)}, ensure_ascii=False)
        content = b'%b, "body": %b}\n' % (head[:-1].encode(), body)
        if len(content) > LARGEST_FILE:
            raise refused("the line", line.custom_id, f"must have at most {LARGEST_FILE:,} bytes, and has {len(content):,}")
        model = json.loads(body).get(called.bodies[_BODY].roles.get("model"))
        key = called.path, json.dumps(model)
        part = self._open.get(key)
        if part is None or part.lines == MOST_LINES or part.size + len(content) > LARGEST_FILE:
            self._folder.mkdir(parents=True, exist_ok=True)
            name = f"{len(self._paths) + 1:03}-{called.path.rpartition('/')[2]}.jsonl"
            part = _Part(self._folder / name, 0, 0)
            self._paths.append(part.path)
        with part.path.open("ab") as file:  # of many models, not all can be open at once
            file.write(content)
        self._open[key] = _Part(part.path, part.lines + 1, part.size + len(content))

    def publish(self, into: Path) -> list[Path]:
        """Give the folder its name, and return the files."""
        if self._paths:
            for path in self._paths:
                with path.open("rb+") as file:
                    os.fsync(file.fileno())
            if into.is_dir():
                into.rmdir()  # which Windows wouldn't replace
            self._folder.rename(into)
        return [into / path.name for path in self._paths]

    def remove(self) -> None:
        """Remove the folder, if it wasn't given its name."""
        shutil.rmtree(self._folder, ignore_errors=True)


class _Import:
    """What is taken of one file."""

    def __init__(self, journal: Journal, store: Store, answers: _Answers, problems: Refusals) -> None:
        self._journal, self._store, self._answers = journal, store, answers
        self.problems = problems
        self.taken = self.known = 0
        self._group: dict[str, tuple[Entry, Answer]] = {}
        self._size = 0
        self._totals = journal.totals()
        self._first = self._totals.images

    def take(self, number: int, reader: JSONReader | None, size: int) -> None:
        """Take one line, of so many bytes, or say why it can't be taken."""
        where = f"line {number}"
        try:
            said = _said(reader)
            where = f"line {number} ({short(said['custom_id'])})"
            self._take(said, cast("JSONReader", reader), size)
        except InvalidRequestError as error:
            self.problems.add(error, where)

    def save(self) -> None:
        """Save what was taken, and note it.

        Raises:
            OSError: The disk is full, or can't be written.
        """
        group, self._group, self._size = [*self._group.values()], {}, 0
        entries: list[Entry] = []
        try:
            for entry, answer in group:
                entries.append(self._store.write(kept(self._store, entry, answer), answer.images, answer.total))
            self._store.sync()
            self._journal.record(entries)
            for entry, (_, answer) in zip(entries, group, strict=True):
                self._store.publish(entry, answer.images, answer.total)
        except OSError as error:
            raise OSError(f"{error}; what was noted before is kept, and importing the file again does the rest") from error
        for entry, (_, answer) in zip(entries, group, strict=True):
            self.taken += 1
            self._totals.images += len(answer.images)
            self._totals.spend(entry)

    def progress(self, elapsed: float, part: float) -> Progress:
        """Return how it goes, when a part of the file is read."""
        totals = self._totals
        rate = 60 * (totals.images - self._first) / elapsed if elapsed else 0.0
        remaining = elapsed * (1 - part) / part if part else None
        return Progress(self._journal.counts(), totals.images, rate, remaining, elapsed, 0.0, dict(totals.usage), totals.cost)

    def _take(self, said: Mapping[str, Any], reader: JSONReader, size: int) -> None:
        custom_id = said["custom_id"]
        if custom_id in self._group:
            self.save()
        old = self._journal.find(custom_id)
        if old is None:
            raise refused("custom_id", custom_id, "is in no line of the job")
        if old.state not in {State.DONE, State.REFUSED}:
            answer = _with_news(old, self._answers.answer(old, said, reader))
            new = answer.entry(old)
            # What may have run stays so, unless more of its images are here.
            if new != old and (old.state != State.AMBIGUOUS or answer.state == State.DONE or answer.images):
                self._group[custom_id] = new._replace(attempts=old.attempts + 1), answer
                self._size += size
                if len(self._group) == _GROUP or self._size > _GROUP_SIZE:
                    self.save()
                return
        self.known += 1


class _Answers:
    """What the responses in a file mean, as if each had come to a call."""

    def __init__(self, client: ImagesClient) -> None:
        self._client = client
        self._settings = client.__getstate__()
        self._source = Downloader(self._settings, client._connections, self._settings.timeout)  # noqa: SLF001  as a call does
        self._url = httpx.URL(f"{self._settings.base_url}/")

    def answer(self, entry: Entry, said: Mapping[str, Any], reader: JSONReader) -> Answer:
        """Return what became of a line.

        Args:
            entry: The line.
            said: What the file says of it, with the images' marks.
            reader: What has the images.

        Raises:
            InvalidRequestError: It says nothing that can be understood.
        """
        response, error = said.get("response"), said.get("error")
        if isinstance(response, dict) and isinstance(response.get("status_code"), int):
            return fetched(self._answer(entry, response, reader))
        if not isinstance(error, dict):
            raise refused("response", response, "must have a status_code, where there is no error")
        state = State.FAILED if error.get("code") in _NEVER_BEGUN else State.AMBIGUOUS
        words = cleaned(short(reader.restored(error.get("message")) or error).encode(errors="replace"), self._client)
        return Answer(state, error_code=short(error.get("code") or "batch_error"), error=words.decode(errors="replace"))

    def _answer(self, entry: Entry, response: Mapping[str, Any], reader: JSONReader) -> Answer:
        content = response.get("body")
        request_id = short(response.get("request_id") or "").encode("ascii", "replace")
        headers = httpx.Headers({"content-type": _BODY} | ({"x-request-id": request_id.decode()} if request_id else {}))
        http = HTTPInfo(response["status_code"], headers, 0.0)
        try:
            if not http.is_success:
                raise self._refusal(http, json.dumps(reader.restored(content)).encode())
            body = Body(headers, self._settings.max_response_bytes)
            if isinstance(content, str):
                body.write(reader.restored(content).encode(errors="surrogatepass"))
            else:
                body.form = JSONReader(json.dumps(content).encode(), reader.images)
            events = ResponseReader(http, body, partial(self._refusal, http), entry.subject, entry.images, self._source)
            deque(events.finish(), maxlen=0)
            return answered(events.result())
        except errors.ImagesAPIError as error:
            return meaning(error, self._client)
        except TooLargeError as error:
            raise refused("body", short(content), str(error)) from None

    def _refusal(self, http: HTTPInfo, body: bytes) -> errors.APIStatusError:
        return status_error(http, cleaned(body, self._client), self._url, Secrets())


def _read(output: BinaryIO) -> Iterator[tuple[int, JSONReader | None, int]]:
    """Yield the number of each line of a file, what has read it, and its size; nothing has read one that holds too much.

    Images are decoded as they are read, so that a line needn't be in memory, which may have hundreds of megabytes.
    """
    number = 0
    while chunk := output.readline(_CHUNK):
        number += 1
        reader: JSONReader | None = JSONReader()
        size, chunk = 0, chunk.removeprefix(b"\xef\xbb\xbf")
        is_empty = not chunk.strip()
        while chunk:
            size += len(chunk)
            reader = _fed(reader, chunk)
            chunk = b"" if chunk.endswith(b"\n") else output.readline(_CHUNK)
        if not is_empty:
            yield number, reader, size


def _fed(reader: JSONReader | None, chunk: bytes) -> JSONReader | None:
    """Return a reader that has read on; None once there is too much."""
    if reader is None:
        return None
    try:
        reader.write(chunk)
    except TooLargeError:
        return None
    return reader if len(reader.text) <= MOST_TEXT else None


def _said(reader: JSONReader | None) -> dict[str, Any]:
    """Return what a line says, which has an id.

    Raises:
        InvalidRequestError: It is no line of such a file.
    """
    if reader is None:
        raise refused("the line", "more", f"must have at most {MOST_TEXT >> 20} MiB besides its images")
    try:
        said = reader.document()
    except ValueError as error:
        why = f"must be a JSON object, and isn't, or not whole ({error}): get the file anew"
        raise refused("the line", bytes(reader.text[:100]).decode(errors="replace"), why) from None
    if not isinstance(said, dict) or not isinstance(said.get("custom_id"), str):
        raise refused("the line", short(said), "must be a JSON object with a custom_id")
    return said


def _with_news(old: Entry, answer: Answer) -> Answer:
    """Return an answer without the images that are saved already, of a line of which some were."""
    known = {file.sha256 for file in old.files}
    return (
        answer if not known else replace(answer, images=[x for x in answer.images if sha256(x.read()).hexdigest() not in known])
    )


def _by_reference(line: Line) -> dict[str, Any]:
    """Return a line's arguments with `data:` URLs in place of local files."""
    return {name: _referred(name, given) for name, given in line.arguments().items()}


def _referred(name: str, given: object) -> object:
    if isinstance(given, list):
        return [_referred(name, each) for each in given]
    if not isinstance(given, Path):
        return given
    try:
        with given.open("rb") as file:
            kind = read_facts(file).type
            file.seek(0)
            content = file.read()
    except OSError as error:
        raise refused(name, str(given), f"can't be read: {error.strerror}") from error
    if kind is None:
        raise refused(name, str(given), "must be an image of a known kind")
    return f"data:{kind};base64,{pybase64.b64encode(content).decode()}"


def _without_key() -> ImagesClient:
    """Return a client with the environment's settings; it may lack the key, for nothing is asked of the API."""
    with suppress(InvalidRequestError):
        return ImagesClient()
    return ImagesClient(api_key=_NO_KEY)
