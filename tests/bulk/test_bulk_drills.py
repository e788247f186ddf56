"""What bulk must withstand, in small; `tests/long` has the full size."""

from __future__ import annotations

from typing import TYPE_CHECKING

import bulk_drills
import pytest
from platforms import needs_linux, needs_peak, needs_posix

if TYPE_CHECKING:
    from pathlib import Path


@needs_posix
def test_kills_at_random_moments_cost_nothing_twice(tmp_path: Path) -> None:
    bulk_drills.kill_and_resume(tmp_path, moments=4, lines=40, chains=1)


def test_faults_at_rates_leave_each_line_in_the_right_state(tmp_path: Path) -> None:
    bulk_drills.faults_at_rates(tmp_path, lines=100, rate=0.05)


@needs_posix
def test_a_crash_at_any_step_costs_nothing_twice(tmp_path: Path) -> None:
    bulk_drills.die_at_each_step(tmp_path, lines=6, calls=1)


@needs_posix
def test_an_interrupt_says_what_may_be_billed(tmp_path: Path) -> None:
    bulk_drills.interrupt(tmp_path, lines=12)


@needs_posix
def test_a_clock_that_jumps_changes_nothing(tmp_path: Path) -> None:
    bulk_drills.jumping_clock(tmp_path, lines=60)


@needs_posix
def test_two_runs_at_once_are_one_too_many(tmp_path: Path) -> None:
    bulk_drills.two_runs_at_once(tmp_path)


@needs_linux
@pytest.mark.parametrize("fills", [False, True], ids=["in time", "to the brim"])
def test_a_full_disk_loses_nothing(tmp_path: Path, *, fills: bool) -> None:
    bulk_drills.full_disk(tmp_path, lines=20, size=100_000, fills=fills)


@needs_linux
def test_a_folder_that_cannot_be_written_costs_nothing(tmp_path: Path) -> None:
    bulk_drills.unwritable_folder(tmp_path)


@needs_peak
def test_memory_does_not_grow_with_the_lines(tmp_path: Path) -> None:
    bulk_drills.flat_memory(tmp_path, lines=500)
