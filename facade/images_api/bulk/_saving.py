"""Images in the folder of a job, each whole or not at all, whenever a run is cut.

An image is written under a temporary name, which says what it belongs to and the hash of its bytes, and synced; then the journal
says `done`, with its name and hash; then it is renamed. So a run that is cut
- while an image is written leaves a file whose hash is wrong, which `recover` removes; the line is `sending`,
- before the journal says `done` leaves whole images of a line that is `sending`, which are paid: where none of the response is
  missing, `recover` makes it `done`,
- before the rename leaves whole images of a line that is `done`, and `recover` renames them.
"""

from __future__ import annotations

import os
import re
from contextlib import ExitStack, suppress
from hashlib import blake2b, sha256
from itertools import count
from pathlib import Path
from tempfile import mkdtemp
from typing import TYPE_CHECKING, Any, BinaryIO

from images_api._images.headers import EXTENSIONS

from ._journal import Entry, Journal, SavedFile, State
from ._names import filled

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Sequence

    from images_api._results import GeneratedImage

TEMPORARY = ".images-api"
_NAME = re.compile(r"(?P<digest>[0-9a-f]{32})-(?P<id>[0-9a-f]{16})-(?P<index>\d+)of(?P<total>\d+)-(?P<sha256>[0-9a-f]{64})\.\w+")
_CHUNK = 1 << 20


class Store:
    """The files of a folder.

    Args:
        folder: The folder, which is there.
        temporary: Where images are written first, if not in `.images-api` there; on the same disk.

    Attributes:
        folder: As given.
        temporary: Where images are written first.
    """

    def __init__(self, folder: Path, temporary: Path | None = None) -> None:
        self.folder = folder
        self.temporary = temporary or folder / TEMPORARY
        self._made = {""}
        self._unsynced: list[BinaryIO] = []
        self.temporary.mkdir(parents=True, exist_ok=True)

    def write(self, entry: Entry, images: Iterable[GeneratedImage], total: int) -> Entry:
        """Write the images of a line under temporary names, and return the line with the files that they are to be.

        They are on disk once `sync` has returned.

        Args:
            entry: The line.
            images: Images that are fetched.
            total: How many images the response has, these and others.

        Raises:
            OSError: The disk is full, or can't be written.
        """
        files = list(entry.files)
        for image in images:
            content = image.read()
            digest = sha256(content).hexdigest()
            extension = EXTENSIONS.get(image.media_type, ".bin")[1:]
            path = self._free(entry, image.index + 1, extension, {file.path for file in files})
            temporary = self.temporary / _temporary_name(entry, image.index + 1, total, digest, path)
            self._unsynced.append(_write(temporary, content))
            files.append(SavedFile(path, digest, len(content)))
        return entry._replace(files=tuple(files))

    def sync(self) -> None:
        """Let all that was written be on disk: of several files, the first sync has most of the work.

        Raises:
            OSError: The disk is full, or can't be written.
        """
        unsynced, self._unsynced = self._unsynced, []
        with ExitStack() as stack:
            for file in unsynced:
                stack.enter_context(file)
            for file in unsynced:
                os.fsync(file.fileno())
        sync_folder(self.temporary)

    def publish(self, entry: Entry, images: Sequence[GeneratedImage], total: int) -> None:
        """Give files that the journal knows their names.

        Args:
            entry: The line, as `write` returned it.
            images: The images that were written.
            total: As for `write`.

        Raises:
            OSError: A folder can't be made, or a file renamed.
        """
        for image, file in zip(images, entry.files[len(entry.files) - len(images) :], strict=True):
            self._move(self.temporary / _temporary_name(entry, image.index + 1, total, file.sha256, file.path), file.path)

    def keep(self, entry: Entry, body: bytes) -> str:
        """Write what a server answered beside the images, and return its path relative to the folder.

        Raises:
            OSError: The disk is full, or can't be written.
        """
        path = self._free(entry, 1, "response", set())
        self._make_folder(path)
        write_file(self.folder / path, body)
        return path

    def rescue(self, entry: Entry, images: Iterable[GeneratedImage], total: int) -> Path:
        """Write images where the system keeps temporary files, for the folder can't be written, and return where.

        Moved into `.images-api` of the folder, they are found by `recover`.

        Raises:
            OSError: There is no room either.
        """
        if not hasattr(self, "_rescued"):
            self._rescued = Path(mkdtemp(prefix="images-api-rescued-"))
        for image in images:
            content = image.read()
            extension = EXTENSIONS.get(image.media_type, ".bin")
            name = _temporary_name(entry, image.index + 1, total, sha256(content).hexdigest(), extension)
            write_file(self._rescued / name, content)
        return self._rescued

    def recover(self, journal: Journal) -> None:
        """Finish what a run that was cut had begun, and remove what is half written; a whole image never is, whosever it is.

        Raises:
            OSError: A file can't be read, renamed or removed.
        """
        whole: dict[tuple[str, str], list[Path]] = {}
        for path in sorted(self.temporary.iterdir()):
            told = _NAME.fullmatch(path.name)
            if told and _hash(path) == told["sha256"]:
                whole.setdefault((told["digest"], told["id"]), []).append(path)
            elif told:
                path.unlink()
        for (digest, name), found in whole.items():
            for entry in journal.with_digest(digest):
                if _short(entry.custom_id) == name:
                    self._take_up(journal.record, entry, found)

    def recover_line(self, entry: Entry, record: Callable[[list[Entry]], None]) -> bool:
        """Finish what was begun for one line, by whomever, and tell whether all of its images are there.

        Args:
            entry: The line.
            record: Notes what it has become; it isn't called where that doesn't change.

        Raises:
            OSError: A file can't be read or renamed.
        """
        name = f"{key(entry)}-*"
        found = sorted((*(self.folder / TEMPORARY).glob(name), *(self.folder / TEMPORARY).glob(f"*/{name}")))
        named = [(path, _NAME.fullmatch(path.name)) for path in found]
        whole = [path for path, told in named if told and _hash(path) == told["sha256"]]
        if whole:
            self._take_up(record, entry, whole)
        return all(self._is_there(file.path) for file in entry.files)

    def close(self) -> None:
        """Close what was written and never synced, and remove the folder of temporary files, if there are none."""
        for file in self._unsynced:
            file.close()
        with suppress(OSError):
            self.temporary.rmdir()

    def _take_up(self, record: Callable[[list[Entry]], None], entry: Entry, whole: Iterable[Path]) -> None:
        """Give whole images of a line their names; of one that was cut before the journal knew of them, once it knows."""
        found: dict[int, tuple[Path, str]] = {}
        total = 0
        for path in whole:
            if told := _NAME.fullmatch(path.name):
                found[int(told["index"])], total = (path, told["sha256"]), int(told["total"])
        missing = [file for file in entry.files if not self._is_there(file.path)]
        new: dict[int, Path] = {}
        for index, (path, digest) in sorted(found.items()):
            file = next((file for file in missing if file.sha256 == digest), None)
            if file:
                missing.remove(file)
                self._move(path, file.path)
            elif entry.state in {State.SENDING, State.AMBIGUOUS}:
                new[index] = path
            elif digest in {file.sha256 for file in entry.files}:
                path.unlink()  # which is there already
        if not new:
            return
        files = list(entry.files)
        for index, path in new.items():
            free = self._free(entry, index, path.suffix[1:], {file.path for file in files})
            files.append(SavedFile(free, found[index][1], path.stat().st_size))
        is_done = found.keys() >= set(range(1, total + 1)) and not any(entry.links)
        done: dict[str, Any] = {"state": State.DONE, "error": None, "error_code": None} if is_done else {}
        record([entry._replace(files=tuple(files), **done)])
        for path, file in zip(new.values(), files[-len(new) :], strict=True):
            self._move(path, file.path)

    def _free(self, entry: Entry, index: int, extension: str, taken: set[str]) -> str:
        """Return the path for an image, which no file has."""
        for path in paths(entry, index, extension):
            if path not in taken and not self._is_there(path):
                return path
        raise AssertionError

    def _is_there(self, path: str) -> bool:
        return os.path.lexists(self.folder / path)  # a link that leads nowhere, too

    def _move(self, temporary: Path, path: str) -> None:
        self._make_folder(path)
        temporary.replace(self.folder / path)

    def _make_folder(self, path: str) -> None:
        parent = path.rpartition("/")[0]
        if parent not in self._made:
            (self.folder / parent).mkdir(parents=True, exist_ok=True)
            self._made.add(parent)


def _temporary_name(entry: Entry, index: int, total: int, digest: str, path: str) -> str:
    extension = path.rpartition(".")[2]
    return f"{key(entry)}-{index}of{total}-{digest}.{extension}"


def paths(entry: Entry, index: int, extension: str) -> Iterator[str]:
    """Yield the path of an image as it should be, and others where that is taken, by a file that isn't of this job."""
    name = entry.name or "{index}.{ext}"
    if index <= entry.images:  # no more than were asked for, so that the check has seen that the name is free
        yield filled(name, index, extension)
    stem, _, end = name.rpartition(".{ext}") if ".{ext}" in name else (name, "", "")
    for number in count(index):
        yield filled(f"{stem}-{entry.digest[:12]}-{number}.{{ext}}{end}", index, extension)


def key(entry: Entry) -> str:
    """Return a file name that stands for a line, and for nothing else."""
    return f"{entry.digest}-{_short(entry.custom_id)}"


def _short(custom_id: str) -> str:
    return blake2b(custom_id.encode(), digest_size=8).hexdigest()


def write_file(path: Path, content: bytes, *, new: bool = False) -> None:
    """Make a file that is on disk when this returns; none, if that fails.

    Args:
        path: Its path.
        content: What is in it.
        new: Whether it must not be there yet.

    Raises:
        FileExistsError: It is there, and must not be.
        OSError: It can't be written.
    """
    if new:
        path.open("xb").close()
    with _write(path, content) as file:
        os.fsync(file.fileno())


def _write(path: Path, content: bytes) -> BinaryIO:
    """Make a file, and return it open, for its sync; none, if that fails."""
    file = path.open("wb", buffering=0)
    try:
        rest = memoryview(content)
        while rest:
            rest = rest[file.write(rest) :]
    except BaseException:
        file.close()
        with suppress(OSError):
            path.unlink()
        raise
    return file


def sync_folder(folder: Path) -> None:
    """Let the names in a folder be on disk.

    Raises:
        OSError: They can't be written.
    """
    with suppress(PermissionError):  # on Windows, where folders can't be opened and names are synced with the files
        descriptor = os.open(folder, os.O_RDONLY)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)


def _hash(path: Path) -> str:
    digest = sha256()
    with path.open("rb") as file:
        while chunk := file.read(_CHUNK):
            digest.update(chunk)
    return digest.hexdigest()
