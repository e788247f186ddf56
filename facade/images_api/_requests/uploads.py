"""From whatever a caller gives as an image to an upload with a name, a type, and the facts that the rules look at.

Beside an event loop, files are read in threads, which a call that is cancelled waits for.
"""

import os
from collections.abc import AsyncIterator, Awaitable, Coroutine
from contextlib import ExitStack, suppress
from dataclasses import replace
from inspect import iscoroutine, iscoroutinefunction
from io import SEEK_END, SEEK_SET, BytesIO, IOBase
from itertools import islice
from math import inf
from pathlib import PureWindowsPath
from threading import Lock
from typing import Any, BinaryIO, Protocol, TypeAlias, TypeVar, cast

import httpx

from images_api._errors import ImagesAPIError, Problem, UnreadableFileError
from images_api._images.base64 import decode_text
from images_api._images.headers import EXTENSIONS, media_type, read_facts
from images_api._images.spool import Spool
from images_api._messages import short
from images_api._problems import refused
from images_api._results import GeneratedImage

from .files import OpenFiles

Done = TypeVar("Done")

_KINDS = "must be a path, bytes, a binary file, a PIL image or an image of a result"
# What costs the least: smaller chunks are many, and of larger ones the socket takes only a part at once.
_CHUNK = 256 << 10
# Going to a thread and back takes longer than reading one.
_CHUNKS_AT_ONCE = 4
# A read that takes longer may never end, as a pipe's; in seconds.
_LONGEST_READ = 5.0
# What a png can hold, and what would lose more in RGB than it must.
_WIDE = dict.fromkeys(("I", "I;16", "I;16B", "I;16L", "I;16N"), "I;16")
_KEPT = {mode: mode for mode in ("1", "L", "LA", "P", "RGB", "RGBA")}
_PIL_MODES = _WIDE | _KEPT | {"F": "L", "La": "LA", "PA": "RGBA", "RGBa": "RGBA"}
# Calls that read one file at once would move it under each other; of some files, two share a lock.
_LOCKS = tuple(Lock() for _ in range(61))


class PILImage(Protocol):
    """What tells a PIL image to type checkers; PIL itself is imported for its own images alone."""

    def save(self, fp: Any, format: str | None = None) -> None:  # noqa: A002  the name is PIL's
        """Write the image."""


class BinaryReader(Protocol):
    """A binary file, or what a web framework makes of an upload."""

    def read(self, size: int = -1, /) -> bytes | Awaitable[bytes]:
        """Return so many bytes."""
        ...


ImageContent: TypeAlias = os.PathLike[str] | bytes | bytearray | memoryview | BinaryReader | PILImage | GeneratedImage
ImageInput: TypeAlias = str | ImageContent | tuple[str, ImageContent] | tuple[str, ImageContent, str]


class Upload:
    """An image that is ready to be sent, and to be sent again: as httpx reads it, in large chunks, the file that it is in.

    It never comes to its end where the file isn't what was checked, so that no server takes the request for whole.

    Args:
        files: The files of the request, which this one joins.
        parameter: The parameter's name, for messages, and for uploads that have no name of their own.
        given: An `ImageInput`: a path, bytes, a binary file, a PIL image, a `data:` URL, an image of a result, or a tuple of a
            file name and one of these but a text, with or without a media type. A binary file is sent whole, wherever it
            stands, and left there.

    Attributes:
        facts: Its name, type, size and sides. The type comes from the bytes, and from the caller only where the bytes aren't a
            known image's.
        file: A binary file of our own, which can be rewound.

    Raises:
        UnreadableFileError: The file is missing, a folder, or can't be read.
        InvalidRequestError: It is none of the above.
        DownloadError: It is an image that is a link, which can't be read.
    """

    def __init__(self, files: OpenFiles, parameter: str, given: object) -> None:
        self._parameter = parameter
        name, content, said_type = _named(parameter, given)
        try:
            self.file, own_name = _opened(files, parameter, content)
            facts = read_facts(self.file)
        except ImagesAPIError:
            raise
        except Exception as error:  # whatever a caller's own file raises
            raise _unreadable(parameter, content, error) from error
        kind = facts.type or said_type
        name = _base_name(name or own_name) or parameter + EXTENSIONS.get(kind or "", ".bin")
        self.facts = replace(facts, name=name, type=kind)

    def read(self, _size: int = -1) -> bytes:
        """Return the next chunk, however small it is that httpx asks for; nothing at the end.

        Raises:
            UnreadableFileError: The file can't be read, or has become longer or shorter.
        """
        try:
            chunk = self.file.read(_CHUNK)
            if self.file.tell() > self.facts.size or not (chunk or self.file.tell() == self.facts.size):
                raise OSError("it has changed while it was sent")  # noqa: TRY301  said like any other
        except OSError as error:
            raise _unreadable(self._parameter, self.facts, error) from error
        return chunk

    def seek(self, offset: int, whence: int = SEEK_SET) -> int:
        """Go to an offset from the beginning, or from the end as it was when the file was checked."""
        return self.file.seek(self.facts.size + offset if whence == SEEK_END else offset)

    def tell(self) -> int:
        """Return the offset."""
        return self.file.tell()


class ReadInThread(httpx.AsyncByteStream):
    """A body with files in it for an event loop, which isn't held up by reading them.

    Args:
        body: The body as it is sent without an event loop.
        files: Its files.
    """

    def __init__(self, body: httpx.SyncByteStream, files: OpenFiles) -> None:
        self._body, self._files = body, files

    async def __aiter__(self) -> AsyncIterator[bytes]:
        from asyncio import to_thread

        chunks = iter(self._body)
        while several := await finished(to_thread(list, islice(chunks, _CHUNKS_AT_ONCE)), self._files):
            for chunk in several:
                yield chunk


async def finished(work: Coroutine[Any, Any, Done], files: OpenFiles) -> Done:
    """Return what comes of reading files in a thread; a cancelled caller leaves once it has let go of them.

    Args:
        work: What is to be awaited.
        files: The files, which are given up then.
    """
    from asyncio import CancelledError, create_task, wait

    task = create_task(work)
    try:
        await wait([task])
    except CancelledError:
        files.given_up = True
        task.add_done_callback(lambda done: done.cancelled() or done.exception())  # which nobody wants to know of any more
        await wait([task], timeout=_LONGEST_READ)
        raise
    return task.result()


def _unreadable(parameter: str, value: object, error: Exception) -> UnreadableFileError:
    why = f"can't be read: {getattr(error, 'strerror', None) or short(error) or type(error).__name__}"
    return UnreadableFileError([Problem(parameter, value, why)])


def _base_name(name: str) -> str:
    # A file system may give a name that is no UTF-8, which a form must be.
    base = PureWindowsPath(name).name.encode(errors="replace").decode()
    return "" if base == ".." else base


def _named(parameter: str, given: object) -> tuple[str, object, str | None]:
    """Return the name, the content and the media type that a caller gave."""
    if not isinstance(given, tuple):
        return "", given, None
    match given if given[2:] else (*given, None):
        case (str() as name, content, str() | None as kind) if not isinstance(content, str):
            return name, content, kind
        case _:
            why = "must be a tuple of file name, content (not a text) and, maybe, media type; for several images pass a list"
            raise refused(parameter, given, why)


def _opened(files: OpenFiles, parameter: str, content: object) -> tuple[BinaryIO, str]:
    """Return a file of our own to send from, and the name that comes with it."""
    if isinstance(content, str) and content.startswith("data:"):
        return BytesIO(decode_text(content)), ""
    if isinstance(content, str | bytes) and (kind := _type_in_base64(content)):
        raise refused(parameter, content, f"is base64 text: pass what it stands for as bytes, or 'data:{kind};base64,' + text")
    if isinstance(content, str | os.PathLike):
        # Closed with the request; a Path raises where nobody has such a home.
        opened = files.enter_context(open(os.path.expanduser(os.fsdecode(content)), "rb"))  # noqa: PTH111, SIM115
        return opened if opened.seekable() else _copied(files, parameter, opened), opened.name
    if isinstance(content, bytes | bytearray | memoryview):
        return BytesIO(bytes(content)), ""
    if isinstance(content, GeneratedImage):
        return files.enter_context(content.open()), ""
    if any((kind.__module__, kind.__name__) == ("PIL.Image", "Image") for kind in type(content).__mro__):
        return _png_of(cast("PILImage", content)), ""
    if hasattr(type(content), "__array__"):
        raise refused(parameter, content, f"{_KINDS}, which PIL.Image.fromarray makes of an array")
    read, inner = getattr(content, "read", None), getattr(content, "file", None)
    file: Any = inner if hasattr(inner, "read") and (read is None or iscoroutinefunction(read)) else content
    if not hasattr(file, "read"):
        raise refused(parameter, content, _KINDS + ("; for several images pass a list" if hasattr(file, "__iter__") else ""))
    # A web framework's upload has the name of its field as well; a file may warn of the other attribute.
    names = (None if isinstance(content, IOBase) else getattr(content, "filename", None), getattr(content, "name", None))
    name = next((name for name in names if isinstance(name, str) and not name.startswith("<")), "")  # such as <stdin>
    return _copied(files, parameter, file), name


def _copied(files: OpenFiles, parameter: str, file: Any) -> BinaryIO:
    """Return a copy of what a caller's file holds, which stays where it stood; what becomes of it then is all the same."""

    def read(size: int) -> bytes:
        chunk = file.read(size)
        if not isinstance(chunk, bytes | bytearray | memoryview):
            if iscoroutine(chunk):
                chunk.close()
            raise refused(parameter, file, f"must read bytes, not {type(chunk).__name__}: open it with 'rb', or pass its bytes")
        return bytes(chunk)

    content, size = Spool().new(), inf
    with _LOCKS[id(file) % len(_LOCKS)], ExitStack() as back:
        read(0)
        if file.seekable() if hasattr(file, "seekable") else hasattr(file, "seek"):
            back.callback(file.seek, file.tell())
            file.seek(0, SEEK_END)
            size = file.tell()
            file.seek(0)
        while not files.given_up and content.size <= size and (chunk := read(_CHUNK)):
            content.write(chunk)
    if size not in {inf, content.size}:
        raise OSError("it has changed meanwhile")
    content.close()
    return files.enter_context(content.open())


def _png_of(image: PILImage) -> BinaryIO:
    from PIL import ImageOps

    file = BytesIO()
    upright: Any = ImageOps.exif_transpose(cast("Any", image))
    mode = _PIL_MODES.get(upright.mode, "RGB")
    # A colour profile is for the mode that the image had.
    upright.convert(mode).save(file, format="PNG", **{} if mode == upright.mode else {"icc_profile": None})
    return file


def _type_in_base64(content: str | bytes) -> str | None:
    with suppress(ValueError):
        kind = media_type(decode_text(os.fsdecode(content[:64])))
        return None if os.path.exists(content) else kind  # noqa: PTH110  a Path raises for what can't be one
    return None
