"""What came of a call."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from pathlib import Path

    from images_api import GeneratedImage, HTTPInfo, ImagesAPIError, ImagesResult


class SavedImage(NamedTuple):
    """An image that is where it should be, or elsewhere.

    Attributes:
        image: The image.
        path: Its file; None for the standard output.
        size: Its size in bytes.
        sha256: Their SHA-256, in hexadecimal digits.
    """

    image: GeneratedImage
    path: Path | None
    size: int
    sha256: str


@dataclass
class Outcome:
    """What came of a call.

    Attributes:
        asked: How many images were asked for.
        images: Those that came.
        http: What HTTP said of the response, if there was one.
        result: The result; None where there is an error.
        error: The error; None where there is a result.
        saved: The images that are saved.
        partials: The files of unfinished images.
        complaints: Why something isn't where it should be.
        is_interrupted: Whether the user didn't wait for images to be fetched.
    """

    asked: int
    images: list[GeneratedImage] = field(default_factory=list)
    http: HTTPInfo | None = None
    result: ImagesResult | None = None
    error: ImagesAPIError | None = None
    saved: list[SavedImage] = field(default_factory=list)
    partials: list[Path] = field(default_factory=list)
    complaints: list[str] = field(default_factory=list)
    is_interrupted: bool = False
