from typing import Literal

ImageInputFidelity = Literal["high", "low"]

IMAGE_INPUT_FIDELITY_VALUES: set[ImageInputFidelity] = {
    "high",
    "low",
}


def check_image_input_fidelity(value: str) -> ImageInputFidelity:
    if value in IMAGE_INPUT_FIDELITY_VALUES:
        return value
    raise TypeError(f"Unexpected value {value!r}. Expected one of {IMAGE_INPUT_FIDELITY_VALUES!r}")
