from __future__ import annotations

from typing import TYPE_CHECKING

import cluster_drills
from platforms import needs_dask, needs_posix

if TYPE_CHECKING:
    from pathlib import Path


@needs_dask
@needs_posix
class TestDrills:
    def test_workers_that_are_killed_cost_nothing_twice(self, tmp_path: Path) -> None:
        cluster_drills.workers_killed(tmp_path, lines=200)

    def test_nor_with_faults_at_rates(self, tmp_path: Path) -> None:
        cluster_drills.workers_killed_with_faults(tmp_path, lines=150, rate=0.03)

    def test_a_worker_that_is_taken_for_lost_and_lives_on_costs_nothing_twice(self, tmp_path: Path) -> None:
        cluster_drills.worker_taken_for_lost(tmp_path, lines=150)

    def test_a_driver_that_is_killed_is_run_again(self, tmp_path: Path) -> None:
        cluster_drills.driver_killed(tmp_path, lines=120, kills=2)
