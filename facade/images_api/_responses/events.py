"""From a response to typed events, and to a result of all of them. Nothing here does I/O."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from images_api._contract.document import event_models
from images_api._errors import APIStatusError, ResponseError, StreamInterruptedError
from images_api._events import CompletedImage, PartialImage, StreamEvent
from images_api._images.base64 import BrokenImageError

from .entries import entries_of, is_entry
from .failures import says_failure, status_error
from .json import JSONReader, TooLargeError
from .result import make_result, only, read_image, read_result, read_usage, whole_images
from .sse import EventDecoder

if TYPE_CHECKING:
    from collections.abc import Iterator

    from images_api._results import GeneratedImage, HTTPInfo, ImagesResult

    from .body import Body
    from .result import Asked

_DONE = b"[DONE]"
_LONGEST_DONE = 16
_PARTIAL_INDEX = "partial_image_index"


@dataclass
class EventReader:
    """Makes typed events of one response, and a result of all of them.

    Attributes:
        http: The response's status and headers.
        body: Takes the response.
        asked: What the call asked.
    """

    http: HTTPInfo
    body: Body
    asked: Asked

    def __post_init__(self) -> None:
        self._partial: list[GeneratedImage] = []
        self._completed: list[CompletedImage] = []
        self._failures: list[APIStatusError] = []
        self._faults: list[tuple[BrokenImageError, JSONReader]] = []
        self._said: dict[str, Any] = {}
        self._last: JSONReader | None = None
        self._whole: ImagesResult | None = None
        self._done = False

    def feed(self, chunk: bytes) -> Iterator[StreamEvent]:
        """Yield the events that the bytes so far complete.

        Raises:
            APIStatusError: The server sent an error as an event.
            ResponseError: An event can't be understood.
            TooLargeError: There is too much of it.
        """
        self.body.write(chunk)
        yield from self._events()

    def finish(self, cause: Exception | None = None) -> Iterator[StreamEvent]:
        """Yield the events of the end.

        Args:
            cause: What cut the response off, if it didn't end by itself.

        Raises:
            StreamInterruptedError: There is no finished image, or the stream was cut before the last.
            APIStatusError: The server sent an error in place of the images.
            ResponseError: An event, or a response that isn't a stream, can't be understood, or an image is broken.
        """
        if cause is None:
            self.body.close()
        yield from self._events()
        is_stream = isinstance(self.body.form, EventDecoder)
        if isinstance(cause, TooLargeError):
            images = (*self._images(), *whole_images(self.body.form, self.asked))
            raise ResponseError(f"{cause}; the call may be billed", body=b"", http=self.http, images=images) from cause
        if not is_stream and (cause is None or self.body.is_whole()):
            yield from self._whole_response()
            return
        for fault, reader in self._faults:
            message = f"the finished image {fault}"
            raise ResponseError(message, body=reader.read(), http=self.http, images=self._images()) from fault
        if self._failures and not self._completed:
            raise self._failures[0]
        missing = self.asked.images - len(self._failures) if cause is not None and not self._done else 1
        if len(self._completed) < missing:
            raise self._interrupted(cause) from cause

    def result(self) -> ImagesResult:
        """Return the finished images, once the stream has ended.

        Raises:
            StreamInterruptedError: There is none.
        """
        if self._whole is not None:
            return self._whole
        if not self._completed:
            raise self._interrupted(None)
        return make_result(self._images(), self.http, self._said, failures=self._failures)

    def _events(self) -> Iterator[StreamEvent]:
        for reader in self.body.events():
            if reader.size <= _LONGEST_DONE and reader.read().strip() == _DONE:
                self._done = True
            else:
                self._last = reader
                yield from self._event(reader)

    def _event(self, reader: JSONReader) -> Iterator[StreamEvent]:
        try:
            said = reader.document()
            fields: dict[str, Any] = said if isinstance(said, dict) else {"data": said}
            entries = entries_of(reader, fields)
            entries = entries if any(map(is_entry, entries)) else []
            if not entries and not isinstance(said, dict):
                raise ValueError("it is no object")  # noqa: TRY301  as bad as what the decoder finds
        except ValueError as error:
            message = f"an event isn't a JSON object ({error})"
            images = (*self._images(), *whole_images(reader, self.asked))
            raise ResponseError(message, body=reader.read(), http=self.http, images=images) from error
        kind = only(str, fields.get("type")) or reader.name
        if "error" in {kind, reader.name} or (not kind and not entries and says_failure(fields)):
            refusal = status_error(self.http, reader.read(), self.asked.url, self.asked.secrets)
            refusal.images = self._images()
            raise refusal
        for entry in entries or [fields]:
            yield from self._image(kind, fields, entry, reader)

    def _image(self, kind: str, fields: dict[str, Any], entry: dict[str, Any], reader: JSONReader) -> Iterator[StreamEvent]:
        is_partial, has_image, index = _is_partial(kind, fields), is_entry(entry), len(self._partial) + len(self._completed)
        image = read_image(reader, entry, len(self._completed), self.http, self.asked)
        fields = reader.restored(fields)
        self._said |= {} if is_partial else fields
        if isinstance(image, APIStatusError):
            self._failures.append(image)
            image = BrokenImageError(f"could not be made: {image}")
        elif isinstance(image, BrokenImageError) and has_image and not is_partial:
            self._faults.append((image, reader))
        if is_partial:
            self._partial += [] if isinstance(image, BrokenImageError) else [image]
            yield PartialImage(kind, index, fields, self.http, image)
        elif isinstance(image, BrokenImageError):
            yield StreamEvent(kind, index, fields, self.http, image)
        else:
            usage = read_usage(fields.get("usage"))
            self._completed.append(CompletedImage(kind, index, fields, self.http, image, usage))
            yield self._completed[-1]

    def _whole_response(self) -> Iterator[StreamEvent]:
        self._whole = read_result(self.http, self.body, self.asked)
        for image in self._whole:
            event = CompletedImage("completed", image.index, {}, self.http, image, self._whole.usage)
            self._completed.append(event)
            yield event

    def _images(self) -> tuple[GeneratedImage, ...]:
        return tuple(event.image for event in self._completed)

    def _interrupted(self, cause: Exception | None) -> StreamInterruptedError:
        why = f" ({type(cause).__name__}: {cause})" if cause else ""
        text = (
            f"the stream ended after {len(self._completed)} finished and {len(self._partial)} unfinished images{why}; "
            "the call may be billed"
        )
        images = (*self._images(), *whole_images(self.body.form, self.asked))
        body = self._last.read() if self._last else self.body.read()
        return StreamInterruptedError(text, body=body, http=self.http, images=images, partial_images=self._partial)


def _is_partial(kind: str, fields: dict[str, Any]) -> bool:
    """Tell whether an event's images are unfinished ones: by how its type ends, or else by whether it counts them."""
    known = {name.rpartition(".")[2]: _PARTIAL_INDEX in model for name, model in event_models().items()}
    return known.get(kind.rpartition(".")[2], _PARTIAL_INDEX in fields)
