"""The operations that answer images, each as a method with every parameter in its signature.

A client inherits `ImageOperations` and says in `_call` and `_stream` how any of them is sent.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from types import MappingProxyType
from typing import Any, Generic, NamedTuple, TypeVar

import httpx

from .options import (
    ImageBackground,
    ImageComplexity,
    ImageEditQuality,
    ImageInputFidelity,
    ImageModel,
    ImageModeration,
    ImageOutputFormat,
    ImageQuality,
    ImageResponseFormat,
    ImageSize,
    ImageStyle,
    ImageVariationSize,
    SvgEditSettingsOptions,
    SvgSettingsOptions,
)

__all__ = (
    "REQUESTS",
    "ImageOperations",
    "RequestBuilder",
)

ImageInput = TypeVar("ImageInput")
Result = TypeVar("Result")
Stream = TypeVar("Stream")


class RequestBuilder(NamedTuple):
    """What makes one kind of request.

    Attributes:
        module: The module of the operation, relative to this package; `_get_kwargs` in it makes httpx's keywords of a body.
        model: The class of the body, by its name in that module.
        renamed: The attributes of the model that are not called like the parameters they stand for.
    """

    module: str
    model: str
    renamed: Mapping[str, str] = MappingProxyType({})


REQUESTS: Mapping[str, Mapping[str, RequestBuilder]] = {
    "createImage": {
        "application/json": RequestBuilder(".api.images.create_image", "CreateImageRequest"),
    },
    "createImageEdit": {
        "multipart/form-data": RequestBuilder(".api.images.create_image_edit", "CreateImageEditRequest"),
        "application/json": RequestBuilder(".api.images.create_image_edit", "CreateImageEditByReferenceRequest"),
    },
    "createImageVariation": {
        "multipart/form-data": RequestBuilder(".api.images.create_image_variation", "CreateImageVariationRequest"),
    },
}
"""What makes the requests of each operation, by its id and the media type of the body; the first body leads."""


class ImageOperations(Generic[ImageInput, Result, Stream]):
    """The operations, generic in what an image to send, a result and a stream of events are.

    Of each parameter, None means that it was not said.
    """

    def generate(
        self,
        prompt: str,
        *,
        model: ImageModel | str | None = None,
        n: int | None = None,
        size: ImageSize | str | None = None,
        response_format: ImageResponseFormat | str | None = None,
        quality: ImageQuality | str | None = None,
        style: ImageStyle | str | None = None,
        background: ImageBackground | str | None = None,
        moderation: ImageModeration | str | None = None,
        output_format: ImageOutputFormat | str | None = None,
        output_compression: int | None = None,
        partial_images: int | None = None,
        user: str | None = None,
        safety_identifier: str | None = None,
        complexity: ImageComplexity | str | None = None,
        frame_count: int | None = None,
        frame_duration_ms: int | None = None,
        svg: SvgSettingsOptions | None = None,
        extra_headers: Mapping[str, str | None] | None = None,
        extra_query: Mapping[str, Any] | None = None,
        extra_body: Mapping[str, object] | None = None,
        timeout: float | httpx.Timeout | None = None,
        max_retries: int | None = None,
    ) -> Result:
        """Create images from a text.

        The images come all at once, or as events while they take shape.

        Args:
            prompt: What the image should show. At least 1 character. At most 32000 characters for GPT
                image models. At most 4000 characters for dall-e-3. At most 1000 characters for dall-e-2.
            model: The model that draws. Any id is taken, for compatible servers have their own. Default:
                `gpt-image-2.5-flare`.
            n: How many images to make. At least 1. At most 10 for dall-e-2 and GPT image models. At most 1
                for dall-e-3. Default for dall-e-2 and dall-e-3: 1.
            size: Width and height in pixels, as WIDTHxHEIGHT, or `auto`. Such as `auto`, `1024x1024`,
                `1536x1024`, `1024x1536`, `256x256`, `512x512`, `1792x1024` or `1024x1792`. Default for
                dall-e-2 and dall-e-3: `1024x1024`.
            response_format: Whether an image comes as a link or as base64 text. GPT image models always
                answer base64. Such as `url` or `b64_json`. Not for GPT image models. Default for dall-e-2
                and dall-e-3: `url`.
            quality: How much work goes into an image. `standard` and `hd` belong to dall-e, `xhigh` and
                `max` to gpt-image-2.5 and later. Such as `auto`, `low`, `medium`, `high`, `xhigh`, `max`,
                `standard` or `hd`.
            style: Dramatic, or closer to nature. Such as `vivid` or `natural`. Only for dall-e-3.
            background: See-through, filled, or as the model sees fit. Transparency needs png or webp. Such
                as `transparent`, `opaque` or `auto`. Only for GPT image models.
            moderation: How strictly the content is filtered. Such as `low` or `auto`. Only for GPT image
                models.
            output_format: The file format of the images; png where nothing is said. Such as `png`, `jpeg`,
                `webp`, `gif` or `svg`. Only for GPT image models.
            output_compression: The compression level in percent, for jpeg and webp. At least 0. At most
                100. Only for GPT image models.
            partial_images: How many unfinished images to show in a stream. The server may send fewer; 0
                gives the finished image alone. At least 0. At most 3. Only for GPT image models.
            user: A name for your end user, which helps the provider to notice abuse. Newer servers prefer
                `safety_identifier`.
            safety_identifier: A stable name for your end user, best hashed. Wins over `user` where both
                are given.
            complexity: How detailed the image may become; the model's own choice where nothing is said.
                Such as `low`, `medium` or `high`. Only for GPT image models.
            frame_count: How many frames a gif has. At least 2. At most 16. Only for GPT image models.
            frame_duration_ms: How long each frame of a gif stays, in milliseconds. Servers round to tens.
                At least 0. At most 655350. Only for GPT image models.
            svg: How an svg is drawn; only with the output format svg. Only for GPT image models.
            extra_headers: Headers for this call; None leaves out one that the client would send.
            extra_query: Query parameters for this call.
            extra_body: Fields that the contract doesn't know, sent as they are.
            timeout: Seconds above 0 for the whole call, an upload aside, or an `httpx.Timeout` for each
                write and read; else the client's.
            max_retries: How often this call may be sent again, from 0; else as often as the client says.

        Returns:
            The images, as a sequence.

        Raises:
            InvalidRequestError: An argument breaks a rule; nothing was sent.
            APIConnectionError: There was no whole answer; `may_have_run` says whether it may be billed.
            APIStatusError: The server refused or failed.
            ResponseError: The response can't be understood; its bytes are on the error.
        """
        return self._call("createImage", locals())

    def stream_generate(
        self,
        prompt: str,
        *,
        model: ImageModel | str | None = None,
        n: int | None = None,
        size: ImageSize | str | None = None,
        response_format: ImageResponseFormat | str | None = None,
        quality: ImageQuality | str | None = None,
        style: ImageStyle | str | None = None,
        background: ImageBackground | str | None = None,
        moderation: ImageModeration | str | None = None,
        output_format: ImageOutputFormat | str | None = None,
        output_compression: int | None = None,
        partial_images: int | None = None,
        user: str | None = None,
        safety_identifier: str | None = None,
        complexity: ImageComplexity | str | None = None,
        frame_count: int | None = None,
        frame_duration_ms: int | None = None,
        svg: SvgSettingsOptions | None = None,
        extra_headers: Mapping[str, str | None] | None = None,
        extra_query: Mapping[str, Any] | None = None,
        extra_body: Mapping[str, object] | None = None,
        timeout: float | httpx.Timeout | None = None,
        max_retries: int | None = None,
    ) -> Stream:
        """Create images from a text, streamed as events.

        The images come all at once, or as events while they take shape.

        Args:
            prompt: What the image should show. At least 1 character. At most 32000 characters for GPT
                image models. At most 4000 characters for dall-e-3. At most 1000 characters for dall-e-2.
            model: The model that draws. Any id is taken, for compatible servers have their own. Default:
                `gpt-image-2.5-flare`.
            n: How many images to make. At least 1. At most 10 for dall-e-2 and GPT image models. At most 1
                for dall-e-3. Default for dall-e-2 and dall-e-3: 1.
            size: Width and height in pixels, as WIDTHxHEIGHT, or `auto`. Such as `auto`, `1024x1024`,
                `1536x1024`, `1024x1536`, `256x256`, `512x512`, `1792x1024` or `1024x1792`. Default for
                dall-e-2 and dall-e-3: `1024x1024`.
            response_format: Whether an image comes as a link or as base64 text. GPT image models always
                answer base64. Such as `url` or `b64_json`. Not for GPT image models. Default for dall-e-2
                and dall-e-3: `url`.
            quality: How much work goes into an image. `standard` and `hd` belong to dall-e, `xhigh` and
                `max` to gpt-image-2.5 and later. Such as `auto`, `low`, `medium`, `high`, `xhigh`, `max`,
                `standard` or `hd`.
            style: Dramatic, or closer to nature. Such as `vivid` or `natural`. Only for dall-e-3.
            background: See-through, filled, or as the model sees fit. Transparency needs png or webp. Such
                as `transparent`, `opaque` or `auto`. Only for GPT image models.
            moderation: How strictly the content is filtered. Such as `low` or `auto`. Only for GPT image
                models.
            output_format: The file format of the images; png where nothing is said. Such as `png`, `jpeg`,
                `webp`, `gif` or `svg`. Only for GPT image models.
            output_compression: The compression level in percent, for jpeg and webp. At least 0. At most
                100. Only for GPT image models.
            partial_images: How many unfinished images to show in a stream. The server may send fewer; 0
                gives the finished image alone. At least 0. At most 3. Only for GPT image models.
            user: A name for your end user, which helps the provider to notice abuse. Newer servers prefer
                `safety_identifier`.
            safety_identifier: A stable name for your end user, best hashed. Wins over `user` where both
                are given.
            complexity: How detailed the image may become; the model's own choice where nothing is said.
                Such as `low`, `medium` or `high`. Only for GPT image models.
            frame_count: How many frames a gif has. At least 2. At most 16. Only for GPT image models.
            frame_duration_ms: How long each frame of a gif stays, in milliseconds. Servers round to tens.
                At least 0. At most 655350. Only for GPT image models.
            svg: How an svg is drawn; only with the output format svg. Only for GPT image models.
            extra_headers: Headers for this call; None leaves out one that the client would send.
            extra_query: Query parameters for this call.
            extra_body: Fields that the contract doesn't know, sent as they are.
            timeout: Seconds above 0 for the whole call, an upload aside, or an `httpx.Timeout` for each
                write and read; else the client's.
            max_retries: How often this call may be sent again, from 0; else as often as the client says.

        Returns:
            A context manager over the events of the images' making: `PartialImage`, `CompletedImage`, or
            `StreamEvent` for what isn't known. Its `result()`, or `aresult()`, waits for the finished
            images.

        Raises:
            InvalidRequestError: An argument breaks a rule; nothing was sent. As the errors below, on
                entering.
            APIConnectionError: There was no answer; `may_have_run` says whether it may be billed.
            APIStatusError: The server refused or failed, at once or while it streamed.
            StreamInterruptedError: The stream ended before the finished image; the unfinished ones are on
                the error.
            ResponseError: The response can't be understood; its bytes are on the error.
        """
        return self._stream("createImage", locals())

    def edit(
        self,
        image: ImageInput | Sequence[ImageInput],
        prompt: str,
        *,
        mask: ImageInput | None = None,
        markup: ImageInput | None = None,
        model: ImageModel | str | None = None,
        n: int | None = None,
        size: ImageSize | str | None = None,
        response_format: ImageResponseFormat | str | None = None,
        quality: ImageEditQuality | str | None = None,
        input_fidelity: ImageInputFidelity | str | None = None,
        background: ImageBackground | str | None = None,
        output_format: ImageOutputFormat | str | None = None,
        output_compression: int | None = None,
        partial_images: int | None = None,
        user: str | None = None,
        safety_identifier: str | None = None,
        complexity: ImageComplexity | str | None = None,
        frame_count: int | None = None,
        frame_duration_ms: int | None = None,
        svg: SvgEditSettingsOptions | None = None,
        moderation: ImageModeration | str | None = None,
        extra_headers: Mapping[str, str | None] | None = None,
        extra_query: Mapping[str, Any] | None = None,
        extra_body: Mapping[str, object] | None = None,
        timeout: float | httpx.Timeout | None = None,
        max_retries: int | None = None,
    ) -> Result:
        """Edit one image, or make one out of several.

        Images go along as files (multipart), or as links and file ids (JSON).

        Args:
            image: The image to edit, or several to work from. The mask applies to the first. At least 1
                image. At most 16 images. Given as a path, bytes, a binary file, a PIL image, a `data:`
                URL, or a tuple of file name and one of these and maybe a media type. Or, all images of the
                call alike, as a link, a `data:` URL or the id of a file.
            prompt: What the image should show. At least 1 character. At most 32000 characters for GPT
                image models. At most 1000 characters for dall-e-2.
            mask: A png of the first image's size. Where it is fully transparent, the image is edited.
                Given as a path, bytes, a binary file, a PIL image, a `data:` URL, or a tuple of file name
                and one of these and maybe a media type. Or, all images of the call alike, as a link, a
                `data:` URL or the id of a file.
            markup: A transparent png of the first image's size with drawings that say what to change.
                Given as a path, bytes, a binary file, a PIL image, a `data:` URL, or a tuple of file name
                and one of these and maybe a media type. Not when images are given by reference. Only for
                gpt-image-2.5 and later.
            model: The model that draws. Any id is taken, for compatible servers have their own. Of the
                known models, not dall-e-3. Default: `gpt-image-2.5-flare`.
            n: How many images to make. At least 1. At most 10. Default for dall-e-2: 1.
            size: Width and height in pixels, as WIDTHxHEIGHT, or `auto`. Such as `auto`, `1024x1024`,
                `1536x1024`, `1024x1536`, `256x256`, `512x512`, `1792x1024` or `1024x1792`. Default for
                dall-e-2: `1024x1024`.
            response_format: Whether an image comes as a link or as base64 text. GPT image models always
                answer base64. Such as `url` or `b64_json`. Not when images are given by reference. Only
                for dall-e-2. Default for dall-e-2: `url`.
            quality: How much work goes into an image. `standard` belongs to dall-e-2, `xhigh` and `max` to
                gpt-image-2.5 and later. Such as `auto`, `low`, `medium`, `high`, `xhigh`, `max` or
                `standard`.
            input_fidelity: How closely the result keeps to the images given, faces above all. Such as
                `high` or `low`. Only for gpt-image-1.x and chatgpt-image.
            background: See-through, filled, or as the model sees fit. Transparency needs png or webp. Such
                as `transparent`, `opaque` or `auto`. Only for GPT image models.
            output_format: The file format of the images; png where nothing is said. Such as `png`, `jpeg`,
                `webp`, `gif` or `svg`. Only for GPT image models.
            output_compression: The compression level in percent, for jpeg and webp. At least 0. At most
                100. Only for GPT image models.
            partial_images: How many unfinished images to show in a stream. The server may send fewer; 0
                gives the finished image alone. At least 0. At most 3. Only for GPT image models.
            user: A name for your end user, which helps the provider to notice abuse. Newer servers prefer
                `safety_identifier`.
            safety_identifier: A stable name for your end user, best hashed. Wins over `user` where both
                are given. Not when images are given by reference.
            complexity: How detailed the image may become; the model's own choice where nothing is said.
                Such as `low`, `medium` or `high`. Not when images are given by reference. Only for GPT
                image models.
            frame_count: How many frames a gif has. At least 2. At most 16. Not when images are given by
                reference. Only for GPT image models.
            frame_duration_ms: How long each frame of a gif stays, in milliseconds. Servers round to tens.
                At least 0. At most 655350. Not when images are given by reference. Only for GPT image
                models.
            svg: How an svg is drawn; only with the output format svg. Not when images are given by
                reference. Only for GPT image models.
            moderation: How strictly the content is filtered. Such as `low` or `auto`. Only when images are
                given by reference. Only for GPT image models.
            extra_headers: Headers for this call; None leaves out one that the client would send.
            extra_query: Query parameters for this call.
            extra_body: Fields that the contract doesn't know, sent as they are.
            timeout: Seconds above 0 for the whole call, an upload aside, or an `httpx.Timeout` for each
                write and read; else the client's.
            max_retries: How often this call may be sent again, from 0; else as often as the client says.

        Returns:
            The images, as a sequence.

        Raises:
            InvalidRequestError: An argument breaks a rule; nothing was sent.
            UnreadableFileError: A file is missing or can't be read; likewise.
            APIConnectionError: There was no whole answer; `may_have_run` says whether it may be billed.
            APIStatusError: The server refused or failed.
            ResponseError: The response can't be understood; its bytes are on the error.
        """
        return self._call("createImageEdit", locals())

    def stream_edit(
        self,
        image: ImageInput | Sequence[ImageInput],
        prompt: str,
        *,
        mask: ImageInput | None = None,
        markup: ImageInput | None = None,
        model: ImageModel | str | None = None,
        n: int | None = None,
        size: ImageSize | str | None = None,
        response_format: ImageResponseFormat | str | None = None,
        quality: ImageEditQuality | str | None = None,
        input_fidelity: ImageInputFidelity | str | None = None,
        background: ImageBackground | str | None = None,
        output_format: ImageOutputFormat | str | None = None,
        output_compression: int | None = None,
        partial_images: int | None = None,
        user: str | None = None,
        safety_identifier: str | None = None,
        complexity: ImageComplexity | str | None = None,
        frame_count: int | None = None,
        frame_duration_ms: int | None = None,
        svg: SvgEditSettingsOptions | None = None,
        moderation: ImageModeration | str | None = None,
        extra_headers: Mapping[str, str | None] | None = None,
        extra_query: Mapping[str, Any] | None = None,
        extra_body: Mapping[str, object] | None = None,
        timeout: float | httpx.Timeout | None = None,
        max_retries: int | None = None,
    ) -> Stream:
        """Edit one image, or make one out of several, streamed as events.

        Images go along as files (multipart), or as links and file ids (JSON).

        Args:
            image: The image to edit, or several to work from. The mask applies to the first. At least 1
                image. At most 16 images. Given as a path, bytes, a binary file, a PIL image, a `data:`
                URL, or a tuple of file name and one of these and maybe a media type. Or, all images of the
                call alike, as a link, a `data:` URL or the id of a file.
            prompt: What the image should show. At least 1 character. At most 32000 characters for GPT
                image models. At most 1000 characters for dall-e-2.
            mask: A png of the first image's size. Where it is fully transparent, the image is edited.
                Given as a path, bytes, a binary file, a PIL image, a `data:` URL, or a tuple of file name
                and one of these and maybe a media type. Or, all images of the call alike, as a link, a
                `data:` URL or the id of a file.
            markup: A transparent png of the first image's size with drawings that say what to change.
                Given as a path, bytes, a binary file, a PIL image, a `data:` URL, or a tuple of file name
                and one of these and maybe a media type. Not when images are given by reference. Only for
                gpt-image-2.5 and later.
            model: The model that draws. Any id is taken, for compatible servers have their own. Of the
                known models, not dall-e-3. Default: `gpt-image-2.5-flare`.
            n: How many images to make. At least 1. At most 10. Default for dall-e-2: 1.
            size: Width and height in pixels, as WIDTHxHEIGHT, or `auto`. Such as `auto`, `1024x1024`,
                `1536x1024`, `1024x1536`, `256x256`, `512x512`, `1792x1024` or `1024x1792`. Default for
                dall-e-2: `1024x1024`.
            response_format: Whether an image comes as a link or as base64 text. GPT image models always
                answer base64. Such as `url` or `b64_json`. Not when images are given by reference. Only
                for dall-e-2. Default for dall-e-2: `url`.
            quality: How much work goes into an image. `standard` belongs to dall-e-2, `xhigh` and `max` to
                gpt-image-2.5 and later. Such as `auto`, `low`, `medium`, `high`, `xhigh`, `max` or
                `standard`.
            input_fidelity: How closely the result keeps to the images given, faces above all. Such as
                `high` or `low`. Only for gpt-image-1.x and chatgpt-image.
            background: See-through, filled, or as the model sees fit. Transparency needs png or webp. Such
                as `transparent`, `opaque` or `auto`. Only for GPT image models.
            output_format: The file format of the images; png where nothing is said. Such as `png`, `jpeg`,
                `webp`, `gif` or `svg`. Only for GPT image models.
            output_compression: The compression level in percent, for jpeg and webp. At least 0. At most
                100. Only for GPT image models.
            partial_images: How many unfinished images to show in a stream. The server may send fewer; 0
                gives the finished image alone. At least 0. At most 3. Only for GPT image models.
            user: A name for your end user, which helps the provider to notice abuse. Newer servers prefer
                `safety_identifier`.
            safety_identifier: A stable name for your end user, best hashed. Wins over `user` where both
                are given. Not when images are given by reference.
            complexity: How detailed the image may become; the model's own choice where nothing is said.
                Such as `low`, `medium` or `high`. Not when images are given by reference. Only for GPT
                image models.
            frame_count: How many frames a gif has. At least 2. At most 16. Not when images are given by
                reference. Only for GPT image models.
            frame_duration_ms: How long each frame of a gif stays, in milliseconds. Servers round to tens.
                At least 0. At most 655350. Not when images are given by reference. Only for GPT image
                models.
            svg: How an svg is drawn; only with the output format svg. Not when images are given by
                reference. Only for GPT image models.
            moderation: How strictly the content is filtered. Such as `low` or `auto`. Only when images are
                given by reference. Only for GPT image models.
            extra_headers: Headers for this call; None leaves out one that the client would send.
            extra_query: Query parameters for this call.
            extra_body: Fields that the contract doesn't know, sent as they are.
            timeout: Seconds above 0 for the whole call, an upload aside, or an `httpx.Timeout` for each
                write and read; else the client's.
            max_retries: How often this call may be sent again, from 0; else as often as the client says.

        Returns:
            A context manager over the events of the images' making: `PartialImage`, `CompletedImage`, or
            `StreamEvent` for what isn't known. Its `result()`, or `aresult()`, waits for the finished
            images.

        Raises:
            InvalidRequestError: An argument breaks a rule; nothing was sent. As the errors below, on
                entering.
            UnreadableFileError: A file is missing or can't be read; likewise.
            APIConnectionError: There was no answer; `may_have_run` says whether it may be billed.
            APIStatusError: The server refused or failed, at once or while it streamed.
            StreamInterruptedError: The stream ended before the finished image; the unfinished ones are on
                the error.
            ResponseError: The response can't be understood; its bytes are on the error.
        """
        return self._stream("createImageEdit", locals())

    def create_variation(
        self,
        image: ImageInput,
        *,
        model: ImageModel | str | None = None,
        n: int | None = None,
        size: ImageVariationSize | str | None = None,
        response_format: ImageResponseFormat | str | None = None,
        user: str | None = None,
        extra_headers: Mapping[str, str | None] | None = None,
        extra_query: Mapping[str, Any] | None = None,
        extra_body: Mapping[str, object] | None = None,
        timeout: float | httpx.Timeout | None = None,
        max_retries: int | None = None,
    ) -> Result:
        """Make variations of an image.

        Switched off on the official host; compatible servers still answer it.

        Args:
            image: The image to vary. Given as a path, bytes, a binary file, a PIL image, a `data:` URL, or
                a tuple of file name and one of these and maybe a media type.
            model: The model that varies. Any id is taken, for compatible servers have their own. Of the
                known models, only dall-e-2. Default: `dall-e-2`.
            n: How many images to make. At least 1. At most 10. Default for dall-e-2: 1.
            size: Width and height in pixels, as WIDTHxHEIGHT. Such as `256x256`, `512x512` or `1024x1024`.
                Default for dall-e-2: `1024x1024`.
            response_format: Whether an image comes as a link or as base64 text. GPT image models always
                answer base64. Such as `url` or `b64_json`. Default for dall-e-2: `url`.
            user: A name for your end user, which helps the provider to notice abuse. Newer servers prefer
                `safety_identifier`.
            extra_headers: Headers for this call; None leaves out one that the client would send.
            extra_query: Query parameters for this call.
            extra_body: Fields that the contract doesn't know, sent as they are.
            timeout: Seconds above 0 for the whole call, an upload aside, or an `httpx.Timeout` for each
                write and read; else the client's.
            max_retries: How often this call may be sent again, from 0; else as often as the client says.

        Returns:
            The images, as a sequence.

        Raises:
            InvalidRequestError: An argument breaks a rule; nothing was sent.
            UnreadableFileError: A file is missing or can't be read; likewise.
            APIConnectionError: There was no whole answer; `may_have_run` says whether it may be billed.
            APIStatusError: The server refused or failed.
            ResponseError: The response can't be understood; its bytes are on the error.
        """
        return self._call("createImageVariation", locals())

    def stream_variation(
        self,
        image: ImageInput,
        *,
        model: ImageModel | str | None = None,
        n: int | None = None,
        size: ImageVariationSize | str | None = None,
        response_format: ImageResponseFormat | str | None = None,
        user: str | None = None,
        extra_headers: Mapping[str, str | None] | None = None,
        extra_query: Mapping[str, Any] | None = None,
        extra_body: Mapping[str, object] | None = None,
        timeout: float | httpx.Timeout | None = None,
        max_retries: int | None = None,
    ) -> Stream:
        """Make variations of an image, streamed as events.

        Switched off on the official host; compatible servers still answer it.

        Args:
            image: The image to vary. Given as a path, bytes, a binary file, a PIL image, a `data:` URL, or
                a tuple of file name and one of these and maybe a media type.
            model: The model that varies. Any id is taken, for compatible servers have their own. Of the
                known models, only dall-e-2. Default: `dall-e-2`.
            n: How many images to make. At least 1. At most 10. Default for dall-e-2: 1.
            size: Width and height in pixels, as WIDTHxHEIGHT. Such as `256x256`, `512x512` or `1024x1024`.
                Default for dall-e-2: `1024x1024`.
            response_format: Whether an image comes as a link or as base64 text. GPT image models always
                answer base64. Such as `url` or `b64_json`. Default for dall-e-2: `url`.
            user: A name for your end user, which helps the provider to notice abuse. Newer servers prefer
                `safety_identifier`.
            extra_headers: Headers for this call; None leaves out one that the client would send.
            extra_query: Query parameters for this call.
            extra_body: Fields that the contract doesn't know, sent as they are.
            timeout: Seconds above 0 for the whole call, an upload aside, or an `httpx.Timeout` for each
                write and read; else the client's.
            max_retries: How often this call may be sent again, from 0; else as often as the client says.

        Returns:
            A context manager over the events of the images' making: `PartialImage`, `CompletedImage`, or
            `StreamEvent` for what isn't known. Its `result()`, or `aresult()`, waits for the finished
            images.

        Raises:
            InvalidRequestError: An argument breaks a rule; nothing was sent. As the errors below, on
                entering.
            UnreadableFileError: A file is missing or can't be read; likewise.
            APIConnectionError: There was no answer; `may_have_run` says whether it may be billed.
            APIStatusError: The server refused or failed, at once or while it streamed.
            StreamInterruptedError: The stream ended before the finished image; the unfinished ones are on
                the error.
            ResponseError: The response can't be understood; its bytes are on the error.
        """
        return self._stream("createImageVariation", locals())

    def _call(self, operation: str, arguments: dict[str, Any]) -> Result:
        """Make a call.

        Args:
            operation: The operation's id in the contract.
            arguments: What the method was called with, by the names in its signature, `self` included.
        """
        raise NotImplementedError

    def _stream(self, operation: str, arguments: dict[str, Any]) -> Stream:
        """Make a call whose answer is a stream of events; the arguments are those of `_call`."""
        raise NotImplementedError
