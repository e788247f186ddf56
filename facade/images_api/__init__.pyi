# The names that an app sees, for type checkers; `__init__.py` finds them when they are used.

from ._client import AsyncImagesClient as AsyncImagesClient
from ._client import ImagesClient as ImagesClient
from ._errors import APIConnectionError as APIConnectionError
from ._errors import APIStatusError as APIStatusError
from ._errors import APITimeoutError as APITimeoutError
from ._errors import AuthenticationError as AuthenticationError
from ._errors import BadRequestError as BadRequestError
from ._errors import ConflictError as ConflictError
from ._errors import ContentPolicyError as ContentPolicyError
from ._errors import DownloadError as DownloadError
from ._errors import ImagesAPIError as ImagesAPIError
from ._errors import InternalServerError as InternalServerError
from ._errors import InvalidRequestError as InvalidRequestError
from ._errors import NoImageError as NoImageError
from ._errors import NotFoundError as NotFoundError
from ._errors import PermissionDeniedError as PermissionDeniedError
from ._errors import Problem as Problem
from ._errors import QuotaExceededError as QuotaExceededError
from ._errors import RateLimitError as RateLimitError
from ._errors import ResponseError as ResponseError
from ._errors import StreamInterruptedError as StreamInterruptedError
from ._errors import UnprocessableEntityError as UnprocessableEntityError
from ._errors import UnreadableFileError as UnreadableFileError
from ._events import CompletedImage as CompletedImage
from ._events import PartialImage as PartialImage
from ._events import StreamEvent as StreamEvent
from ._requests.uploads import ImageInput as ImageInput
from ._results import GeneratedImage as GeneratedImage
from ._results import HTTPInfo as HTTPInfo
from ._results import ImagesResult as ImagesResult
from ._results import TokenDetails as TokenDetails
from ._results import Usage as Usage
from ._streams import AsyncImageStream as AsyncImageStream
from ._streams import ImageStream as ImageStream

__all__: list[str]  # noqa: PYI035  `__init__.py` makes it of the same names
__version__: str
