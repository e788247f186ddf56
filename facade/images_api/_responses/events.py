"""From the events of a response to typed events, and to a result of all of them. Nothing here does I/O."""

from __future__ import annotations

from typing import TYPE_CHECKING

from images_api._contract import rules as _contract
from images_api._errors import ResponseError, StreamInterruptedError
from images_api._images.base64 import BrokenImageError
from images_api._images.spool import Spool
from images_api._responses import result as _replies
from images_api._results import ImagesResult

from .json import JSONReader

if TYPE_CHECKING:
    from collections.abc import Iterator

    import httpx

    from images_api._http.downloads import Downloader
    from images_api._http.info import HTTPInfo
    from images_api._images.spool import Content
    from images_api._results import GeneratedImage, Usage

_DONE = b"[DONE]"
_LONGEST_DONE = 16
# A byte order mark, the field's name, its colon and a blank.
_LONGEST_START = len(_BOM + b"data: ")
_IN_EVENT: list[bytes | None] = [None]


@dataclass(frozen=True, slots=True, repr=False)
class StreamEvent:
    """One event of a stream; of this very class only when its type is not a known one.

    Attributes:
        type: What the server calls it.
        index: Its place among the pictures of the stream, from 0: the finished one comes after its unfinished ones.
        data: All that the server said, its picture's base64 taken out.
        http: Status, headers, request id and rate limits of the reply.
    """

    type: str
    index: int
    data: Mapping[str, Any]
    http: HTTPInfo
    _picture: GeneratedImage | BrokenImageError = field(repr=False)

    @property
    def image(self) -> GeneratedImage:
        """Return the event's picture.

        Raises:
            ResponseError: It has none, or a broken one.
        """
        if isinstance(self._picture, BrokenImageError):
            raise ResponseError(f"the picture of the event {self.type} {self._picture}", body=b"", http=self.http)
        return self._picture

    def __repr__(self) -> str:
        return f"<{type(self).__name__} {self.type} {self.index} {self._picture!r}>"[:200]


@dataclass(frozen=True, slots=True, repr=False)
class PartialImage(StreamEvent):
    """A picture that isn't finished."""


@dataclass(frozen=True, slots=True, repr=False)
class CompletedImage(StreamEvent):
    """A finished picture.

    Attributes:
        usage: The tokens used, or None where the server didn't say.
    """

    usage: Usage | None = None


class EventDecoder:
    """Splits bytes into events, fed in pieces of any size, in time linear in their number."""

    def __init__(self) -> None:
        self._spool = Spool()
        self._line = b""  # of which it isn't known yet whether it is data
        self._known = False
        self._is_data = False
        self._event: JSONReader | None = None
        self._at_start = True
        self._after_cr = False

    def feed(self, chunk: bytes) -> Iterator[JSONReader]:
        """Yield each event that the bytes so far complete."""
        if not chunk:
            return
        if self._after_cr:  # CR LF is one line end, even when it is torn apart
            self._after_cr = False
            chunk = chunk.removeprefix(b"\n")
        start = 0
        lf, cr = chunk.find(b"\n"), chunk.find(b"\r")
        while lf >= 0 or cr >= 0:
            end = lf if cr < 0 or 0 <= lf < cr else cr
            self._take(chunk[start:end])
            yield from self._end_line()
            start = end + (2 if end == cr and lf == cr + 1 else 1)
            # Each is looked for only beyond its last place: a body without CR is not searched for CR at each line.
            lf = chunk.find(b"\n", start) if 0 <= lf < start else lf
            cr = chunk.find(b"\r", start) if 0 <= cr < start else cr
        self._after_cr = 0 < start == len(chunk) and chunk.endswith(b"\r")
        self._take(chunk[start:])

    def finish(self) -> Iterator[JSONReader]:
        """Yield a last event that has no blank line behind it."""
        if self._line or self._known:
            yield from self._end_line()
        yield from self._end_line()

    def _take(self, piece: bytes) -> None:
        """Take a part of a line."""
        if self._known:
            if self._is_data and self._event is not None:
                self._event.write(piece)
            return
        self._line += piece
        if len(self._line) >= _LONGEST_START:
            self._tell_field()

    def _tell_field(self) -> None:
        line = self._line
        if self._at_start:
            line = line.removeprefix(_BOM)
        name, _, value = line.partition(b":")
        self._known, self._line, self._at_start = True, b"", False
        self._is_data = name == b"data"
        if self._is_data:
            if self._event is None:
                self._event = JSONReader(_IN_EVENT, self._spool)
            else:
                self._event.write(b"\n")
            self._event.write(value.removeprefix(b" "))

    def _end_line(self) -> Iterator[JSONReader]:
        if not self._known:
            is_blank = not (self._line.removeprefix(_BOM) if self._at_start else self._line)
            self._tell_field()
            if is_blank:
                event, self._event = self._event, None
                if event is not None and event.says_something():
                    yield event
        self._known = False


class EventReader:
    """Makes typed events of one response, and a result of all of them.

    Args:
        http: The response's status and headers.
        url: Where the request went.
        subject: What the images are about, for their file names.
        source: Fetches the images that come as links.
        expected: How many finished images were asked for.
        body: Takes the response where it is no stream.
        secrets: What must not be in an error, though the server quote it.
    """

    def __init__(
        self,
        http: HTTPInfo,
        url: httpx.URL,
        subject: str,
        source: ImageSource,
        expected: int,
        *,
        content: Content | JSONReader,
        secrets: Sequence[str] = (),
    ) -> None:
        self._secrets = secrets
        self._http = http
        self._url = url
        self._subject = subject
        self._source = source
        self._expected = expected
        self._decoder = EventDecoder()
        self._is_stream = content_type(http.headers) == "text/event-stream"
        self._body = body
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
            self._body.write(chunk)

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
        missing = self._expected if cause is not None and not self._done else 1
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
        return make_result(self._images(), self._http, self._completed[-1].data)

    def _event(self, reader: JSONReader) -> Iterator[StreamEvent]:
        if reader.size <= _LONGEST_DONE and reader.read().strip() == _DONE:
            self._done = True
            return
        try:
            fields = reader.document()
            kind = only(str, fields.get("type")) or ""
        except (ValueError, AttributeError) as error:
            message = f"an event isn't a JSON object ({error})"
            raise ResponseError(message, body=reader.read(), http=self._http, images=self._images()) from error
        if fields.get("error") or kind == "error":
            raise status_error(self._http, reader.read(), self._url, self._secrets)
        model = event_models().get(kind)
        image = read_image(reader, fields, len(self._completed), self._subject, self._source)
        index = len(self._partial) + len(self._completed)
        if model is None:
            yield StreamEvent(kind, index, fields, self._http, image)
        elif "partial_image_index" in model:
            if not isinstance(picture, BrokenImageError):
                self._partial.append(picture)
            yield PartialImage(kind, place, fields, self._http, picture)
        else:
            if isinstance(picture, BrokenImageError):
                message = f"the finished picture {picture}"
                raise ResponseError(message, body=reader.read(), http=self._http, images=self._images()) from picture
            completed = CompletedImage(kind, place, fields, self._http, picture, _replies.read_usage(fields.get("usage")))
            self._completed.append(completed)
            yield completed

    def _whole_response(self) -> Iterator[StreamEvent]:
        self._body.close()
        self._whole = read_result(self._http, self._body, self._subject, self._source)
        for image in self._whole:
            event = CompletedImage("completed", image.index, {}, self._http, image, self._whole.usage)
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
            text, body=self._body.read(), http=self._http, images=self._images(), partial_images=self._partial
        )
