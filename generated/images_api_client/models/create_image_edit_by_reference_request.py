from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, TypeVar, cast

from attrs import define as _attrs_define
from attrs import field as _attrs_field

from ..models.image_background import ImageBackground, check_image_background
from ..models.image_input_fidelity import ImageInputFidelity, check_image_input_fidelity
from ..models.image_model import ImageModel, check_image_model
from ..models.image_moderation import ImageModeration, check_image_moderation
from ..models.image_output_format import ImageOutputFormat, check_image_output_format
from ..models.image_reference_edit_quality import ImageReferenceEditQuality, check_image_reference_edit_quality
from ..models.image_size import ImageSize, check_image_size
from ..representation import short_repr
from ..types import UNSET, Unset

if TYPE_CHECKING:
    from ..models.image_reference import ImageReference


T = TypeVar("T", bound="CreateImageEditByReferenceRequest")


@_attrs_define
class CreateImageEditByReferenceRequest:
    """What to edit, and how. Images are named by link or file id; for GPT image models."""

    images: list[ImageReference]
    """ The images to work from. The mask applies to the first. """
    prompt: str
    """ What the image should show. """
    mask: ImageReference | Unset = UNSET
    """ An image that lies elsewhere, named by one of the two. """
    model: ImageModel | None | str | Unset = "gpt-image-2.5-flare"
    """ The model that draws. Any id is taken, for compatible servers have their own. """
    n: int | None | Unset = UNSET
    """ How many images to make. """
    size: ImageSize | None | str | Unset = UNSET
    """ Width and height in pixels, as WIDTHxHEIGHT, or `auto`. """
    quality: ImageReferenceEditQuality | None | str | Unset = UNSET
    """ How much work goes into an image. `xhigh` and `max` belong to gpt-image-2.5 and later. """
    input_fidelity: ImageInputFidelity | None | str | Unset = UNSET
    """ How closely the result keeps to the images given, faces above all. """
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
    additional_properties: dict[str, Any] = _attrs_field(init=False, factory=dict)

    __repr__ = short_repr

    def to_dict(self) -> dict[str, Any]:
        images = []
        for images_item_data in self.images:
            images_item = images_item_data.to_dict()
            images.append(images_item)

        prompt = self.prompt

        mask: dict[str, Any] | Unset = UNSET
        if not isinstance(self.mask, Unset):
            mask = self.mask.to_dict()

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

        field_dict: dict[str, Any] = {}
        field_dict.update(self.additional_properties)
        field_dict.update(
            {
                "images": images,
                "prompt": prompt,
            }
        )
        if mask is not UNSET:
            field_dict["mask"] = mask
        if model is not UNSET:
            field_dict["model"] = model
        if n is not UNSET:
            field_dict["n"] = n
        if size is not UNSET:
            field_dict["size"] = size
        if quality is not UNSET:
            field_dict["quality"] = quality
        if input_fidelity is not UNSET:
            field_dict["input_fidelity"] = input_fidelity
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

        return field_dict

    @classmethod
    def from_dict(cls: type[T], src_dict: Mapping[str, Any]) -> T:
        from ..models.image_reference import ImageReference  # noqa: PLC0415

        d = dict(src_dict)
        images = []
        _images = d.pop("images")
        for images_item_data in _images:
            images_item = ImageReference.from_dict(images_item_data)

            images.append(images_item)

        prompt = d.pop("prompt")

        _mask = d.pop("mask", UNSET)
        mask: ImageReference | Unset
        if isinstance(_mask, Unset):
            mask = UNSET
        else:
            mask = ImageReference.from_dict(_mask)

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

        def _parse_quality(data: object) -> ImageReferenceEditQuality | None | str | Unset:
            if data is None:
                return data
            if isinstance(data, Unset):
                return data
            try:
                if not isinstance(data, str):
                    raise TypeError()
                quality_type_0 = check_image_reference_edit_quality(data)

                return quality_type_0
            except (TypeError, ValueError, AttributeError, KeyError):
                pass
            return cast(ImageReferenceEditQuality | None | str | Unset, data)

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

        create_image_edit_by_reference_request = cls(
            images=images,
            prompt=prompt,
            mask=mask,
            model=model,
            n=n,
            size=size,
            quality=quality,
            input_fidelity=input_fidelity,
            background=background,
            moderation=moderation,
            output_format=output_format,
            output_compression=output_compression,
            stream=stream,
            partial_images=partial_images,
            user=user,
        )

        create_image_edit_by_reference_request.additional_properties = d
        return create_image_edit_by_reference_request

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
