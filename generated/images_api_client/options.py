"""The options of each operation: what may be said of a request beside its required fields and its files.

They are dictionaries, for `**options: Unpack[...]` in a signature or for a variable that holds them.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, TypedDict

if TYPE_CHECKING:
    from .models.image_background import ImageBackground
    from .models.image_complexity import ImageComplexity
    from .models.image_edit_quality import ImageEditQuality
    from .models.image_input_fidelity import ImageInputFidelity
    from .models.image_model import ImageModel
    from .models.image_moderation import ImageModeration
    from .models.image_output_format import ImageOutputFormat
    from .models.image_quality import ImageQuality
    from .models.image_response_format import ImageResponseFormat
    from .models.image_size import ImageSize
    from .models.image_style import ImageStyle
    from .models.image_variation_size import ImageVariationSize
    from .models.reasoning_effort import ReasoningEffort

__all__ = (
    "CreateImageEditOptions",
    "CreateImageOptions",
    "CreateImageVariationOptions",
    "SvgEditReasoningOptions",
    "SvgEditSettingsOptions",
    "SvgReasoningOptions",
    "SvgSettingsOptions",
)


class CreateImageEditOptions(TypedDict, total=False):
    """Edit one picture, or make one out of several."""

    model: ImageModel | str | None
    """The model that draws. Any id is taken, for compatible servers have their own."""

    n: int | None
    """How many pictures to make. At least 1. At most 10."""

    size: ImageSize | str | None
    """Width and height in pixels, as WIDTHxHEIGHT, or `auto`."""

    response_format: ImageResponseFormat | None
    """Whether a picture comes as a link or as base64 text. GPT models always answer base64 and take no such
    field."""

    quality: ImageEditQuality | None
    """How much work goes into a picture. `standard` belongs to dall-e-2, `xhigh` and `max` to gpt-image-2.5 and
    later."""

    input_fidelity: ImageInputFidelity | None
    """How closely the result keeps to the pictures given, faces above all."""

    background: ImageBackground | None
    """See-through, filled, or as the model sees fit. Transparency needs png or webp."""

    output_format: ImageOutputFormat | None
    """The file format of the pictures; png where nothing is said."""

    output_compression: int | None
    """The compression level in percent, for jpeg and webp. At least 0. At most 100."""

    partial_images: int | None
    """How many unfinished pictures to show in a stream. The server may send fewer; 0 gives the finished picture
    alone. At least 0. At most 3."""

    user: str
    """A name for your end user, which helps the provider to notice abuse. Newer servers prefer
    `safety_identifier`."""

    safety_identifier: str | None
    """A stable name for your end user, best hashed. Wins over `user` where both are given."""

    complexity: ImageComplexity | None
    """How detailed the picture may become; the model's own choice where nothing is said."""

    frame_count: int | None
    """How many frames a gif has. At least 2. At most 16."""

    frame_duration_ms: int | None
    """How long each frame of a gif stays, in milliseconds. Servers round to tens. At least 0. At most 655350."""

    svg: SvgEditSettingsOptions | None
    """How an svg is drawn; only with the output format svg."""

    moderation: ImageModeration | None
    """How strictly the content is filtered."""


class CreateImageOptions(TypedDict, total=False):
    """Create pictures from a text."""

    model: ImageModel | str | None
    """The model that draws. Any id is taken, for compatible servers have their own."""

    n: int | None
    """How many pictures to make. At least 1. At most 10."""

    size: ImageSize | str | None
    """Width and height in pixels, as WIDTHxHEIGHT, or `auto`."""

    response_format: ImageResponseFormat | None
    """Whether a picture comes as a link or as base64 text. GPT models always answer base64 and take no such
    field."""

    quality: ImageQuality | None
    """How much work goes into a picture. `standard` and `hd` belong to dall-e, `xhigh` and `max` to gpt-image-2.5
    and later."""

    style: ImageStyle | None
    """Dramatic, or closer to nature; dall-e-3 only."""

    background: ImageBackground | None
    """See-through, filled, or as the model sees fit. Transparency needs png or webp."""

    moderation: ImageModeration | None
    """How strictly the content is filtered."""

    output_format: ImageOutputFormat | None
    """The file format of the pictures; png where nothing is said."""

    output_compression: int | None
    """The compression level in percent, for jpeg and webp. At least 0. At most 100."""

    partial_images: int | None
    """How many unfinished pictures to show in a stream. The server may send fewer; 0 gives the finished picture
    alone. At least 0. At most 3."""

    user: str
    """A name for your end user, which helps the provider to notice abuse. Newer servers prefer
    `safety_identifier`."""

    safety_identifier: str | None
    """A stable name for your end user, best hashed. Wins over `user` where both are given."""

    complexity: ImageComplexity | None
    """How detailed the picture may become; the model's own choice where nothing is said."""

    frame_count: int | None
    """How many frames a gif has. At least 2. At most 16."""

    frame_duration_ms: int | None
    """How long each frame of a gif stays, in milliseconds. Servers round to tens. At least 0. At most 655350."""

    svg: SvgSettingsOptions | None
    """How an svg is drawn; only with the output format svg."""


class CreateImageVariationOptions(TypedDict, total=False):
    """Make variations of a picture."""

    model: ImageModel | str | None
    """The model that varies. Any id is taken, for compatible servers have their own."""

    n: int | None
    """How many pictures to make. At least 1. At most 10."""

    size: ImageVariationSize | None
    """Width and height in pixels, as WIDTHxHEIGHT."""

    response_format: ImageResponseFormat | None
    """Whether a picture comes as a link or as base64 text. GPT models always answer base64 and take no such
    field."""

    user: str
    """A name for your end user, which helps the provider to notice abuse. Newer servers prefer
    `safety_identifier`."""


class SvgEditReasoningOptions(TypedDict, total=False):
    """How the svg's model thinks about an edit."""

    effort: ReasoningEffort
    """How long a model thinks before it draws."""


class SvgEditSettingsOptions(TypedDict, total=False):
    """How the svg of an edit is drawn."""

    model: str
    """The model that writes the svg."""

    reasoning: SvgEditReasoningOptions | None
    """How the svg's model thinks."""


class SvgReasoningOptions(TypedDict, total=False):
    """How the svg's model thinks."""

    effort: ReasoningEffort | None
    """How long the model thinks before it draws."""


class SvgSettingsOptions(TypedDict, total=False):
    """How an svg is drawn."""

    model: str
    """The model that writes the svg."""

    reasoning: SvgReasoningOptions | None
    """How the svg's model thinks."""
