"""What the sandbox's page is told: its server-sent events, read over a real socket."""

from __future__ import annotations

import json
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, NamedTuple

import httpx

if TYPE_CHECKING:
    from collections.abc import Callable, Generator, Iterator


class Told(NamedTuple):
    """All that was told so far: the id of the last event that had one, each key's last value, and the requests by number."""

    last_id: str
    said: dict[str, Any]
    requests: dict[int, dict[str, Any]]
    messages: list[dict[str, Any]]


@contextmanager
def listening(origin: str, last_id: str = "") -> Generator[Iterator[Told]]:
    """Open the events, and yield what was told after each of them."""
    headers = {"last-event-id": last_id} if last_id else {}
    with httpx.stream("GET", f"{origin}/_sandbox/events", headers=headers, timeout=60, trust_env=False) as response:
        assert response.status_code == 200
        assert response.headers["content-type"].startswith("text/event-stream")
        yield _told(response.iter_lines())


def _told(lines: Iterator[str]) -> Iterator[Told]:
    told = Told("", {}, {}, [])
    last_id, data = "", ""
    for line in lines:
        name, _, value = line.partition(": ")
        if name == "id":
            last_id = value
        elif name == "data":
            data = value
        elif not line:
            message = json.loads(data)
            told.messages.append(message)
            told.said.update(message)
            told.requests.update({each["number"]: each for each in message.get("requests", [])})
            told = told._replace(last_id=last_id)
            yield told


def until(events: Iterator[Told], happened: Callable[[Told], object]) -> Told:
    """Listen until something was told."""
    return next(told for told in events if happened(told))
