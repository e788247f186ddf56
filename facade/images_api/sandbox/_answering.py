"""From a request for an operation to its answer: read, checked, planned, drawn, and said."""

from __future__ import annotations

import asyncio
import time
from contextlib import suppress
from functools import partial
from typing import TYPE_CHECKING, Any

from starlette.responses import Response, StreamingResponse

from images_api._images.headers import HEAD, media_type

from . import _checking, _drawing, _formats, _requests, _studio, _uploads
from ._access import let_in
from ._dialects import dialect
from ._journal import ReceivedImage
from ._operations import event_prefix
from ._refusal import RefusedError
from ._responses import MadeImage, images_response, request_values, stream_event
from ._shelf import Shelf
from ._stopping import until_stopped
from ._translation import understood
from ._work import StoppedError

if TYPE_CHECKING:
    import threading
    from collections.abc import AsyncGenerator, Awaitable, Callable, Mapping, Sequence

    from starlette.requests import Request

    from images_api._contract.operations import Operation
    from images_api._images.headers import ImageFacts

    from ._dialects import Route
    from ._journal import Journal
    from ._rates import RateLimit
    from ._settings import Settings
    from ._translation import Understood
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
        dialect: In whose words it answers.
        shelf: The images that were made.
    """

    def __init__(
        self, settings: Settings, journal: Journal, rate_limit: RateLimit, workers: Workers, closing: threading.Event
    ) -> None:
        self.dialect = dialect(settings.dialect)
        self.shelf = Shelf(settings.url_lifetime, self.dialect.files)
        self._settings = settings
        self._journal = journal
        self._closing = closing
        self._rate_limit = rate_limit
        self._run = workers.run

    def operation(self, route: Route) -> Callable[[Request], Awaitable[Response]]:
        """Return what answers an operation."""

        async def answer(request: Request) -> Response:
            started, said = time.perf_counter(), request_values(request.state.number)
            let_in(request, self._settings.api_key, self.dialect.auth)
            limits = self._rate_limit.take()
            if any(name not in request.query_params for name in route.query):
                raise RefusedError("Resource not found.", code="unknown_url", status=404, topic="routing")
            wanted = await self._read(request, route)
            plan = request.state.accepted(await self._plan(request, wanted))
            said |= {"model": wanted.model, "prompt": plan.orders[0].prompt, "seconds": 0.0}
            if wanted.seed is not None:
                said["seed"] = wanted.seed
            # Counted before an image is made, as it would be billed: the client may not wait.
            self._journal.count(len(plan.orders))
            headers = {**limits, **self.dialect.headers(said)}
            if plan.stream:
                events = self._stream(route.operation, plan, request, said)
                return StreamingResponse(events, headers=headers, media_type="text/event-stream")
            await until_stopped(self._closing, self._settings.latency)
            images = await self._made(request, plan)
            said["seconds"] = round(time.perf_counter() - started, 3)
            templates = self.dialect.response(wanted.form, "url" if plan.as_url else "b64_json")
            response = images_response(plan, images, said, templates)
            response.headers.update(headers)
            return response

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

    async def _read(self, request: Request, route: Route) -> Understood:
        asked = await _requests.read(request, self.dialect, route)
        self._note(request, operation=route.operation.id, parameters=asked.fields)
        model = request.path_params.get("model")
        return understood(self.dialect, route, asked, model, any_model=self._settings.any_model)

    async def _plan(self, request: Request, wanted: Understood) -> _studio.Plan:
        operation, asked = wanted.operation, wanted.asked
        rules = asked.rules
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

    async def _made(self, request: Request, plan: _studio.Plan) -> list[MadeImage]:
        contents = await asyncio.gather(*(self._run(_formats.render, order, plan.format) for order in plan.orders))
        images = [self._shelved(request, content, plan) for content in contents]
        self._note(request, images_made=[image.name for image in images])
        return images

    async def _stream(
        self, operation: Operation, plan: _studio.Plan, request: Request, said: dict[str, Any]
    ) -> AsyncGenerator[bytes]:
        with suppress(StoppedError):  # it has begun already, and can't be refused any more
            async for each in self._events(operation, plan, request, said):
                yield each

    def _shelved(self, request: Request, content: bytes, plan: _studio.Plan) -> MadeImage:
        name = self.shelf.put(content, plan.format.name)
        target = self.shelf.target(name)
        return MadeImage(name, content, target, str(request.base_url).rstrip("/") + target)

    async def _events(
        self, operation: Operation, plan: _studio.Plan, request: Request, said: dict[str, Any]
    ) -> AsyncGenerator[bytes]:
        prefix = event_prefix(operation, has_images=bool(plan.orders[0].sources))
        pause = self._settings.latency / (len(plan.orders) * (plan.partial_images + 1))
        names = list[str]()
        say = partial(stream_event, self.dialect.stream, prefix, plan)
        for index, order in enumerate(plan.orders):
            image = await self._run(_drawing.draw, order)
            for step in range(plan.partial_images if self.dialect.shows_unfinished else 0):
                await until_stopped(self._closing, pause)
                blurred = await self._run(_drawing.unfinished, image, step, plan.partial_images)
                unfinished = MadeImage("", await self._run(_formats.encode, blurred, plan.format), "", "")
                yield say(unfinished, index=index, said={**said, "partial_image_index": step})
            await until_stopped(self._closing, pause)
            made = self._shelved(request, await self._run(_formats.encode, image, plan.format), plan)
            names.append(made.name)
            self._note(request, images_made=[*names])
            yield say(made, index=index, said=said)
        if self.dialect.stream and "end" in self.dialect.stream:
            yield f"data: {self.dialect.stream['end']}\n\n".encode()

    def _own_image(self, request: Request, url: str) -> bytes | None:
        before, after = self.dialect.files.split("{name}")
        path, base = url.partition("?")[0], f"{str(request.base_url).rstrip('/')}{before}"
        is_own = path.startswith(base) and path.endswith(after)
        return self.shelf.get(path.removeprefix(base).removesuffix(after)) if is_own else None

    def _note(self, request: Request, **said: object) -> None:
        self._journal.note(request.state.number, **said)


def _facts(uploads: Mapping[str, Sequence[_uploads.Upload]]) -> dict[str, list[ImageFacts]]:
    return {name: [upload.facts for upload in several] for name, several in uploads.items()}


def _received(upload: _uploads.Upload) -> ReceivedImage:
    facts = upload.facts
    return ReceivedImage(facts.name, facts.type or "", facts.width or 0, facts.height or 0, upload.content)
