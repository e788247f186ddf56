"""Models that no family knows: what every server needs is checked, and nothing that is OpenAI's alone."""

from __future__ import annotations

import base64
import json
from typing import TYPE_CHECKING, Any

import httpx
import pytest
from pictures import drawn

from images_api import BadRequestError, ImagesClient, InvalidRequestError
from images_api_client.models import CreateImageRequest

if TYPE_CHECKING:
    from collections.abc import Iterator

    from images_api.sandbox import Sandbox

MODELS = ("flux.1-dev", "FLUX/schnell", "seedream-4-0", "my-deployment", "gpt-4o-image", "openai/gpt-image-1", "dall-e", "画")
PNG = drawn()
LINK = "data:image/png;base64," + base64.b64encode(PNG).decode()
CALLS: list[tuple[str, dict[str, Any]]] = [
    # Other choices.
    *(("generate", {"size": size}) for size in ("2K", "1024*1024", "100", "16:9", "square_hd", "1X1", "")),
    *(("generate", {"response_format": form}) for form in ("base64", "file", "hex")),
    *(("generate", {"quality": quality}) for quality in ("ultra", "hd", "Low", "95")),
    ("generate", {"style": "photographic"}),
    ("generate", {"moderation": "none", "background": "green", "complexity": "extreme"}),
    ("generate", {"output_format": "jpg"}),
    ("edit", {"size": "adaptive", "quality": "hd", "input_fidelity": "medium", "response_format": "oss_url"}),
    ("edit", {"svg": {"reasoning": {"effort": "wild"}}, "output_format": "svg"}),
    ("edit by reference", {"size": "4K", "quality": "standard", "moderation": "off", "input_fidelity": "0.5"}),
    ("create_variation", {"size": "1792x1024", "response_format": "base64"}),
    # Beyond OpenAI's bounds.
    ("generate", {"n": 12, "size": "16x16"}),
    ("generate", {"prompt": "x" * 40_000}),
    ("generate", {"output_format": "gif", "frame_count": 20, "frame_duration_ms": 0, "size": "32x32"}),
    ("edit", {"image": [PNG] * 17}),
    ("edit", {"n": 11, "size": "16x16"}),
    ("create_variation", {"n": 11, "size": "16x16"}),
    # Combinations.
    ("generate", {"output_compression": 50}),
    ("generate", {"output_format": "jpeg", "background": "transparent"}),
    ("generate", {"frame_count": 2, "frame_duration_ms": 100, "svg": {"model": "m"}}),
    ("generate", {"partial_images": 2}),
    ("generate", {"style": "vivid", "response_format": "b64_json", "moderation": "low", "output_format": "webp"}),
    ("stream_generate", {"output_format": "gif", "partial_images": 5, "size": "32x32"}),
    # Images of any kind and shape.
    *(("edit", {"image": ("a", drawn(mode="RGB", kind=kind), f"image/{kind.lower()}")}) for kind in ("BMP", "TIFF", "GIF")),
    ("create_variation", {"image": ("a.bmp", drawn(48, 32, mode="RGB", kind="BMP"), "image/bmp")}),
    ("edit", {"mask": drawn(32, 48, mode="RGB", kind="JPEG")}),
    ("edit", {"mask": PNG, "markup": drawn(32, 48, kind="WEBP")}),
]
WRONG: list[tuple[str, dict[str, Any], str]] = [
    ("generate", {"prompt": ""}, "prompt"),
    ("generate", {"n": 0}, "n"),
    ("generate", {"n": "2"}, "n"),
    ("generate", {"size": 1024}, "size"),
    ("generate", {"quality": True}, "quality"),
    ("generate", {"response_format": ["url"]}, "response_format"),
    ("generate", {"output_compression": "50"}, "output_compression"),
    ("generate", {"svg": "x"}, "svg"),
    ("edit", {"image": b""}, "image"),
    ("edit", {"image": b"no picture"}, "image"),
    ("edit", {"image": PNG[:20]}, "image"),
    ("edit", {"image": []}, "image"),
    ("edit", {"mask": ("mask.txt", b"no picture", "text/plain")}, "mask"),
    ("create_variation", {"image": ("x.png", b"no picture", "image/png")}, "image"),
    ("create_variation", {"n": -1}, "n"),
]


def call(client: ImagesClient, method: str, model: str, given: dict[str, Any]) -> None:
    image: dict[str, Any] = {} if "generate" in method else {"image": LINK if "reference" in method else PNG}
    prompt = {} if method == "create_variation" else {"prompt": "x"}
    answer = getattr(client, method.removesuffix(" by reference"))(model=model, **{**image, **prompt, **given})
    if method.startswith("stream"):
        answer.result()


@pytest.fixture(scope="module")
def client(running_sandbox: Sandbox) -> Iterator[ImagesClient]:
    with ImagesClient(base_url=running_sandbox.base_url) as client:
        yield client


@pytest.mark.parametrize(("method", "given"), CALLS)
def test_take_what_only_openai_refuses(client: ImagesClient, method: str, given: dict[str, Any]) -> None:
    call(client, method, MODELS[0], given)


@pytest.mark.parametrize("model", MODELS)
def test_whatever_they_are_called(client: ImagesClient, model: str) -> None:
    call(client, "generate", model, {"size": "2K", "quality": "ultra", "n": 11})


@pytest.mark.parametrize(("method", "given", "parameter"), WRONG)
def test_need_what_every_server_needs(
    client: ImagesClient, sandbox: Sandbox, method: str, given: dict[str, Any], parameter: str
) -> None:
    with pytest.raises(InvalidRequestError) as caught:
        call(client, method, MODELS[0], given)
    assert {problem.parameter for problem in caught.value.problems} == {parameter}
    assert not sandbox.requests


@pytest.mark.parametrize(("method", "given"), [each for each in CALLS if "reference" not in each[0]])
def test_of_openai_no_model_takes_them(client: ImagesClient, sandbox: Sandbox, method: str, given: dict[str, Any]) -> None:
    model = "dall-e-2" if method == "create_variation" else "gpt-image-2"
    with pytest.raises(InvalidRequestError):
        call(client, method, model, given)
    assert not sandbox.requests


def test_without_a_model_the_general_lists_hold(sandbox: Sandbox) -> None:
    with ImagesClient(base_url=sandbox.base_url, model=None) as client:
        with pytest.raises(InvalidRequestError, match=r"quality must be auto, low, .* or hd, got 'ultra'"):
            client.generate("x", quality="ultra")
        with pytest.raises(InvalidRequestError, match="n must be at most 10, got 11"):
            client.edit(LINK, "x", n=11)
    assert not sandbox.requests


class TestTheSandbox:
    """It draws for any model, within bounds of its own."""

    @pytest.mark.parametrize(
        ("given", "parameter"),
        [
            ({"n": 129, "size": "16x16"}, "n"),
            ({"n": 10**20}, "n"),
            ({"n": 100, "size": "4096x4096"}, "n"),
            ({"output_format": "gif", "frame_count": 10**6}, "frame_count"),
            ({"output_format": "gif", "frame_count": 0}, "frame_count"),
            ({"output_format": "gif", "frame_duration_ms": 10**6}, "frame_duration_ms"),
            ({"output_format": "jpeg", "output_compression": -1}, "output_compression"),
            ({"partial_images": 10**6}, "partial_images"),
        ],
    )
    def test_has_bounds(self, client: ImagesClient, given: dict[str, Any], parameter: str) -> None:
        with pytest.raises(BadRequestError, match="the sandbox") as caught:
            call(client, "generate", MODELS[0], given)
        assert caught.value.param == parameter

    @pytest.mark.parametrize("model", [None, *MODELS[:1], "dall-e-2"])
    def test_takes_whole_numbers_with_a_point(self, sandbox: Sandbox, model: str | None) -> None:
        fields = b'{"prompt": "x", "n": 2.0, "model": %b}' % json.dumps(model).encode()
        answer = httpx.post(
            f"{sandbox.base_url}/images/generations", content=fields, headers={"content-type": "application/json"}
        )
        assert (answer.status_code, len(answer.json().get("data", ()))) == (200, 2)

    @pytest.mark.parametrize("number", [b"2.5", b"1e400", b"-1.0", b"0.0", b"1e30"])
    def test_takes_no_others(self, sandbox: Sandbox, number: bytes) -> None:
        fields = b'{"prompt": "x", "n": %b}' % number
        answer = httpx.post(
            f"{sandbox.base_url}/images/generations", content=fields, headers={"content-type": "application/json"}
        )
        assert (answer.status_code, answer.json()["error"]["param"]) == (400, "n")


def test_the_generated_models_take_whole_numbers_with_a_point() -> None:
    body = CreateImageRequest.from_dict({"prompt": "x", "n": 1.0})
    assert body.to_dict()["n"] == 1
