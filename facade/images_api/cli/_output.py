"""Where images go: a file, a folder, the standard output. What is paid for is never lost: what can't go there goes elsewhere."""

from __future__ import annotations

import hashlib
import os
import sys
import tempfile
from io import SEEK_END
from pathlib import Path
from typing import TYPE_CHECKING, cast

import click

from ._outcome import SavedImage
from ._terminal import is_terminal, write_bytes

if TYPE_CHECKING:
    from collections.abc import Sequence
    from io import BufferedReader

    from images_api import GeneratedImage

    from ._outcome import Outcome
    from ._wishes import Wishes

STDOUT = "-"
# So many are looked at, however many images are asked for.
_MOST_FILES = 100


class Output:
    """Where the images of a call go.

    Args:
        wishes: What the command line asks for.
    """

    def __init__(self, wishes: Wishes) -> None:
        self._wishes = wishes
        # The folder is no template, though what is in it is named by one.
        self._folder = wishes.partials and f"{wishes.partials.replace('{', '{{').replace('}', '}}')}/"

    def check(self, count: int) -> None:
        """Refuse what can't be done with so many images, before anything is sent.

        Raises:
            click.UsageError: It can't.
            InvalidRequestError: The template can't be filled in.
        """
        wishes = self._wishes
        if self._folder:
            _check_folder(self._folder)
        if wishes.output == STDOUT:
            _check_stdout(wishes, count)
            return
        _check_folder(wishes.output)
        if not wishes.overwrite:
            _check_files(Path(wishes.output).expanduser(), count)

    def take(self, outcome: Outcome) -> None:
        """Save what came of a call; what can't be saved where it should be is saved elsewhere, and complained of."""
        if self._wishes.output == STDOUT and outcome.images:
            first, *others = outcome.images
            try:
                with first.open() as file:
                    write_bytes(file)
                outcome.saved.append(_facts(first, None))
            except OSError as error:
                outcome.saved += _rescued([first], str(error), outcome)
            outcome.saved += _rescued(others, "only one image can go to the standard output", outcome)
            return
        try:
            outcome.saved += _saved(outcome.images, self._wishes.output, overwrite=self._wishes.overwrite)
        except (OSError, ValueError) as error:
            written = getattr(error, "written", ())
            left = outcome.images[len(written) :]
            outcome.saved += [*map(_facts, outcome.images, written), *_rescued(left, str(error), outcome)]

    def take_partial(self, image: GeneratedImage, number: int, outcome: Outcome) -> None:
        """Save an unfinished image, if that is asked for."""
        if not self._folder:
            return
        try:
            path = f"{self._folder}{{subject}}-partial-{number}.{{ext}}"
            outcome.partials.append(image.save(path, overwrite=self._wishes.overwrite))
        except (OSError, ValueError) as error:
            outcome.complaints.append(f"unfinished image {number}: {error}")


def fetch(outcome: Outcome) -> None:
    """Fetch images that came as links; of those that can't be fetched, which are paid for, tell where they lie."""
    from images_api import DownloadError

    for image in [*outcome.images]:
        try:
            if not outcome.is_interrupted:
                image.open().close()
                continue
            why = "it was not waited for"
        except DownloadError as error:
            why = str(error)
        except KeyboardInterrupt:
            outcome.is_interrupted, why = True, "it was not waited for"
        outcome.images.remove(image)
        outcome.complaints.append(f"image {image.index + 1} lies at {image.url}, and is not fetched: {why}")


def keep(outcome: Outcome) -> None:
    """Keep what an error brought that is no image, for it may be paid for: unfinished images, a body that can't be understood."""
    body, partials = getattr(outcome.error, "body", b""), getattr(outcome.error, "partial_images", ())
    if partials and not outcome.partials:
        outcome.partials += [Path(str(each.path)) for each in _rescued(partials, "the images are unfinished", outcome)]
    if isinstance(body, bytes) and body and not (partials or outcome.saved):
        folder = Path(tempfile.mkdtemp(prefix="images-api-"))
        (folder / "response").write_bytes(body)
        outcome.complaints.append(f"what came of the response is kept in {folder / 'response'}")


def _check_stdout(wishes: Wishes, count: int) -> None:
    if is_terminal(sys.stdout):
        raise click.UsageError("-o - is for a pipe or a file, and a terminal is neither; --preview shows images")
    if count > 1:
        raise click.UsageError(f"-o - takes one image, and {count} are asked for")
    for option, is_wanted in {"--json": wishes.as_json, "--sidecar": wishes.sidecar, "--open": wishes.launch}.items():
        if is_wanted:
            raise click.UsageError(f"{option} can't go with -o -")


def _check_files(path: Path, count: int) -> None:
    """Refuse a file that is there; of a folder, none is ever replaced."""
    if path.is_dir() or not path.name:
        return
    stems = [path.stem] if count == 1 else [f"{path.stem}-{index + 1}" for index in range(min(count, _MOST_FILES))]
    for each in map(path.with_stem, stems):
        if each.exists():
            raise click.UsageError(f"{each} is there, and --no-overwrite leaves it as it is")


def _check_folder(path: str) -> None:
    """Refuse a path whose folder can't be written to."""
    from images_api._images.saving import filled

    text, _ = filled(path, {"index": 1, "ext": "png", "subject": "image"})
    folder = Path(text) if text.endswith(("/", os.sep)) or Path(text).is_dir() else Path(text).parent
    nearest = next(each for each in (folder.absolute(), *folder.absolute().parents) if each.exists())
    if not nearest.is_dir():
        raise click.UsageError(f"{path} can't be written, for {nearest} is no folder")
    if not os.access(nearest, os.W_OK | os.X_OK):
        raise click.UsageError(f"{path} can't be written, for {nearest} is closed to you")


def _saved(images: Sequence[GeneratedImage], path: str, *, overwrite: bool) -> list[SavedImage]:
    from images_api._results import save_images

    return [*map(_facts, images, save_images(images, path, overwrite=overwrite))]


def _rescued(images: Sequence[GeneratedImage], why: str, outcome: Outcome) -> list[SavedImage]:
    """Save images in a folder that is made for them."""
    if not images:
        return []
    folder = tempfile.mkdtemp(prefix="images-api-")
    outcome.complaints.append(f"{why}; saved in {folder} instead")
    return _saved(images, folder, overwrite=False)


def _facts(image: GeneratedImage, path: Path | None) -> SavedImage:
    with image.open() as file:
        digest = hashlib.file_digest(cast("BufferedReader", file), "sha256").hexdigest()
        return SavedImage(image, path, file.seek(0, SEEK_END), digest)
