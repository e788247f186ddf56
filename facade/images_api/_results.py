"""What a call gives back, as plain values: images to look at, to read and to save, and what the server said of them."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from functools import cached_property
from io import BytesIO
from typing import TYPE_CHECKING, Any, BinaryIO, Protocol, TypeVar, overload

from ._images.headers import NAMES, SVG, ImageFacts, read_facts
from ._images.saving import save
from ._images.spool import Content
from ._messages import short, shown_url

if TYPE_CHECKING:
    import os
    from pathlib import Path

    import httpx
    from PIL.Image import Image as PILImage

Done = TypeVar("Done")

# A notebook holds what it shows for ever: at most so many bytes of an output's images; the others are only described.
_MOST_IN_NOTEBOOK = 20 << 20
_IMAGES_IN_REPR = 3
_REQUEST_ID_HEADERS = ("x-request-id", "apim-request-id", "x-correlation-id", "x-litellm-call-id")


class ImageSource(Protocol):
    """Fetches images that a server answered with links to."""

    def fetch(self, url: str) -> Content:
        """Return the image at a URL."""
        ...

    async def afetch(self, url: str) -> Content:
        """Return the image at a URL, without stalling the event loop."""
        ...


@dataclass(frozen=True, slots=True, repr=False)
class HTTPInfo:
    """The HTTP side of a response.

    Attributes:
        status_code: The status, any integer.
        headers: The headers of the response.
        elapsed: Seconds from sending the request to the end of the response, all tries and waits included.
        retry_after: The seconds that the server asks to wait before the next request, where it refuses this one; or None.
        cost: What a gateway says that the call cost, in its own currency, such as dollars or credits; or None.
    """

    status_code: int
    headers: httpx.Headers
    elapsed: float
    retry_after: float | None = None
    cost: float | None = None

    @property
    def is_success(self) -> bool:
        """Return whether the status is one of the 2xx."""
        return self.status_code // 100 == 2  # noqa: PLR2004  the class of success

    @property
    def request_id(self) -> str | None:
        """Return the id to quote to the provider's support, if the server gave one."""
        return next((value for name in _REQUEST_ID_HEADERS if (value := self.headers.get(name))), None)

    @property
    def rate_limits(self) -> dict[str, str]:
        """Return what the server says of its limits: the `x-ratelimit-` headers, without that prefix."""
        prefix = "x-ratelimit-"
        return {name.removeprefix(prefix): value for name, value in self.headers.items() if name.startswith(prefix)}

    def __repr__(self) -> str:
        return f"<HTTPInfo {self.status_code} request_id={self.request_id!r} elapsed={self.elapsed:.2f}s>"


@dataclass(frozen=True, slots=True)
class TokenDetails:
    """Tokens by kind; None where the server didn't say.

    Attributes:
        extra: What the server said beside, such as how many of them were cached.
    """

    text_tokens: int | None = None
    image_tokens: int | None = None
    extra: Mapping[str, Any] = field(default_factory=dict, repr=False)


@dataclass(frozen=True, slots=True)
class Usage:
    """What a call used, in tokens; None where the server didn't say.

    Attributes:
        extra: What the server said beside.
    """

    input_tokens: int | None = None
    output_tokens: int | None = None
    total_tokens: int | None = None
    input_tokens_details: TokenDetails | None = None
    output_tokens_details: TokenDetails | None = None
    extra: Mapping[str, Any] = field(default_factory=dict, repr=False)  # a server's, of any size and depth


class GeneratedImage:
    """One image: its bytes, or a link and what fetches it.

    Attributes:
        url: Where it lies, if the server answered with a link.
        revised_prompt: The prompt as the model rewrote it, if it did.
        extra: What the server said beside.
        index: Which of its response's images it is, from 0.
    """

    def __init__(
        self,
        content: Content | bytes | None,
        *,
        url: str | None = None,
        revised_prompt: str | None = None,
        extra: Mapping[str, Any] | None = None,
        index: int = 0,
        subject: str = "",
        source: ImageSource | None = None,
    ) -> None:
        if content is None and source is None:
            raise ValueError("an image needs its bytes, or a source to fetch its link from")
        self._content = Content(content) if isinstance(content, bytes) else content
        self._subject = subject
        self._source: Any = source
        self.url, self.revised_prompt, self.index = url, revised_prompt, index
        self.extra: Mapping[str, Any] = extra or {}

    def read(self) -> bytes:
        """Return the image's bytes; a link is fetched when it is first read.

        Raises:
            DownloadError: The link can't be read, or belongs to an async client: use `aread`.
        """
        return self._fetched().read()

    def open(self) -> BinaryIO:
        """Return a binary file to read the image's bytes from, without having them all in memory.

        Raises:
            DownloadError: The link can't be read, or belongs to an async client: use `aread`.
        """
        return self._fetched().open()

    async def aread(self) -> bytes:
        """Return the image's bytes; a link is fetched when it is first read.

        Raises:
            DownloadError: The link can't be read.
        """
        content = await self._afetched()
        return content.read() if content.is_in_memory else await _in_thread([], content.read)

    def save(self, path: str | os.PathLike[str], *, overwrite: bool = True) -> Path:
        """Save the image, whole or not at all.

        Args:
            path: A file, a directory, or a template with `{index}`, `{ext}` or `{subject}`. It may begin with `~`. An
                extension that is left out follows the bytes.
            overwrite: Whether a file that is there may be replaced, which keeps its permissions. In a directory, none ever is.

        Returns:
            The file that was written.

        Raises:
            DownloadError: The image is a link that can't be read.
            InvalidRequestError: The template can't be filled in, or the path can't be one.
            FileExistsError: The file is there, and `overwrite` is False.
            OSError: The file can't be written.
        """
        return save_images([self], path, overwrite=overwrite)[0]

    async def asave(self, path: str | os.PathLike[str], *, overwrite: bool = True) -> Path:
        """Save the image like `save`, without stalling the event loop.

        Args:
            path: As for `save`.
            overwrite: As for `save`.

        Returns:
            The file that was written.

        Raises:
            DownloadError: The image is a link that can't be read.
            InvalidRequestError: The template can't be filled in, or the path can't be one.
            FileExistsError: The file is there, and `overwrite` is False.
            OSError: The file can't be written.
        """
        return await _in_thread([self], self.save, path, overwrite=overwrite)

    def to_pil(self) -> PILImage:
        """Return the image as one of PIL's, decoded.

        Raises:
            ImportError: Pillow isn't installed.
            DownloadError: The image is a link that can't be read.
        """
        from PIL import Image

        image = Image.open(BytesIO(self.read()))  # of which an animation's frames are read later
        image.load()
        return image

    @property
    def b64_json(self) -> str:
        """Return the image's bytes as base64, made anew at each call."""
        import pybase64

        return pybase64.b64encode_as_string(self.read())

    @property
    def media_type(self) -> str:
        """Return the media type, such as `image/png`, from the bytes."""
        return self._facts.type or "application/octet-stream"

    @property
    def format(self) -> str:
        """Return `png`, `jpeg`, `webp`, `gif`, `svg` or another format's name, such as `avif`, from the bytes."""
        return NAMES.get(self.media_type, "octet-stream")

    @property
    def width(self) -> int | None:
        """Return the width in pixels, from the bytes; None where they don't say, such as for an svg."""
        return self._facts.width

    @property
    def height(self) -> int | None:
        """Return the height in pixels, from the bytes; None where they don't say, such as for an svg."""
        return self._facts.height

    def __repr__(self) -> str:
        return f"<GeneratedImage {self.index} {self._described()}>"

    def _described(self) -> str:
        if self._content is None:
            return f"at {repr(shown_url(self.url or ''))[:120]}"
        sides = f" {self.width}x{self.height}" if self.width is not None else ""
        return f"{self.format}{sides} {self._content.size} bytes"

    def _repr_mimebundle_(self, **_wishes: object) -> dict[str, Any]:
        """Return the image as notebooks show it."""
        return {"text/plain": repr(self)} | self._shown()

    def _repr_png_(self) -> bytes | None:
        return self._shown().get("image/png")

    def _repr_jpeg_(self) -> bytes | None:
        return self._shown().get("image/jpeg")

    def _repr_svg_(self) -> str | None:
        return self._shown().get(SVG)

    def _shown(self) -> dict[str, Any]:
        """Return what a notebook gets, by media type: nothing that would have to be fetched first, nothing huge.

        Every front-end shows png and jpeg of itself, but VS Code neither webp nor avif; and it runs the scripts of an svg, which
        none does within an image of HTML, of which each prefers the HTML.
        """
        if self._content is None or self._content.size > _MOST_IN_NOTEBOOK:
            return {}
        if self.media_type in {"image/png", "image/jpeg"}:
            return {self.media_type: self.read()}
        shown = {"text/html": gallery([self])["text/html"]}
        with suppress(UnicodeDecodeError):  # an svg in an encoding of its own
            shown |= {SVG: self.read().decode()} if self.media_type == SVG else {}
        return shown

    @cached_property
    def _facts(self) -> ImageFacts:
        with self._fetched().open() as file:
            return read_facts(file)

    def _fetched(self) -> Content:
        if self._content is None:
            self._content = self._source.fetch(self.url or "")
        return self._content

    async def _afetched(self) -> Content:
        if self._content is None:
            self._content = await self._source.afetch(self.url or "")
        return self._content


@dataclass(frozen=True, eq=False, repr=False)
class ImagesResult(Sequence[GeneratedImage]):
    """The images of one call, as a sequence. What the server left out is None.

    Attributes:
        images: The images.
        http: Status, headers, request id, rate limits and elapsed time of the response.
        created: When they were made, in seconds since 1970.
        usage: The tokens used.
        background: The background used.
        output_format: The file format, in the server's words; each image's `format` is read from its bytes.
        size: Width and height, in the server's words.
        quality: The quality used.
        failures: What the server said of images that it could not make, where it made others.
    """

    images: tuple[GeneratedImage, ...]
    http: HTTPInfo
    created: int | None = None
    usage: Usage | None = None
    background: str | None = None
    output_format: str | None = None
    size: str | None = None
    quality: str | None = None
    failures: tuple[Exception, ...] = ()
    _parse: Callable[[], Any] | None = None

    @cached_property
    def response(self) -> Any:
        """Return the response as the generated client's `ImagesResponse`, the images' base64 taken out; None after a stream."""
        return self._parse() if self._parse else None

    @property
    def extra(self) -> Mapping[str, Any]:
        """Return what the server said beside, that the contract doesn't know."""
        return self.response.additional_properties if self._parse else {}

    @overload
    def __getitem__(self, index: int) -> GeneratedImage: ...
    @overload
    def __getitem__(self, index: slice) -> Sequence[GeneratedImage]: ...
    def __getitem__(self, index: int | slice) -> GeneratedImage | Sequence[GeneratedImage]:
        return self.images[index]

    def __len__(self) -> int:
        return len(self.images)

    def save(self, path: str | os.PathLike[str], *, overwrite: bool = True) -> list[Path]:
        """Save all images, or none as far as that can be seen before; each whole or not at all.

        Args:
            path: A file, which is numbered when there are several images; a directory; or a template with `{index}`,
                `{ext}` or `{subject}`. It may begin with `~`.
            overwrite: Whether files that are there may be replaced. In a directory, none ever is.

        Returns:
            The files that were written.

        Raises:
            DownloadError: An image is a link that can't be read.
            InvalidRequestError: The template can't be filled in or leads two images to one file, or the path can't be one.
            FileExistsError: A file is there, and `overwrite` is False. None was written.
            OSError: A file can't be written. Its attribute `written` lists the files that were before it, most often none.
        """
        return save_images(self.images, path, overwrite=overwrite)

    async def asave(self, path: str | os.PathLike[str], *, overwrite: bool = True) -> list[Path]:
        """Save all images like `save`, without stalling the event loop.

        Args:
            path: As for `save`.
            overwrite: As for `save`.

        Returns:
            The files that were written.

        Raises:
            DownloadError: An image is a link that can't be read.
            InvalidRequestError: The template can't be filled in or leads two images to one file, or the path can't be one.
            FileExistsError: A file is there, and `overwrite` is False. None was written.
            OSError: A file can't be written. Its attribute `written` lists the files that were before it, most often none.
        """
        return await _in_thread(self.images, self.save, path, overwrite=overwrite)

    def __repr__(self) -> str:
        more = ", …" if len(self) > _IMAGES_IN_REPR else ""
        return f"<ImagesResult of {len(self)}: {', '.join(map(repr, self.images[:_IMAGES_IN_REPR]))}{more}>"

    def _repr_html_(self) -> str:
        """Return a gallery, as notebooks show it."""
        return gallery(self.images)["text/html"]


def gallery(images: Sequence[GeneratedImage], note: str = "") -> dict[str, str]:
    """Return images with captions as notebooks show them, by media type, in HTML that their sanitisers take nothing out of.

    A link is left to the browser. A signature goes along, without which there is nothing to see: it opens this image alone, and
    not for long. A name and a password may open more, and browsers refuse them here, so that what has an `@` is only described.

    Args:
        images: The images.
        note: What to say below.
    """
    from html import escape

    html, left = "", _MOST_IN_NOTEBOOK
    for image in images:
        content, url, lines, shown = image._content, image.url or "", [image._described(), image.revised_prompt or ""], ""
        size = content.size if content else len(url)
        if size > left:
            lines.append(f"not shown, since a notebook would hold more than {_MOST_IN_NOTEBOOK >> 20} MiB")
        elif content or "@" not in url:
            left -= size
            source = f"data:{image.media_type};base64,{image.b64_json}" if content else url
            shown = f'<img src="{escape(source)}" alt="{escape(lines[0])}" style="max-width: 100%">'
        caption = "<br>".join(escape(short(line)) for line in lines if line)
        style = "display: inline-block; vertical-align: top; max-width: 20em; margin: 4px"
        html += f'<figure style="{style}">{shown}<figcaption>{caption}</figcaption></figure>'
    html += f"<p>{escape(note)}</p>" if note else ""
    return {"text/plain": " ".join(map(str, [*images, note])), "text/html": html}


async def _in_thread(images: Sequence[GeneratedImage], work: Callable[..., Done], *arguments: object, **options: object) -> Done:
    """Return what comes of work with images that may take a while, once those are fetched that are links."""
    from asyncio import to_thread

    for image in images:
        await image._afetched()
    return await to_thread(work, *arguments, **options)


def save_images(images: Sequence[GeneratedImage], path: str | os.PathLike[str], *, overwrite: bool) -> list[Path]:
    """Save images as `ImagesResult.save` does."""
    contents = [(image.index + 1, image._fetched()) for image in images]  # those that are links, before any is written
    return save(contents, path, subject=images[0]._subject if images else "", overwrite=overwrite)
