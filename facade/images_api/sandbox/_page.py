"""The page at the sandbox's root: what was asked, what was answered, and a button for the next fault."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from starlette.routing import BaseRoute

    from ._faults import Faults
    from ._journal import Journal
    from ._shelf import Shelf


def routes(journal: Journal, faults: Faults, shelf: Shelf) -> list[BaseRoute]:
    """Return the page's routes."""
    del journal, faults, shelf
    return []
