"""From whatever a caller gives as a picture to an upload with a name, a type, and the facts that the rules look at."""

from __future__ import annotations

import os
import shutil
from contextlib import contextmanager
from dataclasses import dataclass, field
from io import BytesIO
from itertools import islice
from pathlib import Path, PureWindowsPath
from tempfile import SpooledTemporaryFile
from typing import IO, TYPE_CHECKING, Any, BinaryIO, Protocol, TypeAlias, cast

import httpx

from images_api._errors import InvalidRequestError, Problem, UnreadableFileError
from images_api._images.base64 import BrokenImageError, decode_data_url
from images_api._images.headers import EXTENSIONS, Header, read_header

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Generator

# A stream that can't be rewound is held in memory up to this size in bytes, and beyond it in a temporary file.
_SPOOL_LIMIT = 1 << 20
# What costs the least: smaller pieces are many, and of larger ones the socket takes only a part at once.
_PIECE = 256 << 10
# Going to a thread and back takes longer than reading one.
_PIECES_AT_ONCE = 4
_PIL_MODES_OF_PNG = frozenset({"1", "L", "LA", "I", "I;16", "P", "RGB", "RGBA"})


class PILImage(Protocol):
    """What is needed of a PIL picture; PIL itself is never imported."""

    @property
    def mode(self) -> str:
        """The picture's mode, such as RGBA."""
        ...

    def convert(self, mode: str) -> Any:
        """Return the picture in another mode."""

    def save(self, fp: Any, format: str | None = None) -> None:  # noqa: A002  the name is PIL's
        """Write the picture."""


ImageContent: TypeAlias = str | os.PathLike[str] | bytes | bytearray | memoryview | IO[bytes] | PILImage
ImageInput: TypeAlias = ImageContent | tuple[str, ImageContent] | tuple[str, ImageContent, str]


@dataclass(frozen=True, kw_only=True, repr=False)
class Picture:
    """The facts of an upload that the contract's file rules look at.

    Attributes:
        name: The file name.
        type: The media type as read from the bytes; else as the caller gave it; else None.
        size: The size in bytes.
        width: Pixels, or None where the bytes don't say.
        height: Pixels, likewise.
        alpha: Whether there is an alpha channel, or None where the bytes don't say.
    """

    name: str
    type: str | None
    size: int
    width: int | None = None
    height: int | None = None
    alpha: bool | None = None

    def __repr__(self) -> str:
        sides = "" if self.width is None else f", {self.width}x{self.height}"
        return f"{self.name!r} ({self.type or 'no known picture format'}{sides}, {self.size} bytes)"


@dataclass(frozen=True)
class Upload:
    """A picture that is ready to be sent, and to be sent again.

    Attributes:
        picture: Its facts.
        source: A path to open, or a binary file that can be rewound.
        borrowed: Whether the file is the caller's, to be left open and where it stood.
    """

    picture: Picture
    source: Path | BinaryIO = field(repr=False)
    borrowed: bool = False

    @contextmanager
    def open(self) -> Generator[BinaryIO]:
        """Give the binary file to send from, for a `with` block."""
        if isinstance(self.source, Path):
            with self.source.open("rb") as file:
                yield file
        elif self.borrowed:
            position = self.source.tell()
            yield self.source
            self.source.seek(position)
        else:
            with self.source:
                yield self.source


class LargePieces:
    """A binary file that is read in large pieces, however small those are that are asked for: httpx asks for 64 KiB.

    Args:
        file: The file; all else is its own.
    """

    def __init__(self, file: BinaryIO) -> None:
        self._file = file

    def read(self, _size: int = -1) -> bytes:
        """Return the next piece; nothing at the end."""
        return self._file.read(_PIECE)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._file, name)


class ReadInThread(httpx.AsyncByteStream):
    """A body with files in it for an event loop, which isn't held up by reading them.

    Args:
        body: The body as it is sent without an event loop.
    """

    def __init__(self, body: httpx.SyncByteStream) -> None:
        self._body = body

    async def __aiter__(self) -> AsyncIterator[bytes]:
        from asyncio import to_thread

        pieces = iter(self._body)
        while several := await to_thread(list, islice(pieces, _PIECES_AT_ONCE)):
            for piece in several:
                yield piece


def upload(parameter: str, given: object) -> Upload:
    """Make an upload of whatever a caller gives as a picture.

    Args:
        parameter: The parameter's name, for messages, and for uploads that have no name of their own.
        given: An `ImageInput`: a path, bytes, a binary file, a PIL picture, a `data:` URL, or a tuple of a file name and
            one of these, with or without a media type. A binary file is sent whole, wherever it stands.

    Returns:
        The upload. Its type comes from the bytes, and from the caller only where the bytes aren't a known picture's.

    Raises:
        UnreadableFileError: The file is missing, a folder, or can't be read.
        InvalidRequestError: It is none of the above.
    """
    name, content, said_type = _named(parameter, given)
    try:
        source, own_name, borrowed = _source(parameter, content)
        size, header = _facts(source)
    except InvalidRequestError:
        raise
    except (OSError, ValueError) as error:  # a closed file and a NUL in a path are ValueErrors
        problem = Problem(parameter, content, f"can't be read: {getattr(error, 'strerror', None) or error}")
        raise UnreadableFileError([problem]) from error
    media_type = header.type if header else said_type
    name = _base_name(name or own_name) or parameter + EXTENSIONS.get(media_type or "", ".bin")
    if header is None:
        return Upload(Picture(name=name, type=media_type, size=size), source, borrowed)
    facts = Picture(name=name, type=media_type, size=size, width=header.width, height=header.height, alpha=header.alpha)
    return Upload(facts, source, borrowed)


def _base_name(name: str) -> str:
    # A file system may give a name that is no UTF-8, which a form must be.
    base = PureWindowsPath(name).name.encode(errors="replace").decode()
    return "" if base == ".." else base


def _named(parameter: str, given: object) -> tuple[str, object, str | None]:
    """Return the name, the content and the media type that a caller gave."""
    match given:
        case (str() as name, content):
            return name, content, None
        case (str() as name, content, str() as media_type):
            return name, content, media_type
        case tuple():
            raise _refused(parameter, given, "must be a tuple of file name, content and, maybe, media type")
        case _:
            return "", given, None


def _source(parameter: str, content: object) -> tuple[Path | BinaryIO, str, bool]:
    """Return where to read from, the name that comes with it, and whether it is the caller's own file."""
    if isinstance(content, str) and content.startswith("data:"):
        try:
            return BytesIO(decode_data_url(content)), "", False
        except BrokenImageError as error:
            raise _refused(parameter, content, f"must hold what it says: it {error}") from error
    if isinstance(content, str | os.PathLike):
        path = Path(os.fsdecode(content))
        return path, path.name, False
    if isinstance(content, bytes | bytearray | memoryview):
        return BytesIO(bytes(content)), "", False
    if hasattr(content, "save") and hasattr(content, "mode"):
        return _png_of(cast("PILImage", content)), "", False
    if hasattr(content, "read"):
        file = cast("BinaryIO", content)
        if isinstance(file.read(0), str):
            raise _refused(parameter, content, "must be a binary file, opened with 'rb'")
        own_name = getattr(file, "name", "")
        own_name = own_name if isinstance(own_name, str) else ""
        rewinds = hasattr(file, "seekable") and file.seekable()
        return (file, own_name, True) if rewinds else (_spooled(file), own_name, False)
    raise _refused(parameter, content, "must be a path, bytes, a binary file or a PIL picture")


def _facts(source: Path | BinaryIO) -> tuple[int, Header | None]:
    if isinstance(source, Path):
        with source.open("rb") as file:
            return file.seek(0, os.SEEK_END), read_header(file)
    position = source.tell()
    facts = source.seek(0, os.SEEK_END), read_header(source)
    source.seek(position)
    return facts


def _spooled(stream: BinaryIO) -> BinaryIO:
    file = SpooledTemporaryFile(max_size=_SPOOL_LIMIT)  # noqa: SIM115  Upload.open closes it
    shutil.copyfileobj(stream, file)
    return cast("BinaryIO", file)


def _png_of(picture: PILImage) -> BinaryIO:
    file = BytesIO()
    (picture if picture.mode in _PIL_MODES_OF_PNG else picture.convert("RGBA")).save(file, format="PNG")
    return file


def _refused(parameter: str, value: object, why: str) -> InvalidRequestError:
    return InvalidRequestError([Problem(parameter, value, why)])
