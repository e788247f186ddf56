"""What a sandbox is told when it is made."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from images_api._secrets import Secret

from ._dialects import dialect

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

LOOPBACK = "127.0.0.1"


@dataclass(frozen=True)
class Settings:
    """How a sandbox behaves.

    Attributes:
        api_key: The only key that is let in; None lets everyone in.
        latency: Seconds from 0 that pass before an accepted request is answered; a stream spreads them.
        any_model: Whether models that the contract doesn't list are taken too; each then takes whatever it is told.
        dialect: The compatible server that it answers like, by its name; None for the API's own ways.
        allowed_hosts: The names that requests may come under besides those of this machine: a web page whose own name was
            pointed here by its DNS server must not get in.
        cors: The origins of web pages that may ask, such as `http://localhost:5173`; `*` for all.
        url_lifetime: Seconds for which the link to an image is good.
        requests_per_minute: How many requests from 1 are answered in a minute, the others being refused with 429; None for all.
        faults: How likely each fault is, from 0 to 1, by what it is called.
        seed: What the faults that come by chance follow, so that they come again in the same order; None for any.
    """

    api_key: str | None = field(default=None, repr=False)
    latency: float = 0.0
    any_model: bool = False
    dialect: str | None = None
    allowed_hosts: Sequence[str] = ()
    cors: Sequence[str] = ()
    url_lifetime: float = 3600.0
    requests_per_minute: int | None = None
    faults: Mapping[str, float] = field(default_factory=dict)
    seed: int | None = None

    def __post_init__(self) -> None:
        if self.api_key is not None:
            object.__setattr__(self, "api_key", Secret(self.api_key))
        for name in ("latency", "url_lifetime"):
            value = getattr(self, name)
            if not 0 <= value < float("inf"):
                raise ValueError(f"{name} must be seconds from 0, got {value!r}")
        if self.requests_per_minute is not None and self.requests_per_minute < 1:
            raise ValueError(f"requests_per_minute must be at least 1, got {self.requests_per_minute!r}")
        dialect(self.dialect)
