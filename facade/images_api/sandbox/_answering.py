"""From a request for an operation to its answer: read, checked, planned, drawn, and said."""

from __future__ import annotations

import asyncio
import base64
import threading
import time
from concurrent.futures import CancelledError, ThreadPoolExecutor
from contextlib import asynccontextmanager
from functools import partial
from os import cpu_count
from typing import TYPE_CHECKING, ParamSpec, TypeVar

from starlette.responses import JSONResponse, Response, StreamingResponse

from images_api._images.headers import HEAD, media_type

from . import _checking, _drawing, _formats, _requests, _studio, _uploads
from ._access import let_in
from ._journal import ReceivedImage
from ._refusal import RefusedError
from ._responses import event, images_document
from ._shelf import Shelf

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, Awaitable, Callable, Mapping, Sequence

    from starlette.requests import Request

    from images_api._contract.operations import Operation
    from images_api._images.headers import ImageFacts

    from ._journal import Journal
    from ._operations import Endpoint
    from ._settings import Settings

_P = ParamSpec("_P")
_T = TypeVar("_T")
# Threads that draw: each may hold some images of many megapixels.
_MOST_THREADS = 4


class Answers:
    """What answers the operations, and gives out the images that they made.

    Args:
        settings: How the sandbox behaves.
        journal: Where is noted what was asked and made.
        closing: Ends every wait when it is set.

    Attributes:
        shelf: The images that were made.
    """

    def __init__(self, settings: Settings, journal: Journal, closing: threading.Event | None = None) -> None:
        self.shelf = Shelf(settings.url_lifetime)
        self._settings = settings
        self._journal = journal
        self._closing = closing or threading.Event()
        self._pool = _new_pool()

    @asynccontextmanager
    async def lifespan(self, _: object) -> AsyncGenerator[None]:
        """Let nothing be drawn any more when a server stops."""
        yield
        self._pool.shutdown(cancel_futures=True)
        self._pool = _new_pool()

    def operation(self, endpoint: Endpoint) -> Callable[[Request], Awaitable[Response]]:
        """Return what answers an operation."""

        async def answer(request: Request) -> Response:
            let_in(request, self._settings.api_key)
            plan = request.state.accepted(await self._plan(request, endpoint.operation))
            # Counted before an image is made, as it would be billed: the client may not wait.
            self._journal.count(len(plan.orders))
            if plan.stream:
                events = self._events(endpoint, plan, request.state.number)
                return StreamingResponse(events, media_type="text/event-stream")
            await self.wait(self._settings.latency)
            return await self._respond(request, plan)

        return answer

    async def file(self, request: Request) -> Response:
        """Serve an image that an earlier response pointed to."""
        name = str(request.path_params["name"])
        content, (expires, signature) = self.shelf.get(name), map(request.query_params.get, ("expires", "signature"))
        if content is None or not self.shelf.is_signed(name, expires or "", signature or ""):
            raise RefusedError(f"There is no image {name} here, or not by this link.", code="not_found", status=404)
        if int(expires or 0) < time.time():
            raise RefusedError("The link has expired.", code="link_expired", status=403)
        return Response(content, media_type=media_type(content[:HEAD]))

    async def wait(self, seconds: float) -> None:
        """Wait, but not for longer than the server runs."""
        until = time.monotonic() + seconds
        # Another thread may end the wait, and can't set an asyncio.Event.
        while (left := until - time.monotonic()) > 0 and not self._closing.is_set():  # noqa: ASYNC110
            await asyncio.sleep(min(left, 0.05))

    async def _plan(self, request: Request, operation: Operation) -> _studio.Plan:
        asked = await _requests.read(request, operation)
        self._note(request, operation=operation.id, parameters=asked.fields)
        rules = asked.rules
        if not self._settings.any_model:
            rules.check_model(asked.fields)
        if rules.body.references:
            uploads = await self._referred(request, operation, asked)
        else:
            uploads = await self._run(_uploads.decode, asked.files)
            rules.check(asked.fields, _facts(uploads))
        self._note(request, images={name: [*map(_received, several)] for name, several in uploads.items()})
        _checking.check_content(asked.fields.get(rules.subject or ""))
        return _studio.plan(rules, rules.completed(asked.fields), uploads)

    async def _referred(self, request: Request, operation: Operation, asked: _requests.Asked) -> dict[str, list[_uploads.Upload]]:
        """Return the images that a request refers to, for which the same holds as for those that are uploaded."""
        rules = asked.rules
        rules.check(asked.fields, {})
        files = _uploads.referred(rules.body, asked.fields, partial(self._own_image, request))
        uploads = await self._run(_uploads.decode, files)
        form = _checking.rules(operation.id, operation.form)
        form.check_referred(asked.fields, _facts(uploads), rules.body.references)
        return uploads

    async def _respond(self, request: Request, plan: _studio.Plan) -> Response:
        contents = await asyncio.gather(*(self._run(_formats.render, order, plan.format) for order in plan.orders))
        names = [self.shelf.put(content, plan.format.name) for content in contents]
        self._note(request, images_made=names)
        if plan.as_url:
            base = str(request.base_url).rstrip("/")
            entries = [{"url": base + self.shelf.target(name)} for name in names]
        else:
            entries = [{"b64_json": base64.b64encode(content).decode()} for content in contents]
        return JSONResponse(images_document(plan, entries))

    async def _events(self, endpoint: Endpoint, plan: _studio.Plan, number: int) -> AsyncGenerator[bytes]:
        prefix = endpoint.event_prefix(has_images=bool(plan.orders[0].sources))
        pause = self._settings.latency / (len(plan.orders) * (plan.partial_images + 1))
        names = list[str]()
        for order in plan.orders:
            image = await self._run(_drawing.draw, order)
            for step in range(plan.partial_images):
                await self.wait(pause)
                blurred = await self._run(_drawing.unfinished, image, step, plan.partial_images)
                content = await self._run(_formats.encode, blurred, plan.format)
                yield event(f"{prefix}.partial_image", content, plan, partial_image_index=step)
            await self.wait(pause)
            content = await self._run(_formats.encode, image, plan.format)
            names.append(self.shelf.put(content, plan.format.name))
            self._journal.note(number, images_made=[*names])
            yield event(f"{prefix}.completed", content, plan, usage=plan.usage)

    def _own_image(self, request: Request, url: str) -> bytes | None:
        base = f"{request.base_url}files/"
        return self.shelf.get(url.removeprefix(base).partition("?")[0]) if url.startswith(base) else None

    def _note(self, request: Request, **said: object) -> None:
        self._journal.note(request.state.number, **said)

    async def _run(self, work: Callable[_P, _T], *args: _P.args, **kwargs: _P.kwargs) -> _T:
        loop = asyncio.get_running_loop()
        try:
            return await loop.run_in_executor(self._pool, partial(work, *args, **kwargs))
        except (RuntimeError, CancelledError) as error:
            if not self._closing.is_set():
                raise
            raise RefusedError("The sandbox is stopping.", code="stopping", status=503, kind="server_error") from error


def _facts(uploads: Mapping[str, Sequence[_uploads.Upload]]) -> dict[str, list[ImageFacts]]:
    return {name: [upload.facts for upload in several] for name, several in uploads.items()}


def _received(upload: _uploads.Upload) -> ReceivedImage:
    facts = upload.facts
    return ReceivedImage(facts.name, facts.type or "", facts.width or 0, facts.height or 0, upload.content)


def _new_pool() -> ThreadPoolExecutor:
    # One of our own, unlike anyio's, has no threads left once the server has stopped.
    return ThreadPoolExecutor(min(_MOST_THREADS, cpu_count() or 1), thread_name_prefix="images-sandbox")
