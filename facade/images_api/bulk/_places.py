"""Where the workers of a job keep images and records: a folder that all of them reach, or a store behind a URL.

Of a store no more is asked than object stores can do: write an object whole, write it only where it isn't there yet, read it, and
list names; nothing is appended to or renamed. All that is written is there for others when the call returns.
"""

from __future__ import annotations

import inspect
import os
import re
from contextlib import ExitStack, contextmanager, suppress
from hashlib import sha256
from pathlib import Path
from tempfile import TemporaryDirectory
from threading import Lock
from typing import TYPE_CHECKING, Any, Self

from images_api._images.headers import EXTENSIONS
from images_api._messages import short
from images_api._problems import refused

from ._journal import FILE, SavedFile
from ._saving import TEMPORARY, Store, sync_folder, write_file

if TYPE_CHECKING:
    from collections.abc import Callable, Generator, Iterable, Sequence

    from images_api._results import GeneratedImage

    from ._journal import Entry

# What workers note within `.images-api`: a record a line, a journal a chunk, and that a run is to stop.
RECORDS, JOURNALS, STOPS = "lines", "journals", "stops"
_CHUNK = 1 << 20
# So often a file may be gone that was there a moment ago, because its owner was faster.
_RACES = 5


class Folder(Store):
    """A folder that all workers reach under the same path.

    Args:
        folder: Its path.
        token: What no other worker calls itself: it names the worker's own temporary files.
    """

    def __init__(self, folder: Path, token: str) -> None:
        super().__init__(folder, folder / TEMPORARY / token)
        self._known: set[Path] = set()
        self._lock = Lock()

    def create(self, name: str, content: bytes) -> bool:
        """Write a file that isn't there yet, or return False.

        Args:
            name: Its name within `.images-api`, with `/`.
            content: What is in it.

        Raises:
            OSError: It can't be written.
        """
        path = self._path(name)
        try:
            write_file(path, content, new=True)
        except FileExistsError:
            return False
        sync_folder(path.parent)
        return True

    def replace(self, name: str, content: bytes) -> None:
        """Write a file whole, in place of the one that is there.

        Args:
            name: As for `create`.
            content: What is in it.

        Raises:
            OSError: It can't be written.
        """
        path = self._path(name)
        temporary = self.temporary / path.name
        write_file(temporary, content)
        temporary.replace(path)
        sync_folder(path.parent)

    def read(self, name: str) -> bytes | None:
        """Return what is in a file; None where it isn't there.

        Raises:
            OSError: It can't be read.
        """
        try:
            return (self.folder / TEMPORARY / name).read_bytes()
        except FileNotFoundError:
            return None

    def names(self, prefix: str) -> list[str]:
        """Return the names of the files in a folder within `.images-api`."""
        return sorted(f"{prefix}/{path.name}" for path in (self.folder / TEMPORARY / prefix).glob("*"))

    def remove(self, name: str) -> None:
        """Remove a file.

        Raises:
            OSError: It can't be removed.
        """
        (self.folder / TEMPORARY / name).unlink(missing_ok=True)

    def write(self, entry: Entry, images: Iterable[GeneratedImage], total: int) -> Entry:
        """Write images as `Store` does, and let them be on disk."""
        with self._lock:
            written = super().write(entry, images, total)
            self.sync()
        return written

    def recover_line(self, entry: Entry, record: Callable[[list[Entry]], None]) -> bool:
        """Finish what was begun for one line: see `Store`; its owner may live, and do the same at the same time."""
        for _ in range(_RACES):
            with suppress(FileNotFoundError):
                return super().recover_line(entry, record)
        return super().recover_line(entry, record)

    def _move(self, temporary: Path, path: str) -> None:
        try:
            super()._move(temporary, path)
        except FileNotFoundError:
            if not self._is_there(path):
                raise  # else another one has given it its name

    def _path(self, name: str) -> Path:
        path = self.folder / TEMPORARY / name
        if path.parent not in self._known:
            path.parent.mkdir(parents=True, exist_ok=True)
            for folder in (path.parent, path.parent.parent):
                sync_folder(folder.parent)
            self._known.add(path.parent)
        return path


class Bucket(Store):
    """A store behind a URL.

    Args:
        url: Any URL that fsspec knows, such as `s3://bucket/cats`.

    Raises:
        ImportError: fsspec isn't installed, or what it needs for the URL.
        InvalidRequestError: The URL is none, or the store can't refuse to write over what is there.
    """

    def __init__(self, url: str) -> None:
        self._files, self._root = _opened(url)
        self.url = url
        if not _is_exclusive(self._files):
            raise refused("into", _shown(url), "must be a store that can refuse to write over an object (mode=create of fsspec)")

    def create(self, name: str, content: bytes) -> bool:
        """Write an object that isn't there yet, or return False: see `Folder`."""
        with _errors(self.url):
            try:
                self._files.pipe_file(self._at(f"{TEMPORARY}/{name}"), content, mode="create")
            except FileExistsError:
                return False
        return True

    def replace(self, name: str, content: bytes) -> None:
        """Write an object: see `Folder`."""
        self._put(f"{TEMPORARY}/{name}", content)

    def read(self, name: str) -> bytes | None:
        """Return what is in an object: see `Folder`."""
        with _errors(self.url):
            try:
                content: bytes = self._files.cat_file(self._at(f"{TEMPORARY}/{name}"))
            except FileNotFoundError:
                return None
        return content

    def names(self, prefix: str) -> list[str]:
        """Return the names of objects: see `Folder`."""
        with _errors(self.url):
            try:
                found = self._files.ls(self._at(f"{TEMPORARY}/{prefix}"), detail=False, refresh=True)
            except FileNotFoundError:
                return []
        return sorted(f"{prefix}/{path.rstrip('/').rpartition('/')[2]}" for path in found)

    def remove(self, name: str) -> None:
        """Remove an object: see `Folder`."""
        with _errors(self.url), suppress(FileNotFoundError):
            self._files.rm_file(self._at(f"{TEMPORARY}/{name}"))

    def write(self, entry: Entry, images: Iterable[GeneratedImage], total: int) -> Entry:  # noqa: ARG002  which a `Store` needs
        """Return a line with the files that its images are to be; they are written by `publish`, whole as objects are."""
        files = list(entry.files)
        for image in images:
            content = image.read()
            extension = EXTENSIONS.get(image.media_type, ".bin")[1:]
            path = self._free(entry, image.index + 1, extension, {file.path for file in files})
            files.append(SavedFile(path, sha256(content).hexdigest(), len(content)))
        return entry._replace(files=tuple(files))

    def sync(self) -> None:
        """Do nothing: an object is there when it is written."""

    def publish(self, entry: Entry, images: Sequence[GeneratedImage], total: int) -> None:  # noqa: ARG002  likewise
        """Write images: see `Store`."""
        for image, file in zip(images, entry.files[len(entry.files) - len(images) :], strict=True):
            self._put(file.path, image.read())

    def keep(self, entry: Entry, body: bytes) -> str:
        """Keep an answer: see `Store`."""
        path = self._free(entry, 1, "response", set())
        self._put(path, body)
        return path

    def recover_line(self, entry: Entry, record: Callable[[list[Entry]], None]) -> bool:  # noqa: ARG002  likewise
        """Tell whether all images of a line are there; what wasn't written is nowhere."""
        with _errors(self.url):
            return all(self._size(file.path) == file.size for file in entry.files)

    def close(self) -> None:
        """Do nothing."""

    def get(self, name: str, into: Path) -> bool:
        """Copy an object beside the images into a file, or return False where there is none.

        Raises:
            OSError: It can't be read.
        """
        with _errors(self.url):
            try:
                self._files.get_file(self._at(name), str(into))
            except FileNotFoundError:
                return False
        return True

    def put(self, name: str, file: Path) -> None:
        """Copy a file into an object beside the images.

        Raises:
            OSError: It can't be written.
        """
        with _errors(self.url):
            self._files.put_file(str(file), self._at(name))

    def _put(self, path: str, content: bytes) -> None:
        with _errors(self.url):
            self._files.pipe_file(self._at(path), content)

    def _is_there(self, path: str) -> bool:
        with _errors(self.url):
            return self._size(path) is not None

    def _size(self, path: str) -> int | None:
        try:
            size: int = self._files.info(self._at(path), refresh=True)["size"]
        except FileNotFoundError:
            return None
        return size

    def _at(self, path: str) -> str:
        return f"{self._root}/{path}"


class Workplace:
    """Where the journal of a job is while it is run: in the folder of the images, or in a temporary one where these go to a URL.

    From there it is copied beside the images in the end. A run that is cut before it finds what is new in the workers' records.

    Args:
        into: The folder, or URL, of the images.
        read_only: Whether to look only.

    Attributes:
        folder: The journal's folder.
    """

    def __init__(self, into: str, *, read_only: bool = False) -> None:
        self._into, self._read_only = into, read_only
        self._read: list[str] = []

    def __enter__(self) -> Self:
        self._stack = ExitStack()
        path = local(self._into)
        if path is not None:
            self.folder = path
            return self
        bucket = Bucket(self._into)
        self.folder = Path(self._stack.enter_context(TemporaryDirectory(prefix="images-api-")))
        bucket.get(FILE, self.folder / FILE)
        if not self._read_only:
            self._stack.callback(self._put_back, bucket)
        return self

    def merged(self, name: str) -> None:
        """Forget a worker's journal that has been read, once what it says is in this one for good."""
        path = local(self._into)
        if path is not None:
            (path / TEMPORARY / name).unlink(missing_ok=True)
        else:
            self._read.append(name)

    def __exit__(self, *_: object) -> None:
        self._stack.close()

    def _put_back(self, bucket: Bucket) -> None:
        if (self.folder / FILE).is_file():
            bucket.put(FILE, self.folder / FILE)
            for name in self._read:
                bucket.remove(name)


def has_records(folder: Path) -> bool:
    """Return whether workers have noted anything in a folder."""
    return any((folder / TEMPORARY / name).is_dir() for name in (RECORDS, JOURNALS))


def place_of(into: str, token: str) -> Folder | Bucket:
    """Return where a worker keeps images and records.

    Args:
        into: A path, or a URL.
        token: As for `Folder`.

    Raises:
        InvalidRequestError: As for `Bucket`.
        OSError: The folder can't be made.
    """
    path = local(into)
    return Bucket(into) if path is None else Folder(path, token)


def local(place: str | os.PathLike[str]) -> Path | None:
    """Return the path that a path or a `file://` URL means; None for other URLs."""
    text = os.fspath(place)
    if "://" not in text:
        return Path(text)
    return Path(_opened(text)[1]) if text.lower().startswith(("file://", "local://")) else None


def downloaded(url: str, folder: Path) -> Path:
    """Copy what is behind a URL into a folder, and return its path there.

    Raises:
        ImportError: As for `Bucket`.
        InvalidRequestError: The URL is none.
        OSError: It can't be read, or the folder not be written.
    """
    files, path = _opened(url)
    target = folder / (path.rstrip("/").rpartition("/")[2] or "job.jsonl")
    with _errors(url), files.open(path, "rb") as source, target.open("wb") as copy:
        while chunk := source.read(_CHUNK):
            copy.write(chunk)
    return target


def _opened(url: str) -> tuple[Any, str]:
    try:
        from fsspec.core import url_to_fs
    except ImportError as error:
        text = f"a URL needs more than is installed ({error.name}): pip install 'images-api[dask]'"
        raise ImportError(text, name=error.name) from error
    try:
        files, path = url_to_fs(url, use_listings_cache=False)
    except ValueError as error:
        raise refused("the URL", _shown(url), f"must be one that fsspec knows ({error})") from None
    return files, str(path).rstrip("/")


def _is_exclusive(files: Any) -> bool:
    """Return whether a store itself refuses to write over what is there: what looks first and writes then is no claim."""
    from fsspec import AbstractFileSystem
    from fsspec.asyn import AsyncFileSystem

    if isinstance(files, AsyncFileSystem):
        writes, is_own = files._pipe_file, True  # noqa: SLF001  where such a store writes
    else:
        writes, is_own = files.pipe_file, type(files).pipe_file is not AbstractFileSystem.pipe_file
    return is_own and "mode" in inspect.signature(writes).parameters


def _shown(url: str) -> str:
    """Return a URL without a password that it may hold."""
    return re.sub(r"//[^/@]*@", "//", url)


@contextmanager
def _errors(url: str) -> Generator[None]:
    """Let every error of a store be an OSError."""
    try:
        yield
    except OSError:
        raise
    except Exception as error:
        raise OSError(f"{_shown(url)} can't be used: {type(error).__name__}: {short(error)}") from error
