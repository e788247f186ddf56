"""An interrupt that comes while a request is checked comes out as itself: no part of a check swallows it."""

from __future__ import annotations

import random
import signal
from typing import TYPE_CHECKING

import pytest
from platforms import needs_posix

from images_api._contract.operations import operation

if TYPE_CHECKING:
    from collections.abc import Iterator
    from types import FrameType

# Sizes within their bounds, beyond them, and none at all.
REQUESTS = [{"prompt": "x", "model": "gpt-image-2", "size": size} for size in ("1024x1024", "17x17", "wide", "auto")]
ROUNDS = 150
_SOON = 1e-5


class AlarmError(Exception):
    """What a program's own handler of a signal raises."""


@pytest.fixture
def rung() -> Iterator[list[int]]:
    rung: list[int] = []

    def handle(number: int, frame: FrameType | None) -> None:
        if _measures_coverage(frame):  # whose locks no program's own handler ever sees
            signal.setitimer(signal.ITIMER_REAL, _SOON)
            return
        rung.append(number)
        raise AlarmError

    before = signal.signal(signal.SIGALRM, handle)
    yield rung
    signal.setitimer(signal.ITIMER_REAL, 0)
    signal.signal(signal.SIGALRM, before)


def _measures_coverage(frame: FrameType | None) -> bool:
    while frame is not None and frame.f_globals.get("__name__", "").partition(".")[0] != "coverage":
        frame = frame.f_back
    return frame is not None


@needs_posix
@pytest.mark.parametrize("request_", REQUESTS, ids=[each["size"] for each in REQUESTS])
def test_it_comes_out_as_itself(rung: list[int], request_: dict[str, str]) -> None:
    (contract,) = operation("createImage").bodies.values()
    contract.check(request_, {})
    dice = random.Random(request_["size"])  # noqa: S311  no secrets
    came_out = 0

    # A function of its own: what is raised where a loop jumps back may pass by a `try` around it, as in Python 3.13.
    def check_until_it_rings(number: int) -> None:
        signal.setitimer(signal.ITIMER_REAL, dice.uniform(5e-5, 5e-4))
        while len(rung) < number:
            contract.check(request_, {})

    for number in range(1, ROUNDS + 1):
        try:
            check_until_it_rings(number)
        except AlarmError:
            came_out += 1
    assert (came_out, len(rung)) == (ROUNDS, ROUNDS)
