"""What bulk must withstand, in full; `IMAGES_API_LONG` is the share of it that is done, from above 0 to 1."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

import bulk_drills
import pytest
from platforms import needs_linux, needs_peak, needs_posix

if TYPE_CHECKING:
    from pathlib import Path

SHARE = float(os.environ.get("IMAGES_API_LONG", "1"))


@needs_posix
def test_kills_at_200_random_moments_cost_nothing_twice(tmp_path: Path) -> None:
    chains = max(1, round(20 * SHARE))
    bulk_drills.kill_and_resume(tmp_path, moments=10 * chains, lines=500, chains=chains)


def test_faults_at_rates_leave_each_of_10_000_lines_in_the_right_state(tmp_path: Path) -> None:
    bulk_drills.faults_at_rates(tmp_path, lines=max(200, round(10_000 * SHARE)), rate=0.02)


@needs_posix
def test_a_crash_at_any_step_costs_nothing_twice(tmp_path: Path) -> None:
    bulk_drills.die_at_each_step(tmp_path, lines=40, calls=4 if SHARE == 1 else 1)


@needs_posix
def test_an_interrupt_says_what_may_be_billed(tmp_path: Path) -> None:
    bulk_drills.interrupt(tmp_path, lines=round(1000 * SHARE) + 10)


@needs_posix
def test_a_clock_that_jumps_changes_nothing(tmp_path: Path) -> None:
    bulk_drills.jumping_clock(tmp_path, lines=round(1000 * SHARE) + 50)


@needs_linux
@pytest.mark.parametrize("fills", [False, True], ids=["in time", "to the brim"])
def test_a_full_disk_loses_nothing(tmp_path: Path, *, fills: bool) -> None:
    bulk_drills.full_disk(tmp_path, lines=round(200 * SHARE) + 10, size=500_000, fills=fills)


@needs_peak
def test_memory_does_not_grow_with_100_000_lines(tmp_path: Path) -> None:
    bulk_drills.flat_memory(tmp_path, lines=max(1000, round(100_000 * SHARE)))
