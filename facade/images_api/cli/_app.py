"""The command `images-api` and what lies under it."""

from __future__ import annotations

import click


@click.group()
def app() -> None:
    """Create, edit and vary images at the prompt."""


def run() -> int:
    """Run the command and return its exit status."""
    return app.main(standalone_mode=False) or 0
