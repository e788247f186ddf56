"""From whatever a caller gives as an image to an upload with a name, a type, and the facts that the rules look at."""

from __future__ import annotations

import os
import shutil
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass, field, replace
from io import BytesIO
from pathlib import Path, PureWindowsPath
from typing import IO, TYPE_CHECKING, Any, BinaryIO, Protocol, TypeAlias, cast

from images_api._errors import InvalidRequestError, Problem, UnreadableFileError
from images_api._images.base64 import BrokenImageError, decode_data_url
from images_api._images.headers import EXTENSIONS, ImageFacts, read_facts
from images_api._images.spool import Spool
from images_api._results import GeneratedImage

if TYPE_CHECKING:
    from collections.abc import Generator

_PIL_MODES_OF_PNG = frozenset({"1", "L", "LA", "I", "I;16", "P", "RGB", "RGBA"})


class PILImage(Protocol):
    """What is needed of a PIL image; PIL itself is never imported."""

    @property
    def mode(self) -> str:
        """The image's mode, such as RGBA."""
        ...

    def convert(self, mode: str) -> Any:
        """Return the image in another mode."""

    def save(self, fp: Any, format: str | None = None) -> None:  # noqa: A002  the name is PIL's
        """Write the image."""


ImageContent: TypeAlias = str | os.PathLike[str] | bytes | bytearray | memoryview | IO[bytes] | PILImage | GeneratedImage
ImageInput: TypeAlias = ImageContent | tuple[str, ImageContent] | tuple[str, ImageContent, str]


@dataclass(frozen=True)
class Upload:
    """An image that is ready to be sent, and to be sent again.

    Attributes:
        facts: Its name, type, size and sides.
        source: A path to open, or a binary file that can be rewound.
        borrowed: Whether the file is the caller's, to be left open and where it stood.
    """

    facts: ImageFacts
    source: Path | BinaryIO = field(repr=False)
    borrowed: bool = False

    def open(self) -> AbstractContextManager[BinaryIO]:
        """Give the binary file to send from, for a `with` block."""
        return _opened(self.source, keep=self.borrowed)


def upload(parameter: str, given: object) -> Upload:
    """Make an upload of whatever a caller gives as an image.

    Args:
        parameter: The parameter's name, for messages, and for uploads that have no name of their own.
        given: An `ImageInput`: a path, bytes, a binary file, a PIL image, a `data:` URL, or a tuple of a file name and
            one of these, with or without a media type. A binary file is sent whole, wherever it stands.

    Returns:
        The upload. Its type comes from the bytes, and from the caller only where the bytes aren't a known image's.

    Raises:
        UnreadableFileError: The file is missing, a folder, or can't be read.
        InvalidRequestError: It is none of the above.
    """
    name, content, said_type = _named(parameter, given)
    try:
        source, own_name, borrowed = _source(parameter, content)
        with _opened(source, keep=True) as file:
            facts = read_facts(file)
    except InvalidRequestError:
        raise
    except (OSError, ValueError) as error:  # a closed file and a NUL in a path are ValueErrors
        problem = Problem(parameter, content, f"can't be read: {getattr(error, 'strerror', None) or error}")
        raise UnreadableFileError([problem]) from error
    media_type = facts.type or said_type
    name = _base_name(name or own_name) or parameter + EXTENSIONS.get(media_type or "", ".bin")
    return Upload(replace(facts, name=name, type=media_type), source, borrowed)


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
    if isinstance(content, GeneratedImage):
        return content.open(), "", False
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
    raise _refused(parameter, content, "must be a path, bytes, a binary file or a PIL image")


@contextmanager
def _opened(source: Path | BinaryIO, *, keep: bool) -> Generator[BinaryIO]:
    if not keep or isinstance(source, Path):
        with source.open("rb") if isinstance(source, Path) else source as file:
            yield file
    else:
        offset = source.tell()
        yield source
        source.seek(offset)


def _spooled(stream: BinaryIO) -> BinaryIO:
    content = Spool().new()
    shutil.copyfileobj(stream, content)
    return content.open()


def _png_of(image: PILImage) -> BinaryIO:
    file = BytesIO()
    (image if image.mode in _PIL_MODES_OF_PNG else image.convert("RGBA")).save(file, format="PNG")
    return file


def _refused(parameter: str, value: object, why: str) -> InvalidRequestError:
    return InvalidRequestError([Problem(parameter, value, why)])
