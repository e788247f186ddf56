from typing import Literal

ImageReferenceEditQuality = Literal["auto", "high", "low", "max", "medium", "xhigh"]

IMAGE_REFERENCE_EDIT_QUALITY_VALUES: set[ImageReferenceEditQuality] = {
    "auto",
    "high",
    "low",
    "max",
    "medium",
    "xhigh",
}


def check_image_reference_edit_quality(value: str) -> ImageReferenceEditQuality:
    if value in IMAGE_REFERENCE_EDIT_QUALITY_VALUES:
        return value
    raise TypeError(f"Unexpected value {value!r}. Expected one of {IMAGE_REFERENCE_EDIT_QUALITY_VALUES!r}")
