"""Lets an answer go wrong."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from starlette.types import ASGIApp, Receive, Scope, Send

    from ._answering import Answers
    from ._faults import Faults


class Misbehaving:
    """Middleware that carries out the next fault on an answer."""

    def __init__(self, app: ASGIApp, faults: Faults, answers: Answers) -> None:
        self._app = app
        self._faults = faults
        self._answers = answers

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        await self._app(scope, receive, send)
