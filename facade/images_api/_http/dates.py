"""The dates that servers send."""

from __future__ import annotations

from contextlib import suppress
from datetime import UTC, datetime


def read_date(text: str) -> datetime | None:
    """Return the moment that a text stands for.

    Args:
        text: Anything; an HTTP date or an ISO one counts. Without a zone it is in UTC:
            https://www.rfc-editor.org/rfc/rfc9110#section-5.6.7

    Returns:
        The moment, with a zone; None where it is no date or only a piece of one.
    """
    from email.utils import parsedate_to_datetime

    for parse in (parsedate_to_datetime, datetime.fromisoformat):
        with suppress(ValueError, ArithmeticError, TypeError, AttributeError, IndexError):  # whatever a foreign text sets off
            moment = parse(text)
            return (moment if moment.tzinfo else moment.replace(tzinfo=UTC)).astimezone(UTC)
    return None
