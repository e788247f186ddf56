"""What a stream tells of an image's making."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from ._errors import ResponseError
from ._images.base64 import BrokenImageError
from ._messages import short

if TYPE_CHECKING:
    from collections.abc import Mapping

    from ._results import GeneratedImage, HTTPInfo, Usage


@dataclass(frozen=True, slots=True, repr=False)
class StreamEvent:
    """One event of a stream; of this very class only when its type is not a known one.

    Attributes:
        type: What the server calls it.
        index: Which of the stream's images it brings, from 0: the finished one comes after its unfinished ones.
        data: All that the server said, its image's base64 taken out.
        http: Status, headers, request id and rate limits of the response.
    """

    type: str
    index: int
    data: Mapping[str, Any]
    http: HTTPInfo
    _image: GeneratedImage | BrokenImageError

    @property
    def image(self) -> GeneratedImage:
        """Return the event's image.

        Raises:
            ResponseError: It has none, or a broken one.
        """
        if isinstance(self._image, BrokenImageError):
            raise ResponseError(f"the image of the event {short(self.type)} {self._image}", body=b"", http=self.http)
        return self._image

    def _repr_mimebundle_(self, **wishes: object) -> dict[str, Any]:
        """Return the event's image, if it has one, as notebooks show it."""
        shown = {} if isinstance(self._image, BrokenImageError) else self._image._repr_mimebundle_(**wishes)
        return shown | {"text/plain": repr(self)}

    def __repr__(self) -> str:
        return f"<{type(self).__name__} {self.type} {self.index} {self._image!r}>"[:200]


@dataclass(frozen=True, slots=True, repr=False)
class PartialImage(StreamEvent):
    """An image that isn't finished."""


@dataclass(frozen=True, slots=True, repr=False)
class CompletedImage(StreamEvent):
    """A finished image.

    Attributes:
        usage: The tokens used, or None where the server didn't say.
    """

    usage: Usage | None = None
