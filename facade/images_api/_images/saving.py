"""Where images are saved, and how: all or none of them as far as can be seen before, and each of them whole or not at all."""

import errno
import os
import re
import stat
from collections.abc import Iterable, Sequence
from contextlib import suppress
from itertools import count
from pathlib import Path
from string import Formatter
from typing import NamedTuple

from images_api._messages import warn_caller
from images_api._problems import refused

from .headers import EXTENSIONS, media_type
from .spool import Content

_TEMPORARY = ".images-api-"
# What Windows takes for a device whatever the extension, and what a number behind it would make one.
_DEVICE = re.compile(r"(?:con|prn|aux|nul|(?:com|lpt)[\d¹²³]*)\Z")
_SAME_EXTENSIONS = {".jpeg": ".jpg", ".jfif": ".jpg", ".apng": ".png", ".tif": ".tiff", ".heif": ".heic"}
# What no file name can hold; the surrogates that are left out stand for bytes that are no UTF-8, which one can.
_NO_PATH = re.compile(r"[\0\ud800-\udc7f\udd00-\udfff]")
# A width of four digits is no file name's, and one of ten would fill the memory.
_UNFIT_FORMAT = re.compile(r"\d{4}|{")


class _Target(NamedTuple):
    """Where one image goes.

    Attributes:
        content: The image.
        path: The file; of an image that was given a folder only, the first one to try there.
        others: Of such an image, all to try, one after another; else none.
    """

    content: Content
    path: Path
    others: Iterable[Path]


def save(images: Sequence[tuple[int, Content]], path: str | os.PathLike[str], *, subject: str, overwrite: bool) -> list[Path]:
    """Write images to where a caller wants them.

    Args:
        images: The images, each with its number among those of its response, from 1.
        path: A file, a directory (one that exists, or a text that ends with a slash), or a template with `{index}`,
            `{ext}` or `{subject}` in it. Missing directories are made, and `~` is the user's home. Several images into one
            file name are numbered.
        subject: What the images are about, for the names of files in a directory.
        overwrite: Whether files that are there may be replaced. In a directory, none ever is.

    Returns:
        The files that were written.

    Raises:
        InvalidRequestError: The template names something else, can't be filled in or leads two images to one file; or the
            path can't be one. Nothing was written.
        FileExistsError: A file is there and must not be replaced. Nothing was written.
        OSError: A file can't be written; nothing half-written is left. Its attribute `written` lists those that were before it.
    """
    given = os.fsdecode(path)
    targets = [_target(content, number, given, _slug(subject), several=len(images) > 1) for number, content in images]
    named = [each.path for each in targets if not each.others]
    if len(set(named)) < len(named):
        raise refused("path", given, "must give each image a file of its own")
    for each in named:
        if each.is_dir() or (not overwrite and (each.exists() or each.is_symlink())):
            raise _exists(each)
    temporaries = [each.path.with_name(f"{_TEMPORARY}{os.urandom(8).hex()}.tmp") for each in targets]
    written: list[Path] = []
    at = Path(given)
    try:
        for target, temporary in zip(targets, temporaries, strict=True):
            at = target.path
            at.parent.mkdir(parents=True, exist_ok=True)
            target.content.copy_to(temporary)
        for target, temporary in zip(targets, temporaries, strict=True):
            at = target.path
            written.append(_move(temporary, target, overwrite=overwrite))
    except OSError as error:
        raise _told(error, at, written) from None
    finally:
        for temporary in temporaries:
            with suppress(OSError):  # in a folder that isn't one, or can't be had
                temporary.unlink()
    return written


def _target(content: Content, number: int, given: str, slug: str, *, several: bool) -> _Target:
    extension = EXTENSIONS.get(media_type(content.beginning()) or "", ".bin")
    text, is_numbered = filled(given, {"index": number, "ext": extension[1:], "subject": slug})
    if text.endswith(("/", os.sep)) or Path(text).is_dir():
        path = Path(text, f"{slug}-{number}{extension}")
        return _Target(content, path, (path.with_name(f"{slug}-{each}{extension}") for each in count(number)))
    path = _with_extension(Path(text), extension)
    return _Target(content, path.with_stem(f"{path.stem}-{number}") if several and not is_numbered else path, ())


def filled(given: str, values: dict[str, str | int]) -> tuple[str, bool]:
    """Return a path with its fields filled in, and whether a number was among them."""
    if _NO_PATH.search(given):
        raise refused("path", given, "must hold no NUL and no lone surrogate")
    home = os.path.expanduser(given)  # noqa: PTH111  leaves what is nobody's home as it is
    if "{" not in given or Path(home).is_dir():
        return home, False
    with suppress(ValueError):
        fields = {name: form for _, name, form, _ in Formatter().parse(given) if name is not None}
        if fields.keys() <= values.keys() and not any(map(_UNFIT_FORMAT.search, filter(None, fields.values()))):
            return os.path.expanduser(given.format(**values)), "index" in fields  # noqa: PTH111  likewise
    raise refused("path", given, "may hold {index}, {ext} and {subject}")


def _slug(subject: str) -> str:
    """Return what a file may be called on any system."""
    words = "-".join(re.findall(r"[^\W_]+", subject.lower()))
    slug = words[:48].encode()[:128].decode(errors="ignore").strip("-") or "image"
    return f"image-{slug}" if _DEVICE.match(slug) else slug


def _with_extension(path: Path, extension: str) -> Path:
    given = path.suffix.lower()
    if not given[1:].isalnum() or given[1:].isdigit():  # none, or the rest of a name such as `gpt-image-1.5`
        return path.with_name(path.name + extension)
    if _SAME_EXTENSIONS.get(given, given) != _SAME_EXTENSIONS.get(extension, extension):
        warn_caller(f"{path.name} is saved as asked, but holds an image of the kind {extension}")
    return path


def _move(temporary: Path, target: _Target, *, overwrite: bool) -> Path:
    if overwrite and not target.others:
        with suppress(OSError):  # there is none, or it is a stranger's
            old = target.path.lstat().st_mode
            if stat.S_ISREG(old):
                temporary.chmod(stat.S_IMODE(old))
        return temporary.replace(target.path)
    taken = set(os.listdir(target.path.parent)) if target.others else ()  # noqa: PTH208  names alone, of maybe thousands
    free = (path for path in target.others or [target.path] if path.name not in taken)
    for path in free:
        with suppress(FileExistsError):  # another process was quicker
            try:
                path.hardlink_to(temporary)  # unlike a rename, fails where there is a file already
            except OSError:  # there is, or the file system has no links
                path.touch(exist_ok=False)  # takes the name, in the face of other processes
                temporary.replace(path)
            return path
    raise _exists(target.path)


def _exists(path: Path) -> FileExistsError:
    return FileExistsError(errno.EEXIST, os.strerror(errno.EEXIST), str(path))


def _told(error: OSError, path: Path, written: Sequence[Path]) -> OSError:
    """Return an error that names the caller's files, and no temporary one."""
    is_ours = error.filename is None or _TEMPORARY in f"{error.filename} {error.filename2}"
    before = f" (written before it: {', '.join(map(str, written))})" if written else ""
    told = OSError(error.errno, (error.strerror or str(error)) + before, str(path) if is_ours else error.filename)
    told.__dict__["written"] = list(written)
    return told
