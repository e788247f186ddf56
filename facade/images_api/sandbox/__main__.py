"""Serve the sandbox from a shell: `python -m images_api.sandbox`."""

from __future__ import annotations

import argparse
import signal
import sys
import threading
from typing import TYPE_CHECKING

from . import Sandbox

if TYPE_CHECKING:
    from collections.abc import Sequence

# In seconds: Windows hears Ctrl-C between two waits.
_LONGEST_WAIT = 0.5


def main(arguments: Sequence[str] | None = None) -> int:
    """Print the base URL, then serve until Ctrl-C or SIGTERM.

    Args:
        arguments: The command line without the program's name; None takes the process's own.

    Returns:
        The exit status: 0, or 1 when the port can't be had.
    """
    parser = argparse.ArgumentParser(
        prog="python -m images_api.sandbox", description="Serve the Images API on this machine, with placeholder images."
    )
    parser.add_argument("--port", type=int, default=0, help="where to listen (default: anywhere)")
    parser.add_argument("--latency", type=float, default=0.0, help="seconds before each answer (default: 0)")
    options = parser.parse_args(arguments)
    stopped = threading.Event()

    def stop(*_: object) -> None:
        stopped.set()

    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, stop)
    try:
        with Sandbox(port=options.port, latency=options.latency) as sandbox:
            print(sandbox.base_url, flush=True)  # noqa: T201  a command talks to people
            while not stopped.wait(_LONGEST_WAIT):
                pass
    except (OSError, OverflowError) as error:
        print(f"port {options.port} can't be used: {error}", file=sys.stderr)  # noqa: T201  likewise
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
