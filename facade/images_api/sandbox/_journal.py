"""What a sandbox was asked, byte for byte and without secrets, what it answered, and how much it has drawn."""

from __future__ import annotations

import threading
from collections import OrderedDict
from dataclasses import dataclass, field, replace
from io import BytesIO
from itertools import islice, takewhile
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from datetime import datetime

    from PIL.Image import Image

_MOST_REQUESTS = 1000
_SHOWN_PATH = 200
_MOST_BYTES = 64 << 20


@dataclass(frozen=True, slots=True)
class ReceivedImage:
    """An image that a request brought, or that it referred to.

    Attributes:
        name: The file name.
        type: The media type, from the bytes.
        width: Pixels, upright.
        height: Pixels, likewise.
        content: The file as it was sent.
    """

    name: str
    type: str
    width: int
    height: int
    content: bytes = field(repr=False)

    def to_pil(self) -> Image:
        """Return the image as one of PIL's, decoded and upright."""
        from PIL import Image, ImageOps

        with Image.open(BytesIO(self.content)) as image:
            return ImageOps.exif_transpose(image)


@dataclass(frozen=True, slots=True, repr=False)
class ReceivedRequest:
    """A request as it came in, and what became of it.

    Attributes:
        number: Which of the sandbox's requests it is, from 1.
        method: The method, such as `POST`.
        path: The path.
        query: The query, without its question mark.
        headers: The headers by name in lower case; those with secrets have no value.
        body: The body, byte for byte; empty where it was too large.
        received_at: When it came.
        operation: The id of the contract's operation that it asked for; None where it asked for none.
        parameters: What it said, typed, images aside; empty where it couldn't be read.
        images: The images that it brought or referred to, by parameter.
        status: The status of its answer; None as long as there is none.
        error: The short name of what its answer complains of, or None.
        fault: What was made to go wrong with its answer, or None.
        images_made: The names of the images that it was answered with, under `/files/`.
        seconds: How long it took to answer.
    """

    number: int
    method: str
    path: str
    query: str
    headers: Mapping[str, str]
    body: bytes = field(repr=False)
    received_at: datetime
    operation: str | None = None
    parameters: Mapping[str, object] = field(default_factory=dict)
    images: Mapping[str, Sequence[ReceivedImage]] = field(default_factory=dict)
    status: int | None = None
    error: str | None = None
    fault: str | None = None
    images_made: Sequence[str] = ()
    seconds: float | None = None

    def __repr__(self) -> str:
        said = (self.status or "unanswered", self.error, self.fault and f"fault: {self.fault}")
        outcome = " ".join(str(each) for each in said if each)
        return f"<ReceivedRequest {self.number} {self.method} {quote(self.path[:_SHOWN_PATH])} {outcome}>"

    @property
    def size(self) -> int:
        """Return how many bytes it keeps in memory."""
        return len(self.body) + sum(len(image.content) for several in self.images.values() for image in several)


class Journal:
    """The newest requests, up to 1000 of them and 64 MiB, and a count of images. Thread-safe."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._requests: OrderedDict[int, ReceivedRequest] = OrderedDict()
        # By number, which change was the last of a request, in the order of these.
        self._changed: OrderedDict[int, int] = OrderedDict()
        self._bytes = self._images = self._numbers = self._changes = 0

    @property
    def requests(self) -> tuple[ReceivedRequest, ...]:
        """Return the requests, the last one last."""
        with self._lock:
            return tuple(self._requests.values())

    @property
    def images(self) -> int:
        """Return how many images were asked for and accepted."""
        with self._lock:
            return self._images

    @property
    def changes(self) -> int:
        """Return a number that grows with everything that is noted."""
        with self._lock:
            return self._changes

    def add(self, **said: Any) -> int:
        """Note a request, and return its number."""
        with self._lock:
            self._numbers += 1
            self._keep(ReceivedRequest(number=self._numbers, **said))
            return self._numbers

    def note(self, number: int, **said: Any) -> None:
        """Note more of a request, if it is still there."""
        with self._lock:
            if number in self._requests:
                self._keep(replace(self._requests[number], **said))

    def get(self, number: int) -> ReceivedRequest | None:
        """Return a request, or None if it never came or isn't kept any more."""
        with self._lock:
            return self._requests.get(number)

    def newest(self, most: int, since: int = 0) -> tuple[int, list[tuple[int, ReceivedRequest]]]:
        """Return what is news of the newest requests.

        Args:
            most: How many of the newest are looked at.
            since: A change; nothing that was noted up to it is news.

        Returns:
            The number of the oldest request that was looked at, or of the next one where there is none; and each request of
            which more was noted, with its last change, in the order of these.
        """
        with self._lock:
            oldest = next(islice(reversed(self._requests), most - 1, None), next(iter(self._requests), self._numbers + 1))
            news = takewhile(lambda item: item[1] > since, reversed(self._changed.items()))
            changed = [(change, self._requests[number]) for number, change in news if number >= oldest]
        return oldest, changed[::-1]

    def count(self, images: int) -> None:
        """Note that so many images were asked for and accepted."""
        with self._lock:
            self._images += images
            self._changes += 1

    def clear(self) -> None:
        """Forget everything but how many requests there were."""
        with self._lock:
            self._requests.clear()
            self._changed.clear()
            self._bytes = self._images = 0
            self._changes += 1

    def _keep(self, request: ReceivedRequest) -> None:
        old = self._requests.get(request.number)
        self._requests[request.number] = request
        self._bytes += request.size - (old.size if old else 0)
        self._changes += 1
        self._changed[request.number] = self._changes
        self._changed.move_to_end(request.number)
        while len(self._requests) > _MOST_REQUESTS or (self._bytes > _MOST_BYTES and len(self._requests) > 1):
            number, forgotten = self._requests.popitem(last=False)
            del self._changed[number]
            self._bytes -= forgotten.size
