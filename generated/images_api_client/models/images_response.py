from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, TypeVar, cast

from attrs import define as _attrs_define
from attrs import field as _attrs_field

from ..representation import short_repr
from ..types import UNSET, Unset

if TYPE_CHECKING:
    from ..models.image import Image
    from ..models.image_usage import ImageUsage
    from ..models.svg_usage import SvgUsage


T = TypeVar("T", bound="ImagesResponse")


@_attrs_define
class ImagesResponse:
    """The images, and what the server says of them. Only `data` matters; all else may be missing."""

    created: int | None | Unset = UNSET
    """ When the images were made, in seconds since 1970. """
    data: list[Image] | None | Unset = UNSET
    """ The images. """
    background: None | str | Unset = UNSET
    """ The background that was used, `transparent` or `opaque`. """
    output_format: None | str | Unset = UNSET
    """ The file format of the images. """
    quality: None | str | Unset = UNSET
    """ The quality that was used. """
    size: None | str | Unset = UNSET
    """ Width and height of the images, as WIDTHxHEIGHT. """
    safety_identifier: None | str | Unset = UNSET
    """ The end user's name, as it was given. """
    usage: ImageUsage | None | Unset = UNSET
    """ What the call used, in tokens. """
    svg_usage: None | SvgUsage | Unset = UNSET
    """ What the model that wrote the svg used, in tokens. """
    additional_properties: dict[str, Any] = _attrs_field(init=False, factory=dict)

    __repr__ = short_repr

    def to_dict(self) -> dict[str, Any]:
        from ..models.image_usage import ImageUsage  # noqa: PLC0415
        from ..models.svg_usage import SvgUsage  # noqa: PLC0415

        created: int | None | Unset
        if isinstance(self.created, Unset):
            created = UNSET
        else:
            created = self.created

        data: list[dict[str, Any]] | None | Unset
        if isinstance(self.data, Unset):
            data = UNSET
        elif isinstance(self.data, list):
            data = []
            for data_type_0_item_data in self.data:
                data_type_0_item = data_type_0_item_data.to_dict()
                data.append(data_type_0_item)

        else:
            data = self.data

        background: None | str | Unset
        if isinstance(self.background, Unset):
            background = UNSET
        else:
            background = self.background

        output_format: None | str | Unset
        if isinstance(self.output_format, Unset):
            output_format = UNSET
        else:
            output_format = self.output_format

        quality: None | str | Unset
        if isinstance(self.quality, Unset):
            quality = UNSET
        else:
            quality = self.quality

        size: None | str | Unset
        if isinstance(self.size, Unset):
            size = UNSET
        else:
            size = self.size

        safety_identifier: None | str | Unset
        if isinstance(self.safety_identifier, Unset):
            safety_identifier = UNSET
        else:
            safety_identifier = self.safety_identifier

        usage: dict[str, Any] | None | Unset
        if isinstance(self.usage, Unset):
            usage = UNSET
        elif isinstance(self.usage, ImageUsage):
            usage = self.usage.to_dict()
        else:
            usage = self.usage

        svg_usage: dict[str, Any] | None | Unset
        if isinstance(self.svg_usage, Unset):
            svg_usage = UNSET
        elif isinstance(self.svg_usage, SvgUsage):
            svg_usage = self.svg_usage.to_dict()
        else:
            svg_usage = self.svg_usage

        field_dict: dict[str, Any] = {}
        field_dict.update(self.additional_properties)
        field_dict.update({})
        if created is not UNSET:
            field_dict["created"] = created
        if data is not UNSET:
            field_dict["data"] = data
        if background is not UNSET:
            field_dict["background"] = background
        if output_format is not UNSET:
            field_dict["output_format"] = output_format
        if quality is not UNSET:
            field_dict["quality"] = quality
        if size is not UNSET:
            field_dict["size"] = size
        if safety_identifier is not UNSET:
            field_dict["safety_identifier"] = safety_identifier
        if usage is not UNSET:
            field_dict["usage"] = usage
        if svg_usage is not UNSET:
            field_dict["svg_usage"] = svg_usage

        return field_dict

    @classmethod
    def from_dict(cls: type[T], src_dict: Mapping[str, Any]) -> T:
        from ..models.image import Image  # noqa: PLC0415
        from ..models.image_usage import ImageUsage  # noqa: PLC0415
        from ..models.svg_usage import SvgUsage  # noqa: PLC0415

        d = dict(src_dict)

        def _parse_created(data: object) -> int | None | Unset:
            if data is None:
                return data
            if isinstance(data, Unset):
                return data
            return cast(int | None | Unset, data)

        created = _parse_created(d.pop("created", UNSET))

        def _parse_data(data: object) -> list[Image] | None | Unset:
            if data is None:
                return data
            if isinstance(data, Unset):
                return data
            try:
                if not isinstance(data, list):
                    raise TypeError()
                data_type_0 = []
                _data_type_0 = data
                for data_type_0_item_data in _data_type_0:
                    data_type_0_item = Image.from_dict(data_type_0_item_data)

                    data_type_0.append(data_type_0_item)

                return data_type_0
            except (TypeError, ValueError, AttributeError, KeyError):
                pass
            return cast(list[Image] | None | Unset, data)

        data = _parse_data(d.pop("data", UNSET))

        def _parse_background(data: object) -> None | str | Unset:
            if data is None:
                return data
            if isinstance(data, Unset):
                return data
            return cast(None | str | Unset, data)

        background = _parse_background(d.pop("background", UNSET))

        def _parse_output_format(data: object) -> None | str | Unset:
            if data is None:
                return data
            if isinstance(data, Unset):
                return data
            return cast(None | str | Unset, data)

        output_format = _parse_output_format(d.pop("output_format", UNSET))

        def _parse_quality(data: object) -> None | str | Unset:
            if data is None:
                return data
            if isinstance(data, Unset):
                return data
            return cast(None | str | Unset, data)

        quality = _parse_quality(d.pop("quality", UNSET))

        def _parse_size(data: object) -> None | str | Unset:
            if data is None:
                return data
            if isinstance(data, Unset):
                return data
            return cast(None | str | Unset, data)

        size = _parse_size(d.pop("size", UNSET))

        def _parse_safety_identifier(data: object) -> None | str | Unset:
            if data is None:
                return data
            if isinstance(data, Unset):
                return data
            return cast(None | str | Unset, data)

        safety_identifier = _parse_safety_identifier(d.pop("safety_identifier", UNSET))

        def _parse_usage(data: object) -> ImageUsage | None | Unset:
            if data is None:
                return data
            if isinstance(data, Unset):
                return data
            try:
                if not isinstance(data, dict):
                    raise TypeError()
                usage_type_0 = ImageUsage.from_dict(data)

                return usage_type_0
            except (TypeError, ValueError, AttributeError, KeyError):
                pass
            return cast(ImageUsage | None | Unset, data)

        usage = _parse_usage(d.pop("usage", UNSET))

        def _parse_svg_usage(data: object) -> None | SvgUsage | Unset:
            if data is None:
                return data
            if isinstance(data, Unset):
                return data
            try:
                if not isinstance(data, dict):
                    raise TypeError()
                svg_usage_type_0 = SvgUsage.from_dict(data)

                return svg_usage_type_0
            except (TypeError, ValueError, AttributeError, KeyError):
                pass
            return cast(None | SvgUsage | Unset, data)

        svg_usage = _parse_svg_usage(d.pop("svg_usage", UNSET))

        images_response = cls(
            created=created,
            data=data,
            background=background,
            output_format=output_format,
            quality=quality,
            size=size,
            safety_identifier=safety_identifier,
            usage=usage,
            svg_usage=svg_usage,
        )

        images_response.additional_properties = d
        return images_response

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
