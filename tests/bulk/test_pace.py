from __future__ import annotations

import asyncio
import sys
from time import monotonic

import pytest

from images_api.bulk._pace import Pace


def test_no_more_calls_go_on_than_may() -> None:
    async def most() -> int:
        pace, going, highest = Pace(3, None), 0, 0

        async def call() -> None:
            nonlocal going, highest
            await pace.begin(1)
            going += 1
            highest = max(highest, going)
            await asyncio.sleep(0.001)
            going -= 1
            pace.end(success=True)

        await asyncio.gather(*(call() for _ in range(20)))
        return highest

    assert asyncio.run(most()) == 3


def test_images_count_not_calls_and_come_evenly_spread() -> None:
    async def seconds() -> list[float]:
        pace = Pace(8, 1200, most_images=4)
        begun, ends = monotonic(), []
        for images in (4, 2, 2, 4):
            await pace.begin(images)
            ends.append(monotonic() - begun)
            pace.end(success=True)
        return ends

    first, *_, last = asyncio.run(seconds())
    # A second's worth at once, and after that 20 a second: none of the twelve has to wait.
    assert first <= last < 60

    async def slow() -> float:
        pace = Pace(8, 600, most_images=1)
        begun = monotonic()
        for _ in range(13):
            await pace.begin(1)
            pace.end(success=True)
        return monotonic() - begun

    assert asyncio.run(slow()) >= 0.25


def test_a_pause_is_for_all_and_fewer_go_on_after_it() -> None:
    async def drill() -> tuple[float, int]:
        pace, two, going, highest = Pace(4, None), asyncio.Event(), 0, 0
        for _ in range(4):
            await pace.begin(1)
        begun, waits = monotonic(), []
        for _ in range(4):
            pace.pause(0.2)
            pace.end(success=False)
        assert pace.waiting <= 0.2

        async def call() -> None:
            nonlocal going, highest
            await pace.begin(1)
            waits.append(monotonic() - begun)
            going += 1
            highest = max(highest, going)
            if going == 2:
                two.set()
            # The first one waits for another, for they begin at random.
            await asyncio.wait_for(two.wait(), 60)
            await asyncio.sleep(0.001)
            going -= 1
            pace.end(success=False)

        await asyncio.gather(*(call() for _ in range(8)))
        return min(waits), highest

    least, highest = asyncio.run(drill())
    assert least >= 0.2
    assert highest == 2


def test_successes_let_it_grow_again() -> None:
    async def drill() -> None:
        pace = Pace(4, None)
        pace.pause(0.001)
        for _ in range(20):
            await pace.begin(1)
            pace.end(success=True)
        for _ in range(4):
            await asyncio.wait_for(pace.begin(1), 60)

    asyncio.run(drill())


def test_a_pause_that_comes_while_others_wait_for_the_rate_holds_them_too() -> None:
    async def drill() -> float:
        pace = Pace(4, 600, most_images=1)
        for _ in range(10):
            await pace.begin(1)
            pace.end(success=True)
        waiting = asyncio.create_task(pace.begin(1))
        await asyncio.sleep(0.01)
        begun = monotonic()
        pace.pause(0.3)
        await waiting
        return monotonic() - begun

    assert asyncio.run(drill()) >= 0.29


def test_a_rate_asks_for_the_extra(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "aiolimiter", None)
    with pytest.raises(ImportError, match=r"a number of images a minute needs more than is installed .*images-api\[bulk\]"):
        Pace(1, 60)
    assert Pace(1, None).waiting == 0
