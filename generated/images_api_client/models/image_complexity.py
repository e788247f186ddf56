from typing import Literal

ImageComplexity = Literal["high", "low", "medium"]

IMAGE_COMPLEXITY_VALUES: set[ImageComplexity] = {
    "high",
    "low",
    "medium",
}


def check_image_complexity(value: str) -> ImageComplexity:
    if value in IMAGE_COMPLEXITY_VALUES:
        return value
    raise TypeError(f"Unexpected value {value!r}. Expected one of {IMAGE_COMPLEXITY_VALUES!r}")
