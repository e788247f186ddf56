"""Received bytes: in memory while they are few, beyond that in a temporary file that has no name and so is never left behind."""

from __future__ import annotations

import os
from collections import deque
from contextlib import suppress
from errno import EINVAL
from functools import partial
from io import SEEK_CUR, SEEK_END, SEEK_SET, BufferedReader, BytesIO, RawIOBase
from threading import Lock
from typing import TYPE_CHECKING, BinaryIO, Self
from weakref import WeakSet, ref

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
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
# A response has a file of its own. With so many already, it goes on in that of an earlier one, up to a size: else a thousand
# results were a thousand open files.
_FILES = 32
_ROOM = 64 << 20
_FILES_WITH_ROOM: WeakSet[_File] = WeakSet()


class Spool:
    """The store of one response: what it holds stays in memory within a budget of the whole process, beyond it in one file.

    The file is temporary and has no name: it is gone when nothing needs it any more, however the process ends. Where none
    can be had, or it can't grow, such as on a full disk, the bytes stay in memory: they were paid for.
    """

    def __init__(self) -> None:
        self._file: ref[_File] | None = None
        self._files = _FILES_WITH_ROOM

    def new(self) -> Content:
        """Return what takes the bytes of the next image, once the one before is not written to any more."""
        return Content(self)

    def file(self) -> _File:
        """Return the file, which lives as long as contents that are in it.

        Raises:
            OSError: None can be had.
            ImportError: Not even what makes it can be read, for want of descriptors.
        """
        file = self._file() if self._file else None
        if file is None:
            file = _shared_file() or _new_file()
            self._file = ref(file)
        return file

    def __del__(self) -> None:
        file = self._file() if self._file else None
        if file is not None and file.size < _ROOM:
            self._files.add(file)


class Content:
    """The bytes of one image: written once, from first to last, read as often as one likes, from any thread or fork at once.

    Attributes:
        size: How many bytes there are.
    """

    def __init__(self, spool: Spool | None = None) -> None:
        self.size = 0
        self._spool = spool
        self._source: _Memory | _File = _Memory()
        self._offset = 0

    @classmethod
    def of(cls, content: bytes) -> Self:
        """Return bytes that are whole already, and stay in memory."""
        made = cls()
        made.size = len(content)
        made._source = _Memory(content)
        return made

    @property
    def in_file(self) -> bool:
        """Return whether the bytes are in a file, and reading them may take a while."""
        return isinstance(self._source, _File)

    def write(self, chunk: bytes) -> None:
        """Add bytes at the end."""
        size = self.size + len(chunk)
        if self._spool is not None and isinstance(self._source, _Memory) and not self._source.hold(size):
            self._leave_memory(self._source, self._spool)
        if isinstance(self._source, _File):
            try:
                self._source.append(chunk)
            except OSError:
                self._return_to_memory(self._source)
        if isinstance(self._source, _Memory):
            self._source.append(chunk)
        self.size = size

    def close(self) -> None:
        """Say that all is written."""
        self._spool = None

    def open(self) -> BinaryIO:
        """Return a binary file to read from, with a position of its own, which the caller closes."""
        if isinstance(self._source, _Memory) and len(page := self._source.read(self.size, 0)) == self.size:
            return BytesIO(page)
        return BufferedReader(self._reader())

    def read(self) -> bytes:
        """Return all bytes."""
        if isinstance(self._source, _Memory):
            return b"".join(self._source.pages())
        return self._reader().readall()

    def copy_to(self, target: Path) -> None:
        """Make a new file that holds the bytes.

        Raises:
            OSError: There is one already, or it can't be written.
        """
        with target.open("xb") as file:
            done = self._source.copy(file.fileno(), self._offset, self.size) if isinstance(self._source, _File) else 0
            file.seek(done)
            file.writelines(self._reader(done).chunks(_COPIED_AT_ONCE))

    def __reduce__(self) -> tuple[Callable[[bytes], Self], tuple[bytes]]:
        return self.of, (self.read(),)

    def _reader(self, start: int = 0) -> _Reader:
        return _Reader(self._source, self._offset + start, self.size - start)

    def _leave_memory(self, memory: _Memory, spool: Spool) -> None:
        try:
            file = spool.file()
            offset = file.size
            file.append(*memory.pages())
        except (OSError, ImportError):
            self._spool = None
        else:
            self._source, self._offset = file, offset

    def _return_to_memory(self, file: _File) -> None:
        memory = _Memory()
        for chunk in self._reader().chunks(_COPIED_AT_ONCE):
            memory.append(chunk)
        file.cut(self._offset)
        self._source, self._offset, self._spool = memory, 0, None


class _Memory:
    """Bytes in memory, in pages: so they grow without being moved, and are given back to the system as they came."""

    def __init__(self, content: bytes = b"") -> None:
        self._pages: list[bytes] = []
        self._last = BytesIO(content)
        self._free = _FREE_PAGES
        self._held = 0

    def hold(self, size: int) -> bool:
        """Take what so many bytes need of the budget, and tell whether there was so much."""
        try:
            while _SMALL + self._held * _PAGE < size:
                self._free.pop()
                self._held += 1
        except IndexError:
            return False
        return True

    def append(self, chunk: bytes) -> None:
        """Add a chunk."""
        rest = memoryview(chunk)
        while len(rest) > (room := _PAGE - self._last.tell()):
            self._last.write(rest[:room])
            self._pages.append(self._last.getvalue())
            self._last, rest = BytesIO(), rest[room:]
        self._last.write(rest)

    def read(self, size: int, offset: int) -> bytes:
        """Return so many bytes, or fewer where the page ends."""
        index = min(offset // _PAGE, len(self._pages))
        page = self._pages[index] if index < len(self._pages) else self._last.getvalue()
        start = offset - index * _PAGE
        return page[start : start + size]

    def pages(self) -> list[bytes]:
        """Return all of it."""
        return [*self._pages, self._last.getvalue()]

    def __del__(self) -> None:
        self._free.extend([None] * self._held)


class _File:
    """A temporary file: written at its end, read from any offset, by threads and forks at once.

    Attributes:
        size: Where its end is.
        process: The only one that writes to it.
    """

    _close = staticmethod(os.close)  # when Python ends, this class may outlast what it imported

    def __init__(self, descriptor: int) -> None:
        self.size = 0
        self.process = os.getpid()
        # A number: were it a file object, the garbage collector would at times meet it first, open, and Python warn of it.
        self._descriptor = descriptor
        self._lock = Lock()

    def append(self, *chunks: bytes) -> None:
        """Add chunks.

        Raises:
            OSError: Not all of them can be added; then none is.
        """
        end = self.size
        try:
            for chunk in chunks:
                rest = memoryview(chunk)
                while rest:
                    written = self._write(rest, end)
                    rest, end = rest[written:], end + written
        except OSError:
            self.cut(self.size)
            raise
        self.size = end

    def cut(self, size: int) -> None:
        """Give back all that is behind so many bytes."""
        os.ftruncate(self._descriptor, size)
        self.size = size

    def read(self, size: int, offset: int) -> bytes:
        """Return so many bytes, or fewer, as the system likes."""
        if hasattr(os, "pread"):
            return os.pread(self._descriptor, size, offset)
        with self._lock:
            os.lseek(self._descriptor, offset, SEEK_SET)
            return os.read(self._descriptor, size)

    def copy(self, target: int, offset: int, size: int) -> int:
        """Have the system copy bytes to a file without carrying them through this process, and return how many it did."""
        done = 0
        if hasattr(os, "copy_file_range"):
            with suppress(OSError):  # other file systems, or no such call; what can't be written at all is found out again
                while copied := os.copy_file_range(self._descriptor, target, size - done, offset + done):
                    done += copied
        return done

    def _write(self, chunk: memoryview, offset: int) -> int:
        if hasattr(os, "pwrite"):
            return os.pwrite(self._descriptor, chunk, offset)
        with self._lock:
            os.lseek(self._descriptor, offset, SEEK_SET)
            return os.write(self._descriptor, chunk)

    def __del__(self) -> None:
        self._close(self._descriptor)


def _new_file() -> _File:
    from tempfile import TemporaryFile

    with TemporaryFile(buffering=0) as opened:
        return _File(os.dup(opened.fileno()))


def _shared_file() -> _File | None:
    """Return a file in which no response is writing any more; none while a new one does no harm."""
    with suppress(KeyError):  # the last has just gone
        while len(_FILES_WITH_ROOM) >= _FILES:
            file = _FILES_WITH_ROOM.pop()
            if file.process == os.getpid():  # a fork writes to no file of its parent, nor the other way round
                return file
    return None


class _Reader(RawIOBase):
    """Reads one content, with a position of its own."""

    def __init__(self, source: _Memory | _File, offset: int, size: int) -> None:
        self._source = source
        self._offset = offset
        self._size = size
        self._position = 0

    def readable(self) -> bool:
        return True

    def seekable(self) -> bool:
        return True

    def seek(self, offset: int, whence: int = SEEK_SET) -> int:
        position = {SEEK_SET: 0, SEEK_CUR: self._position, SEEK_END: self._size}[whence] + offset
        if position < 0:
            raise OSError(EINVAL, os.strerror(EINVAL))
        self._position = position
        return position

    def read(self, size: int = -1) -> bytes:
        """Return so many bytes, or fewer where they don't lie together."""
        rest = max(0, self._size - self._position)
        chunk = self._source.read(rest if size < 0 else min(size, rest), self._offset + self._position)
        self._position += len(chunk)
        return chunk

    def readall(self) -> bytes:
        return b"".join(self.chunks())

    def chunks(self, size: int = -1) -> Iterator[bytes]:
        """Yield the rest, in chunks of no more than a size."""
        return iter(partial(self.read, size), b"")

    def readinto(self, buffer: WriteableBuffer) -> int:
        view = memoryview(buffer)
        chunk = self.read(len(view))
        view[: len(chunk)] = chunk
        return len(chunk)
