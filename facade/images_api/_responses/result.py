"""From a response to typed events, and to a result of all of them. Nothing here does I/O."""

import json
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field, fields, replace
from functools import cache, partial
from typing import Any, TypeAlias, cast

from images_api._contract.document import event_models
from images_api._errors import APIStatusError, ContentPolicyError, NoImageError, ResponseError, StreamInterruptedError
from images_api._events import CompletedImage, PartialImage, StreamEvent
from images_api._images.base64 import BrokenImageError
from images_api._images.spool import Content
from images_api._messages import short
from images_api._results import GeneratedImage, HTTPInfo, ImageSource, ImagesResult, TokenDetails, Usage
from images_api_client.models.images_response import ImagesResponse

from .body import Body, content_type, is_archive
from .entries import entries_of, is_entry
from .failures import Fault, excerpt
from .json import JSONReader, TooLargeError
from .sse import EventDecoder

_Made: TypeAlias = GeneratedImage | BrokenImageError | APIStatusError
_Source: TypeAlias = JSONReader | Content

_PARTIAL_INDEX = "partial_image_index"
# The type of the events that a response brings which is none.
_COMPLETED = "completed"
# What the fields of a result may be, as they are annotated.
_KINDS: dict[Any, type] = {"int | None": int, "str | None": str, "Usage | None": Usage, "TokenDetails | None": TokenDetails}
ImagesResponse.from_dict({})  # imports what it needs while nothing is paid for yet


@dataclass(repr=False)
class ResponseReader:
    """Makes typed events of one response, and a result of all of them.

    A response that isn't a stream is read like a stream's one event.

    Attributes:
        http: The response's status and headers.
        body: Takes the response.
        refusal: Returns the error that stands for what the server says in place of an image.
        subject: What the images are about, for their file names.
        expected: How many images were asked for.
        source: Fetches those that come as links.
    """

    http: HTTPInfo
    body: Body
    refusal: Callable[[bytes], APIStatusError]
    subject: str
    expected: int
    source: ImageSource

    _partial: list[GeneratedImage] = field(default_factory=list, init=False)
    _images: list[GeneratedImage] = field(default_factory=list, init=False)
    _failures: list[APIStatusError] = field(default_factory=list, init=False)
    _faults: list[tuple[int, BrokenImageError, _Source]] = field(default_factory=list, init=False)
    _said: dict[str, Any] = field(default_factory=dict, init=False)
    _last: JSONReader | None = field(default=None, init=False)

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
            NoImageError: There is no image in a response that isn't a stream.
            APIStatusError: The server sent an error in place of the images.
            ResponseError: An event, or a response that isn't a stream, can't be understood, or an image is broken.
        """
        if cause is None:
            self.body.close()
        yield from self._events()
        form = self.body.form
        if isinstance(cause, TooLargeError):
            raise self._error(ResponseError, f"{cause}; the call may be billed", b"", form) from cause
        is_whole = not isinstance(form, EventDecoder) and (cause is None or self.body.is_whole())
        if is_whole:  # in which an image that is missing is no event
            yield from (event for event in self._whole(form) if isinstance(event, CompletedImage))
        if self._failures and not self._images:
            raise self._failures[0]
        if self._faults:
            text = "; ".join(f"image {number} of {self._count} {fault}" for number, fault, _ in self._faults)
            _, fault, source = self._faults[0]
            raise self._error(ResponseError, short(text), source.read()) from fault
        if is_whole and not self._images:
            raw = self.body.read()
            raise self._error(NoImageError, f"the response holds no image: {Fault(self._said).text() or excerpt(raw)}", raw, form)
        needed = 1 if cause is None else self.expected - len(self._failures)
        if not is_whole and len(self._images) < needed:
            raise self._interrupted(cause) from cause

    def result(self) -> ImagesResult:
        """Return the finished images, once the response has ended.

        Raises:
            StreamInterruptedError: There is none.
        """
        if not self._images:
            raise self._interrupted(None)
        known, http = _read_fields(ImagesResult, self._said), self.http
        known["created"] = known.get("created") or _only(int, self._said.get("created_at"))
        usage: Usage | None = known.get("usage")
        if usage and http.cost is None:
            http = replace(http, cost=_only(int | float, usage.extra.get("cost")))
        parse = partial(ImagesResponse.from_dict, self._said) if type(self.body.form) is JSONReader else None
        return ImagesResult(tuple(self._images), http, **known, failures=tuple(self._failures), _parse=parse)

    def _events(self) -> Iterator[StreamEvent]:
        for reader in self.body.events():
            if bytes(reader.text.strip()) == b"[DONE]":
                self.expected = 1  # what may be cut off behind it doesn't matter
            else:
                self._last = reader
                yield from self._document(reader)

    def _whole(self, form: object) -> Iterator[StreamEvent]:
        """Yield the events of a response that isn't a stream."""
        if isinstance(form, Content):
            contents: Iterable[object] = [form]
            if is_archive(form):
                from .archive import unpacked

                contents = unpacked(form, self.body.largest)
            images = (self._image(JSONReader(), {"b64_json": content}, index) for index, content in enumerate(contents))
            yield from self._take(_COMPLETED, {}, images, form)
        else:
            yield from self._document(cast("JSONReader", form))
        if not self._images:
            refusal = self.refusal(self.body.read())
            # A server that failed after all may have made what it doesn't hand out.
            is_known = isinstance(refusal, ContentPolicyError) or 400 <= refusal.status_code < 500  # noqa: PLR2004  the refusals
            self._failures += [refusal] if is_known else []

    def _document(self, reader: JSONReader) -> Iterator[StreamEvent]:
        """Yield the events of one event, or of a response that isn't a stream."""
        is_event = reader is self._last
        try:
            document = reader.document()
            said: dict[str, Any] = document if isinstance(document, dict) else {"data": document}
            entries = entries_of(reader, said)
            is_note = is_event and not any(map(is_entry, entries))
            if is_note and said is not document:
                raise ValueError("it is no object")  # noqa: TRY301  as bad as what the decoder finds
        except ValueError as error:
            raw, kind = reader.read(), short(content_type(self.http.headers)) or "no content type"
            what = "an event isn't a JSON object" if is_event else f"the response ({self.http.status_code}, {kind}) isn't JSON"
            raise self._error(ResponseError, f"{what}: {excerpt(raw)}", raw, reader) from error
        kind = _only(str, said.get("type")) or reader.name if is_event else _COMPLETED
        if "error" in {kind, reader.name} or (is_note and not kind and Fault(said).is_failure()):
            refusal = self.refusal(reader.read())
            refusal.images = tuple(self._images)
            raise refusal
        images = [self._image(reader, entry, index) for index, entry in enumerate([said] if is_note else entries, self._count)]
        yield from self._take(kind, reader.restored(said), images, None if is_note else reader)

    def _take(self, kind: str, said: dict[str, Any], images: Iterable[_Made], source: _Source | None) -> Iterator[StreamEvent]:
        """Yield an event of each image; without a source, one that is missing is no fault.

        Whether they are unfinished tells the end of the type, or else whether they are counted.
        """
        known = {name.rpartition(".")[2]: _PARTIAL_INDEX in model for name, model in event_models().items()}
        is_partial = known.get(kind.rpartition(".")[2], _PARTIAL_INDEX in said)
        self._said |= {} if is_partial else said
        for made in images:
            image = BrokenImageError(f"could not be made: {made}") if isinstance(made, APIStatusError) else made
            index = len(self._partial) + len(self._images)
            event: type[StreamEvent] = PartialImage if is_partial else StreamEvent
            if isinstance(made, APIStatusError):
                self._failures.append(made)
            elif isinstance(made, BrokenImageError):
                self._faults += [(self._count + 1, made, source)] if source and not is_partial else []
            elif is_partial:
                self._partial.append(made)
            else:
                event = CompletedImage
                self._images.append(made)
            yield event(kind, index, said, self.http, image, **_read_fields(event, said))

    def _image(self, reader: JSONReader, entry: object, index: int) -> _Made:
        """Return the image of an entry, or what is wrong with it, in its bytes or in the server's words."""
        try:
            return self._whole_image(reader, entry, index)
        except BrokenImageError as error:
            said = reader.restored(entry)
            return self.refusal(json.dumps(said).encode()) if Fault(said).is_failure() else error

    def _whole_image(self, reader: JSONReader, entry: object, index: int) -> GeneratedImage:
        """Return the image of an entry, and take its mark or its base64 out of it.

        Raises:
            BrokenImageError: There is none, or it isn't whole.
        """
        if not isinstance(entry, dict):
            raise BrokenImageError(f"isn't an object: {short(entry)}")
        content = reader.image(entry.pop("b64_json", None))
        said = {**reader.restored(entry)}
        url, prompt = (_only(str, said.pop(name, None)) for name in ("url", "revised_prompt"))
        if content is None and not url:
            raise BrokenImageError("has neither b64_json nor url")
        more: dict[str, Any] = {"url": url or None, "revised_prompt": prompt, "extra": said, "source": self.source}
        return GeneratedImage(content, index=index, subject=self.subject, **more)

    @property
    def _count(self) -> int:
        """Return how many images there should be so far."""
        return len(self._images) + len(self._failures) + len(self._faults)

    def _interrupted(self, cause: Exception | None) -> ResponseError:
        why = f" ({type(cause).__name__}: {cause})" if cause else ""
        made = f"{len(self._images)} finished and {len(self._partial)} unfinished images"
        text = f"the stream ended after {made}{why}; the call may be billed"
        raw = (self._last or self.body).read()
        return self._error(StreamInterruptedError, text, raw, self.body.form, partial_images=self._partial)

    def _error(self, kind: type[ResponseError], message: str, body: bytes, rest: object = None, **more: Any) -> ResponseError:
        """Return an error with all images that were good, and those that came whole in what can't be understood."""
        # An event that isn't complete may bring an unfinished image.
        whole = enumerate(rest.whole_images() if type(rest) is JSONReader else (), self._count)
        images = [GeneratedImage(content, index=index, subject=self.subject) for index, content in whole]
        return kind(message, body=body, http=self.http, images=[*self._images, *images], **more)


@cache
def _fields(kind: type) -> dict[str, type]:
    """Return what the fields of a class may be that a server fills."""
    return {each.name: _KINDS[each.type] for each in fields(kind) if each.type in _KINDS}


def _read_fields(kind: type, said: Mapping[str, Any]) -> dict[str, Any]:
    """Return what a server says for the fields of a class, whatever it left out, or filled with something of another kind."""
    return {name: _only(of, said[name]) for name, of in _fields(kind).items() if name in said}


def _only(kind: Any, value: Any) -> Any:
    """Return a value of a kind; None for what a server left out, or filled with something of another kind."""
    if kind in {Usage, TokenDetails} and isinstance(value, dict):
        known = _read_fields(kind, value)
        extra = {name: each for name, each in value.items() if name not in known and each is not None}
        return kind(**known, extra=extra)
    return value if isinstance(value, kind) and not isinstance(value, bool) else None
