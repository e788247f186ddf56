"""What an error means at a prompt: the exit status, and one line."""

from __future__ import annotations

from enum import IntEnum
from typing import TYPE_CHECKING, Self

if TYPE_CHECKING:
    from collections.abc import Mapping

    from images_api import ImagesAPIError, Problem


class ExitStatus(IntEnum):
    """How a command ended.

    Attributes:
        meaning: What the status means.
    """

    meaning: str

    def __new__(cls, value: int, meaning: str) -> Self:
        """Make a status."""
        status = int.__new__(cls, value)
        status._value_, status.meaning = value, meaning
        return status

    DONE = 0, "done"
    FAILED = 1, "refused by the server, or failed in a way that none of these stands for"
    USAGE = 2, "the command line is wrong, or the request, which was not sent"
    AUTHENTICATION = 3, "the key is wrong, or may not do this"
    POLICY = 4, "the content policy forbids it"
    LIMIT = 5, "too many requests in a time, or the budget is used up"
    CUT = 6, "a timeout, or a cut connection: the call may have run, and may be billed"
    SERVER = 7, "the server failed, can't be reached, or answered what can't be understood"
    PARTIAL = 8, "some of the images are there, and saved"
    INTERRUPTED = 130, "Ctrl-C"
    CLOSED_PIPE = 141, "whoever read the output stopped reading"
    TERMINATED = 143, "SIGTERM"


def status_of(error: ImagesAPIError) -> ExitStatus:  # noqa: PLR0911  one case a kind of error
    """Return the exit status that an error stands for."""
    import images_api as api

    match error:
        case api.InvalidRequestError():
            return ExitStatus.USAGE
        case api.ContentPolicyError():
            return ExitStatus.POLICY
        case api.AuthenticationError() | api.PermissionDeniedError():
            return ExitStatus.AUTHENTICATION
        case api.RateLimitError():
            return ExitStatus.LIMIT
        case api.StreamInterruptedError() | api.APIConnectionError(may_have_run=True):
            return ExitStatus.CUT
        case api.InternalServerError() | api.APIConnectionError() | api.ResponseError() | api.DownloadError():
            return ExitStatus.SERVER
        case _:
            return ExitStatus.FAILED


def sentence(error: BaseException, options: Mapping[str, str]) -> str:
    """Return what is wrong, in the words of the command line.

    Args:
        error: The error.
        options: What the command line calls the arguments of a call, by their names.
    """
    from images_api import APIStatusError, InvalidRequestError, RateLimitError

    if isinstance(error, InvalidRequestError):
        return "; ".join(_problem(each, options) for each in error.problems)
    text = str(error) or type(error).__name__
    if isinstance(error, APIStatusError) and error.request_id and error.request_id not in text:
        text += f" (request {error.request_id})"
    if isinstance(error, RateLimitError) and error.retry_after is not None:
        text += f" (asks to wait {error.retry_after:g} s)"
    return text


def _problem(problem: Problem, options: Mapping[str, str]) -> str:
    if problem.parameter == "api_key" and problem.value is None:
        return "there is no key: set OPENAI_API_KEY, or name a file that holds it with --key-file"
    name = next(
        (name for name in options if problem.parameter == name or problem.parameter.startswith((f"{name}.", f"{name}["))), ""
    )
    return str(problem._replace(parameter=options[name] + problem.parameter.removeprefix(name)) if name else problem)
