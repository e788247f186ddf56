"""What a command line stands for: texts and images from files and pipes, the vendor's own fields, and the key."""

from __future__ import annotations

import json
import stat
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

if TYPE_CHECKING:
    from collections.abc import Collection, Sequence

_STDIN = "-"


class Inputs:
    """Reads what arguments point to; the standard input, which can be read once, for one of them only."""

    def __init__(self) -> None:
        self._stdin_is_read = False

    def text(self, given: str) -> str:
        """Return a text: what is given; of `-` the standard input, of `@PATH` the file's text, without the last line's end."""
        if given == _STDIN:
            try:
                return _line(self._stdin().decode())
            except UnicodeDecodeError as error:
                raise click.UsageError(f"the standard input is no text in UTF-8 ({error.reason} at byte {error.start})") from None
        if not given.startswith("@"):
            return given
        try:
            return _line(Path(given[1:]).expanduser().read_text(encoding="utf-8"))
        except (OSError, ValueError) as error:
            why = f"{given[1:]} can't be read ({error}); a text that begins with @ can be given through -"
            raise click.UsageError(why) from error

    def image(self, given: str) -> str | tuple[str, bytes]:
        """Return an image: what is given, or the bytes of the standard input or of a pipe, which couldn't be read again."""
        if given == _STDIN:
            return "image", self._stdin()
        try:
            if stat.S_ISFIFO(Path(given).stat().st_mode):
                return "image", Path(given).read_bytes()
        except (OSError, ValueError):  # a link, a file id, or what is refused with all the rest that is wrong
            pass
        return given

    def _stdin(self) -> bytes:
        if self._stdin_is_read:
            raise click.UsageError("only one argument can be -, for the standard input is read once")
        self._stdin_is_read = True
        return sys.stdin.buffer.read()


def vendor_fields(given: Sequence[str], known: Collection[str]) -> dict[str, Any]:
    """Return the fields of `--param NAME=JSON`.

    Args:
        given: Each as it was given.
        known: The parameters that are options, and must be said as such.

    Raises:
        click.UsageError: One is no name with JSON, or is known.
    """
    fields: dict[str, Any] = {}
    for each in given:
        name, separator, text = each.partition("=")
        if not separator or not name:
            raise click.UsageError(f"--param must be NAME=JSON, got {each!r}")
        if name in known:
            raise click.UsageError(f"--param is for what the contract doesn't know, and {name} is an option")
        try:
            fields[name] = json.loads(text)
        except ValueError:
            quoted = json.dumps(text, ensure_ascii=False)
            raise click.UsageError(f"--param {name} must be JSON, got {text!r}; a text is written {name}='{quoted}'") from None
    return fields


def key_of(path: str | None) -> str | None:
    """Return the key in a file; None without one.

    Raises:
        click.UsageError: The file can't be read, or is empty. Nothing in it is quoted.
    """
    if path is None:
        return None
    from images_api._secrets import Secret

    try:
        key = Secret(Path(path).expanduser().read_text(encoding="utf-8").strip())
    except (OSError, ValueError) as error:
        why = error.strerror if isinstance(error, OSError) else "it is no text"
        raise click.UsageError(f"--key-file {path} can't be read: {why}") from None
    if not key:
        raise click.UsageError(f"--key-file {path} is empty")
    return key


def _line(text: str) -> str:
    return text.removesuffix("\n").removesuffix("\r")
