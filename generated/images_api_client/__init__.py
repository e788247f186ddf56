"""A low-level client of the Images API.

Made from openapi.yaml by `make generate`: edits here are lost with the next run.
"""

from .client import AuthenticatedClient, Client

__version__ = "0.1.0"

__all__ = (
    "AuthenticatedClient",
    "Client",
    "__version__",
)
