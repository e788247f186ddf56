from __future__ import annotations

from collections.abc import Mapping
from io import BytesIO
from typing import TYPE_CHECKING, Any, TypeVar, cast

from attrs import define as _attrs_define
from attrs import field as _attrs_field

from .. import types
from ..forms import form_parts
from ..models.image_background import ImageBackground, check_image_background
from ..models.image_complexity import ImageComplexity, check_image_complexity
from ..models.image_edit_quality import ImageEditQuality, check_image_edit_quality
from ..models.image_input_fidelity import ImageInputFidelity, check_image_input_fidelity
from ..models.image_model import ImageModel, check_image_model
from ..models.image_output_format import ImageOutputFormat, check_image_output_format
from ..models.image_response_format import ImageResponseFormat, check_image_response_format
from ..models.image_size import ImageSize, check_image_size
from ..representation import short_repr
from ..types import UNSET, File, FileTypes, Unset

if TYPE_CHECKING:
    from ..models.svg_edit_settings import SvgEditSettings


T = TypeVar("T", bound="CreateImageEditRequest")


@_attrs_define
class CreateImageEditRequest:
    """What to edit, and how. Images go along as files."""

    image: File | list[File]
    """ The image to edit, or several to work from. The mask applies to the first. """
    prompt: str
    """ What the image should show. """
    mask: File | Unset = UNSET
    """ A png of the first image's size. Where it is fully transparent, the image is edited. """
    markup: File | Unset = UNSET
    """ A transparent png of the first image's size with drawings that say what to change. """
    model: ImageModel | None | str | Unset = "gpt-image-2.5-flare"
    """ The model that draws. Any id is taken, for compatible servers have their own. """
    n: int | None | Unset = UNSET
    """ How many images to make. """
    size: ImageSize | None | str | Unset = UNSET
    """ Width and height in pixels, as WIDTHxHEIGHT, or `auto`. """
    response_format: ImageResponseFormat | None | str | Unset = UNSET
    """ Whether an image comes as a link or as base64 text. GPT image models always answer base64. """
    quality: ImageEditQuality | None | str | Unset = UNSET
    """ How much work goes into an image. `standard` belongs to dall-e-2, `xhigh` and `max` to gpt-image-2.5 and
    later. """
    input_fidelity: ImageInputFidelity | None | str | Unset = UNSET
    """ How closely the result keeps to the images given, faces above all. """
    background: ImageBackground | None | str | Unset = UNSET
    """ See-through, filled, or as the model sees fit. Transparency needs png or webp. """
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
    svg: None | SvgEditSettings | Unset = UNSET
    """ How an svg is drawn; only with the output format svg. """
    additional_properties: dict[str, Any] = _attrs_field(init=False, factory=dict)

    __repr__ = short_repr

    def to_dict(self) -> dict[str, Any]:
        from ..models.svg_edit_settings import SvgEditSettings  # noqa: PLC0415

        image: FileTypes | list[FileTypes]
        if isinstance(self.image, File):
            image = self.image.to_tuple()

        else:
            image = []
            for image_type_1_item_data in self.image:
                image_type_1_item = image_type_1_item_data.to_tuple()

                image.append(image_type_1_item)

        prompt = self.prompt

        mask: FileTypes | Unset = UNSET
        if not isinstance(self.mask, Unset):
            mask = self.mask.to_tuple()

        markup: FileTypes | Unset = UNSET
        if not isinstance(self.markup, Unset):
            markup = self.markup.to_tuple()

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

        input_fidelity: None | str | Unset
        if isinstance(self.input_fidelity, Unset):
            input_fidelity = UNSET
        elif isinstance(self.input_fidelity, str):
            input_fidelity = self.input_fidelity
        else:
            input_fidelity = self.input_fidelity

        background: None | str | Unset
        if isinstance(self.background, Unset):
            background = UNSET
        elif isinstance(self.background, str):
            background = self.background
        else:
            background = self.background

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
        elif isinstance(self.svg, SvgEditSettings):
            svg = self.svg.to_dict()
        else:
            svg = self.svg

        field_dict: dict[str, Any] = {}
        field_dict.update(self.additional_properties)
        field_dict.update(
            {
                "image": image,
                "prompt": prompt,
            }
        )
        if mask is not UNSET:
            field_dict["mask"] = mask
        if markup is not UNSET:
            field_dict["markup"] = markup
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
        if input_fidelity is not UNSET:
            field_dict["input_fidelity"] = input_fidelity
        if background is not UNSET:
            field_dict["background"] = background
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

    def to_multipart(self) -> types.RequestFiles:
        return form_parts(
            {
                "image": self.image,
                "prompt": self.prompt,
                "mask": self.mask,
                "markup": self.markup,
                "model": self.model,
                "n": self.n,
                "size": self.size,
                "response_format": self.response_format,
                "quality": self.quality,
                "input_fidelity": self.input_fidelity,
                "background": self.background,
                "output_format": self.output_format,
                "output_compression": self.output_compression,
                "stream": self.stream,
                "partial_images": self.partial_images,
                "user": self.user,
                "safety_identifier": self.safety_identifier,
                "complexity": self.complexity,
                "frame_count": self.frame_count,
                "frame_duration_ms": self.frame_duration_ms,
                "svg": self.svg,
                **self.additional_properties,
            },
            files=(
                "image",
                "mask",
                "markup",
            ),
        )

    @classmethod
    def from_dict(cls: type[T], src_dict: Mapping[str, Any]) -> T:
        from ..models.svg_edit_settings import SvgEditSettings  # noqa: PLC0415

        d = dict(src_dict)

        def _parse_image(data: object) -> File | list[File]:
            try:
                if not isinstance(data, bytes):
                    raise TypeError()
                image_type_0 = File(payload=BytesIO(data))

                return image_type_0
            except (TypeError, ValueError, AttributeError, KeyError):
                pass
            if not isinstance(data, list):
                raise TypeError()
            image_type_1 = []
            _image_type_1 = data
            for image_type_1_item_data in _image_type_1:
                image_type_1_item = File(payload=BytesIO(image_type_1_item_data))

                image_type_1.append(image_type_1_item)

            return image_type_1

        image = _parse_image(d.pop("image"))

        prompt = d.pop("prompt")

        _mask = d.pop("mask", UNSET)
        mask: File | Unset
        if isinstance(_mask, Unset):
            mask = UNSET
        else:
            mask = File(payload=BytesIO(_mask))

        _markup = d.pop("markup", UNSET)
        markup: File | Unset
        if isinstance(_markup, Unset):
            markup = UNSET
        else:
            markup = File(payload=BytesIO(_markup))

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

        def _parse_quality(data: object) -> ImageEditQuality | None | str | Unset:
            if data is None:
                return data
            if isinstance(data, Unset):
                return data
            try:
                if not isinstance(data, str):
                    raise TypeError()
                quality_type_0 = check_image_edit_quality(data)

                return quality_type_0
            except (TypeError, ValueError, AttributeError, KeyError):
                pass
            return cast(ImageEditQuality | None | str | Unset, data)

        quality = _parse_quality(d.pop("quality", UNSET))

        def _parse_input_fidelity(data: object) -> ImageInputFidelity | None | str | Unset:
            if data is None:
                return data
            if isinstance(data, Unset):
                return data
            try:
                if not isinstance(data, str):
                    raise TypeError()
                componentsschemas_input_fidelity_type_0 = check_image_input_fidelity(data)

                return componentsschemas_input_fidelity_type_0
            except (TypeError, ValueError, AttributeError, KeyError):
                pass
            return cast(ImageInputFidelity | None | str | Unset, data)

        input_fidelity = _parse_input_fidelity(d.pop("input_fidelity", UNSET))

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

        def _parse_svg(data: object) -> None | SvgEditSettings | Unset:
            if data is None:
                return data
            if isinstance(data, Unset):
                return data
            try:
                if not isinstance(data, dict):
                    raise TypeError()
                svg_type_0 = SvgEditSettings.from_dict(data)

                return svg_type_0
            except (TypeError, ValueError, AttributeError, KeyError):
                pass
            return cast(None | SvgEditSettings | Unset, data)

        svg = _parse_svg(d.pop("svg", UNSET))

        create_image_edit_request = cls(
            image=image,
            prompt=prompt,
            mask=mask,
            markup=markup,
            model=model,
            n=n,
            size=size,
            response_format=response_format,
            quality=quality,
            input_fidelity=input_fidelity,
            background=background,
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

        create_image_edit_request.additional_properties = d
        return create_image_edit_request

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
