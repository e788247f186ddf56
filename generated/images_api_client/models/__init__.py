"""Contains all the data models used in inputs/outputs"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from .completed_image_event import CompletedImageEvent
    from .create_image_edit_by_reference_request import CreateImageEditByReferenceRequest
    from .create_image_edit_request import CreateImageEditRequest
    from .create_image_request import CreateImageRequest
    from .create_image_variation_request import CreateImageVariationRequest
    from .error_detail import ErrorDetail
    from .error_response import ErrorResponse
    from .image import Image
    from .image_background import ImageBackground
    from .image_complexity import ImageComplexity
    from .image_edit_quality import ImageEditQuality
    from .image_input_fidelity import ImageInputFidelity
    from .image_model import ImageModel
    from .image_moderation import ImageModeration
    from .image_output_format import ImageOutputFormat
    from .image_quality import ImageQuality
    from .image_reference import ImageReference
    from .image_reference_edit_quality import ImageReferenceEditQuality
    from .image_response_format import ImageResponseFormat
    from .image_size import ImageSize
    from .image_style import ImageStyle
    from .image_usage import ImageUsage
    from .image_variation_size import ImageVariationSize
    from .images_response import ImagesResponse
    from .partial_image_event import PartialImageEvent
    from .reasoning_effort import ReasoningEffort
    from .svg_edit_reasoning import SvgEditReasoning
    from .svg_edit_settings import SvgEditSettings
    from .svg_reasoning import SvgReasoning
    from .svg_settings import SvgSettings
    from .svg_usage import SvgUsage
    from .tokens_by_kind import TokensByKind
else:

    def __getattr__(name: str) -> Any:
        if name not in _MODULES:
            raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
        value = getattr(import_module(_MODULES[name], __name__), name)
        globals()[name] = value
        return value


__all__ = (
    "CompletedImageEvent",
    "CreateImageEditByReferenceRequest",
    "CreateImageEditRequest",
    "CreateImageRequest",
    "CreateImageVariationRequest",
    "ErrorDetail",
    "ErrorResponse",
    "Image",
    "ImageBackground",
    "ImageComplexity",
    "ImageEditQuality",
    "ImageInputFidelity",
    "ImageModel",
    "ImageModeration",
    "ImageOutputFormat",
    "ImageQuality",
    "ImageReference",
    "ImageReferenceEditQuality",
    "ImageResponseFormat",
    "ImageSize",
    "ImagesResponse",
    "ImageStyle",
    "ImageUsage",
    "ImageVariationSize",
    "PartialImageEvent",
    "ReasoningEffort",
    "SvgEditReasoning",
    "SvgEditSettings",
    "SvgReasoning",
    "SvgSettings",
    "SvgUsage",
    "TokensByKind",
)

_MODULES = {
    "CompletedImageEvent": ".completed_image_event",
    "CreateImageEditByReferenceRequest": ".create_image_edit_by_reference_request",
    "CreateImageEditRequest": ".create_image_edit_request",
    "CreateImageRequest": ".create_image_request",
    "CreateImageVariationRequest": ".create_image_variation_request",
    "ErrorDetail": ".error_detail",
    "ErrorResponse": ".error_response",
    "Image": ".image",
    "ImageBackground": ".image_background",
    "ImageComplexity": ".image_complexity",
    "ImageEditQuality": ".image_edit_quality",
    "ImageInputFidelity": ".image_input_fidelity",
    "ImageModel": ".image_model",
    "ImageModeration": ".image_moderation",
    "ImageOutputFormat": ".image_output_format",
    "ImageQuality": ".image_quality",
    "ImageReference": ".image_reference",
    "ImageReferenceEditQuality": ".image_reference_edit_quality",
    "ImageResponseFormat": ".image_response_format",
    "ImageSize": ".image_size",
    "ImageStyle": ".image_style",
    "ImageUsage": ".image_usage",
    "ImageVariationSize": ".image_variation_size",
    "ImagesResponse": ".images_response",
    "PartialImageEvent": ".partial_image_event",
    "ReasoningEffort": ".reasoning_effort",
    "SvgEditReasoning": ".svg_edit_reasoning",
    "SvgEditSettings": ".svg_edit_settings",
    "SvgReasoning": ".svg_reasoning",
    "SvgSettings": ".svg_settings",
    "SvgUsage": ".svg_usage",
    "TokensByKind": ".tokens_by_kind",
}


def __dir__() -> tuple[str, ...]:
    return __all__
