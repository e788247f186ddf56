"""What a run has come to, and how it goes."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, NamedTuple

from ._journal import State

if TYPE_CHECKING:
    from collections.abc import Mapping

    from ._journal import Journal

PARTIAL = 8
_HOUR, _MINUTE = 3600, 60


class Progress(NamedTuple):
    """How a run goes.

    Attributes:
        counts: How many lines of the job are in each state.
        images: How many images are saved.
        images_per_minute: How many were saved in a minute of late.
        remaining: How many seconds are left at that rate; None where that can't be told.
        elapsed: How many seconds the run has taken.
        waiting: How many seconds all calls still pause, because the server asked for it.
        usage: The tokens used, by kind, as servers say them.
        cost: What it cost, as far as that is known; None where nothing is.
    """

    counts: Mapping[State, int]
    images: int
    images_per_minute: float
    remaining: float | None
    elapsed: float
    waiting: float
    usage: Mapping[str, Any]
    cost: float | None

    def __str__(self) -> str:
        """Return it in one line."""
        total = sum(self.counts.values())
        others = [f"{count} {state}" for state, count in self.counts.items() if count and state != State.DONE]
        parts = [f"{self.counts[State.DONE]}/{total} done", *others, f"{self.images_per_minute:.0f} images/min"]
        parts += [f"{_time(self.remaining)} left"] if self.remaining is not None else []
        parts += [f"waiting {_time(self.waiting)}"] if self.waiting >= 1 else []
        return ", ".join([*parts, *_spent(self.usage, self.cost)])


@dataclass(frozen=True)
class Summary:
    """What a run has come to.

    Attributes:
        counts: How many lines of the job are in each state.
        errors: How many lines ended for each kind of error, the most frequent first.
        images: How many images of the job are saved.
        left: How many images are still to be asked for.
        usage: The tokens that the job used, by kind, as servers say them.
        cost: What the job cost, as far as that is known; None where nothing is.
        seconds: How long the run took.
        stopped: Why the run ended before the job did; None where it didn't.
    """

    counts: Mapping[State, int]
    errors: Mapping[str, int]
    images: int
    left: int
    usage: Mapping[str, Any]
    cost: float | None
    seconds: float
    stopped: str | None = None

    @classmethod
    def of(cls, journal: Journal, *, seconds: float = 0.0, stopped: str | None = None) -> Summary:
        """Return what a journal's current job has come to.

        Args:
            journal: The journal.
            seconds: How long it took.
            stopped: Why the run ended before the job did.
        """
        left, totals = journal.images(State.PENDING, State.FAILED), journal.totals()
        return cls(journal.counts(), journal.errors(), totals.images, left, totals.usage, totals.cost, seconds, stopped)

    @property
    def lines(self) -> int:
        """Return how many lines the job has."""
        return sum(self.counts.values())

    @property
    def is_complete(self) -> bool:
        """Return whether every line is done."""
        return self.counts[State.DONE] == self.lines

    @property
    def exit_status(self) -> int:
        """Return a command's exit status: 0 where every line is done, else 8."""
        return 0 if self.is_complete else PARTIAL

    def __str__(self) -> str:
        """Return it in a few lines."""
        told = [f"{self.lines} lines: " + ", ".join(f"{count} {state}" for state, count in self.counts.items() if count)]
        told += [f"stopped: {self.stopped}"] if self.stopped else []
        told += [
            ", ".join(
                [
                    f"{self.images} images saved",
                    f"{self.left} to be made",
                    *_spent(self.usage, self.cost),
                    f"in {_time(self.seconds)}",
                ]
            )
        ]
        told += [f"{count} x {code}" for code, count in self.errors.items()]
        if self.counts[State.AMBIGUOUS]:
            told.append(
                f"{self.counts[State.AMBIGUOUS]} lines may have run and may be billed: they are sent again only if you ask for it"
            )
        return "\n".join(told)


def _spent(usage: Mapping[str, Any], cost: float | None) -> list[str]:
    tokens = [f"{value:,.0f} {name.replace('_', ' ')}" for name, value in usage.items() if isinstance(value, int | float)]
    return tokens + ([f"cost {cost:.2f}"] if cost is not None else [])


def _time(seconds: float) -> str:
    whole = round(seconds)
    if whole >= _HOUR:
        return f"{whole // _HOUR} h {whole % _HOUR // _MINUTE} min"
    return f"{whole // _MINUTE} min {whole % _MINUTE} s" if whole >= _MINUTE else f"{whole} s"
