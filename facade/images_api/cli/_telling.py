"""What a call tells when it is over: files and JSON on the standard output, errors and details on the standard error."""

from __future__ import annotations

import os
import sys
import traceback
from typing import TYPE_CHECKING, Any

import click

from . import _report as report
from ._failures import ExitStatus, sentence, status_of
from ._operations import command_name
from ._output import keep
from ._terminal import is_terminal, printable, say, write

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from images_api import GeneratedImage, ImagesAPIError
    from images_api._contract.operations import Operation

    from ._outcome import Outcome, SavedImage
    from ._wishes import Wishes

_TRACEBACKS = 2


def tell(outcome: Outcome, operation: Operation, request: Mapping[str, Any], wishes: Wishes) -> ExitStatus:
    """Tell what came of a call.

    Args:
        outcome: What came of it.
        operation: The operation.
        request: What was said of the request.
        wishes: What the command line asks for.

    Returns:
        How it ended.
    """
    if outcome.error is not None:
        keep(outcome)
    if outcome.result and len(outcome.result) < outcome.asked and not outcome.result.failures:
        outcome.complaints.append(f"{len(outcome.result)} of {outcome.asked} images came")
    if wishes.sidecar:
        _put_beside(outcome, operation, request)
    status = _status(outcome)
    if wishes.verbosity:
        _summarize(outcome)
    if outcome.error is not None:
        _say_error(outcome.error, wishes)
    for each in (*(outcome.result.failures if outcome.result else ()), *outcome.complaints):
        say(str(each), "error")
    for saved in outcome.saved:
        _hand_over(saved, wishes)
    if wishes.as_json:
        write(report.as_json(report.of_outcome(outcome, wishes.flags, status)))
    elif paths := [str(each.path) for each in outcome.saved if each.path is not None]:
        write("\n".join(map(printable, paths) if is_terminal(sys.stdout) else paths))
    return status


def complain(error: ImagesAPIError, wishes: Wishes, message: str | None = None) -> ExitStatus:
    """Tell of an error that came before anything was sent, and return how the command ended.

    Args:
        error: The error.
        wishes: What the command line asks for.
        message: What to say in place of the error's own words.
    """
    status = status_of(error)
    _say_error(error, wishes, message)
    if wishes.as_json:
        write(report.as_json({"error": report.of_error(error, wishes.flags, status)}))
    return status


def show_request(request: Mapping[str, Any], wishes: Wishes) -> None:
    """Show a request that isn't sent."""
    if wishes.as_json:
        write(report.as_json(request))
        return
    lines = [f"{request['method']} {request['url']}"]
    lines += [f"{name}: {report.as_line(value)}" for name, value in request["fields"].items()]
    lines += [f"{name}: {report.as_line(each)}" for name, several in request["files"].items() for each in several]
    write("\n".join(map(printable, lines)))


def show(image: GeneratedImage, wishes: Wishes) -> None:
    """Show an image on the terminal, if that is asked for."""
    if not wishes.preview:
        return
    from ._preview import NotShown, preview

    try:
        preview(image.read(), wishes.preview)
    except NotShown as reason:
        say(f"the image is not shown: {reason}", "warning")


def launch(path: Path) -> None:
    """Open a file with what the system has for it."""
    if click.launch(str(path)):
        say(f"{path} could not be opened", "warning")


def _status(outcome: Outcome) -> ExitStatus:
    if outcome.is_interrupted:
        return ExitStatus.INTERRUPTED
    if outcome.error is not None:
        return ExitStatus.PARTIAL if outcome.saved else status_of(outcome.error)
    if len(outcome.saved) < outcome.asked:
        return ExitStatus.PARTIAL if outcome.saved else ExitStatus.SERVER
    return ExitStatus.FAILED if outcome.complaints else ExitStatus.DONE


def _say_error(error: ImagesAPIError, wishes: Wishes, message: str | None = None) -> None:
    if wishes.verbosity >= _TRACEBACKS:
        say("".join(traceback.format_exception(error)).rstrip("\n"))
    say(message or sentence(error, wishes.flags), "error")


def _put_beside(outcome: Outcome, operation: Operation, request: Mapping[str, Any]) -> None:
    """Write a file beside each image that says where it comes from."""
    for saved in outcome.saved:
        if saved.path is None:
            continue
        text = report.as_json(report.of_origin(saved, command_name(operation), request, outcome))
        path = saved.path.with_name(f"{saved.path.name}.json")
        try:
            _write_whole(path, text)
        except OSError as error:
            outcome.complaints.append(f"{path} can't be written: {error}")


def _write_whole(path: Path, text: str) -> None:
    temporary = path.with_name(f".images-api-{os.urandom(8).hex()}.tmp")
    try:
        temporary.write_text(f"{text}\n", encoding="utf-8")
        temporary.replace(path)
    finally:
        temporary.unlink(missing_ok=True)


def _summarize(outcome: Outcome) -> None:
    """Say what is known of the images and of the call."""
    for each in outcome.saved:
        image = each.image
        sides = f", {image.width}x{image.height}" if image.width else ""
        say(f"image {image.index + 1}: {image.format}{sides}, {each.size:,} bytes")
        if image.revised_prompt:
            say(f"revised prompt: {image.revised_prompt}")
    if outcome.http is not None:
        usage = outcome.result.usage if outcome.result else None
        facts = {
            "request": outcome.http.request_id,
            "time": f"{outcome.http.elapsed:.1f} s",
            "tokens": usage and usage.total_tokens,
            "cost": outcome.http.cost,
        }
        say(", ".join(f"{name} {value}" for name, value in facts.items() if value is not None))


def _hand_over(saved: SavedImage, wishes: Wishes) -> None:
    """Show an image on the terminal or with the system's viewer, as is asked for."""
    show(saved.image, wishes)
    if wishes.launch and saved.path is not None:
        launch(saved.path)
