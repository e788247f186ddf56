"""The sandbox as an ASGI application: what stands before the answers, and which of them a path leads to."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING, cast

from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.middleware import Middleware
from starlette.middleware.cors import CORSMiddleware
from starlette.responses import JSONResponse
from starlette.routing import Mount, Route

from . import _page
from ._answering import Answers
from ._checking import models, refuse_unknown_model
from ._faults import Faults
from ._guard import Guard
from ._journal import Journal
from ._misbehaving import Misbehaving, Unread
from ._operations import endpoints
from ._recording import Recorder
from ._refusal import RefusedError
from ._responses import model_document
from ._settings import Settings

if TYPE_CHECKING:
    from starlette.requests import Request
    from starlette.responses import Response

_EXPOSED = ["x-request-id", "openai-processing-ms", "retry-after", "retry-after-ms"]


def create_app(
    settings: Settings | None = None,
    *,
    journal: Journal | None = None,
    faults: Faults | None = None,
    closing: threading.Event | None = None,
) -> Starlette:
    """Build the sandbox for a server of your own; `Sandbox` runs it for you.

    Args:
        settings: How it behaves.
        journal: Where requests are noted down.
        faults: What is to go wrong.
        closing: Ends every wait when it is set, so that a server can stop at once.

    Returns:
        An ASGI application with the operations under /v1.
    """
    settings = settings or Settings()
    journal, faults = journal or Journal(), faults or Faults(settings.faults, settings.seed)
    closing = closing or threading.Event()
    answers = Answers(settings, journal, closing)
    misbehaving = Misbehaving(faults, journal, answers.shelf, closing)
    operations = [
        Route(f"/v1{each.path}", misbehaving.over(answers.operation(each)), methods=[each.method]) for each in endpoints()
    ]
    api = Starlette(
        routes=[
            *operations,
            Route("/v1/models", _models, methods=["GET"]),
            Route("/v1/models/{model}", _model, methods=["GET"]),
            Route("/files/{name}", answers.file, methods=["GET"]),
        ],
        middleware=[Middleware(Unread, faults=faults, routes=operations), Middleware(Recorder, journal=journal)],
        exception_handlers={RefusedError: _refuse, HTTPException: _misrouted},
    )
    api.state.journal = journal
    api.router.redirect_slashes = False
    return Starlette(
        routes=[*_page.routes(journal, faults, answers.shelf), Mount("/", api)],
        middleware=[
            Middleware(Guard, hosts=settings.allowed_hosts, origins=settings.cors),
            Middleware(
                CORSMiddleware, allow_origins=settings.cors, allow_methods=["*"], allow_headers=["*"], expose_headers=_EXPOSED
            ),
        ],
        lifespan=answers.lifespan,
    )


async def _models(_: Request) -> Response:
    return JSONResponse({"object": "list", "data": [model_document(each) for each in models()]})


async def _model(request: Request) -> Response:
    refuse_unknown_model(request.path_params["model"])
    return JSONResponse(model_document(request.path_params["model"]))


async def _refuse(request: Request, error: Exception) -> Response:
    refusal = cast("RefusedError", error)
    request.app.state.journal.note(request.state.number, error=refusal.code)
    return refusal.response()


async def _misrouted(request: Request, error: Exception) -> Response:
    fault = cast("HTTPException", error)
    where = f"{request.method} {request.url.path}"
    code = {404: "unknown_url", 405: "method_not_allowed"}.get(fault.status_code)
    message = f"{fault.detail}: there is nothing behind {where}."
    headers = dict(fault.headers or {})
    return await _refuse(request, RefusedError(message, code=code, status=fault.status_code, headers=headers))
