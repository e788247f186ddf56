"""The sandbox as an ASGI application: the contract's operations, the images' addresses, and errors."""

from __future__ import annotations

import asyncio
import base64
import hashlib
import json
import secrets
import threading
import time
from collections import OrderedDict
from concurrent.futures import ThreadPoolExecutor
from contextlib import asynccontextmanager
from functools import partial
from typing import TYPE_CHECKING, ParamSpec, TypeVar, cast

from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.middleware import Middleware
from starlette.responses import JSONResponse, Response, StreamingResponse
from starlette.routing import Route

from images_api._images.headers import HEAD, media_type

from . import _checking, _drawing, _formats, _requests, _studio, _uploads
from ._journal import Journal, Recorder
from ._operations import endpoints
from ._refusal import RefusedError

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, Awaitable, Callable, Mapping, Sequence

    from starlette.requests import Request

    from images_api._contract.operations import Operation
    from images_api._images.headers import ImageFacts

    from ._operations import Endpoint

_P = ParamSpec("_P")
_T = TypeVar("_T")
_SHELF_BYTES = 256 * 1024 * 1024


def create_app(
    *, api_key: str | None = None, latency: float = 0.0, journal: Journal | None = None, closing: threading.Event | None = None
) -> Starlette:
    """Build the sandbox for a server of your own; `Sandbox` runs it for you.

    Args:
        api_key: The only key that is let in. None lets everyone in.
        latency: Seconds that pass before an accepted request is answered; a stream spreads them.
        journal: Where requests are noted down.
        closing: Ends every such wait when it is set, so that a server can stop at once.

    Returns:
        An ASGI application with the operations under /v1.
    """
    service = _Service(api_key, latency, journal or Journal(), closing or threading.Event())
    app = Starlette(
        routes=[
            *(Route(f"/v1{each.path}", service.answers(each), methods=[each.method]) for each in endpoints()),
            Route("/files/{name}", service.file, methods=["GET"]),
        ],
        middleware=[Middleware(Recorder, journal=service.journal)],
        exception_handlers={RefusedError: _refuse, HTTPException: _misrouted},
        lifespan=service.lifespan,
    )
    app.router.redirect_slashes = False
    return app


class _Service:
    def __init__(self, api_key: str | None, latency: float, journal: Journal, closing: threading.Event) -> None:
        self.journal = journal
        self._key = api_key
        self._latency = latency
        self._closing = closing
        self._pool = _new_pool()
        self._files = _Shelf()

    @asynccontextmanager
    async def lifespan(self, _: Starlette) -> AsyncGenerator[None]:
        yield
        self._pool.shutdown()
        self._pool = _new_pool()

    def answers(self, endpoint: Endpoint) -> Callable[[Request], Awaitable[Response]]:
        """Return what answers an operation."""

        async def answer(request: Request) -> Response:
            self._let_in(request)
            plan = await self._plan(request, endpoint.operation)
            # Counted before an image is made, as it would be billed: the client may not wait.
            self.journal.count(len(plan.orders))
            if plan.stream:
                return StreamingResponse(self._events(endpoint, plan), media_type="text/event-stream")
            await self._wait(self._latency)
            return await self._respond(request, plan)

        return answer

    async def file(self, request: Request) -> Response:
        """Serve an image that an earlier response pointed to."""
        name = str(request.path_params["name"])
        if (content := self._files.get(name)) is None:
            raise RefusedError(f"There is no image {name} here.", code="not_found", status=404)
        return Response(content, media_type=media_type(content[:HEAD]))

    def _let_in(self, request: Request) -> None:
        given = request.headers.get("authorization", "").encode()
        if self._key is not None and not secrets.compare_digest(given, f"Bearer {self._key}".encode()):
            what = "a wrong key" if given else "no key"
            message = f"Incorrect API key provided: the request carries {what}."
            raise RefusedError(message, code="invalid_api_key", status=401)

    async def _plan(self, request: Request, operation: Operation) -> _studio.Plan:
        asked = await _requests.read(request, operation)
        if asked.rules.body.references:
            uploads = await self._referred(request, operation, asked)
        else:
            uploads = await self._run(_uploads.decode, asked.files)
            asked.rules.check(asked.fields, _facts(uploads))
        return _studio.plan(asked.rules, asked.rules.completed(asked.fields), uploads)

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
        data: list[dict[str, str]] = []
        for content in contents:
            if plan.as_url:
                name = self._files.put(content, plan.format.name)
                entry = {"url": f"{request.base_url}files/{name}"}
            else:
                entry = {"b64_json": base64.b64encode(content).decode()}
            if plan.revised_prompt is not None:
                entry["revised_prompt"] = plan.revised_prompt
            data.append(entry)
        usage = {"usage": plan.usage} if plan.usage else {}
        return JSONResponse({"created": int(time.time()), "data": data, **plan.facts, **usage})

    async def _events(self, endpoint: Endpoint, plan: _studio.Plan) -> AsyncGenerator[bytes]:
        prefix = endpoint.event_prefix(has_images=bool(plan.orders[0].sources))
        pause = self._latency / (len(plan.orders) * (plan.partial_images + 1))

        def event(kind: str, content: bytes, **more: object) -> bytes:
            name = f"{prefix}.{kind}"
            text = base64.b64encode(content).decode()
            body = {"type": name, "b64_json": text, "created_at": int(time.time())}
            data = json.dumps({**body, **plan.facts, **more})
            return f"event: {name}\ndata: {data}\n\n".encode()

        for order in plan.orders:
            image = await self._run(_drawing.draw, order)
            for step in range(plan.partial_images):
                await self._wait(pause)
                blurred = await self._run(_drawing.unfinished, image, step, plan.partial_images)
                content = await self._run(_formats.encode, blurred, plan.format)
                yield event("partial_image", content, partial_image_index=step)
            await self._wait(pause)
            content = await self._run(_formats.encode, image, plan.format)
            yield event("completed", content, usage=plan.usage)

    def _own_image(self, request: Request, url: str) -> bytes | None:
        base = f"{request.base_url}files/"
        return self._files.get(url.removeprefix(base)) if url.startswith(base) else None

    async def _wait(self, seconds: float) -> None:
        until = time.monotonic() + seconds
        # Another thread may end the wait, and can't set an asyncio.Event.
        while (left := until - time.monotonic()) > 0 and not self._closing.is_set():  # noqa: ASYNC110
            await asyncio.sleep(min(left, 0.05))

    async def _run(self, work: Callable[_P, _T], *args: _P.args, **kwargs: _P.kwargs) -> _T:
        loop = asyncio.get_running_loop()
        return await loop.run_in_executor(self._pool, partial(work, *args, **kwargs))


def _facts(uploads: Mapping[str, Sequence[_uploads.Upload]]) -> dict[str, list[ImageFacts]]:
    return {name: [upload.facts for upload in several] for name, several in uploads.items()}


def _new_pool() -> ThreadPoolExecutor:
    # One of our own, unlike anyio's, has no threads left once the server has stopped.
    return ThreadPoolExecutor(thread_name_prefix="images-sandbox")


class _Shelf:
    """The newest images that were answered as addresses, up to 256 MiB of them."""

    def __init__(self) -> None:
        self._files: OrderedDict[str, bytes] = OrderedDict()
        self._bytes = 0

    def put(self, content: bytes, kind: str) -> str:
        name = f"{hashlib.sha256(content).hexdigest()[:32]}.{kind}"
        if name not in self._files:
            self._files[name] = content
            self._bytes += len(content)
        self._files.move_to_end(name)
        while self._bytes > _SHELF_BYTES and len(self._files) > 1:
            self._bytes -= len(self._files.popitem(last=False)[1])
        return name

    def get(self, name: str) -> bytes | None:
        return self._files.get(name)


def _refuse(_: Request, error: Exception) -> Response:
    return cast("RefusedError", error).response()


def _misrouted(request: Request, error: Exception) -> Response:
    fault = cast("HTTPException", error)
    where = f"{request.method} {request.url.path}"
    code = {404: "unknown_url", 405: "method_not_allowed"}.get(fault.status_code)
    message = f"{fault.detail}: there is nothing behind {where}."
    headers = dict(fault.headers or {})
    return RefusedError(message, code=code, status=fault.status_code, headers=headers).response()
