"""What a test may need of the system that it runs on, each with its reason; on the others it is skipped."""

from __future__ import annotations

import os
import shutil
import sys
from importlib.util import find_spec
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest


def _links() -> bool:
    with TemporaryDirectory() as folder:
        link = Path(folder, "link")
        try:
            link.symlink_to("nowhere")
        except OSError:
            return False
        return link.is_symlink()


POSIX = os.name == "posix"
LINUX = sys.platform == "linux"
needs_posix = pytest.mark.skipif(not POSIX, reason="limits, signals, forks, users and permissions of this kind are POSIX's")
needs_terminals = pytest.mark.skipif(not POSIX, reason="pseudo terminals are POSIX's")
needs_make = pytest.mark.skipif(not (POSIX and shutil.which("make")), reason="make isn't installed, or has no shell")
needs_links = pytest.mark.skipif(not _links(), reason="symbolic links can't be made; on Windows they need a privilege")
needs_replaceable = pytest.mark.skipif(not POSIX, reason="Windows replaces no file that somebody has open")
needs_linux = pytest.mark.skipif(not LINUX, reason="only Linux lists the open files of a process, and keeps access lists")
needs_full_queue = pytest.mark.skipif(not LINUX, reason="elsewhere a full queue turns callers away")
needs_peak = pytest.mark.skipif(not LINUX, reason="only Linux forgets the peak of a process's memory")
needs_dask = pytest.mark.skipif(not find_spec("distributed"), reason="Dask isn't installed, which not every Python has yet")
# What the system says of a folder that is opened like a file, and of a file that is taken for a folder.
OPENED_FOLDER = IsADirectoryError if POSIX else PermissionError
NO_FOLDER = NotADirectoryError if POSIX else FileNotFoundError
