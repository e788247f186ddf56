from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, TypeVar, cast

from attrs import define as _attrs_define
from attrs import field as _attrs_field

from ..models.image_background import ImageBackground, check_image_background
from ..models.image_complexity import ImageComplexity, check_image_complexity
from ..models.image_model import ImageModel, check_image_model
from ..models.image_moderation import ImageModeration, check_image_moderation
from ..models.image_output_format import ImageOutputFormat, check_image_output_format
from ..models.image_quality import ImageQuality, check_image_quality
from ..models.image_response_format import ImageResponseFormat, check_image_response_format
from ..models.image_size import ImageSize, check_image_size
from ..models.image_style import ImageStyle, check_image_style
from ..representation import short_repr
from ..types import UNSET, Unset

if TYPE_CHECKING:
    from ..models.svg_settings import SvgSettings


T = TypeVar("T", bound="CreateImageRequest")


@_attrs_define
class CreateImageRequest:
    """What to create, and how."""

    prompt: str
    """ What the image should show. """
    model: ImageModel | None | str | Unset = "gpt-image-2.5-flare"
    """ The model that draws. Any id is taken, for compatible servers have their own. """
    n: int | None | Unset = UNSET
    """ How many images to make. """
    size: ImageSize | None | str | Unset = UNSET
    """ Width and height in pixels, as WIDTHxHEIGHT, or `auto`. """
    response_format: ImageResponseFormat | None | str | Unset = UNSET
    """ Whether an image comes as a link or as base64 text. GPT image models always answer base64. """
    quality: ImageQuality | None | str | Unset = UNSET
    """ How much work goes into an image. `standard` and `hd` belong to dall-e, `xhigh` and `max` to gpt-image-2.5
    and later. """
    style: ImageStyle | None | str | Unset = UNSET
    """ Dramatic, or closer to nature. """
    background: ImageBackground | None | str | Unset = UNSET
    """ See-through, filled, or as the model sees fit. Transparency needs png or webp. """
    moderation: ImageModeration | None | str | Unset = UNSET
    """ How strictly the content is filtered. """
    output_format: ImageOutputFormat | None | str | Unset = UNSET
    """ The file format of the images; png where nothing is said. """
    output_compression: int | None | Unset = UNSET
    """ The compression level in percent, for jpeg and webp. """
    stream: bool | None | Unset = UNSET
    """ Whether the response is a stream of events, sent while the image takes shape. """
    partial_images: int | None | Unset = UNSET
    """ How many unfinished images to show in a stream. The server may send fewer; 0 gives the finished image alone.
    """
    user: str | Unset = UNSET
    """ A name for your end user, which helps the provider to notice abuse. Newer servers prefer
    `safety_identifier`. """
    safety_identifier: None | str | Unset = UNSET
    """ A stable name for your end user, best hashed. Wins over `user` where both are given. """
    complexity: ImageComplexity | None | str | Unset = UNSET
    """ How detailed the image may become; the model's own choice where nothing is said. """
    frame_count: int | None | Unset = UNSET
    """ How many frames a gif has. """
    frame_duration_ms: int | None | Unset = UNSET
    """ How long each frame of a gif stays, in milliseconds. Servers round to tens. """
    svg: None | SvgSettings | Unset = UNSET
    """ How an svg is drawn; only with the output format svg. """
    additional_properties: dict[str, Any] = _attrs_field(init=False, factory=dict)

    __repr__ = short_repr

    def to_dict(self) -> dict[str, Any]:
        from ..models.svg_settings import SvgSettings  # noqa: PLC0415

        prompt = self.prompt

        model: None | str | Unset
        if isinstance(self.model, Unset):
            model = UNSET
        elif isinstance(self.model, str):
            model = self.model
        else:
            model = self.model

        n: int | None | Unset
        if isinstance(self.n, Unset):
            n = UNSET
        else:
            n = self.n

        size: None | str | Unset
        if isinstance(self.size, Unset):
            size = UNSET
        elif isinstance(self.size, str):
            size = self.size
        else:
            size = self.size

        response_format: None | str | Unset
        if isinstance(self.response_format, Unset):
            response_format = UNSET
        elif isinstance(self.response_format, str):
            response_format = self.response_format
        else:
            response_format = self.response_format

        quality: None | str | Unset
        if isinstance(self.quality, Unset):
            quality = UNSET
        elif isinstance(self.quality, str):
            quality = self.quality
        else:
            quality = self.quality

        style: None | str | Unset
        if isinstance(self.style, Unset):
            style = UNSET
        elif isinstance(self.style, str):
            style = self.style
        else:
            style = self.style

        background: None | str | Unset
        if isinstance(self.background, Unset):
            background = UNSET
        elif isinstance(self.background, str):
            background = self.background
        else:
            background = self.background

        moderation: None | str | Unset
        if isinstance(self.moderation, Unset):
            moderation = UNSET
        elif isinstance(self.moderation, str):
            moderation = self.moderation
        else:
            moderation = self.moderation

        output_format: None | str | Unset
        if isinstance(self.output_format, Unset):
            output_format = UNSET
        elif isinstance(self.output_format, str):
            output_format = self.output_format
        else:
            output_format = self.output_format

        output_compression: int | None | Unset
        if isinstance(self.output_compression, Unset):
            output_compression = UNSET
        else:
            output_compression = self.output_compression

        stream: bool | None | Unset
        if isinstance(self.stream, Unset):
            stream = UNSET
        else:
            stream = self.stream

        partial_images: int | None | Unset
        if isinstance(self.partial_images, Unset):
            partial_images = UNSET
        else:
            partial_images = self.partial_images

        user = self.user

        safety_identifier: None | str | Unset
        if isinstance(self.safety_identifier, Unset):
            safety_identifier = UNSET
        else:
            safety_identifier = self.safety_identifier

        complexity: None | str | Unset
        if isinstance(self.complexity, Unset):
            complexity = UNSET
        elif isinstance(self.complexity, str):
            complexity = self.complexity
        else:
            complexity = self.complexity

        frame_count: int | None | Unset
        if isinstance(self.frame_count, Unset):
            frame_count = UNSET
        else:
            frame_count = self.frame_count

        frame_duration_ms: int | None | Unset
        if isinstance(self.frame_duration_ms, Unset):
            frame_duration_ms = UNSET
        else:
            frame_duration_ms = self.frame_duration_ms

        svg: dict[str, Any] | None | Unset
        if isinstance(self.svg, Unset):
            svg = UNSET
        elif isinstance(self.svg, SvgSettings):
            svg = self.svg.to_dict()
        else:
            svg = self.svg

        field_dict: dict[str, Any] = {}
        field_dict.update(self.additional_properties)
        field_dict.update(
            {
                "prompt": prompt,
            }
        )
        if model is not UNSET:
            field_dict["model"] = model
        if n is not UNSET:
            field_dict["n"] = n
        if size is not UNSET:
            field_dict["size"] = size
        if response_format is not UNSET:
            field_dict["response_format"] = response_format
        if quality is not UNSET:
            field_dict["quality"] = quality
        if style is not UNSET:
            field_dict["style"] = style
        if background is not UNSET:
            field_dict["background"] = background
        if moderation is not UNSET:
            field_dict["moderation"] = moderation
        if output_format is not UNSET:
            field_dict["output_format"] = output_format
        if output_compression is not UNSET:
            field_dict["output_compression"] = output_compression
        if stream is not UNSET:
            field_dict["stream"] = stream
        if partial_images is not UNSET:
            field_dict["partial_images"] = partial_images
        if user is not UNSET:
            field_dict["user"] = user
        if safety_identifier is not UNSET:
            field_dict["safety_identifier"] = safety_identifier
        if complexity is not UNSET:
            field_dict["complexity"] = complexity
        if frame_count is not UNSET:
            field_dict["frame_count"] = frame_count
        if frame_duration_ms is not UNSET:
            field_dict["frame_duration_ms"] = frame_duration_ms
        if svg is not UNSET:
            field_dict["svg"] = svg

        return field_dict

    @classmethod
    def from_dict(cls: type[T], src_dict: Mapping[str, Any]) -> T:
        from ..models.svg_settings import SvgSettings  # noqa: PLC0415

        d = dict(src_dict)
        prompt = d.pop("prompt")

        def _parse_model(data: object) -> ImageModel | None | str | Unset:
            if data is None:
                return data
            if isinstance(data, Unset):
                return data
            try:
                if not isinstance(data, str):
                    raise TypeError()
                model_type_0 = check_image_model(data)

                return model_type_0
            except (TypeError, ValueError, AttributeError, KeyError):
                pass
            return cast(ImageModel | None | str | Unset, data)

        model = _parse_model(d.pop("model", UNSET))

        def _parse_n(data: object) -> int | None | Unset:
            if data is None:
                return data
            if isinstance(data, Unset):
                return data
            return cast(int | None | Unset, data)

        n = _parse_n(d.pop("n", UNSET))

        def _parse_size(data: object) -> ImageSize | None | str | Unset:
            if data is None:
                return data
            if isinstance(data, Unset):
                return data
            try:
                if not isinstance(data, str):
                    raise TypeError()
                componentsschemas_size_type_0 = check_image_size(data)

                return componentsschemas_size_type_0
            except (TypeError, ValueError, AttributeError, KeyError):
                pass
            return cast(ImageSize | None | str | Unset, data)

        size = _parse_size(d.pop("size", UNSET))

        def _parse_response_format(data: object) -> ImageResponseFormat | None | str | Unset:
            if data is None:
                return data
            if isinstance(data, Unset):
                return data
            try:
                if not isinstance(data, str):
                    raise TypeError()
                componentsschemas_response_format_type_0 = check_image_response_format(data)

                return componentsschemas_response_format_type_0
            except (TypeError, ValueError, AttributeError, KeyError):
                pass
            return cast(ImageResponseFormat | None | str | Unset, data)

        response_format = _parse_response_format(d.pop("response_format", UNSET))

        def _parse_quality(data: object) -> ImageQuality | None | str | Unset:
            if data is None:
                return data
            if isinstance(data, Unset):
                return data
            try:
                if not isinstance(data, str):
                    raise TypeError()
                quality_type_0 = check_image_quality(data)

                return quality_type_0
            except (TypeError, ValueError, AttributeError, KeyError):
                pass
            return cast(ImageQuality | None | str | Unset, data)

        quality = _parse_quality(d.pop("quality", UNSET))

        def _parse_style(data: object) -> ImageStyle | None | str | Unset:
            if data is None:
                return data
            if isinstance(data, Unset):
                return data
            try:
                if not isinstance(data, str):
                    raise TypeError()
                style_type_0 = check_image_style(data)

                return style_type_0
            except (TypeError, ValueError, AttributeError, KeyError):
                pass
            return cast(ImageStyle | None | str | Unset, data)

        style = _parse_style(d.pop("style", UNSET))

        def _parse_background(data: object) -> ImageBackground | None | str | Unset:
            if data is None:
                return data
            if isinstance(data, Unset):
                return data
            try:
                if not isinstance(data, str):
                    raise TypeError()
                componentsschemas_background_type_0 = check_image_background(data)

                return componentsschemas_background_type_0
            except (TypeError, ValueError, AttributeError, KeyError):
                pass
            return cast(ImageBackground | None | str | Unset, data)

        background = _parse_background(d.pop("background", UNSET))

        def _parse_moderation(data: object) -> ImageModeration | None | str | Unset:
            if data is None:
                return data
            if isinstance(data, Unset):
                return data
            try:
                if not isinstance(data, str):
                    raise TypeError()
                componentsschemas_moderation_type_0 = check_image_moderation(data)

                return componentsschemas_moderation_type_0
            except (TypeError, ValueError, AttributeError, KeyError):
                pass
            return cast(ImageModeration | None | str | Unset, data)

        moderation = _parse_moderation(d.pop("moderation", UNSET))

        def _parse_output_format(data: object) -> ImageOutputFormat | None | str | Unset:
            if data is None:
                return data
            if isinstance(data, Unset):
                return data
            try:
                if not isinstance(data, str):
                    raise TypeError()
                componentsschemas_output_format_type_0 = check_image_output_format(data)

                return componentsschemas_output_format_type_0
            except (TypeError, ValueError, AttributeError, KeyError):
                pass
            return cast(ImageOutputFormat | None | str | Unset, data)

        output_format = _parse_output_format(d.pop("output_format", UNSET))

        def _parse_output_compression(data: object) -> int | None | Unset:
            if data is None:
                return data
            if isinstance(data, Unset):
                return data
            return cast(int | None | Unset, data)

        output_compression = _parse_output_compression(d.pop("output_compression", UNSET))

        def _parse_stream(data: object) -> bool | None | Unset:
            if data is None:
                return data
            if isinstance(data, Unset):
                return data
            return cast(bool | None | Unset, data)

        stream = _parse_stream(d.pop("stream", UNSET))

        def _parse_partial_images(data: object) -> int | None | Unset:
            if data is None:
                return data
            if isinstance(data, Unset):
                return data
            return cast(int | None | Unset, data)

        partial_images = _parse_partial_images(d.pop("partial_images", UNSET))

        user = d.pop("user", UNSET)

        def _parse_safety_identifier(data: object) -> None | str | Unset:
            if data is None:
                return data
            if isinstance(data, Unset):
                return data
            return cast(None | str | Unset, data)

        safety_identifier = _parse_safety_identifier(d.pop("safety_identifier", UNSET))

        def _parse_complexity(data: object) -> ImageComplexity | None | str | Unset:
            if data is None:
                return data
            if isinstance(data, Unset):
                return data
            try:
                if not isinstance(data, str):
                    raise TypeError()
                componentsschemas_complexity_type_0 = check_image_complexity(data)

                return componentsschemas_complexity_type_0
            except (TypeError, ValueError, AttributeError, KeyError):
                pass
            return cast(ImageComplexity | None | str | Unset, data)

        complexity = _parse_complexity(d.pop("complexity", UNSET))

        def _parse_frame_count(data: object) -> int | None | Unset:
            if data is None:
                return data
            if isinstance(data, Unset):
                return data
            return cast(int | None | Unset, data)

        frame_count = _parse_frame_count(d.pop("frame_count", UNSET))

        def _parse_frame_duration_ms(data: object) -> int | None | Unset:
            if data is None:
                return data
            if isinstance(data, Unset):
                return data
            return cast(int | None | Unset, data)

        frame_duration_ms = _parse_frame_duration_ms(d.pop("frame_duration_ms", UNSET))

        def _parse_svg(data: object) -> None | SvgSettings | Unset:
            if data is None:
                return data
            if isinstance(data, Unset):
                return data
            try:
                if not isinstance(data, dict):
                    raise TypeError()
                svg_type_0 = SvgSettings.from_dict(data)

                return svg_type_0
            except (TypeError, ValueError, AttributeError, KeyError):
                pass
            return cast(None | SvgSettings | Unset, data)

        svg = _parse_svg(d.pop("svg", UNSET))

        create_image_request = cls(
            prompt=prompt,
            model=model,
            n=n,
            size=size,
            response_format=response_format,
            quality=quality,
            style=style,
            background=background,
            moderation=moderation,
            output_format=output_format,
            output_compression=output_compression,
            stream=stream,
            partial_images=partial_images,
            user=user,
            safety_identifier=safety_identifier,
            complexity=complexity,
            frame_count=frame_count,
            frame_duration_ms=frame_duration_ms,
            svg=svg,
        )

        create_image_request.additional_properties = d
        return create_image_request

    @property
    def additional_keys(self) -> list[str]:
        return list(self.additional_properties.keys())

    def __getitem__(self, key: str) -> Any:
        return self.additional_properties[key]

    def __setitem__(self, key: str, value: Any) -> None:
        self.additional_properties[key] = value

    def __delitem__(self, key: str) -> None:
        del self.additional_properties[key]

    def __contains__(self, key: str) -> bool:
        return key in self.additional_properties
