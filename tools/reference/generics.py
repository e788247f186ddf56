"""What the generated methods are generic in, and what that is for the facade's client; an async one has it awaited."""

from typing import Any, get_args, get_origin

from images_api import ImagesClient
from images_api_client.operations import ImageOperations


def generic_types() -> dict[str, str]:
    """Return the name of the client's type by that of the type variable."""
    bases: tuple[Any, ...] = vars(ImagesClient)["__orig_bases__"]
    (said,) = (get_args(base) for base in bases if get_origin(base) is ImageOperations)
    variables = vars(ImageOperations)["__parameters__"]
    return {variable.__name__: each.__forward_arg__ for variable, each in zip(variables, said, strict=True)}
