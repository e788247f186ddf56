"""What Schemathesis is to send as a file: real images, and other bytes."""

from importlib import import_module
from io import BytesIO
from typing import Any

from hypothesis import strategies
from PIL import Image

# Installed for `make fuzz` alone: type checkers don't have it.
_SCHEMATHESIS: Any = import_module("schemathesis")


def _image(kind: str, mode: str, side: int) -> bytes:
    file = BytesIO()
    Image.linear_gradient("L").resize((side, side)).convert(mode).save(file, kind)
    return file.getvalue()


_IMAGES = [
    _image("PNG", "RGBA", 64),
    _image("PNG", "P", 3),
    _image("JPEG", "RGB", 64),
    _image("WEBP", "RGBA", 64),
    _image("GIF", "L", 64),
]

_SCHEMATHESIS.openapi.format("binary", strategies.sampled_from(_IMAGES) | strategies.binary(max_size=64))
for _type in ("image/*", "image/png", "image/jpeg", "image/webp"):
    _SCHEMATHESIS.openapi.media_type(_type, strategies.sampled_from(_IMAGES))
