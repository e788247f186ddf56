"""Arguments of other libraries' types, and what is said of those that can't be sent: what to do instead."""

from __future__ import annotations

import json
from enum import Enum, IntEnum, StrEnum
from typing import TYPE_CHECKING, Any

import pytest
from pictures import drawn

from images_api import ImagesClient, InvalidRequestError

if TYPE_CHECKING:
    from images_api.sandbox import Sandbox

PNG = drawn()
GIF = drawn(mode="P", kind="GIF")


class Whole:
    """A whole number as numpy and others have them."""

    def __init__(self, value: int) -> None:
        self._value = value

    def __index__(self) -> int:
        return self._value

    def __repr__(self) -> str:
        return f"Whole({self._value})"


class Several(Whole):
    """An array, which has the method as well."""

    def __index__(self) -> int:
        raise TypeError("only an array of one is a number")


class Quality(str, Enum):  # noqa: UP042  as they were before Python 3.11
    LOW = "low"


class Background(StrEnum):
    CLEAR = "transparent"


class Count(IntEnum):
    TWO = 2


def sent(client: ImagesClient, sandbox: Sandbox, **options: Any) -> dict[str, Any]:
    client.generate("x", model="someone-elses-model", **options)
    fields: dict[str, Any] = json.loads(sandbox.requests[-1].body)
    return fields


@pytest.mark.parametrize("two", [2, Whole(2), Count.TWO])
def test_a_whole_number_may_be_of_any_type(client: ImagesClient, sandbox: Sandbox, two: Any) -> None:
    assert sent(client, sandbox, n=two, max_retries=two, timeout=Whole(60))["n"] == 2
    client.edit(PNG, "x", n=two, size="64x64", model="someone-elses-model")
    assert b'name="n"\r\n\r\n2\r\n' in sandbox.requests[-1].body
    options: Any = {"n": two, "max_retries": two, "timeout": Whole(60)}
    with ImagesClient(base_url=sandbox.base_url, **options) as other:
        assert sent(other, sandbox)["n"] == 2


@pytest.mark.parametrize("given", [True, "2", 2.0, Several(2), [2], object()])
def test_what_is_no_whole_number_is_refused(client: ImagesClient, given: Any) -> None:
    with pytest.raises(InvalidRequestError, match=r"^n must be a whole number, got|^n must be one, not several, got"):
        client.generate("x", n=given)


def test_a_choice_of_an_enum_is_its_text(client: ImagesClient, sandbox: Sandbox) -> None:
    quality: Any = Quality.LOW
    background: Any = Background.CLEAR
    assert sent(client, sandbox, quality=quality)["quality"] == "low"
    client.edit(PNG, "x", size="1024x1024", model="gpt-image-1.5", quality=quality, background=background)
    body = sandbox.requests[-1].body
    assert b'name="quality"\r\n\r\nlow\r\n' in body
    assert b'name="background"\r\n\r\ntransparent\r\n' in body


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ({"size": (1024, 768)}, 'size must be one, not several, such as "1024x768", got (1024, 768)'),
        ({"size": [Whole(512)] * 2}, 'size must be a text, such as "512x512", got [Whole(512), Whole(512)]'),
        (
            {"size": [512, 512], "model": "dall-e-2"},
            'size must be 256x256, 512x512 or 1024x1024 for dall-e-2, such as "512x512", got [512, 512]',
        ),
        ({"size": (1024,)}, "size must be one, not several, got (1024,)"),
        ({"size": ("auto", "auto")}, "size must be one, not several, got ('auto', 'auto')"),
        ({"n": (1, 2)}, "n must be one, not several, got (1, 2)"),
        ({"user": []}, "user must be one, not none, got []"),
        (
            {"response_format": "url"},
            "response_format is not supported for gpt-image-2.5-flare (leave it out: base64 always comes), got 'url'",
        ),
    ],
)
def test_a_refusal_says_what_to_do(client: ImagesClient, options: dict[str, Any], said: str) -> None:
    options = {"model": "gpt-image-2.5-flare"} | options
    with pytest.raises(InvalidRequestError) as caught:
        client.generate("x", **options)
    assert str(caught.value).startswith(said)


@pytest.mark.parametrize(
    ("image", "options", "said"),
    [
        (GIF, {}, "image must be converted to png, jpeg or webp for gpt-image-2.5-flare, got 'image.gif' (image/gif"),
        (GIF, {"model": "dall-e-2"}, "image must be converted to png for dall-e-2, got 'image.gif' (image/gif"),
        (("a.heic", b"photo", "image/heic"), {}, "image must be converted to png, jpeg or webp for gpt-image-2.5-flare"),
        (b"photo", {}, "image must be png, jpeg or webp for gpt-image-2.5-flare, got 'image.bin' (no known image format"),
        ([], {}, "image must be at least 1 image(s), got []"),
        (PNG, {"mask": []}, "mask must be one, not none for gpt-image-2.5-flare, got []"),
        (PNG, {"response_format": "url"}, "response_format is not supported for gpt-image-2.5-flare (leave it out"),
    ],
)
def test_a_refusal_says_what_to_do_with_an_image(client: ImagesClient, image: Any, options: dict[str, Any], said: str) -> None:
    options = {"model": "gpt-image-2.5-flare"} | options
    with pytest.raises(InvalidRequestError) as caught:
        client.edit(image, "x", **options)
    assert str(caught.value).startswith(said)


@pytest.mark.parametrize(
    ("name", "meant"),
    [
        ("sise", "size"),
        ("qualty", "quality"),
        ("default_headers", "headers"),
        ("image_size", "size"),
        ("organisation", "organization"),
        ("max_retry", "max_retries"),
        ("apikey", "api_key"),
        ("openai_api_key", "api_key"),
        ("base_urls", "base_url"),
        ("zebra", None),
    ],
)
def test_a_misspelt_option_of_a_client_is_answered_with_the_one_that_is_near(name: str, meant: str | None) -> None:
    options: Any = {name: "x"}
    with pytest.raises(InvalidRequestError) as caught:
        ImagesClient(base_url="http://127.0.0.1:9/v1", **options)
    hint = f"; did you mean {meant}?" if meant else ""
    assert str(caught.value).startswith(f"{name} is no argument of a client, nor an option of any operation{hint}, got ")


@pytest.mark.parametrize("depth", [101, 254, 500, 990, 100_000])
def test_what_is_nested_deeper_than_can_be_checked_is_refused(client: ImagesClient, sandbox: Sandbox, depth: int) -> None:
    nested: Any = "x"
    for _ in range(depth):
        nested = [nested]
    options: Any
    for options in ({"size": nested}, {"svg": {"model": nested}}):
        with pytest.raises(InvalidRequestError, match=r"must be a text|can't be sent"):
            client.generate("x", model="someone-elses-model", **options)
    assert not sandbox.requests
