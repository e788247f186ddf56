from __future__ import annotations

from collections.abc import Mapping
from typing import Any, TypeVar

from attrs import define as _attrs_define
from attrs import field as _attrs_field

from ..representation import short_repr
from ..types import UNSET, Unset

T = TypeVar("T", bound="ImageReference")


@_attrs_define
class ImageReference:
    """An image that lies elsewhere, named by one of the two."""

    image_url: str | Unset = UNSET
    """ An http(s) link, or the image itself as a data URL. """
    file_id: str | Unset = UNSET
    """ The id of a file that was uploaded to the provider before. """
    additional_properties: dict[str, Any] = _attrs_field(init=False, factory=dict)

    __repr__ = short_repr

    def to_dict(self) -> dict[str, Any]:
        image_url = self.image_url

        file_id = self.file_id

        field_dict: dict[str, Any] = {}
        field_dict.update(self.additional_properties)
        field_dict.update({})
        if image_url is not UNSET:
            field_dict["image_url"] = image_url
        if file_id is not UNSET:
            field_dict["file_id"] = file_id

        return field_dict

    @classmethod
    def from_dict(cls: type[T], src_dict: Mapping[str, Any]) -> T:
        d = dict(src_dict)
        image_url = d.pop("image_url", UNSET)

        file_id = d.pop("file_id", UNSET)

        image_reference = cls(
            image_url=image_url,
            file_id=file_id,
        )

        image_reference.additional_properties = d
        return image_reference

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
