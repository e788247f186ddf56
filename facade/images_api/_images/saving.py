"""Where an image is saved, and how: whole or not at all."""

from __future__ import annotations

import os
import re
from itertools import count
from pathlib import Path
from typing import TYPE_CHECKING

from images_api._messages import warn_caller

from .headers import EXTENSIONS, HEAD, media_type

if TYPE_CHECKING:
    from .spool import Content

_SLUG_LENGTH = 48
_SAME_EXTENSIONS = {".jpeg": ".jpg"}


def save(content: Content, path: str | os.PathLike[str], *, number: int, of: int, subject: str, overwrite: bool) -> Path:
    """Write an image to where a caller wants it.

    Args:
        content: The image.
        path: A file, a directory (one that exists, or a text that ends with a slash), or a template with `{index}`,
            `{ext}` or `{subject}` in it. Missing directories are made.
        number: Which of its response's images it is, from 1.
        of: How many images the response has; several into one file name are numbered.
        subject: What the image is about, for the names of files in a directory.
        overwrite: Whether a file that is there may be replaced. In a directory, none ever is.

    Returns:
        The file that was written.

    Raises:
        ValueError: The template names something else.
        FileExistsError: The file is there and must not be replaced.
        OSError: It can't be written; nothing half-written is left.
    """
    text = os.fspath(path)
    with content.open() as file:
        extension = EXTENSIONS.get(media_type(file.read(HEAD)) or "", ".bin")
    slug = "-".join(re.findall(r"[^\W_]+", subject.lower()))[:_SLUG_LENGTH].strip("-") or "image"
    if text.endswith(("/", os.sep)) or Path(text).is_dir():
        Path(text).mkdir(parents=True, exist_ok=True)
        return _write_beside(content, Path(text), slug, extension, number)
    numbered = "{index" in text
    if "{" in text:
        try:
            text = text.format(index=number, ext=extension[1:], subject=slug)
        except (AttributeError, IndexError, KeyError, TypeError, ValueError) as error:
            raise ValueError(f"the path may hold {{index}}, {{ext}} and {{subject}}, got {text!r}") from error
    target = _with_extension(Path(text), extension)
    if of > 1 and not numbered:
        target = target.with_stem(f"{target.stem}-{number}")
    target.parent.mkdir(parents=True, exist_ok=True)
    _write(content, target, overwrite=overwrite)
    return target


def _with_extension(path: Path, extension: str) -> Path:
    given = path.suffix.lower()
    if not given[1:].isalnum() or given[1:].isdigit():  # none, or the rest of a name such as `gpt-image-1.5`
        return path.with_name(path.name + extension)
    if _SAME_EXTENSIONS.get(given, given) != extension:
        warn_caller(f"{path.name} is saved as asked, but holds an image of the kind {extension}")
    return path


def _write_beside(content: Content, folder: Path, slug: str, extension: str, first: int) -> Path:
    """Write under the first name that is free."""
    taken = set(os.listdir(folder))  # noqa: PTH208  names alone, of maybe thousands
    for number in count(first):
        name = f"{slug}-{number}{extension}"
        if name in taken:
            continue
        try:
            _write(content, folder / name, overwrite=False)
        except FileExistsError:
            continue  # another process was quicker
        return folder / name
    raise AssertionError("unreachable: numbers don't end")


def _write(content: Content, target: Path, *, overwrite: bool) -> None:
    temporary = target.with_name(f".images-api-{os.urandom(8).hex()}.tmp")
    try:
        content.copy_to(temporary)
        if overwrite:
            temporary.replace(target)
        else:
            _move_to_free_name(temporary, target)
    finally:
        temporary.unlink(missing_ok=True)


def _link(temporary: Path, target: Path) -> None:
    try:
        target.hardlink_to(temporary)  # unlike a rename, fails where there is a file already
    except FileExistsError:
        raise
    except OSError:  # a file system without links
        target.touch(exist_ok=False)  # takes the name, in the face of other processes
        temporary.replace(target)


# On Windows a rename fails by itself where there is a file already.
_move_to_free_name = Path.rename if os.name == "nt" else _link
