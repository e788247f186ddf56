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

# Sizes within their bounds, beyond them, and none at all.
REQUESTS = [{"prompt": "x", "model": "gpt-image-2", "size": size} for size in ("1024x1024", "17x17", "wide", "auto")]
ROUNDS = 150


class AlarmError(Exception):
    """What a program's own handler of a signal raises."""


@pytest.fixture
def rung() -> Iterator[list[int]]:
    rung: list[int] = []

    def handle(number: int, _: object) -> None:
        rung.append(number)
        raise AlarmError

    before = signal.signal(signal.SIGALRM, handle)
    yield rung
    signal.setitimer(signal.ITIMER_REAL, 0)
    signal.signal(signal.SIGALRM, before)


@needs_posix
@pytest.mark.parametrize("request_", REQUESTS, ids=[each["size"] for each in REQUESTS])
def test_it_comes_out_as_itself(rung: list[int], request_: dict[str, str]) -> None:
    (contract,) = operation("createImage").bodies.values()
    contract.check(request_, {})
    dice = random.Random(request_["size"])  # noqa: S311  no secrets
    came_out = 0
    for number in range(1, ROUNDS + 1):
        try:
            signal.setitimer(signal.ITIMER_REAL, dice.uniform(5e-5, 5e-4))
            while len(rung) < number:
                contract.check(request_, {})
        except AlarmError:
            came_out += 1
    assert (came_out, len(rung)) == (ROUNDS, ROUNDS)
