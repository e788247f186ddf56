"""What the sandbox has in common with the official host."""

from __future__ import annotations

import base64
import re
import time
from io import BytesIO
from typing import Any

import httpx
import openai
import pytest
from PIL import Image, ImageChops, ImageStat

from images_api.sandbox import Sandbox

GPT = "gpt-image-next"


def post(sandbox: Sandbox, **fields: Any) -> httpx.Response:
    body = {"prompt": "x", "model": GPT, "size": "64x64", **fields}
    return httpx.post(f"{sandbox.base_url}/images/generations", json=body)


def difference(one: bytes, other: bytes) -> float:
    pixels = ImageChops.difference(*(Image.open(BytesIO(content)).convert("RGB") for content in (one, other)))
    return sum(ImageStat.Stat(pixels).rms)


def test_partial_images_grow_sharper(sandbox: Sandbox) -> None:
    with openai.OpenAI(api_key="x", base_url=sandbox.base_url) as client:
        stream = client.images.generate(prompt="otters", model=GPT, size="256x256", stream=True, partial_images=3)
        images = [base64.b64decode(event.b64_json) for event in stream]
    distances = [difference(image, images[-1]) for image in images]
    assert len(set(distances)) == 4
    assert distances == sorted(distances, reverse=True)


class TestLinks:
    def link(self, sandbox: Sandbox) -> str:
        return str(post(sandbox, model="dall-e-2", size="256x256").json()["data"][0]["url"])

    def test_they_are_signed(self, sandbox: Sandbox) -> None:
        link = self.link(sandbox)
        assert httpx.get(link).headers["content-type"] == "image/png"
        address = httpx.URL(link)
        expires = address.params["expires"]
        later = str(int(expires) + 1000)
        for changed in (
            address.copy_with(query=None),
            address.copy_set_param("expires", later),
            address.copy_set_param("expires", "9" * 5000),
            address.copy_set_param("expires", "x"),
            address.copy_set_param("signature", "0" * 64),
            address.copy_set_param("signature", "é"),
            address.copy_remove_param("signature"),
        ):
            assert httpx.get(changed).status_code == 404
        assert 3500 < int(expires) - time.time() < 3700

    def test_they_expire(self) -> None:
        with Sandbox(url_lifetime=0) as sandbox:
            link = self.link(sandbox)
            time.sleep(max(0.0, int(httpx.URL(link).params["expires"]) - time.time()) + 0.01)
            response = httpx.get(link)
        assert (response.status_code, response.json()["error"]["code"]) == (403, "link_expired")

    def test_one_that_expired_is_still_the_sandbox_s_own_image(self) -> None:
        with Sandbox(url_lifetime=0, any_model=True) as sandbox:
            link = self.link(sandbox)
            body = {"prompt": "x", "model": GPT, "images": [{"image_url": link}]}
            assert httpx.post(f"{sandbox.base_url}/images/edits", json=body).status_code == 200


class TestModels:
    def test_they_are_listed(self, sandbox: Sandbox) -> None:
        with openai.OpenAI(api_key="x", base_url=sandbox.base_url) as client:
            listed = [model.id for model in client.models.list()]
            assert {"dall-e-2", "gpt-image-2"} <= set(listed)
            assert client.models.retrieve("gpt-image-2").id == "gpt-image-2"
            with pytest.raises(openai.NotFoundError) as caught:
                client.models.retrieve("gpt-image-two")
        assert caught.value.code == "model_not_found"

    @pytest.mark.parametrize("model", ["gpt-image-two", "dall-e-22", "DALL-E-2", "", "x" * 10_000, "gpt-image-2.5-flair"])
    def test_unknown_ones_are_not_found(self, model: str) -> None:
        with Sandbox() as sandbox:
            response = post(sandbox, model=model)
        error = response.json()["error"]
        assert (response.status_code, error["code"], error["param"]) == (404, "model_not_found", "model")
        assert len(error["message"]) < 300

    def test_none_is_the_default_one(self) -> None:
        with Sandbox() as sandbox:
            assert post(sandbox, model=None, size="auto").status_code == 200


@pytest.mark.parametrize("code", ["moderation_blocked", "content_policy_violation"])
@pytest.mark.parametrize("path", ["generations", "edits"])
def test_content_is_refused_where_the_prompt_asks_for_it(sandbox: Sandbox, code: str, path: str) -> None:
    file = BytesIO()
    Image.new("RGB", (64, 64)).save(file, "PNG")
    prompt = {"prompt": f"an otter, {code}", "model": GPT}
    url = f"{sandbox.base_url}/images/{path}"
    given: dict[str, Any] = (
        {"json": prompt} if path == "generations" else {"data": prompt, "files": {"image": ("a.png", file.getvalue())}}
    )
    response = httpx.post(url, **given)
    error = response.json()["error"]
    assert (response.status_code, error["code"], error["type"]) == (400, code, "image_generation_user_error")
    assert error["moderation_details"]["moderation_stage"] == "input"
    assert sandbox.pictures_made == 0
    assert sandbox.requests[0].error == code


class TestRateLimits:
    def test_they_are_told(self, sandbox: Sandbox) -> None:
        headers = post(sandbox).headers
        told = {name.removeprefix("x-ratelimit-"): value for name, value in headers.items() if name.startswith("x-ratelimit-")}
        assert told.keys() == {"limit-requests", "remaining-requests", "reset-requests"}
        assert int(told["remaining-requests"]) < int(told["limit-requests"])
        assert re.fullmatch(r"[0-9.]+s", told["reset-requests"])

    def test_one_that_is_set_is_kept(self) -> None:
        with Sandbox(requests_per_minute=2, any_model=True) as sandbox:
            responses = [post(sandbox) for _ in range(4)]
        assert [response.status_code for response in responses] == [200, 200, 429, 429]
        assert 20 < int(responses[2].headers["retry-after"]) <= 30
        assert responses[2].headers["x-ratelimit-remaining-requests"] == "0"
        assert responses[2].json()["error"]["code"] == "rate_limit_exceeded"


def test_what_may_be_null_is_said(sandbox: Sandbox) -> None:
    said = post(sandbox, model="dall-e-2", size="256x256").json()
    assert {name for name, value in said.items() if value is None} >= {"usage", "size", "quality", "background"}
    assert (said["data"][0]["b64_json"], said["data"][0]["revised_prompt"]) == (None, None)


@pytest.mark.parametrize(("kind", "status"), [("avif", 400), ("tiff", 400), ("", 400), ("jpg", 200), ("PNG", 200)])
def test_a_format_that_is_not_drawn_is_refused(sandbox: Sandbox, kind: str, status: int) -> None:
    response = post(sandbox, model="somebody-s-own", output_format=kind)
    assert response.status_code == status
    if status == 400:
        assert response.json()["error"]["param"] == "output_format"


@pytest.mark.parametrize(
    ("settings", "why"),
    [({"latency": -1}, "latency"), ({"url_lifetime": float("nan")}, "url_lifetime"), ({"requests_per_minute": 0}, "per_minute")],
)
def test_settings_out_of_their_range(settings: dict[str, Any], why: str) -> None:
    with pytest.raises(ValueError, match=why):
        Sandbox(**settings)
