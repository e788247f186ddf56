"""Received bytes: in memory while they are few, beyond that in a temporary file that has no name and so is never left behind."""

from __future__ import annotations

import os
from collections import deque
from contextlib import suppress
from functools import partial
from io import SEEK_CUR, SEEK_END, SEEK_SET, BufferedReader, BytesIO, RawIOBase
from threading import Lock
from typing import TYPE_CHECKING, Any, BinaryIO, Literal, Self
from weakref import WeakValueDictionary, finalize

from .headers import HEAD

if TYPE_CHECKING:
    from pathlib import Path

    from _typeshed import WriteableBuffer

# What is this small is not worth a file, and not counted.
_SMALL = 128 << 10
_PAGE = 64 << 10
_MEMORY = 5 << 20
# What all larger contents of the process have in memory, a token a page. One is taken, and several are given back, in a
# single step each, which no thread, signal, fork or garbage collection can come between.
_FREE_PAGES = deque([None] * (_MEMORY // _PAGE))
_COPIED_AT_ONCE = 256 << 10
# An app that holds a thousand results needs its descriptors for other things.
_MOST_FILES = 128
_FILES: WeakValueDictionary[Spool, _File] = WeakValueDictionary()


class Spool:
    """The store of one response: what it holds stays in memory within a budget of the whole process, beyond it in one file.

    The file is temporary and has no name: it is gone when nothing needs it any more, however the process ends. Where none
    can be had, or it can't grow, such as on a full disk, the bytes stay in memory: they were paid for.
    """

    def new(self) -> Content:
        """Return what takes the bytes of the next image, once the one before is not written to any more."""
        return Content(spool=self)

    def file(self) -> _File | None:
        """Return the file, which lives as long as contents that are in it; None where none can be had."""
        file = _FILES.get(self)
        if file is None and len(_FILES) < _MOST_FILES:
            with suppress(OSError, ImportError):  # not even what makes it may be read, for want of descriptors
                file = _FILES[self] = _File()
        return file


class Content:
    """The bytes of one image: written once, from first to last, read as often as one likes, from any thread or fork at once.

    Attributes:
        size: How many bytes there are.
    """

    def __init__(self, content: bytes = b"", spool: Spool | None = None) -> None:
        self.size, self._spool = len(content), spool
        self._memory = BytesIO(content)
        self._free, self._held = _FREE_PAGES, 0
        self._file: _File | None = None
        self._offset = 0

    def write(self, chunk: bytes) -> None:
        """Add bytes at the end."""
        if self._file is None and self._spool is not None and not self._hold(self.size + len(chunk)):
            self._leave_memory(self._spool)
        if self._file is not None and not self._file.append(chunk, self._offset + self.size):
            self._memory.write(self.read())
            self._file.cut(self._offset, self._offset + self.size)
            self._file = self._spool = None
        if self._file is None:
            self._memory.write(chunk)
        self.size += len(chunk)

    def close(self) -> None:
        """Say that all is written."""
        self._spool = None
        self._memory.getvalue()  # gives back what was allocated ahead

    def open(self) -> BinaryIO:
        """Return a binary file to read from, with a position of its own, which the caller closes."""
        if self._file is None:
            return BytesIO(self._memory.getvalue())  # which share the bytes
        return BufferedReader(_Reader(self._file, self._offset, self.size))

    @property
    def is_in_memory(self) -> bool:
        """Tell whether to read the bytes takes no time."""
        return self._file is None

    def beginning(self) -> bytes:
        """Return the first bytes, which tell what it is."""
        with self.open() as file:
            return file.read(HEAD)

    def read(self) -> bytes:
        """Return all bytes."""
        with self.open() as file:
            return file.read(self.size)

    def copy_to(self, target: Path) -> None:
        """Make a new file that holds the bytes.

        Raises:
            OSError: There is one already, or it can't be written.
        """
        with self.open() as source, target.open("xb") as file:
            # On common file systems a third cheaper than copy_file_range, and it works between all.
            file.writelines(iter(partial(source.read, _COPIED_AT_ONCE), b""))

    def __reduce__(self) -> tuple[type[Self], tuple[bytes]]:
        return type(self), (self.read(),)

    def __del__(self) -> None:
        self._free.extend([None] * self._held)

    def _hold(self, size: int) -> bool:
        """Take what so many bytes need of the budget, and tell whether there was so much."""
        with suppress(IndexError):
            while _SMALL + self._held * _PAGE < size:
                self._free.pop()
                self._held += 1
            return True
        return False

    def _leave_memory(self, spool: Spool) -> None:
        file = spool.file()
        if file is None or not file.append(self._memory.getvalue(), file.size):
            self._spool = None
            return
        self._file, self._offset = file, file.size - self.size
        self._memory, held, self._held = BytesIO(), self._held, 0
        self._free.extend([None] * held)


class _File:
    """A temporary file: written at its end, read from any offset, by threads and forks at once.

    Attributes:
        size: Where its end is.
    """

    def __init__(self) -> None:
        from tempfile import TemporaryFile

        self.size = 0
        with TemporaryFile(buffering=0) as opened:
            # A number: were it a file object, the garbage collector would at times meet it first, open, and Python warn of it.
            self._descriptor = os.dup(opened.fileno())
        finalize(self, os.close, self._descriptor).atexit = False  # an image may still be read then
        self._lock = Lock()

    def append(self, chunk: bytes, offset: int) -> bool:
        """Add a chunk at an offset, and tell whether that is the end, and all of it could be added; else nothing is."""
        if offset != self.size:
            return False  # another image stands there
        end = offset + len(chunk)
        with suppress(OSError):
            self.size += self.do("write", chunk, offset)
        if self.size < end:
            self.cut(offset, self.size)
        return self.size == end

    def cut(self, offset: int, end: int) -> None:
        """Give back what stands between two offsets, unless something stands behind it."""
        if end == self.size:
            os.ftruncate(self._descriptor, offset)
            self.size = offset

    def do(self, act: Literal["read", "write"], what: Any, offset: int) -> Any:
        """Read so many bytes at an offset, or write some; or fewer, as the system likes."""
        if hasattr(os, f"p{act}"):
            return getattr(os, f"p{act}")(self._descriptor, what, offset)
        with self._lock:
            os.lseek(self._descriptor, offset, SEEK_SET)
            return getattr(os, act)(self._descriptor, what)


class _Reader(RawIOBase):
    """Reads one content of a file, with a position of its own."""

    def __init__(self, file: _File, offset: int, size: int) -> None:
        self._file, self._offset, self._size = file, offset, size
        self._position = 0

    def readable(self) -> bool:
        return True

    def seekable(self) -> bool:
        return True

    def seek(self, offset: int, whence: int = SEEK_SET) -> int:
        position = {SEEK_SET: 0, SEEK_CUR: self._position, SEEK_END: self._size}[whence] + offset
        if position < 0:
            raise OSError(f"negative seek value {position}")
        self._position = position
        return position

    def readinto(self, buffer: WriteableBuffer) -> int:
        view = memoryview(buffer)
        rest = max(0, self._size - self._position)
        chunk = self._file.do("read", min(len(view), rest, _COPIED_AT_ONCE), self._offset + self._position)
        view[: len(chunk)] = chunk
        self._position += len(chunk)
        return len(chunk)
