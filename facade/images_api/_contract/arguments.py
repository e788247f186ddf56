"""What a client's argument may mean that there isn't."""

from __future__ import annotations

from typing import TYPE_CHECKING

from .operations import all_options

if TYPE_CHECKING:
    from collections.abc import Iterable

# What other clients of this API call their arguments, and what stands for it here.
_NAMES_ELSEWHERE = {
    "api_version": "base_url, with ?api-version= behind it",
    "azure_ad_token": "api_key",
    "azure_ad_token_provider": "api_key",
    "azure_endpoint": "base_url",
    "default_headers": "headers",
    "default_query": "base_url, with the query behind it",
    "request_timeout": "timeout",
    "_strict_response_validation": "validate",
}


def meant(name: str, known: Iterable[str]) -> str:
    """Say that there is no such argument, and which one may be meant.

    Args:
        name: The argument.
        known: Those that there are, options of operations aside.
    """
    from difflib import get_close_matches

    near = [_NAMES_ELSEWHERE[name]] if name in _NAMES_ELSEWHERE else get_close_matches(name, [*known, *all_options()], n=1)
    hint = f" (did you mean {near[0]}?)" if near else ""
    return f"is no argument of a client, nor an option of any operation{hint}"
