"""One line: sent once, and what its answer means. With `make_images` as the unit of work for whatever maps functions.

Nothing here sends a second time. What the answer means decides what may be: see `State`.
"""

from __future__ import annotations

import time
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from images_api import _errors as errors
from images_api._http.downloads import Downloader
from images_api._http.retry import wait_before_retry
from images_api._messages import short
from images_api._results import GeneratedImage
from images_api._secrets import Secret, Secrets

from ._journal import Entry, State
from ._names import Template
from ._prices import plain_usage
from ._saving import Store

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from images_api._client import AsyncImagesClient, ImagesClient
    from images_api._results import ImagesResult

    from ._lines import Line

# A server that asks for a longer pause than this is waited for by running the job again.
LONGEST_PAUSE = 3600.0
# What is wrong with the key, the account or the address, so that no line can get through: payment, proxies and moved hosts too.
_ALL_LINES = frozenset({401, 402, 403, 405, 407})
_LATER = frozenset({429, 503})


@dataclass(frozen=True)
class Answer:
    """What became of a line that was sent.

    Attributes:
        state: `done`, `refused`, `failed` or `ambiguous`.
        images: The images that came, fetched where they are links.
        links: Where images lie that couldn't be fetched, by their place; "" where one is among the images.
        body: What the server said, if it couldn't be understood.
        request_id: The provider's id of it.
        usage: The tokens used.
        cost: What a gateway says that it cost.
        error_code: A short name of what went wrong.
        error: What went wrong.
        wait: How many seconds to wait before it may be sent again; None where it must not be.
        stop: Why no other line can get through either; empty where others may.
    """

    state: State
    images: Sequence[GeneratedImage] = ()
    links: tuple[str, ...] = ()
    body: bytes = b""
    request_id: str | None = None
    usage: Mapping[str, Any] | None = None
    cost: float | None = None
    error_code: str | None = None
    error: str | None = None
    wait: float | None = None
    stop: str = ""

    @property
    def total(self) -> int:
        """Return how many images the response has, those included that couldn't be fetched."""
        return max(len(self.links), *(image.index + 1 for image in self.images), 0)

    def entry(self, old: Entry) -> Entry:
        """Return what the journal is to say of the line, files aside."""
        return old._replace(
            state=self.state,
            request_id=self.request_id or old.request_id,
            usage=self.usage if self.usage is not None else old.usage,
            cost=self.cost if self.cost is not None else old.cost,
            error_code=self.error_code,
            error=self.error,
            links=self.links if any(self.links) else (),
        )


def make_images(client: ImagesClient, line: Line, into: str | Path, *, names: str = "{custom_id}") -> Entry:
    """Send a line once, save its images whole, and return what became of it: nothing is known of any earlier time.

    Args:
        client: A client; what it retries by itself isn't used.
        line: The line; it may be pickled, as the client may.
        into: The folder of the images, which is made where it isn't there.
        names: What files are called: see `run`.

    Returns:
        The line's entry as a journal has it; of a line that is `failed`, nothing was paid.

    Raises:
        InvalidRequestError: The name isn't safe as one.
        OSError: The images can't be saved; the error says where they are kept.
    """
    entry = entry_of(line, Template(names), client.__getstate__().defaults)
    entry = entry._replace(attempts=1, updated=time.time())
    folder = Path(into)
    folder.mkdir(parents=True, exist_ok=True)
    store = Store(folder)  # before anything is paid for
    try:
        answer = answered(client._call(line.operation_id, {**line.arguments(), "max_retries": 0}))  # noqa: SLF001  what each method is
    except errors.ImagesAPIError as error:
        answer = meaning(error, client)
    answer = fetched(answer)
    return saved(store, answer.entry(entry), answer)


def saved(store: Store, entry: Entry, answer: Answer) -> Entry:
    """Save the images of an answer at once, and return the line's entry with their files.

    Raises:
        OSError: They can't be saved; the error says where they are kept.
    """
    try:
        entry = kept(store, entry, answer)
        entry = store.write(entry, answer.images, answer.total)
        store.sync()
        store.publish(entry, answer.images, answer.total)
    except OSError as error:
        raise OSError(f"{error}; the images are kept in {store.rescue(entry, answer.images, answer.total)}") from error
    return entry


def fetched(answer: Answer) -> Answer:
    """Return an answer with its images fetched, where they are links; without an event loop."""
    for image in answer.images:
        if image.url is not None:
            answer = _with_link(answer, image, _fault_of_reading(image))
    return answer


def kept(store: Store, entry: Entry, answer: Answer) -> Entry:
    """Keep an answer that can't be understood in a file, and return the line's entry, which says where.

    Raises:
        OSError: The file can't be written.
    """
    if not answer.body:
        return entry
    return entry._replace(error=f"{answer.error}; the answer is kept in {store.keep(entry, answer.body)}")


def entry_of(line: Line, template: Template, defaults: Mapping[str, Any]) -> Entry:
    """Return what a journal says of a line that was never sent.

    Args:
        line: The line.
        template: How its files are named.
        defaults: What the client says where the line doesn't.

    Raises:
        InvalidRequestError: The name isn't safe as one.
    """
    images = asked_for(line, defaults)
    entry = Entry(line.custom_id, line.digest, line.number, line.offset, subject=line.subject, images=images)
    return entry._replace(name=template.name(line, images))


def asked_for(line: Line, defaults: Mapping[str, Any]) -> int:
    """Return how many images a line asks for.

    Args:
        line: The line.
        defaults: What the client says where the line doesn't.
    """
    count = parameter(line, "count", defaults)
    return count if isinstance(count, int) and count > 0 else 1


def parameter(line: Line, role: str, defaults: Mapping[str, Any]) -> object:
    """Return what a line says for a parameter by what it means, such as `count` or `model`."""
    from images_api._contract.operations import operation

    names = {rules.roles[role]: rules for rules in operation(line.operation_id).bodies.values() if role in rules.roles}
    for name, rules in names.items():
        for said in (line.body, defaults, rules.general_defaults):
            if said.get(name) is not None:
                return said[name]
    return None


async def asend(client: AsyncImagesClient, line: Line, attempt: int = 0) -> Answer:
    """Send a line once, and return what became of it, its images fetched.

    Args:
        client: A client; what it retries by itself isn't used.
        line: The line.
        attempt: How often it was sent before, for the time to wait before the next.
    """
    try:
        answer = answered(await client._call(line.operation_id, {**line.arguments(), "max_retries": 0}))  # noqa: SLF001  as above
    except errors.ImagesAPIError as error:
        answer = meaning(error, client, attempt)
    for image in answer.images:
        if image.url is not None:
            answer = _with_link(answer, image, await _fault_of_fetching(image))
    return answer


async def afetch(client: AsyncImagesClient, entry: Entry) -> Answer:
    """Fetch the images of a line that are made and couldn't be fetched before; nothing is asked for anew.

    Args:
        client: A client with the settings that they were asked for with.
        entry: The line.
    """
    settings = client.__getstate__()
    source = Downloader(settings, client._connections, settings.timeout)  # noqa: SLF001  as a call does
    images = [GeneratedImage(None, url=link, index=index, source=source) for index, link in enumerate(entry.links) if link]
    answer = Answer(State.DONE, images, tuple("" for _ in entry.links))
    for image in images:
        answer = _with_link(answer, image, await _fault_of_fetching(image))
    return answer


def answered(result: ImagesResult) -> Answer:
    """Return what a result means; of its images, links are still to be fetched."""
    http = result.http
    answer = Answer(State.DONE, result.images, request_id=http.request_id, usage=plain_usage(result.usage), cost=http.cost)
    if result.failures:
        return replace(answer, error_code=_code(result.failures[0]), error=short("; ".join(map(str, result.failures))))
    return answer


def meaning(error: errors.ImagesAPIError, client: ImagesClient | AsyncImagesClient, attempt: int = 0) -> Answer:
    """Return what an error means for a line that was sent once.

    Args:
        error: What the call raised.
        client: What it was sent with, whose key is in no file.
        attempt: How often it was sent before.
    """
    said: dict[str, Any] = {"error_code": _code(error), "error": short(error)}
    if isinstance(error, errors.APIConnectionError):
        state = State.AMBIGUOUS if error.may_have_run else State.FAILED
        return Answer(state, body=cleaned(error.body, client), wait=wait_before_retry(error, attempt, ambiguous=False), **said)
    if isinstance(error, errors.APIStatusError):
        said |= {"request_id": error.request_id, "cost": error.http.cost, "images": error.images}
        return _meaning_of_status(error, said, attempt)
    if isinstance(error, errors.ResponseError):
        if error.http:
            said |= {"request_id": error.http.request_id, "cost": error.http.cost}
        return Answer(State.AMBIGUOUS, error.images, body=cleaned(error.body, client), **said)
    # It was never whole, and so can't be billed: a file is gone or has changed, or a setting is wrong.
    return Answer(State.FAILED, **said)


def _meaning_of_status(error: errors.APIStatusError, said: dict[str, Any], attempt: int) -> Answer:
    status = error.status_code
    if isinstance(error, errors.ContentPolicyError):
        return Answer(State.REFUSED, **said)
    has_moved = status // 100 == 3 and not error.may_have_run  # noqa: PLR2004  the class of redirects
    is_path = status == 404 and "model" not in f"{error.code} {error.param}"  # noqa: PLR2004  which says that something isn't there
    if isinstance(error, errors.QuotaExceededError) or has_moved or is_path or status in _ALL_LINES:
        return Answer(State.FAILED, stop=said["error"], **said)
    wait = wait_before_retry(error, attempt, ambiguous=False)
    if wait is None and status in _LATER and not error.may_have_run:
        wait = error.http.retry_after  # longer than a call alone would wait
        if wait and wait > LONGEST_PAUSE:
            return Answer(State.FAILED, stop=f"the server asks to wait for {wait:.0f} seconds", **said)
        return Answer(State.FAILED, wait=wait, **said)
    if wait is not None:
        return Answer(State.FAILED, wait=wait, **said)
    return Answer(State.AMBIGUOUS if error.http.is_success or error.may_have_run else State.REFUSED, **said)


def cleaned(body: bytes, client: ImagesClient | AsyncImagesClient) -> bytes:
    """Return what a server said without the key, should it quote it."""
    keys = client.__getstate__().authorization().values()
    return Secrets([part.encode() for key in keys for part in (key, key.rpartition(" ")[2])]).hidden_in(body)


def _code(error: Exception) -> str:
    """Return a short name of an error: the server's own, or what kind it is."""
    code = getattr(error, "code", None)
    return short(code) if code else type(error).__name__


def _with_link(answer: Answer, image: GeneratedImage, fault: errors.DownloadError | None) -> Answer:
    """Return an answer without an image that can't be fetched, of which it keeps the link."""
    if fault is None:
        return answer
    links = list(answer.links) or [""] * max(each.index + 1 for each in answer.images)
    links[image.index] = Secret(image.url or "")
    images = [each for each in answer.images if each is not image]
    code = type(fault).__name__
    return replace(answer, state=State.AMBIGUOUS, images=images, links=tuple(links), error_code=code, error=short(fault))


def _fault_of_reading(image: GeneratedImage) -> errors.DownloadError | None:
    try:
        image.read()
    except errors.DownloadError as error:
        return error
    return None


async def _fault_of_fetching(image: GeneratedImage) -> errors.DownloadError | None:
    try:
        await image.aread()
    except errors.DownloadError as error:
        return error
    return None
