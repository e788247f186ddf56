"""The dates that servers send."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta, timezone, tzinfo

# A text that means the same whatever it leaves out is a whole date, not a piece of one.
_DEFAULTS = (datetime(2000, 1, 1), datetime(2004, 2, 2))  # noqa: DTZ001  the zone comes with the text, or is UTC


def read_date(text: str) -> datetime | None:
    """Return the moment that a text stands for, such as an HTTP date or an ISO one.

    Args:
        text: Anything. Without a zone it is in UTC: https://www.rfc-editor.org/rfc/rfc9110#section-5.6.7

    Returns:
        The moment, with a zone; None where it is no date or only a piece of one.
    """
    from dateutil.parser import parse

    try:
        first, second = (parse(text, default=default, tzinfos=_zone) for default in _DEFAULTS)
        moment = first if first.tzinfo else first.replace(tzinfo=UTC)
        return moment.astimezone(UTC) if first == second else None
    except (ValueError, ArithmeticError, TypeError, AttributeError, IndexError):  # whatever a foreign text sets off
        return None


def _zone(name: str | None, offset: int | None) -> tzinfo | None:
    if offset is None:
        if name is None:
            return None
        raise ValueError(f"unknown zone {name}")
    return timezone(timedelta(seconds=offset))
