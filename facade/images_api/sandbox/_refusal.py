"""A request that is turned down, and the error envelope that says why."""

from __future__ import annotations

from typing import TYPE_CHECKING

from starlette.responses import JSONResponse

if TYPE_CHECKING:
    from collections.abc import Mapping


class RefusedError(Exception):
    """Answer a request with an error.

    `param` is the parameter at fault and `code` the fault's short name, if there are any; `kind` is
    the envelope's `type`, and `more` what else stands in it. `topic` is what a refusal of some kind is about, whatever its
    code: `content`, or `routing`.
    """

    def __init__(
        self,
        message: str,
        *,
        param: str | None = None,
        code: str | None = None,
        status: int = 400,
        kind: str = "invalid_request_error",
        headers: Mapping[str, str] | None = None,
        topic: str | None = None,
        **more: object,
    ) -> None:
        super().__init__(message)
        self.code = code
        self.topic = topic
        self.status = status
        self.headers = headers
        self.body = {"message": message, "type": kind, "param": param, "code": code, **more}

    def response(self) -> JSONResponse:
        """Return the response in the API's own way."""
        return JSONResponse({"error": self.body}, self.status, self.headers)
