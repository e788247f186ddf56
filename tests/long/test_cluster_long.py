"""What bulk must withstand on a cluster, in full; `IMAGES_API_LONG` is the share of it that is done, from above 0 to 1."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

import pytest
from platforms import needs_dask, needs_posix

if TYPE_CHECKING:
    from pathlib import Path

SHARE = float(os.environ.get("IMAGES_API_LONG", "1"))
pytestmark = [needs_dask, needs_posix]


def lines(count: int, least: int) -> int:
    return max(least, round(count * SHARE))


@pytest.mark.parametrize("store", ["", "plain"])
def test_workers_that_are_killed_cost_nothing_twice(tmp_path: Path, store: str) -> None:
    import cluster_drills

    cluster_drills.workers_killed(tmp_path, lines=lines(3000, 100), store=store)


def test_nor_with_faults_at_rates(tmp_path: Path) -> None:
    import cluster_drills

    cluster_drills.workers_killed_with_faults(tmp_path, lines=lines(3000, 100), rate=0.02)


def test_a_worker_that_is_taken_for_lost_and_lives_on_costs_nothing_twice(tmp_path: Path) -> None:
    import cluster_drills

    cluster_drills.worker_taken_for_lost(tmp_path, lines=lines(1000, 100))


def test_a_driver_that_is_killed_is_run_again(tmp_path: Path) -> None:
    import cluster_drills

    cluster_drills.driver_killed(tmp_path, lines=lines(1000, 100), kills=max(2, round(5 * SHARE)))
