"""From the events of a response to typed events, and to a result of all of them. Nothing here does I/O."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from images_api._contract.document import event_models
from images_api._errors import ResponseError, StreamInterruptedError
from images_api._events import CompletedImage, PartialImage, StreamEvent
from images_api._images.base64 import BrokenImageError

from .failures import status_error
from .result import content_type, make_result, only, read_image, read_result, read_usage
from .sse import EventDecoder

if TYPE_CHECKING:
    from collections.abc import Iterator

    from images_api._images.spool import Content
    from images_api._results import GeneratedImage, HTTPInfo, ImagesResult

    from .json import JSONReader
    from .result import Asked

_DONE = b"[DONE]"
_LONGEST_DONE = 16


@dataclass
class EventReader:
    """Makes typed events of one response, and a result of all of them.

    Attributes:
        http: The response's status and headers.
        body: Takes the response where it is no stream.
        asked: What the call asked.
    """

    http: HTTPInfo
    body: Content | JSONReader
    asked: Asked

    def __post_init__(self) -> None:
        self._decoder = EventDecoder()
        self._is_stream = content_type(self.http.headers) == "text/event-stream"
        self._partial: list[GeneratedImage] = []
        self._completed: list[CompletedImage] = []
        self._whole: ImagesResult | None = None
        self._done = False

    def feed(self, chunk: bytes) -> Iterator[StreamEvent]:
        """Yield the events that the bytes so far complete.

        Raises:
            APIStatusError: The server sent an error as an event.
            ResponseError: An event can't be understood.
        """
        if self._is_stream:
            for event in self._decoder.feed(chunk):
                yield from self._event(event)
        else:
            self.body.write(chunk)

    def finish(self, cause: Exception | None = None) -> Iterator[StreamEvent]:
        """Yield the events of the end.

        Args:
            cause: What cut the stream off, if it didn't end by itself.

        Raises:
            StreamInterruptedError: There is no finished image, or the stream was cut before the last.
            APIStatusError: The server sent an error as an event.
            ResponseError: An event, or a response that isn't a stream, can't be understood.
        """
        if self._is_stream:
            if cause is None:
                for event in self._decoder.finish():
                    yield from self._event(event)
        elif cause is None:
            yield from self._whole_response()
        missing = self.asked.images if cause is not None and not self._done else 1
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
        return make_result(self._images(), self.http, self._completed[-1].data)

    def _event(self, reader: JSONReader) -> Iterator[StreamEvent]:
        if reader.size <= _LONGEST_DONE and reader.read().strip() == _DONE:
            self._done = True
            return
        try:
            fields = reader.document()
            kind = only(str, fields.get("type")) or ""
        except (ValueError, AttributeError) as error:
            message = f"an event isn't a JSON object ({error})"
            raise ResponseError(message, body=reader.read(), http=self.http, images=self._images()) from error
        if fields.get("error") or kind == "error":
            raise status_error(self.http, reader.read(), self.asked.url, self.asked.secrets)
        model = event_models().get(kind)
        image = read_image(reader, fields, len(self._completed), self.asked)
        index = len(self._partial) + len(self._completed)
        if model is None:
            yield StreamEvent(kind, index, fields, self.http, image)
        elif "partial_image_index" in model:
            if not isinstance(image, BrokenImageError):
                self._partial.append(image)
            yield PartialImage(kind, index, fields, self.http, image)
        else:
            if isinstance(image, BrokenImageError):
                message = f"the finished image {image}"
                raise ResponseError(message, body=reader.read(), http=self.http, images=self._images()) from image
            completed = CompletedImage(kind, index, fields, self.http, image, read_usage(fields.get("usage")))
            self._completed.append(completed)
            yield completed

    def _whole_response(self) -> Iterator[StreamEvent]:
        self.body.close()
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
        return StreamInterruptedError(
            text, body=self.body.read(), http=self.http, images=self._images(), partial_images=self._partial
        )
