"""The options of the operations as types, for what wraps a client: `**options: Unpack[CreateImageOptions]`."""

from images_api_client.options import *  # noqa: F403  whatever the contract makes, under the names that it gives
from images_api_client.options import __all__ as __all__  # noqa: PLC0414  a re-export that is meant
