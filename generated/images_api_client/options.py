"""The choices that the contract names, and the options of each operation as TypedDicts.

They are dictionaries, for `**options: Unpack[...]` in a signature or for a variable that holds them; None is what was not
said.
"""

from __future__ import annotations

from typing import Literal, TypeAlias, TypedDict

__all__ = (
    "CreateImageEditOptions",
    "CreateImageOptions",
    "CreateImageVariationOptions",
    "ImageBackground",
    "ImageComplexity",
    "ImageEditQuality",
    "ImageInputFidelity",
    "ImageModel",
    "ImageModeration",
    "ImageOptions",
    "ImageOutputFormat",
    "ImageQuality",
    "ImageReferenceEditQuality",
    "ImageResponseFormat",
    "ImageSize",
    "ImageStyle",
    "ImageVariationSize",
    "ReasoningEffort",
    "SvgEditReasoningOptions",
    "SvgEditSettingsOptions",
    "SvgReasoningOptions",
    "SvgSettingsOptions",
)

ImageBackground: TypeAlias = Literal["transparent", "opaque", "auto"]
"""The backgrounds there are."""

ImageComplexity: TypeAlias = Literal["low", "medium", "high"]
"""The levels of detail."""

ImageEditQuality: TypeAlias = Literal["auto", "low", "medium", "high", "xhigh", "max", "standard"]
"""The qualities of edited images."""

ImageInputFidelity: TypeAlias = Literal["high", "low"]
"""The levels of fidelity."""

ImageModel: TypeAlias = Literal[
    "gpt-image-2.6-sunburst",
    "gpt-image-2.6-flare",
    "gpt-image-2.5-sunburst",
    "gpt-image-2.5-sunburst-2026-09-08",
    "gpt-image-2.5-flare",
    "gpt-image-2.5-flare-2026-09-08",
    "gpt-image-2",
    "gpt-image-2-2026-04-21",
    "gpt-image-1.5",
    "gpt-image-1-mini",
    "gpt-image-1",
    "chatgpt-image-latest",
    "dall-e-3",
    "dall-e-2",
]
"""The model ids that are known. The field itself takes any other as well."""

ImageModeration: TypeAlias = Literal["low", "auto"]
"""The levels of moderation."""

ImageOutputFormat: TypeAlias = Literal["png", "jpeg", "webp", "gif", "svg"]
"""The file formats there are."""

ImageQuality: TypeAlias = Literal["auto", "low", "medium", "high", "xhigh", "max", "standard", "hd"]
"""The qualities of created images."""

ImageReferenceEditQuality: TypeAlias = Literal["auto", "low", "medium", "high", "xhigh", "max"]
"""The qualities of images that are edited by reference."""

ImageResponseFormat: TypeAlias = Literal["url", "b64_json"]
"""The ways in which an image can come."""

ImageSize: TypeAlias = Literal[
    "auto", "1024x1024", "1536x1024", "1024x1536", "256x256", "512x512", "1792x1024", "1024x1792"
]
"""The sizes that have a name or were fixed for a model. Newer models take any WIDTHxHEIGHT within their
bounds."""

ImageStyle: TypeAlias = Literal["vivid", "natural"]
"""The styles of dall-e-3."""

ImageVariationSize: TypeAlias = Literal["256x256", "512x512", "1024x1024"]
"""The sizes a variation comes in."""

ReasoningEffort: TypeAlias = Literal["none", "minimal", "low", "medium", "high", "xhigh", "max"]
"""How long a model thinks before it draws."""


class CreateImageEditOptions(TypedDict, total=False):
    """Edit one image, or make one out of several."""

    model: ImageModel | str | None
    """The model that draws. Any id is taken, for compatible servers have their own. Of the known models, not
    dall-e-3. Default: `gpt-image-2.5-flare`."""

    n: int | None
    """How many images to make. At least 1. At most 10. Default for dall-e-2: 1."""

    size: ImageSize | str | None
    """Width and height in pixels, as WIDTHxHEIGHT, or `auto`. Such as `auto`, `1024x1024`, `1536x1024`,
    `1024x1536`, `256x256`, `512x512`, `1792x1024` or `1024x1792`. Default for dall-e-2: `1024x1024`."""

    response_format: ImageResponseFormat | str | None
    """Whether an image comes as a link or as base64 text. GPT image models always answer base64. Such as
    `url` or `b64_json`. Not when images are given by reference. Only for dall-e-2. Default for dall-e-2:
    `url`."""

    quality: ImageEditQuality | str | None
    """How much work goes into an image. `standard` belongs to dall-e-2, `xhigh` and `max` to gpt-image-2.5
    and later. Such as `auto`, `low`, `medium`, `high`, `xhigh`, `max` or `standard`."""

    input_fidelity: ImageInputFidelity | str | None
    """How closely the result keeps to the images given, faces above all. Such as `high` or `low`. Only for
    gpt-image-1.x and chatgpt-image."""

    background: ImageBackground | str | None
    """See-through, filled, or as the model sees fit. Transparency needs png or webp. Such as `transparent`,
    `opaque` or `auto`. Only for GPT image models."""

    output_format: ImageOutputFormat | str | None
    """The file format of the images; png where nothing is said. Such as `png`, `jpeg`, `webp`, `gif` or
    `svg`. Only for GPT image models."""

    output_compression: int | None
    """The compression level in percent, for jpeg and webp. At least 0. At most 100. Only for GPT image
    models."""

    partial_images: int | None
    """How many unfinished images to show in a stream. The server may send fewer; 0 gives the finished image
    alone. At least 0. At most 3. Only for GPT image models."""

    user: str | None
    """A name for your end user, which helps the provider to notice abuse. Newer servers prefer
    `safety_identifier`."""

    safety_identifier: str | None
    """A stable name for your end user, best hashed. Wins over `user` where both are given. Not when images
    are given by reference."""

    complexity: ImageComplexity | str | None
    """How detailed the image may become; the model's own choice where nothing is said. Such as `low`,
    `medium` or `high`. Not when images are given by reference. Only for GPT image models."""

    frame_count: int | None
    """How many frames a gif has. At least 2. At most 16. Not when images are given by reference. Only for GPT
    image models."""

    frame_duration_ms: int | None
    """How long each frame of a gif stays, in milliseconds. Servers round to tens. At least 0. At most 655350.
    Not when images are given by reference. Only for GPT image models."""

    svg: SvgEditSettingsOptions | None
    """How an svg is drawn; only with the output format svg. Not when images are given by reference. Only for
    GPT image models."""

    moderation: ImageModeration | str | None
    """How strictly the content is filtered. Such as `low` or `auto`. Only when images are given by reference.
    Only for GPT image models."""


class CreateImageOptions(TypedDict, total=False):
    """Create images from a text."""

    model: ImageModel | str | None
    """The model that draws. Any id is taken, for compatible servers have their own. Default:
    `gpt-image-2.5-flare`."""

    n: int | None
    """How many images to make. At least 1. At most 10 for dall-e-2 and GPT image models. At most 1 for
    dall-e-3. Default for dall-e-2 and dall-e-3: 1."""

    size: ImageSize | str | None
    """Width and height in pixels, as WIDTHxHEIGHT, or `auto`. Such as `auto`, `1024x1024`, `1536x1024`,
    `1024x1536`, `256x256`, `512x512`, `1792x1024` or `1024x1792`. Default for dall-e-2 and dall-e-3:
    `1024x1024`."""

    response_format: ImageResponseFormat | str | None
    """Whether an image comes as a link or as base64 text. GPT image models always answer base64. Such as
    `url` or `b64_json`. Not for GPT image models. Default for dall-e-2 and dall-e-3: `url`."""

    quality: ImageQuality | str | None
    """How much work goes into an image. `standard` and `hd` belong to dall-e, `xhigh` and `max` to
    gpt-image-2.5 and later. Such as `auto`, `low`, `medium`, `high`, `xhigh`, `max`, `standard` or `hd`."""

    style: ImageStyle | str | None
    """Dramatic, or closer to nature. Such as `vivid` or `natural`. Only for dall-e-3."""

    background: ImageBackground | str | None
    """See-through, filled, or as the model sees fit. Transparency needs png or webp. Such as `transparent`,
    `opaque` or `auto`. Only for GPT image models."""

    moderation: ImageModeration | str | None
    """How strictly the content is filtered. Such as `low` or `auto`. Only for GPT image models."""

    output_format: ImageOutputFormat | str | None
    """The file format of the images; png where nothing is said. Such as `png`, `jpeg`, `webp`, `gif` or
    `svg`. Only for GPT image models."""

    output_compression: int | None
    """The compression level in percent, for jpeg and webp. At least 0. At most 100. Only for GPT image
    models."""

    partial_images: int | None
    """How many unfinished images to show in a stream. The server may send fewer; 0 gives the finished image
    alone. At least 0. At most 3. Only for GPT image models."""

    user: str | None
    """A name for your end user, which helps the provider to notice abuse. Newer servers prefer
    `safety_identifier`."""

    safety_identifier: str | None
    """A stable name for your end user, best hashed. Wins over `user` where both are given."""

    complexity: ImageComplexity | str | None
    """How detailed the image may become; the model's own choice where nothing is said. Such as `low`,
    `medium` or `high`. Only for GPT image models."""

    frame_count: int | None
    """How many frames a gif has. At least 2. At most 16. Only for GPT image models."""

    frame_duration_ms: int | None
    """How long each frame of a gif stays, in milliseconds. Servers round to tens. At least 0. At most 655350.
    Only for GPT image models."""

    svg: SvgSettingsOptions | None
    """How an svg is drawn; only with the output format svg. Only for GPT image models."""


class CreateImageVariationOptions(TypedDict, total=False):
    """Make variations of an image."""

    model: ImageModel | str | None
    """The model that varies. Any id is taken, for compatible servers have their own. Of the known models,
    only dall-e-2. Default: `dall-e-2`."""

    n: int | None
    """How many images to make. At least 1. At most 10. Default for dall-e-2: 1."""

    size: ImageVariationSize | str | None
    """Width and height in pixels, as WIDTHxHEIGHT. Such as `256x256`, `512x512` or `1024x1024`. Default for
    dall-e-2: `1024x1024`."""

    response_format: ImageResponseFormat | str | None
    """Whether an image comes as a link or as base64 text. GPT image models always answer base64. Such as
    `url` or `b64_json`. Default for dall-e-2: `url`."""

    user: str | None
    """A name for your end user, which helps the provider to notice abuse. Newer servers prefer
    `safety_identifier`."""


class ImageOptions(TypedDict, total=False):
    """All options of all operations, such as a client's defaults for all its calls."""

    model: ImageModel | str | None
    """The model that draws. Any id is taken, for compatible servers have their own."""

    n: int | None
    """How many images to make. At least 1."""

    size: ImageSize | str | None
    """Width and height in pixels, as WIDTHxHEIGHT, or `auto`."""

    response_format: ImageResponseFormat | str | None
    """Whether an image comes as a link or as base64 text. GPT image models always answer base64."""

    quality: ImageQuality | str | None
    """How much work goes into an image. `standard` and `hd` belong to dall-e, `xhigh` and `max` to
    gpt-image-2.5 and later."""

    style: ImageStyle | str | None
    """Dramatic, or closer to nature."""

    background: ImageBackground | str | None
    """See-through, filled, or as the model sees fit. Transparency needs png or webp."""

    moderation: ImageModeration | str | None
    """How strictly the content is filtered."""

    output_format: ImageOutputFormat | str | None
    """The file format of the images; png where nothing is said."""

    output_compression: int | None
    """The compression level in percent, for jpeg and webp."""

    partial_images: int | None
    """How many unfinished images to show in a stream. The server may send fewer; 0 gives the finished image
    alone."""

    user: str | None
    """A name for your end user, which helps the provider to notice abuse. Newer servers prefer
    `safety_identifier`."""

    safety_identifier: str | None
    """A stable name for your end user, best hashed. Wins over `user` where both are given."""

    complexity: ImageComplexity | str | None
    """How detailed the image may become; the model's own choice where nothing is said."""

    frame_count: int | None
    """How many frames a gif has."""

    frame_duration_ms: int | None
    """How long each frame of a gif stays, in milliseconds. Servers round to tens."""

    svg: SvgSettingsOptions | SvgEditSettingsOptions | None
    """How an svg is drawn; only with the output format svg."""

    input_fidelity: ImageInputFidelity | str | None
    """How closely the result keeps to the images given, faces above all."""


class SvgEditReasoningOptions(TypedDict, total=False):
    """How the svg's model thinks about an edit."""

    effort: ReasoningEffort | str | None
    """How long the model thinks before it draws."""


class SvgEditSettingsOptions(TypedDict, total=False):
    """How the svg of an edit is drawn."""

    model: str | None
    """The model that writes the svg."""

    reasoning: SvgEditReasoningOptions | None
    """How the svg's model thinks."""


class SvgReasoningOptions(TypedDict, total=False):
    """How the svg's model thinks."""

    effort: ReasoningEffort | str | None
    """How long the model thinks before it draws."""


class SvgSettingsOptions(TypedDict, total=False):
    """How an svg is drawn."""

    model: str | None
    """The model that writes the svg."""

    reasoning: SvgReasoningOptions | None
    """How the svg's model thinks."""
