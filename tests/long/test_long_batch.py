"""What importing a Batch output file must withstand, in full; `IMAGES_API_LONG` is the share of it that is done."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

from batch_drills import import_peak
from platforms import needs_peak

if TYPE_CHECKING:
    from pathlib import Path

SHARE = float(os.environ.get("IMAGES_API_LONG", "1"))


@needs_peak
def test_1000_lines_with_images_of_5_mb_need_no_more_memory_than_10(tmp_path: Path) -> None:
    few = import_peak(tmp_path, lines=10, size=5_000_000)
    assert import_peak(tmp_path, lines=max(20, round(1000 * SHARE)), size=5_000_000) < few + (4 << 20)
