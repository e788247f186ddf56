"""The sandbox as an ASGI application: what stands before the answers, and which of them a path leads to."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING, cast

from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.middleware import Middleware
from starlette.middleware.cors import CORSMiddleware
from starlette.responses import JSONResponse
from starlette.routing import Route

from . import _page
from ._answering import Answers
from ._checking import refuse_unknown_model
from ._faults import Faults
from ._guard import Guard
from ._journal import Journal
from ._misbehaving import Misbehaving, Unread
from ._operations import models
from ._rates import RateLimit
from ._recording import Recorder
from ._refusal import RefusedError
from ._responses import model_document, refusal_response, request_values
from ._settings import Settings
from ._stopping import Stopping
from ._work import Workers

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from starlette.requests import Request
    from starlette.responses import Response

    from ._dialects import Dialect

# What a page's own script may read, as the official host lets it.
_EXPOSED = ["x-request-id", "openai-processing-ms", "retry-after", "retry-after-ms"] + [
    f"x-ratelimit-{each}-requests" for each in ("limit", "remaining", "reset")
]


def create_app(
    settings: Settings | None = None,
    *,
    journal: Journal | None = None,
    faults: Faults | None = None,
    rate_limit: RateLimit | None = None,
    closing: threading.Event | None = None,
) -> Starlette:
    """Build the sandbox for a server of your own; `Sandbox` runs it for you.

    Args:
        settings: How it behaves.
        journal: Where requests are noted down.
        faults: What is to go wrong.
        rate_limit: Counts the requests.
        closing: Ends every wait when it is set, so that a server can stop at once.

    Returns:
        An ASGI application with the operations under /v1, or where the dialect has them.
    """
    settings = settings or Settings()
    journal, faults = journal or Journal(), faults or Faults(settings.faults, settings.seed)
    closing, workers = closing or threading.Event(), Workers()
    rate_limit = rate_limit or RateLimit(settings.requests_per_minute)
    answers, stopping = Answers(settings, journal, rate_limit, workers, closing), Stopping(closing, workers)
    misbehaving = Misbehaving(faults, journal, answers.shelf, closing)
    operations = [
        Route(each.path, misbehaving.over(answers.operation(each)), methods=[each.operation.method])
        for each in answers.dialect.routes
    ]
    api = Starlette(
        routes=[
            *operations,
            *_pages(answers.dialect),
            Route(answers.dialect.files, answers.file, methods=["GET"]),
        ],
        middleware=[Middleware(Unread, faults=faults, routes=operations), Middleware(Recorder, journal=journal)],
        exception_handlers={RefusedError: _refuse, HTTPException: _misrouted},
    )
    api.state.journal = journal
    api.state.dialect = answers.dialect
    api.router.redirect_slashes = False
    app = Starlette(
        routes=_page.routes(journal, faults, answers.shelf, closing, base=answers.dialect.base),
        exception_handlers={HTTPException: _misrouted_on_page},
        middleware=[
            Middleware(stopping.middleware),
            Middleware(Guard, hosts=settings.allowed_hosts, origins=settings.cors),
            Middleware(
                CORSMiddleware, allow_origins=settings.cors, allow_methods=["*"], allow_headers=["*"], expose_headers=_EXPOSED
            ),
        ],
        lifespan=stopping.lifespan,
    )
    # Whatever path it is: a Mount matches none with a line break.
    app.router.default = api
    return app


def _pages(dialect: Dialect) -> list[Route]:
    if dialect.pages is None:
        return [Route(f"{dialect.base}/models", _models), Route(f"{dialect.base}/models/{{model}}", _model)]
    return [Route(path, _page_of(dialect, path)) for path in dialect.pages]


def _page_of(dialect: Dialect, path: str) -> Callable[[Request], Awaitable[Response]]:
    async def answer(request: Request) -> Response:
        values = request_values(request.state.number)
        return JSONResponse(dialect.page(path, values), headers=dialect.headers(values))

    return answer


async def _models(_: Request) -> Response:
    return JSONResponse({"object": "list", "data": [model_document(each) for each in models()]})


async def _model(request: Request) -> Response:
    refuse_unknown_model(request.path_params["model"])
    return JSONResponse(model_document(request.path_params["model"]))


async def _refuse(request: Request, error: Exception) -> Response:
    refusal = cast("RefusedError", error)
    request.app.state.journal.note(request.state.number, error=refusal.code)
    return refusal_response(request.app.state.dialect, refusal, request.state.number)


async def _misrouted(request: Request, error: Exception) -> Response:
    return await _refuse(request, _nothing_there(request, error))


async def _misrouted_on_page(request: Request, error: Exception) -> Response:
    return _nothing_there(request, error).response()


def _nothing_there(request: Request, error: Exception) -> RefusedError:
    fault = cast("HTTPException", error)
    where = f"{request.method} {request.url.path}"
    code = {404: "unknown_url", 405: "method_not_allowed"}.get(fault.status_code)
    message = f"{fault.detail}: there is nothing behind {where}."
    headers = dict(fault.headers or {})
    return RefusedError(message, code=code, status=fault.status_code, headers=headers, topic="routing")
