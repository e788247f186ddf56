"""Received bytes: in memory while they are few, beyond that in a temporary file that goes when nobody needs it any more."""

from __future__ import annotations

import atexit
import os
import sys
from contextlib import suppress
from functools import cache
from io import BytesIO, FileIO
from math import inf
from stat import S_ISGID
from threading import Event
from typing import TYPE_CHECKING, BinaryIO, Self
from weakref import finalize

if TYPE_CHECKING:
    from pathlib import Path

# Small enough for many replies at once, large enough that what is small needs no file.
_MEMORY_LIMIT = 128 << 10
_COPIED_AT_ONCE = 1 << 20
_PROCESS_ENDS = Event()


class Spool:
    """Bytes that are written once, from first to last, and read as often as one likes.

    No file is held open beyond the writing: a thousand results are no thousand open files. Where no temporary file can be
    written, such as on a full disk, the bytes stay in memory: they were paid for.

    Attributes:
        size: How many bytes there are.
    """

    def __init__(self, content: bytes = b"") -> None:
        self.size = len(content)
        self._memory: bytearray | bytes = content
        self._limit = float(_MEMORY_LIMIT)
        self._path: str | None = None
        self._file: FileIO | None = None
        self._state: tuple[int, int] | None = None

    @property
    def in_file(self) -> bool:
        """Return whether the bytes are in a file, and reading them may take a while."""
        return self._path is not None

    def write(self, chunk: bytes) -> None:
        """Add bytes at the end."""
        if self._file is None and self.size + len(chunk) > self._limit:
            self._begin_file()
        if self._file is not None:
            self._write_file(self._file, chunk)
        else:
            if not isinstance(self._memory, bytearray):
                self._memory = bytearray(self._memory)
            self._memory += chunk
            self.size += len(chunk)

    def close(self) -> None:
        """Say that all is written."""
        if self._file is not None:
            self._file.close()
            self._file = None
        self._memory = bytes(self._memory)

    def open(self) -> BinaryIO:
        """Return a binary file to read from, which the caller closes.

        Raises:
            OSError: The temporary file is gone, or was changed by way of a file that it was saved as.
        """
        if self._path is None:
            return BytesIO(self._memory)
        file = open(self._path, "rb")  # noqa: SIM115  the caller's to close
        if self._state not in {None, _state(file)}:
            file.close()
            raise OSError("the picture was changed in the file that it had been saved as")
        return file

    def read(self) -> bytes:
        """Return all bytes.

        Raises:
            OSError: As for `open`.
        """
        if self._path is None:
            return bytes(self._memory)
        with self.open() as file:
            return file.read()

    def copy_to(self, target: Path) -> None:
        """Make a new file that holds the bytes: a second name of the temporary file where that can be, else a copy.

        Raises:
            OSError: It can't be written, or as for `open`.
        """
        with self.open() as source:
            # A third name would let an edit of one saved file change the other.
            if self._path is not None and os.fstat(source.fileno()).st_nlink == 1 and _linked(self._path, target):
                self._state = _state(source)  # until now nobody else could change it
                return
            with target.open("xb") as file:
                while piece := source.read(_COPIED_AT_ONCE):
                    file.write(piece)

    def __reduce__(self) -> tuple[type[Self], tuple[bytes]]:
        return type(self), (self.read(),)

    def _begin_file(self) -> None:
        try:
            file, self._path = _new_file()
        except OSError:
            self._limit = inf
            return
        self._file = file
        self._remove = finalize(self, _remove, file, self._path, os.getpid())
        memory, self._memory, self.size = self._memory, b"", 0
        self._write_file(file, memory)

    def _write_file(self, file: FileIO, chunk: bytes | bytearray) -> None:
        rest = memoryview(chunk)
        try:
            while rest:
                written = file.write(rest)
                self.size += written
                rest = rest[written:]
        except OSError:
            self._limit = inf
            self._memory = bytearray(self.read()[: self.size]) + rest
            self.size = len(self._memory)
            self._path = self._file = None
            self._remove()


def _linked(path: str, target: Path) -> bool:
    if target.parent.stat().st_mode & S_ISGID:
        return False  # new files there belong to the folder's group
    try:
        os.link(path, target)
    except OSError:  # another file system, or one without links
        return False
    return True


def _state(file: BinaryIO) -> tuple[int, int]:
    status = os.fstat(file.fileno())
    return status.st_size, status.st_mtime_ns


def _new_file() -> tuple[FileIO, str]:
    while True:
        path = f"{_folder(os.getpid())}/{os.urandom(8).hex()}"
        try:
            return FileIO(path, "x"), path
        except FileNotFoundError:  # what cleans up old temporary files has been here
            _folder.cache_clear()


@cache
def _folder(process: int) -> str:
    """Return this process's own folder, which nobody else may read; the files in it get the permissions that new files have."""
    from tempfile import mkdtemp

    if _PROCESS_ENDS.is_set():
        raise OSError("the process ends")
    folder = mkdtemp(prefix="images-api-")
    atexit.register(_remove_folder, folder, process)
    multiprocessing = sys.modules.get("multiprocessing.util")
    if multiprocessing is not None:  # whose forked workers end without the above
        multiprocessing.Finalize(None, _remove_folder, (folder, process), exitpriority=0)
    return folder


def _remove_folder(folder: str, process: int) -> None:
    from shutil import rmtree

    if os.getpid() == process:  # a fork has its parent's memory, and not its files
        # A daemon thread that goes on reading a reply finds neither this folder any more nor a new one.
        _PROCESS_ENDS.set()
        with suppress(OSError):  # what cleans up old temporary files has been here
            os.rename(folder, f"{folder}-ended")  # noqa: PTH104  a Path is slow to import
        rmtree(f"{folder}-ended", ignore_errors=True)


def _remove(file: FileIO, path: str, process: int) -> None:
    file.close()
    if os.getpid() == process:
        with suppress(OSError):  # its folder has gone before
            os.remove(path)  # noqa: PTH107  a Path is slow to import
