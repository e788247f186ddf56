"""Operations that the contract doesn't have, as a maintainer would add them."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pathlib import Path

UPSCALE = """\
  /images/upscale:
    post:
      operationId: createImageUpscale
      tags: [images]
      summary: Make an image larger.
      requestBody:
        required: true
        content:
          multipart/form-data:
            schema: {$ref: '#/components/schemas/CreateImageUpscaleRequest'}
      responses:
        '200': {$ref: '#/components/responses/Images'}
        default: {$ref: '#/components/responses/Error'}
"""
UPSCALE_REQUEST = """\
    CreateImageUpscaleRequest:
      description: What to enlarge, and how.
      type: object
      required: [image, scale]
      properties:
        image:
          description: The image to enlarge.
          type: string
          format: binary
          x-image: {types: [image/png]}
        scale:
          description: How many times as wide and as high it becomes.
          type: integer
          minimum: 2
          maximum: 4
        model:
          description: The model that enlarges.
          anyOf: [{$ref: '#/components/schemas/ImageModel'}, {type: string}, {type: 'null'}]
          default: gpt-image-2.5-flare
        response_format: {$ref: '#/components/schemas/ResponseFormat'}
"""
# It takes texts alone, under names that Python and the generator have uses of their own for.
COLLAGE = """\
  /images/collage:
    post:
      operationId: createImageCollage
      x-method: {arguments: [input, filter]}
      tags: [images]
      summary: Draw a collage.
      requestBody:
        required: true
        content:
          application/json:
            schema: {$ref: '#/components/schemas/CreateImageCollageRequest'}
      responses:
        '200': {$ref: '#/components/responses/Images'}
        default: {$ref: '#/components/responses/Error'}
"""
COLLAGE_REQUEST = """\
    CreateImageCollageRequest:
      description: What to draw.
      type: object
      required: [input]
      properties:
        input: {description: What the collage shows., type: string}
        type: {description: What kind of collage it is., type: string}
        format: {description: The paper., type: string, enum: [a4, letter]}
        filter: {description: What to leave out., type: [string, 'null']}
        aspectRatio: {description: Width by height., type: number}
        class: {description: The class of paper., type: [integer, 'null'], minimum: 1}
"""


def without(text: str, name: str) -> str:
    """Return a request without one of its properties, which stands on several lines."""
    start = text.index(f"        {name}:\n")
    end = text.find("\n        ", text.index("\n", start))
    while text[end + 9] == " ":
        end = text.find("\n        ", end + 1)
    return text[:start] + text[end + 1 :]


def added(contract: str, operation: str, request: str) -> str:
    """Return a contract's text with an operation more."""
    for anchor, new in (("\ncomponents:\n", operation), ("\n    CreateImageRequest:\n", request)):
        assert contract.count(anchor) == 1
        contract = contract.replace(anchor, f"\n{new.rstrip()}\n{anchor}")
    return contract


def add(contract: Path, *operations: tuple[str, str]) -> None:
    """Add operations, each with its request, to a contract."""
    text = contract.read_text(encoding="utf-8")
    for operation, request in operations:
        text = added(text, operation, request)
    contract.write_text(text, encoding="utf-8")
