"""What every call takes beside its operation's parameters."""

from typing import NamedTuple


class CallWord(NamedTuple):
    """One of them: its type in signatures, and what docstrings say."""

    type: str
    description: str


CALL_WORDS = {
    "extra_headers": CallWord(
        "Mapping[str, str | None] | None", "Headers for this call; None leaves out one that the client would send."
    ),
    "extra_query": CallWord("Mapping[str, Any] | None", "Query parameters for this call."),
    "extra_body": CallWord("Mapping[str, object] | None", "Fields that the contract doesn't know, sent as they are."),
    "timeout": CallWord(
        "float | httpx.Timeout | None", "Seconds above 0 for each write and each read, or an `httpx.Timeout`; else the client's."
    ),
    "max_retries": CallWord("int | None", "How often this call may be sent again, from 0; else as often as the client says."),
}
# What a client is made with, beside the defaults of its calls.
CLIENT_WORDS = frozenset(
    {
        *("api_key", "base_url", "organization", "project", "timeout", "max_retries", "retry_ambiguous", "validate", "headers"),
        *("auth_header", "http_client", "max_download_bytes", "max_response_bytes", "paths"),
    }
)
