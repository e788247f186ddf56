"""The images in a zip archive, with bounded output."""

import zlib
from collections.abc import Iterator
from shutil import copyfileobj
from zipfile import ZIP_DEFLATED, ZIP_STORED, BadZipFile, ZipFile

from images_api._images.base64 import BrokenImageError
from images_api._images.headers import media_type
from images_api._images.spool import Content, Spool

_LARGEST_DIRECTORY = 1 << 20
# The end of an archive, of at most 42 bytes, has the size of its directory:
# https://pkware.cachefly.net/webdocs/casestudies/APPNOTE.TXT, 4.3.16
_END, _END_OF_LARGE = b"PK\x05\x06", b"PK\x06\x07"


def unpacked(archive: Content, most: int) -> Iterator[Content | BrokenImageError]:
    """Yield the images of an archive, in its order, and what is wrong where it can't be read on; other files are passed over.

    Args:
        archive: A zip archive.
        most: How many bytes all its files may hold together.
    """
    spool = Spool()
    try:
        with archive.open() as file:
            file.seek(max(0, archive.size - 42))
            end = file.read()
            if end[-22:-18] != _END or int.from_bytes(end[-10:-6], "little") > _LARGEST_DIRECTORY or _END_OF_LARGE in end:
                raise BadZipFile("its end is missing, or tells of too many files")  # noqa: TRY301  one of many faults
            members = ZipFile(file)
            for each in members.infolist():
                most -= each.file_size  # beyond which none is unpacked
                if most < 0:
                    raise BadZipFile("it holds more than max_response_bytes")  # noqa: TRY301  likewise
                # What other codings need of memory is said by the archive itself.
                if each.compress_type in {ZIP_STORED, ZIP_DEFLATED}:
                    content = spool.new()
                    with members.open(each) as member:
                        copyfileobj(member, content)
                    content.close()
                    if media_type(content.beginning()):
                        yield content
    except (BadZipFile, NotImplementedError, RuntimeError, EOFError, OSError, zlib.error) as error:
        yield BrokenImageError(f"is in a broken archive ({error})")
