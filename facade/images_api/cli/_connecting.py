"""Which server is asked, with which key: the options that say so, and the client that they make."""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import click

from ._inputs import key_of
from ._wishes import Wishes

if TYPE_CHECKING:
    from collections.abc import Generator

    from images_api import ImagesClient


def connection_options() -> list[click.Option]:
    """Return the options that say which server is asked, and how."""
    return [
        click.Option(["--base-url"], metavar="URL", help="The server. Else OPENAI_BASE_URL, then the official host."),
        click.Option(["--key-file"], metavar="FILE", type=click.Path(), help="The file that holds the key. Else OPENAI_API_KEY."),
        click.Option(["--auth-header"], metavar="NAME", help="The header that carries the key, such as api-key."),
        click.Option(["--timeout"], metavar="SECONDS", type=float, help="For the whole call, its tries included. Else 600."),
        click.Option(
            ["--validate"],
            type=click.Choice(["strict", "warn", "off"]),
            default=Wishes.validate,
            help="Whether a call that breaks the contract is refused, warned of, or not looked at. Else strict.",
        ),
        click.Option(["--local"], is_flag=True, help="Ask a sandbox that is started for this: placeholder images, for nothing."),
        click.Option(["-v", "verbosity"], count=True, help="Say more: of the call, and with -vv of each try, with tracebacks."),
    ]


@contextmanager
def connected(wishes: Wishes) -> Generator[ImagesClient]:
    """Give a client of the server that is asked for, which may be a sandbox for this command.

    Raises:
        click.UsageError: There can't be one.
        ImportError: The sandbox's extra isn't installed.
        InvalidRequestError: An option breaks a rule, or there is no key.
    """
    from images_api import ImagesClient
    from images_api._settings import AUTHORIZATION

    key = key_of(wishes.key_file)
    if key is None and wishes.dry_run:
        key = "none"  # nothing is sent
    settings: dict[str, Any] = {
        "timeout": wishes.timeout,
        "validate": wishes.validate,
        "auth_header": wishes.auth_header or AUTHORIZATION,
        **({} if wishes.retries is None else {"max_retries": wishes.retries}),
    }
    if not wishes.local:
        with ImagesClient(key, base_url=wishes.base_url, **settings) as client:
            yield client
        return
    if wishes.base_url is not None:
        raise click.UsageError("--local is a server of its own: it can't go with --base-url")
    from images_api.sandbox import Sandbox

    # The key of the environment isn't for it.
    with Sandbox() as sandbox, ImagesClient("local", base_url=sandbox.base_url, **settings) as client:
        yield client
