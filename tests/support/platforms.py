"""What a test may need of the system that it runs on, each with its reason; on the others it is skipped."""

from __future__ import annotations

import os
import shutil
import sys
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest


def _links() -> bool:
    with TemporaryDirectory() as folder:
        try:
            Path(folder, "link").symlink_to("nowhere")
        except OSError:
            return False
    return True


POSIX = os.name == "posix"
LINUX = sys.platform == "linux"
needs_posix = pytest.mark.skipif(not POSIX, reason="limits, signals, forks, users and permissions of this kind are POSIX's")
needs_make = pytest.mark.skipif(not (POSIX and shutil.which("make")), reason="make isn't installed, or has no shell")
needs_links = pytest.mark.skipif(not _links(), reason="making a symbolic link is refused, as Windows does without a privilege")
needs_replaceable = pytest.mark.skipif(not POSIX, reason="Windows replaces no file that somebody has open")
needs_full_queue = pytest.mark.skipif(not LINUX, reason="elsewhere a full queue turns callers away")
needs_peak = pytest.mark.skipif(not LINUX, reason="only Linux forgets the peak of a process's memory")
