"""A low-level client of the Images API.

Made from openapi.yaml by `make generate`: edits here are lost with the next run.
"""

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from .client import AuthenticatedClient, Client

__version__ = "0.1.0"

__all__ = (
    "AuthenticatedClient",
    "Client",
    "__version__",
)


def __getattr__(name: str) -> Any:
    # Who wants the operations alone doesn't wait for attrs, which the clients need.
    if name in {"AuthenticatedClient", "Client"}:
        from . import client

        return getattr(client, name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
