"""From a request for an operation to its answer: read, checked, planned, drawn, and said."""

from __future__ import annotations

import asyncio
import base64
import time
from contextlib import suppress
from functools import partial
from typing import TYPE_CHECKING

from starlette.responses import JSONResponse, Response, StreamingResponse

from images_api._images.headers import HEAD, media_type

from . import _checking, _drawing, _formats, _requests, _studio, _uploads
from ._access import let_in
from ._journal import ReceivedImage
from ._refusal import RefusedError
from ._responses import event, images_document
from ._shelf import Shelf
from ._work import StoppedError

if TYPE_CHECKING:
    import threading
    from collections.abc import AsyncGenerator, Awaitable, Callable, Mapping, Sequence

    from starlette.requests import Request

    from images_api._contract.operations import Operation
    from images_api._images.headers import ImageFacts

    from ._journal import Journal
    from ._operations import Endpoint
    from ._rates import RateLimit
    from ._settings import Settings
    from ._work import Workers


class Answers:
    """What answers the operations, and gives out the images that they made.

    Args:
        settings: How the sandbox behaves.
        journal: Where is noted what was asked and made.
        rate_limit: Counts the requests.
        workers: What decodes and draws.
        closing: Ends every wait when it is set.

    Attributes:
        shelf: The images that were made.
    """

    def __init__(
        self, settings: Settings, journal: Journal, rate_limit: RateLimit, workers: Workers, closing: threading.Event
    ) -> None:
        self.shelf = Shelf(settings.url_lifetime)
        self._settings = settings
        self._journal = journal
        self._closing = closing
        self._rate_limit = rate_limit
        self._run = workers.run

    def operation(self, endpoint: Endpoint) -> Callable[[Request], Awaitable[Response]]:
        """Return what answers an operation."""

        async def answer(request: Request) -> Response:
            let_in(request, self._settings.api_key)
            headers = self._rate_limit.take()
            plan = await self._plan(request, endpoint.operation)
            # Counted before an image is made, as it would be billed: the client may not wait.
            self._journal.count(len(plan.orders))
            if plan.stream:
                events = self._stream(endpoint, plan, request.state.number)
                return StreamingResponse(events, media_type="text/event-stream", headers=headers)
            await self.wait(self._settings.latency)
            return JSONResponse(await self._document(request, plan), headers=headers)

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

    async def _document(self, request: Request, plan: _studio.Plan) -> dict[str, object]:
        contents = await asyncio.gather(*(self._run(_formats.render, order, plan.format) for order in plan.orders))
        names = [self.shelf.put(content, plan.format.name) for content in contents]
        self._note(request, images_made=names)
        if plan.as_url:
            base = str(request.base_url).rstrip("/")
            entries = [{"url": base + self.shelf.target(name)} for name in names]
        else:
            entries = [{"b64_json": base64.b64encode(content).decode()} for content in contents]
        return images_document(plan, entries)

    async def _stream(self, endpoint: Endpoint, plan: _studio.Plan, number: int) -> AsyncGenerator[bytes]:
        with suppress(StoppedError):  # it has begun already, and can't be refused any more
            async for each in self._events(endpoint, plan, number):
                yield each

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


def _facts(uploads: Mapping[str, Sequence[_uploads.Upload]]) -> dict[str, list[ImageFacts]]:
    return {name: [upload.facts for upload in several] for name, several in uploads.items()}


def _received(upload: _uploads.Upload) -> ReceivedImage:
    facts = upload.facts
    return ReceivedImage(facts.name, facts.type or "", facts.width or 0, facts.height or 0, upload.content)
