"""The command line, `images-api`: whatever the contract has, at the prompt."""

from __future__ import annotations

import sys


def main() -> int:
    """Run `images-api` with the arguments of the process.

    Returns:
        The exit status: see `_exit_codes`; 1 where the extra isn't installed.
    """
    try:
        from ._app import run
    except ImportError as error:
        print(f"images-api needs more than is installed ({error.name}): pip install 'images-api[cli]'", file=sys.stderr)  # noqa: T201  a command talks to people
        return 1
    return run()
