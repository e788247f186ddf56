"""The command line in the test's own process: what it is told, and what it says."""

from __future__ import annotations

import json
import sys
from contextlib import ExitStack
from io import BytesIO, TextIOWrapper
from typing import Any, NamedTuple
from unittest.mock import patch

from images_api.cli import main


class Ended(NamedTuple):
    """How a command ended."""

    status: int
    stdout: bytes
    stderr: str

    @property
    def lines(self) -> list[str]:
        """Return the lines of its standard output."""
        return self.stdout.decode().splitlines()

    @property
    def said(self) -> Any:
        """Return what the JSON on its standard output stands for."""
        return json.loads(self.stdout)


def images_api(*arguments: object, stdin: bytes = b"") -> Ended:
    """Run `images-api` with pipes for its three streams."""
    contents = {"stdin": stdin, "stdout": b"", "stderr": b""}
    streams = {name: TextIOWrapper(BytesIO(content), "utf-8") for name, content in contents.items()}
    with patch.object(sys, "argv", ["images-api", *map(str, arguments)]), ExitStack() as stack:
        for name, stream in streams.items():
            stack.enter_context(patch.object(sys, name, stream))
        status = main()
    for stream in streams.values():
        stream.seek(0)
    return Ended(int(status), streams["stdout"].buffer.read(), streams["stderr"].read())
