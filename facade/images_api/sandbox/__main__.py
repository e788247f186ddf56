"""Serve the sandbox from a shell: `python -m images_api.sandbox`."""

from __future__ import annotations

import argparse
import logging
import signal
import sys
import threading
import warnings
from typing import TYPE_CHECKING

from images_api._secrets import Secret

from ._dialects import dialects
from ._faults import HEADER, TABLE, written
from ._settings import LOOPBACK, Settings

if TYPE_CHECKING:
    from collections.abc import Sequence

# In seconds: Windows hears Ctrl-C between two waits.
_LONGEST_WAIT = 0.5
_FAULTS = "\n".join(
    [
        f"faults, for --fault, the header {HEADER} and Sandbox.fail_next, and [what may be said of them]:",
        *(f"  {name:<17} {kind.says} {written(kind)}".rstrip() for name, kind in TABLE.items()),
        "",
        'options go behind semicolons: --fault "429; retry-after=1=0.1" --fault "cut body; at=0.9=0.05"',
        "with billed=true the images are made, and counted, before the fault takes the answer's place",
    ]
)


def main(arguments: Sequence[str] | None = None, program: str = "python -m images_api.sandbox") -> int:
    """Print the base URL and each request as one line, until Ctrl-C or SIGTERM.

    Args:
        arguments: The command line without the program's name; None takes the process's own.
        program: The program's name, for the help.

    Returns:
        The exit status: 0; 1 when the port can't be had or the extra isn't installed; 2 for a wrong argument.
    """
    parser = _parser(program)
    options = vars(parser.parse_args(arguments))
    try:
        from . import Sandbox
    except ImportError as error:
        return _failed(str(error))
    options["faults"] = dict(options.get("faults", ()))
    try:
        with warnings.catch_warnings(record=True, action="always") as caught:
            sandbox = Sandbox(**options)
    except ValueError as error:
        parser.error(str(error))
    for warning in caught:
        print(f"warning: {warning.message}", file=sys.stderr)  # noqa: T201  a command talks to people
    stopped = threading.Event()

    def stop(*_: object) -> None:
        stopped.set()

    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, stop)
    _print_requests()
    try:
        with sandbox:
            print(sandbox.base_url, flush=True)  # noqa: T201  a command talks to people
            while not stopped.wait(_LONGEST_WAIT):
                pass
    except (OSError, OverflowError) as error:
        return _failed(f"port {options['port']} of {options['host']} can't be used: {error}")
    return 0


def _parser(program: str) -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog=program,
        description="Serve the Images API on this machine, with placeholder images. At its root is a page of what was asked.",
        epilog=_FAULTS,
        formatter_class=argparse.RawDescriptionHelpFormatter,
        # What isn't said is as the sandbox has it.
        argument_default=argparse.SUPPRESS,
    )
    add = parser.add_argument
    add("--port", type=int, default=0, help="where to listen (default: a free port)")
    add("--host", default=LOOPBACK, help=f"the address to listen on (default: {LOOPBACK}, for this machine alone)")
    add("--api-key", type=Secret, metavar="KEY", help="the only key that is let in (default: any, or none)")
    add("--latency", type=float, metavar="SECONDS", help=f"time before each answer (default: {Settings.latency:g})")
    add("--any-model", action="store_true", help="take models that the API doesn't list, too")
    add("--dialect", choices=dialects(), help="answer like a compatible server")
    add("--allow-host", dest="allowed_hosts", action="append", metavar="NAME", help="a name to be reached by")
    add("--cors", action="append", metavar="ORIGIN", help="the origin of a web page that may ask; * for all")
    lifetime = f"how long links are good (default: {Settings.url_lifetime:g})"
    add("--url-lifetime", type=float, metavar="SECONDS", help=lifetime)
    add("--requests-per-minute", type=int, metavar="NUMBER", help="refuse more than that with 429 (default: never)")
    add("--fault", dest="faults", action="append", type=_rate, metavar="NAME=RATE", help="a fault, and how likely")
    add("--seed", type=int, metavar="NUMBER", help="let the faults come again in the same order")
    return parser


def _rate(text: str) -> tuple[str, float]:
    name, separator, rate = text.rpartition("=")
    try:
        return name, float(rate if separator else "")
    except ValueError:
        raise argparse.ArgumentTypeError(f"a fault and its rate, such as 429=0.1, got {text!r}") from None


def _print_requests() -> None:
    handler = logging.StreamHandler(sys.stdout)
    handler.setFormatter(logging.Formatter("%(asctime)s %(message)s", "%H:%M:%S"))
    logger = logging.getLogger("images_api.sandbox")
    logger.addHandler(handler)
    logger.setLevel(logging.INFO)


def _failed(message: str) -> int:
    print(message, file=sys.stderr)  # noqa: T201  a command talks to people
    return 1


if __name__ == "__main__":
    sys.exit(main())
