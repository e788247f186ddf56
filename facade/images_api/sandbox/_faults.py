"""What can go wrong, and with which request it is to."""

from __future__ import annotations

import math
import random
import threading
from collections import deque
from dataclasses import dataclass, field, fields
from datetime import UTC, datetime
from email.utils import format_datetime
from typing import TYPE_CHECKING, Any, Literal, Self

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

HEADER = "x-sandbox-fault"
_MOST_ARMED = 1000
_LONGEST_WAIT = 3600.0
_LONGEST_TEXT = 1000

# Which calls a fault fits: any, those without or with a stream, those that answer base64, or links.
Need = Literal["any", "plain", "stream", "base64", "links"]


@dataclass(frozen=True, slots=True)
class Kind:
    """A kind of fault.

    Attributes:
        says: What it does, in one line.
        needs: Which calls it fits.
        options: What else may be said of it, and what holds where nothing is. Where `billed` is among them, it takes the
            answer's place, and the images are made before that or not at all.
        is_unread: Whether it happens before the request is read.
    """

    says: str
    needs: Need = "any"
    options: Mapping[str, object] = field(default_factory=dict)
    is_unread: bool = False


_WAIT = {"retry_after": None, "retry_after_ms": None, "should_retry": None}
_ERROR = {"code": None, "message": None}
_PART = {"at": 0.5}

TABLE: Mapping[str, Kind] = {
    # In place of the answer.
    "status": Kind(
        "Any status from 300 to 599 with the API's error for it. It is written as the number: 429.",
        options={"status": 500, **_ERROR, **_WAIT, "billed": False},
    ),
    "proxy page": Kind(
        "An HTML page with the status 502, as from a proxy in between.", options={"status": 502, **_WAIT, "billed": False}
    ),
    "login page": Kind("An HTML page with the status 200, as from a portal in between.", options={"billed": False}),
    "redirect": Kind(
        "A redirect with the status 307, to the same address unless told where.",
        options={"status": 307, "to": None, "billed": False},
    ),
    "error as success": Kind("An error with the status 200.", options={**_ERROR, "billed": False}),
    "broken json": Kind("JSON that ends in its middle, though its length is right.", options={"billed": True}),
    "empty body": Kind("The status 200, and nothing else.", options={"billed": True}),
    # The connection.
    "reset unread": Kind("The connection is reset before the request is read; nothing is made.", is_unread=True),
    "reset": Kind("The connection is reset instead of an answer.", options={"billed": True}),
    "close": Kind("The connection is closed without an answer.", options={"billed": True}),
    "not http": Kind("Bytes that aren't HTTP come instead of an answer.", options={"billed": True}),
    "silence": Kind("No answer comes for as long as the client waits.", options={"billed": True}),
    # The bytes of the answer, on their way.
    "latency": Kind("The answer comes later, by so many seconds.", options={"seconds": 1.0}),
    "trickle": Kind("The body comes in small pieces, for so many seconds; of a stream, each event.", options={"seconds": 2.0}),
    "stalled body": Kind("The body comes in part, then nothing for as long as the client waits.", options=_PART),
    "cut body": Kind("The body comes in part, then the connection is closed: less than its Content-Length says.", options=_PART),
    "cut chunks": Kind(
        "The body comes in part, in chunks, then the connection is closed: the last chunk is missing.", options=_PART
    ),
    "reset body": Kind("The body comes in part, then the connection is reset.", options=_PART),
    "wrong type": Kind("The answer says that it is text/plain."),
    # What the answer says.
    "no data": Kind("`data` has no images.", needs="plain"),
    "null data": Kind("`data` is null.", needs="plain"),
    "no base64": Kind("The last image is a text that isn't base64.", needs="base64"),
    "cut image": Kind("The last image is cut short, in valid base64.", needs="base64", options=_PART),
    "not an image": Kind("The last image is something else, in valid base64.", needs="base64"),
    "expired url": Kind("The links have expired already.", needs="links"),
    # The events of a stream.
    "final first": Kind("The finished image comes before its unfinished ones.", needs="stream"),
    "named by event": Kind("The events' types stand in their `event:` lines alone.", needs="stream"),
    "no final": Kind("The stream ends without a finished image.", needs="stream"),
    "error event": Kind(
        "An error comes in place of the first finished image, and the stream ends.", needs="stream", options=_ERROR
    ),
    "done": Kind("`data: [DONE]` comes at the end.", needs="stream"),
    "heartbeats": Kind(
        "Comments come between the events, and for so many seconds before them.", needs="stream", options={"seconds": 0.0}
    ),
    "json": Kind("The answer is JSON though a stream was asked for.", needs="stream"),
}

# Each fault's name, and what it does in one line.
KINDS: Mapping[str, str] = {name: kind.says for name, kind in TABLE.items()}


@dataclass(frozen=True, slots=True)
class Fault:
    """One way in which a request fails, in words such as `429; retry-after=1`, `cut body; at=0.9` or `reset; billed=false`.

    Options that aren't said are what the kind has for them, and None where it knows no such option.

    Attributes:
        kind: Its name, one of `KINDS`; a bare number stands for a status.
        status: The status of the answer, from 300 to 599.
        code: The error's short name, such as `insufficient_quota`.
        message: The error's message.
        retry_after: The header `Retry-After`, as it is sent.
        retry_after_ms: The header `retry-after-ms`, likewise.
        should_retry: The header `x-should-retry`, likewise.
        seconds: How long it takes, from 0 to 3600.
        at: How much of the body comes, from 0 to 1; of a stream, of its first finished image's event; of an image, of its bytes.
        to: Where a redirect leads.
        billed: Whether images are made, and counted, before it takes the answer's place.

    Raises:
        ValueError: There is no such kind, or an option doesn't fit it or is out of its range.
    """

    kind: str
    status: int | None = None
    code: str | None = None
    message: str | None = None
    retry_after: str | None = None
    retry_after_ms: str | None = None
    should_retry: str | None = None
    seconds: float | None = None
    at: float | None = None
    to: str | None = None
    billed: bool | None = None

    def __post_init__(self) -> None:
        name = " ".join(self.kind.lower().replace("-", " ").replace("_", " ").split())
        if name.isdecimal():
            if self.status is not None:
                raise ValueError(f"the fault {self.kind!r} has its status in its name already")
            object.__setattr__(self, "status", name)
            name = "status"
        if name not in TABLE:
            raise ValueError(f"there is no fault {self.kind[:100]!r}; there are: a status such as 429, {', '.join(KINDS)}")
        object.__setattr__(self, "kind", name)
        known = TABLE[name].options
        for option, read in _OPTIONS.items():
            given = getattr(self, option)
            if given is None:
                object.__setattr__(self, option, known.get(option))
            elif option not in known:
                takes = ", ".join(map(_written, known)) or "none"
                raise ValueError(f"the fault {name!r} has no option {_written(option)!r}; it takes: {takes}")
            else:
                try:
                    object.__setattr__(self, option, read(given))
                except ValueError as error:
                    raise ValueError(f"{_written(option)} of the fault {name!r} must be {error}, got {given!r:.100}") from None

    @classmethod
    def parse(cls, text: str, **options: Any) -> Self:
        """Return the fault that a text describes.

        Args:
            text: Its name, and its options behind semicolons: `429; retry-after=1`. Hyphens may stand for spaces; `billed` and
                `should-retry` without a value are true.
            **options: Further options, with an underscore for a hyphen; those of None count as not said.

        Raises:
            ValueError: There is no such fault, or an option doesn't fit it or is out of its range.
        """
        name, *said = (part.strip() for part in text.split(";"))
        for part in filter(None, said):
            option, equals, value = part.partition("=")
            known = option.strip().lower().replace("-", "_")
            if known not in _OPTIONS:
                raise ValueError(
                    f"faults have no option {option.strip()[:100]!r}; there are: {', '.join(map(_written, _OPTIONS))}"
                )
            if not equals and known not in _FLAGS:
                raise ValueError(f"{_written(known)} needs a value: {_written(known)}=...")
            options.setdefault(known, None)
            if options[known] is None:
                options[known] = value.strip() if equals else "true"
        return cls(name, **options)

    def __str__(self) -> str:
        """Return the text that describes it."""
        known = TABLE[self.kind].options
        name = str(self.status) if self.kind == "status" else self.kind
        said = ((each.name, getattr(self, each.name)) for each in fields(self) if each.name in known)
        changed = ((option, value) for option, value in said if value != known[option] and option != self.kind)
        return "; ".join([name, *(f"{_written(option)}={_text(value)}" for option, value in changed)])


class Faults:
    """The faults that are armed, and those that come by chance. Thread-safe.

    Args:
        rates: How likely each fault is, from 0 to 1, by the text that describes it. The first that comes up happens.
        seed: What chance follows; None for any.

    Raises:
        ValueError: There is no such fault, or a rate is out of its range.
    """

    def __init__(self, rates: Mapping[str, float] | None = None, seed: int | None = None) -> None:
        self._lock = threading.Lock()
        self._armed = deque[Fault]()
        self._rates = [(Fault.parse(text), _rate(text, rate)) for text, rate in (rates or {}).items()]
        self._seed = seed
        self._random = random.Random(seed)  # noqa: S311  a chance, no secret

    @property
    def armed(self) -> tuple[Fault, ...]:
        """Return the faults of the next requests, in their order."""
        with self._lock:
            return tuple(self._armed)

    def arm(self, fault: Fault, times: int = 1) -> None:
        """Let the next requests fail.

        Args:
            fault: How.
            times: How many of them, from 1. At most 1000 faults are armed at once.

        Raises:
            ValueError: `times` is out of its range.
        """
        with self._lock:
            if isinstance(times, bool) or not isinstance(times, int) or not 1 <= times <= _MOST_ARMED - len(self._armed):
                free = _MOST_ARMED - len(self._armed)
                raise ValueError(
                    f"times must be a whole number from 1, and at most {free} more faults can be armed; got {times!r}"
                )
            self._armed.extend([fault] * times)

    def disarm(self) -> None:
        """Forget the faults that are armed."""
        with self._lock:
            self._armed.clear()

    def clear(self) -> None:
        """Forget the faults that are armed, and begin chance anew."""
        self.disarm()
        with self._lock:
            self._random.seed(self._seed)

    def next(
        self, header: str | None = None, *, fits: Callable[[Fault], bool] = lambda _: True, is_read: bool = True
    ) -> Fault | None:
        """Return what is to go wrong with a request, which is used up by that; None where nothing is.

        What is armed comes first, then what the request asks for itself, then chance. An armed fault that doesn't fit this
        request waits for one that it fits, and lets those behind it pass.

        Args:
            header: What the request's header `X-Sandbox-Fault` says.
            fits: Tells whether a fault can happen to this request.
            is_read: Whether the request has been read. Before that only what happens before it is returned, and only if it is
                its turn.

        Raises:
            ValueError: The header describes no fault.
        """
        asked = None if header is None else Fault.parse(header)
        with self._lock:
            if self._armed and not is_read:
                return self._armed.popleft() if TABLE[self._armed[0].kind].is_unread else None
            for index, fault in enumerate(self._armed):
                if fits(fault):
                    del self._armed[index]
                    return fault
            if asked is not None:
                return asked if is_read or TABLE[asked.kind].is_unread else None
            # Each request takes as many numbers as any other, so that a seed says which of them fail.
            drawn = [
                (fault, self._random.random() < rate) for fault, rate in self._rates if TABLE[fault.kind].is_unread != is_read
            ]
            return next((fault for fault, happens in drawn if happens and fits(fault)), None)


def written(kind: Kind) -> str:
    """Return a kind's options as they are written, and what holds where they aren't; nothing if it has none."""
    said = (_written(option) + ("" if value is None else f"={_text(value)}") for option, value in kind.options.items())
    return f"[{', '.join(said)}]" if kind.options else ""


def _rate(text: str, rate: object) -> float:
    if isinstance(rate, bool) or not isinstance(rate, int | float) or not 0 <= rate <= 1:
        raise ValueError(f"the rate of the fault {text!r} must be a number from 0 to 1, got {rate!r}")
    return float(rate)


def _written(option: str) -> str:
    return option.replace("_", "-")


def _text(value: object) -> str:
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, datetime):
        return format_datetime(value.astimezone(UTC), usegmt=True)
    text = str(value)
    if ";" in text or not text.isprintable() or len(text) > _LONGEST_TEXT:
        raise ValueError(f"up to {_LONGEST_TEXT} printable characters, none of them a semicolon")
    return text


def _header(value: object) -> str:
    text = _text(value)
    if not text.isascii():
        raise ValueError("ASCII, as it goes into a header")
    return text


def _number(least: float, most: float) -> Callable[[object], float]:
    def read(value: object) -> float:
        try:
            number = float(str(value))
        except ValueError:
            number = math.nan
        if not least <= number <= most:
            raise ValueError(f"a number from {least:g} to {most:g}")
        return number

    return read


def _status(value: object) -> int:
    # RFC 9110 has three digits; what begins with 1 or 2 is no fault.
    if str(value) not in map(str, range(300, 600)):
        raise ValueError("a whole number from 300 to 599")
    return int(str(value))


def _flag(value: object) -> bool:
    words = {"true": True, "false": False}
    if (word := str(value).lower()) not in words:
        raise ValueError("true or false")
    return words[word]


_FLAGS = {"should_retry", "billed"}
_OPTIONS: Mapping[str, Callable[[object], object]] = {
    "status": _status,
    "code": _text,
    "message": _text,
    "retry_after": _header,
    "retry_after_ms": _header,
    "should_retry": _header,
    "seconds": _number(0, _LONGEST_WAIT),
    "at": _number(0, 1),
    "to": _header,
    "billed": _flag,
}
